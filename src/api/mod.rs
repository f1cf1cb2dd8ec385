//! The gRPC door: generated messages, conversions to the vocabulary, and the services.
//!
//! A service turns messages into vocabulary ([`convert`]), asks the map, and turns the answer
//! back; what can go wrong is in one table ([`status`]). Streams have no queue and no task of
//! their own: they are polled when the client can take an answer, so that a client that does
//! not read is not read from either. Sockets, threads and shutdown are the server's affair.

mod admin;
mod answers;
pub mod connect;
pub mod convert;
mod door;
mod driver;
mod driving;
mod fleet;
pub mod ingest;
mod life;
mod listing;
pub mod proto;
mod proximity;
mod rider;
pub mod status;
mod succession;
mod tally;
mod trip_events;

/// A fresh set of metrics, as a door counts them.
pub fn metrics() -> std::sync::Arc<crate::telemetry::Metrics> {
    std::sync::Arc::new(crate::telemetry::Metrics::new(&tally::REASON_NAMES))
}

pub use admin::AdminService;
pub use door::{CopyUse, Door, ReportSink, SharedMap, SinkState, StreamPermit};
pub use driver::DriverService;
pub use life::StreamLife;
pub use proximity::ProximityService;
pub use rider::RiderService;
pub use succession::SuccessionService;
