//! Feeds a recorded trace to a server through gRPC, asks it questions meanwhile, and checks its
//! answers against the linear scan.
//!
//! A reader thread turns records into batches (`source`); the calling thread sends them and,
//! at consistent points, compares answers (`feed`, `twin`); a third thread asks at a steady
//! rate and measures (`ask`). The server is embedded, with a clock that follows the trace, or
//! runs elsewhere. Nothing here prints; nothing here judges a report.

mod ask;
mod error;
mod feed;
mod options;
mod report;
mod source;
mod target;
mod twin;

pub use error::ReplayError;
pub use feed::run;
pub use options::{Progress, ReplayOptions, Speed, SpeedError, Times, Watcher};
pub use report::{Bounds, Checks, Latency, Mismatch, Report, Rows};
