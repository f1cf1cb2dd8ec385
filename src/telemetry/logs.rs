//! Structured logs on standard error, one line an event.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// What is told of by the library for Redis.
const QUIET: &str = "redis=error";

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Sends the process's events to standard error. Only the first call has an effect.
///
/// What the library for Redis tells is left out, but for errors, unless the level names `redis`.
///
/// # Errors
/// If `level` is neither a level nor a list of `target=level`.
pub fn init_logs(format: LogFormat, level: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(quietly(level)).map_err(|error| error.to_string())?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error means that the process has a subscriber already, which is fine.
    drop(match format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    });
    Ok(())
}

/// The level with the library for Redis left out: it tells of each attempt, some twenty times a second
/// while a cluster lacks a node; what they come to is told by those who made them.
fn quietly(level: &str) -> String {
    let silent = level == "off" || level.contains("redis");
    if silent { level.to_owned() } else { format!("{level},{QUIET}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_for_redis_is_heard_only_where_it_is_named() {
        assert_eq!(quietly("info"), "info,redis=error");
        assert_eq!(quietly("warn,hansom=debug"), "warn,hansom=debug,redis=error");
        for as_it_is in ["off", "info,redis=info"] {
            assert_eq!(quietly(as_it_is), as_it_is);
        }
        for level in ["info", "off", "info,redis=info"] {
            assert!(EnvFilter::try_new(quietly(level)).is_ok(), "{level}");
        }
        assert!(EnvFilter::try_new(quietly("loud=very")).is_err());
    }
}
