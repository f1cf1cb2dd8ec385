//! Whether Redis holds what a server holds: read on both sides, from outside, and compared.
//!
//! The server moves while it is read, and its copy is always a little behind. So the server is read
//! first, and Redis afterwards has to have what was read or something newer. What differs is looked
//! at again on both sides, about each second, until `settle` is over; what differs still is a difference.
//! For whom the server has not changed, everything is compared to the last bit: the line, and the
//! score in the geo set.
//!
//! Memory: what the server holds, some 200 bytes a driver and some kilobytes an open trip, and of
//! Redis a page at a time and what differs.

mod drivers;
mod judge;
mod server;
mod trips;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub use self::judge::{Judged, Kind, Known, judge};
use crate::clock;
use crate::mirror::{CopyReader, LinkError, LinkOptions, RedisAddress};

/// How often what differs is looked at again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long Redis is waited for: longer than a mirror waits, since nobody waits for an audit.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is compared.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// The server, as in `http://127.0.0.1:7400`.
    pub target: String,
    /// Where its copy is.
    pub redis: RedisAddress,
    /// For how long what differs is looked at again.
    pub settle: Duration,
    /// How many differences are told.
    pub show: usize,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The server cannot be asked.
    #[error(transparent)]
    Client(#[from] crate::client::ClientError),
    /// Redis cannot be read.
    #[error("redis cannot be read: {0}")]
    Redis(#[from] LinkError),
    /// The server answers what makes no sense.
    #[error("the server answers with {what}")]
    Server {
        /// What.
        what: String,
    },
}

/// Something that Redis does not hold as the server does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What kind it is.
    pub kind: Kind,
    /// The driver or the trip.
    pub name: String,
    /// What the server says.
    pub server: String,
    /// What Redis says.
    pub redis: String,
}

/// How many differences of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// What the server has and Redis lacks.
    pub missing: u64,
    /// What Redis has and the server has not, or not there.
    pub haunting: u64,
    /// What is older in Redis than the server said in the beginning.
    pub behind: u64,
    /// Another position than the server's, or another in the geo set than in the line.
    pub position: u64,
    /// Another status.
    pub status: u64,
    /// Another profile or motion; a line that cannot be read; another trip of the same age.
    pub content: u64,
}

impl Counts {
    fn add(&mut self, kind: Kind) {
        let count = match kind {
            Kind::Missing => &mut self.missing,
            Kind::Haunting => &mut self.haunting,
            Kind::Behind => &mut self.behind,
            Kind::Position => &mut self.position,
            Kind::Status => &mut self.status,
            Kind::Content => &mut self.content,
        };
        *count += 1;
    }

    /// All of them.
    pub const fn total(&self) -> u64 {
        self.missing + self.haunting + self.behind + self.position + self.status + self.content
    }
}

/// Drivers, or trips, compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// How many the server has that should be in Redis.
    pub compared: u64,
    /// Entries looked at in Redis.
    pub entries: u64,
    /// Of those compared: equal to the last bit when looked at.
    pub same: u64,
    /// In Redis with something newer than the server said before.
    pub newer: u64,
    /// How many differed at the first look.
    pub looked_again: u64,
    /// How many times all that differed was looked at again.
    pub rounds: u64,
    /// What differs.
    pub differences: Counts,
    /// The first of them.
    pub examples: Vec<Difference>,
}

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// Drivers.
    pub drivers: Compared,
    /// Open trips; none if the server hosts no market, or is not its active process.
    pub trips: Option<Compared>,
    /// Why trips were not compared.
    pub trips_left_out: Option<String>,
}

impl AuditReport {
    /// How many differences there are.
    pub fn differences(&self) -> u64 {
        let trips = self.trips.as_ref().map_or(0, |trips| trips.differences.total());
        self.drivers.differences.total() + trips
    }
}

/// Compares.
///
/// # Errors
/// [`AuditError`] if one of the sides cannot be read.
pub async fn audit(options: &AuditOptions) -> Result<AuditReport, AuditError> {
    let link = LinkOptions {
        connect_timeout: PATIENCE,
        response_timeout: PATIENCE,
        ..LinkOptions::default()
    };
    let reader = CopyReader::new(options.redis.clone(), link, 1);
    let mut server = server::Server::connect(&options.target).await?;
    let drivers = drivers::compare(options, &mut server, &reader).await?;
    let (trips, trips_left_out) = match server.market().await? {
        Ok(market) => (Some(trips::compare(options, market, &mut server, &reader).await?), None),
        Err(why) => (None, Some(why)),
    };
    Ok(AuditReport { drivers, trips, trips_left_out })
}

/// When what differs is looked at again.
struct Pace {
    begun: Instant,
    settle: Duration,
    /// When the last look began.
    looked: Instant,
}

impl Pace {
    /// From the end of the first look on.
    fn begin(settle: Duration) -> Self {
        let now = clock::stopwatch();
        Self { begun: now, settle, looked: now }
    }

    /// Waits until the next look is due, at least twice as long as the last one took, so that Redis
    /// is not kept from being written; false if there is none any more.
    async fn again(&mut self) -> bool {
        let rest = self.settle.saturating_sub(self.begun.elapsed());
        if rest.is_zero() {
            return false;
        }
        let pause = AGAIN.max(self.looked.elapsed() * 2);
        tokio::time::sleep(rest.min(pause)).await;
        self.looked = clock::stopwatch();
        true
    }
}
