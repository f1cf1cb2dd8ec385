//! What gRPC costs end to end: a server and its clients in one process, through the loopback.
//!
//! Each measurement has a thread budget, so that client and server share the machine as two
//! processes would. [`fleet`] is the made-up fleet that is driven, [`machine`] says where it was
//! measured. Nothing here judges the numbers or prints them.

mod beat;
mod cpu;
mod dispatch;
pub mod fleet;
mod ingest;
pub mod machine;
mod meter;
mod mirror;
mod mixed;
mod process;
mod query;
mod scrape;
mod stage;
mod stalls;
mod streams;

pub use dispatch::{DispatchOptions, DispatchReport, Missed, Sample, Spread, Work, dispatch};
pub use ingest::{bulk, singles};
pub use mirror::{
    Held, Matching, MirrorOptions, MirrorReport, Outage, Race, Side, Steady, Warm, WarmStart,
    mirror,
};
pub use mixed::{mixed, open_loop};
pub use process::ServeProcess;
pub use query::{pipelined, unary};
pub use stage::{BenchError, BenchOptions, Figure, Stage};
pub use streams::connects;
