//! The server's settings: a file, then the environment, then flags; the later wins.
//!
//! Each setting is a line of one table ([`SETTINGS`]) with a name, a default and what it means;
//! the file's key, the variable `HANSOM_<NAME>` and the flag `--<name>` are derived from it.
//! Another variable that begins with `HANSOM_` is a mistake, unless an orchestrator sets it.
//! All problems are reported at once.

mod layers;
mod market;
mod parse;
mod settings;
mod standby;
mod variables;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use layers::{Layers, Origin};
pub use market::{DISPATCH_SETTINGS, MarketSettings};
pub use settings::{Fallback, SETTINGS, Setting};
pub use standby::StandbySettings;

use crate::index::IndexConfig;
use crate::mirror::RedisAddress;
use crate::server::WebOrigins;
use crate::telemetry::LogFormat;
use crate::units::Millis;

/// Where the server takes its time from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockKind {
    /// The machine's clock.
    Wall,
    /// The newest device time: a recorded day lives in its own time.
    Trace,
}

/// The effective settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where gRPC is served.
    pub listen: SocketAddr,
    /// Where HTTP is served.
    pub http: SocketAddr,
    /// How many threads serve gRPC.
    pub threads: usize,
    /// For how long each of them looks for more before it sleeps.
    pub busy_poll: Duration,
    /// How a log line looks.
    pub log_format: LogFormat,
    /// Which events are logged.
    pub log_level: String,
    /// How the index judges reports and silence.
    pub index: IndexConfig,
    /// How long a drain may take.
    pub drain_timeout: Millis,
    /// Where to record what was applied, if anywhere.
    pub record: Option<PathBuf>,
    /// Where the present comes from.
    pub clock: ClockKind,
    /// The market that is hosted, if any.
    pub market: Option<MarketSettings>,
    /// Where the copy of the map is kept, if anywhere.
    pub redis: Option<RedisAddress>,
    /// Who runs the market, if there is a Redis.
    pub standby: StandbySettings,
    /// Whether questions are answered from that copy alone, and nothing is written to it.
    pub fallback_only: bool,
    /// From which pages browsers may call by gRPC-Web.
    pub web_origins: WebOrigins,
    /// Whether anybody who reaches the address may use it.
    pub insecure: bool,
    /// Each setting as it was given, for `--print-config`.
    printed: Vec<(&'static Setting, String, Origin)>,
}

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it was set.
    pub origin: Origin,
    /// What is wrong: the value and what is allowed.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)
    }
}

/// Everything that is wrong with the configuration, at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0.len();
        write!(f, "the configuration has {n} problem{}:", if n == 1 { "" } else { "s" })?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

impl Config {
    /// The settings that the layers amount to.
    ///
    /// # Errors
    /// [`Problems`]: all of them.
    pub fn resolve(layers: Layers) -> Result<Self, Problems> {
        parse::resolve(layers)
    }

    /// The effective settings as a file that would give the same, each with where it came from.
    pub fn to_toml(&self) -> String {
        let mut text = String::from("# The effective configuration. Durations: ms, s, m, h, d.\n");
        for (setting, value, origin) in &self.printed {
            let value = match setting.kind {
                // As a line to be completed: an empty value is none that somebody could want.
                settings::Kind::Text if value.is_empty() => {
                    text.push_str("# ");
                    text.push_str(setting.name);
                    text.push_str(" =  # not set\n");
                    continue;
                }
                settings::Kind::Text => toml::Value::String(value.clone()).to_string(),
                settings::Kind::Bare => value.clone(),
            };
            // A file's name may hold anything, a comment only one line.
            let origin = origin.to_string().replace(char::is_control, " ");
            for part in [setting.name, " = ", &value, "  # ", &origin, "\n"] {
                text.push_str(part);
            }
        }
        text
    }

    /// The settings that somebody set to another value than the default, on one line.
    pub fn changed(&self) -> String {
        let differ = self.printed.iter().filter(|(setting, value, origin)| {
            *origin != Origin::Default && *value != setting.default.to_string()
        });
        let told: Vec<String> =
            differ.map(|(setting, value, _)| format!("{}={value}", setting.name)).collect();
        told.join(" ")
    }
}

#[cfg(test)]
mod tests;
