//! Why a market does not do what was asked, beyond what the core refuses.

use crate::dispatch::{Refusal, RestoreError};
use crate::ids::{MarketId, TripId};
use crate::journal::ReadError;
use crate::records::RecordError;

/// Why a command was not carried out, or a question not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The core refuses: nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// As many commands wait as may. Nothing has been done; try again.
    #[error("market_queue: {max} commands wait in market {market}, the most that may")]
    QueueFull {
        /// Which market.
        market: MarketId,
        /// The limit.
        max: usize,
    },
    /// What was to be done could not be made durable, so that it was not done as far as anybody is
    /// told. After a restart it may turn out to have been done: a command that is sent again is
    /// answered as it then stands.
    #[error("market {market} takes no commands: {reason}")]
    Down {
        /// Which market.
        market: MarketId,
        /// What the journal said.
        reason: String,
    },
    /// Another process runs the market, or none does at the moment.
    #[error("market {market} is not run here; {}", whither(active.as_deref()))]
    Elsewhere {
        /// Which market.
        market: MarketId,
        /// Where it is, if that is known.
        active: Option<String>,
    },
    /// The market's thread has ended, as in a drain.
    #[error("market {market} has ended; reconnect")]
    Ended {
        /// Which market.
        market: MarketId,
    },
    /// A clock that follows the reports has seen none, so that there is no present yet.
    #[error("market {market} has no time yet: its clock follows the reports, and none has come")]
    NoTime {
        /// Which market.
        market: MarketId,
    },
    /// History cannot be read.
    #[error("trip {trip} cannot be read: {cause}")]
    Unreadable {
        /// Of which trip.
        trip: TripId,
        /// What the journal said.
        cause: String,
    },
}

/// Where somebody is sent who has come to the wrong place.
fn whither(active: Option<&str>) -> String {
    match active {
        Some(active) => format!("{active} runs it"),
        None => "try again, there or here".to_owned(),
    }
}

/// Why a market cannot be hosted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostStartError {
    /// The journal cannot be read.
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] ReadError),
    /// The journal holds a record that this program does not know.
    #[error("{what} in the journal is no record of this program: {cause}")]
    Record {
        /// Which record.
        what: String,
        /// What is wrong with it.
        cause: RecordError,
    },
    /// The records contradict each other, or the configuration.
    #[error("the market cannot be restored: {0}")]
    Restore(#[from] RestoreError),
    /// The thread cannot be made.
    #[error("cannot start the thread {name}: {cause}")]
    Thread {
        /// Which.
        name: String,
        /// Why not.
        cause: String,
    },
}
