//! What can go wrong with a replay as a whole.

use crate::client::ClientError;
use crate::server::StartError;
use crate::trace::TraceError;

/// Why a replay could not be finished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The trace cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The server refused, or is gone.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The embedded server did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The operating system refused a thread or a runtime.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    /// A thread ended without a result.
    #[error("the thread {name} failed")]
    Panicked {
        /// Which.
        name: &'static str,
    },
    /// An option is out of range.
    #[error("{name} {value} is not in 1..={max}")]
    Option {
        /// Which.
        name: &'static str,
        /// What was given.
        value: u64,
        /// The most that is allowed.
        max: u64,
    },
}
