//! What gRPC costs end to end: a server and its clients in one process, through the loopback.
//!
//! Each measurement has a thread budget, so that client and server share the machine as two
//! processes would. [`fleet`] is the made-up fleet that is driven, [`machine`] says where it was
//! measured. Nothing here judges the numbers or prints them.

mod beat;
pub mod fleet;
mod ingest;
pub mod machine;
mod meter;
mod mixed;
mod query;
mod stage;
mod streams;

pub use ingest::{bulk, singles};
pub use mixed::mixed;
pub use query::{pipelined, unary};
pub use stage::{BenchError, BenchOptions, Figure, Stage};
pub use streams::connects;
