//! A small typed client: what replay, the benchmarks and the tests speak to a server with.
//!
//! It names each limit of the transport, keeps count of what is under way, and turns failed
//! calls into errors that say which call it was. It does not retry, balance or reconnect: those
//! who need that use a gRPC client of their own with the proto files.

mod ask;
mod connect;
mod error;
mod fleet;
mod gathered;
mod ingest;
mod peers;

pub use ask::{Asker, PipelinedAsker};
pub use connect::{
    Driver, Proximity, Rider, admin_client, connect, driver_client, proximity_client, rider_client,
};
pub use error::ClientError;
pub use fleet::{FleetCommands, FleetTold, attend};
pub use ingest::{Acked, Ingestor, Totals, reason_name};
pub use peers::GrpcPeers;
