//! The gRPC door: generated messages, conversions to the vocabulary, and the services.
//!
//! A service turns messages into vocabulary ([`convert`]), asks the map, and turns the answer
//! back; what can go wrong is in one table ([`status`]). Streams have no queue and no task of
//! their own: they are polled when the client can take an answer, so that a client that does
//! not read is not read from either. Sockets, threads and shutdown are the server's affair.

pub mod connect;
pub mod convert;
mod door;
mod driver;
pub mod ingest;
mod life;
pub mod proto;
mod proximity;
pub mod status;
mod tally;

pub use door::{Door, ReportSink, SharedMap, SinkState, StreamPermit};
pub use driver::DriverService;
pub use life::StreamLife;
pub use proximity::ProximityService;
