//! What a replay is told.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use tokio::sync::watch;

use super::ReplayError;
use crate::limits;
use crate::model::K;
use crate::trace::ReadOptions;
use crate::units::{Meters, Millis};

/// How fast a trace passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// As fast as the server takes it.
    Max,
    /// So many seconds of the trace in one second.
    Times(f64),
}

/// A text that is no speed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("speed {text:?} is not max or a factor in 0.001x..=100000x, like 60x")]
pub struct SpeedError {
    text: String,
}

impl FromStr for Speed {
    type Err = SpeedError;

    fn from_str(text: &str) -> Result<Self, SpeedError> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let factor = text.strip_suffix('x').and_then(|number| number.parse::<f64>().ok());
        match factor {
            Some(factor) if (0.001..=100_000.0).contains(&factor) => Ok(Self::Times(factor)),
            _ => Err(SpeedError { text: text.to_owned() }),
        }
    }
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Max => f.write_str("max"),
            Self::Times(factor) => write!(f, "{factor}x"),
        }
    }
}

/// What device times the server is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Those of the trace: for a server whose clock follows the reports.
    Keep,
    /// Shifted so that the first row is now, and scaled by the speed (at full speed, each row is
    /// now): for a server with the machine's clock.
    Rebase,
}

/// How far a replay has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The input is read and sorted; so many bytes of so many.
    Reading {
        /// Bytes read.
        bytes: u64,
        /// Bytes of all files.
        of: u64,
    },
    /// So many rows are acknowledged, of so many if that is known.
    Replaying {
        /// Rows acknowledged.
        rows: u64,
        /// All rows.
        of: Option<u64>,
    },
}

/// Is told how far a replay has come, from any of its threads, often.
pub type Watcher = Arc<dyn Fn(Progress) + Send + Sync>;

/// What a replay is told.
#[derive(Clone)]
pub struct ReplayOptions {
    /// The traces, merged in time order.
    pub inputs: Vec<PathBuf>,
    /// How they are read.
    pub read: ReadOptions,
    /// The running server; `None` embeds one.
    pub target: Option<String>,
    /// What device times it is told.
    pub times: Times,
    /// How fast the trace passes.
    pub speed: Speed,
    /// Rows in a batch, 1..=[`limits::MAX_REPLAY_BATCH_ROWS`].
    pub batch: usize,
    /// Questions a second, open loop: they do not wait for answers. At most
    /// [`limits::MAX_QUERY_RATE`].
    pub query_rate: u32,
    /// How many drivers a question asks for.
    pub k: K,
    /// How far it reaches.
    pub radius: Meters,
    /// How old a position may be to count.
    pub max_age: Millis,
    /// Whether answers are compared with the linear scan. Meaningful only if nobody else reports
    /// to the server and it knows nobody at the start.
    pub check: bool,
    /// At how many points of the trace; at most one a batch, and one at the end.
    pub check_points: u32,
    /// How many questions at each.
    pub check_questions: u32,
    /// What the draws depend on.
    pub seed: u64,
    /// Threads of the embedded server.
    pub server_threads: usize,
    /// Ends the replay early when it becomes true.
    pub stop: watch::Receiver<bool>,
    /// Is told how far it has come.
    pub watcher: Watcher,
}

impl ReplayOptions {
    /// An embedded server, full speed, checks on, no timed questions.
    pub fn new(inputs: Vec<PathBuf>) -> Self {
        // The sender is dropped: nobody will stop it.
        let (_, stop) = watch::channel(false);
        Self {
            inputs,
            read: ReadOptions::default(),
            target: None,
            times: Times::Keep,
            speed: Speed::Max,
            batch: 1_024,
            query_rate: 0,
            k: K::TEN,
            radius: Meters::whole(5_000),
            max_age: Millis::from_secs(600),
            check: true,
            check_points: 100,
            check_questions: 10,
            seed: 1,
            server_threads: 1,
            stop,
            watcher: Arc::new(|_| {}),
        }
    }

    /// Whether the replay should end.
    pub(super) fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// # Errors
    /// [`ReplayError::Option`] for the first that is out of range.
    pub(super) fn validate(&self) -> Result<(), ReplayError> {
        let ranges = [
            ("batch", self.batch as u64, limits::MAX_REPLAY_BATCH_ROWS as u64),
            ("query-rate", u64::from(self.query_rate.max(1)), u64::from(limits::MAX_QUERY_RATE)),
        ];
        for (name, value, max) in ranges {
            if !(1..=max).contains(&value) {
                return Err(ReplayError::Option { name, value, max });
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for ReplayOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { inputs, target, times, speed, batch, seed, .. } = self;
        f.debug_struct("ReplayOptions")
            .field("inputs", inputs)
            .field("target", target)
            .field("times", times)
            .field("speed", speed)
            .field("batch", batch)
            .field("seed", seed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_max_or_a_factor() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("60x".parse(), Ok(Speed::Times(60.0)));
        assert_eq!("0.5x".parse(), Ok(Speed::Times(0.5)));
        for wrong in ["", "x", "60", "0x", "-1x", "NaNx", "infx", "1e9x", "MAX"] {
            let error = wrong.parse::<Speed>().unwrap_err().to_string();
            assert!(error.contains("0.001x..=100000x"), "{wrong}: {error}");
        }
    }
}
