//! Why there is no report.

use crate::client::ClientError;
use crate::decisions::DecisionLogError;
use crate::dispatch::ConfigErrors;
use crate::limits;
use crate::sim::PlanError;
use crate::trace::TraceError;

/// Why a trial cannot be held.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrialError {
    /// A log or a trace cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The market cannot be configured like this.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The day cannot be made up like this.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Nobody asks.
    #[error("no row of the log is a request that counts")]
    NoRequests,
    /// More than memory is meant for.
    #[error(
        "there are more than {} requests, the most that are simulated at once; --minutes takes a part",
        limits::MAX_SIM_REQUESTS
    )]
    TooManyRequests,
    /// The trace that drivers should be placed from has no position.
    #[error("no row of the trace that drivers are placed from is a position")]
    NoPlaces,
    /// There is no such policy.
    #[error("policy {name:?} is unknown; there are: {known}")]
    UnknownPolicy {
        /// What was asked for.
        name: String,
        /// All there are.
        known: String,
    },
    /// It was ended before anything was simulated.
    #[error("interrupted while reading")]
    Stopped,
    /// A log of decisions cannot be written.
    #[error(transparent)]
    Decisions(#[from] DecisionLogError),
    /// The server cannot be reached, refuses, or ends a stream.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The operating system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
}
