//! Values to settings, collecting each problem.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::layers::{Layers, Origin};
use super::settings::SETTINGS;
use super::{ClockKind, Config, Problem, Problems, market, standby};
use crate::index::IndexConfig;
use crate::limits;
use crate::mirror::RedisAddress;
use crate::server::WebOrigins;
use crate::telemetry::LogFormat;
use crate::units::Millis;

pub(super) struct Reader {
    pub(super) layers: Layers,
    printed: Vec<(&'static super::Setting, String, Origin)>,
}

pub(super) fn resolve(layers: Layers) -> Result<Config, Problems> {
    let mut reader = Reader { layers, printed: Vec::with_capacity(SETTINGS.len()) };
    let listen = reader.read("listen", address);
    let http = reader.read("http", address);
    let threads = reader.read("threads", |v| whole(v, 0, limits::MAX_THREADS as u64));
    let busy = reader.read("busy_poll_us", |v| whole(v, 0, limits::MAX_BUSY_POLL_US));
    let log_format = reader.read("log_format", |v| match v {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("{v:?} is neither text nor json")),
    });
    let log_level = reader.read("log_level", |v| {
        let checked = tracing_subscriber::EnvFilter::try_new(v);
        checked.map(|_| v.to_owned()).map_err(|e| format!("{v:?} is not a level: {e}"))
    });
    let max_drivers = reader.read("max_drivers", |v| whole(v, 1, limits::MAX_DRIVERS as u64));
    let stale_after = reader.read("stale_after", |v| span(v, 1, limits::MAX_FORGET_AFTER_MS));
    let forget_after = reader.read("forget_after", |v| span(v, 1, limits::MAX_FORGET_AFTER_MS));
    let skew = reader.read("max_clock_skew", |v| span(v, 0, limits::MAX_CLOCK_SKEW_MS));
    let max_speed_m_s = reader.read("max_speed_m_s", speed);
    let drain = reader.read("drain_timeout", |v| span(v, 0, limits::MAX_DRAIN_SECONDS * 1_000));
    let record = reader.read("record", |v| {
        Ok::<_, String>(if v.is_empty() { None } else { Some(PathBuf::from(v)) })
    });
    let clock = reader.read("clock", |v| match v {
        "wall" => Ok(ClockKind::Wall),
        "trace" => Ok(ClockKind::Trace),
        _ => Err(format!("{v:?} is neither wall nor trace")),
    });
    let market = market::read(&mut reader);
    let copy = copy(&mut reader);
    let standby = standby::read(&mut reader, copy.as_ref().map(|copy| &copy.0));
    let web_origins = reader.read("web_origins", str::parse::<WebOrigins>);
    let insecure = reader.read("insecure", truth);
    reader.agree(stale_after, forget_after);
    reader.protect(&[("listen", listen), ("http", http)], insecure);
    // Each value that is missing here has left a problem behind.
    let config = (|| {
        Some(Config {
            listen: listen?,
            http: http?,
            threads: match usize::try_from(threads?).ok()? {
                0 => std::thread::available_parallelism().map_or(1, usize::from),
                threads => threads,
            },
            busy_poll: Duration::from_micros(busy?),
            log_format: log_format?,
            log_level: log_level?,
            index: IndexConfig {
                stale_after: stale_after?,
                forget_after: forget_after?,
                max_clock_skew: skew?,
                max_speed_m_s: max_speed_m_s?,
                max_drivers: usize::try_from(max_drivers?).ok()?,
            },
            drain_timeout: drain?,
            record: record?,
            clock: clock?,
            market: market.ok()?,
            redis: copy.as_ref()?.0.clone(),
            fallback_only: copy?.1,
            standby: standby?,
            web_origins: web_origins?,
            insecure: insecure?,
            printed: reader.printed,
        })
    })();
    let problems = reader.layers.problems;
    config.filter(|_| problems.is_empty()).ok_or(Problems(problems))
}

impl Reader {
    /// The value of a setting; `None` if it has a problem, which is kept.
    pub(super) fn read<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let setting = super::settings::find(name)?;
        let given = self.layers.values.get(name).cloned();
        let (value, origin) =
            given.unwrap_or_else(|| (setting.default.to_string(), Origin::Default));
        match parse(&value) {
            Ok(parsed) => {
                self.printed.push((setting, value, origin));
                Some(parsed)
            }
            Err(error) => {
                self.layers.problems.push(Problem { origin, message: error.to_string() });
                None
            }
        }
    }

    /// Prints another text for a setting than the one given: without what is secret.
    fn show(&mut self, name: &str, text: String) {
        if let Some((_, value, _)) = self.printed.iter_mut().find(|(of, ..)| of.name == name) {
            *value = text;
        }
    }

    pub(super) fn origin(&self, name: &str) -> Origin {
        self.layers.values.get(name).map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    /// A driver cannot be forgotten before it is stale.
    fn agree(&mut self, stale_after: Option<Millis>, forget_after: Option<Millis>) {
        if let (Some(stale), Some(forget)) = (stale_after, forget_after)
            && stale > forget
        {
            let message = format!("stale_after {stale} is longer than forget_after {forget}");
            self.layers.problems.push(Problem { origin: self.origin("stale_after"), message });
        }
    }

    /// Whoever reaches the address may do anything: nobody gets there by accident.
    fn protect(
        &mut self,
        addresses: &[(&'static str, Option<SocketAddr>)],
        insecure: Option<bool>,
    ) {
        if insecure != Some(false) {
            return;
        }
        for &(name, address) in addresses {
            let Some(address) = address.filter(|a| !a.ip().to_canonical().is_loopback()) else {
                continue;
            };
            let message = format!(
                "{address} can be reached from other machines, and there is neither encryption \
                 nor authentication yet: anybody there could read and move each driver. Listen \
                 on 127.0.0.1, put a proxy before it, or say --insecure if the network is trusted"
            );
            self.layers.problems.push(Problem { origin: self.origin(name), message });
        }
    }
}

/// Where the copy is, and whether it is all there is.
fn copy(reader: &mut Reader) -> Option<(Option<RedisAddress>, bool)> {
    let redis = reader.read("redis", |v| match v {
        "" => Ok(None),
        _ => v.parse::<RedisAddress>().map(Some),
    });
    if let Some(Some(address)) = &redis {
        reader.show("redis", address.to_string());
    }
    let only = reader.read("fallback_only", truth);
    if let (Some(true), Some(None)) = (only, &redis) {
        let (origin, message) = (reader.origin("fallback_only"), "needs redis".to_owned());
        reader.layers.problems.push(Problem { origin, message });
    }
    Some((redis?, only?))
}

fn truth(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("{text:?} is neither true nor false"))
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is not an address and a port, as 127.0.0.1:7400"))
}

pub(super) fn whole(text: &str, min: u64, max: u64) -> Result<u64, String> {
    text.parse()
        .ok()
        .filter(|value| (min..=max).contains(value))
        .ok_or_else(|| format!("{text} is not in {min}..={max}"))
}

fn speed(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|speed: &f64| *speed > 0.0 && *speed <= 1e6)
        .ok_or_else(|| format!("{text} is not above 0 and at most 1000000"))
}

/// A duration in the largest unit in which it is whole.
fn readable(millis: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let whole = units.into_iter().find(|(unit, _)| millis > 0 && millis.is_multiple_of(*unit));
    let (unit, name) = whole.unwrap_or((1, "ms"));
    format!("{}{name}", millis / unit)
}

/// A duration: a whole number and `ms`, `s`, `m`, `h` or `d`.
pub(super) fn span(text: &str, min: u64, max: u64) -> Result<Millis, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("{text:?} is not a duration, as 500ms, 30s, 10m, 2h or 7d")),
    };
    let value: u64 =
        digits.parse().map_err(|_| format!("{text:?} is not a duration, as 500ms or 30s"))?;
    let millis = value.saturating_mul(unit);
    if (min..=max).contains(&millis) {
        Ok(Millis(millis))
    } else {
        Err(format!("{text} is not in {min}ms..={}", readable(max)))
    }
}
