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
    let filter = EnvFilter::try_new(level).map_err(|error| error.to_string())?;
    let filter = match QUIET.parse() {
        // The library tells of each attempt, some twenty times a second while a cluster lacks a node; what
        // they come to is told by those who made them.
        Ok(quiet) if level != "off" && !level.contains("redis") => filter.add_directive(quiet),
        _ => filter,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error means that the process has a subscriber already, which is fine.
    drop(match format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    });
    Ok(())
}
