//! From the backlog into Redis: in order, from the cursor, and back to the cursor after any doubt.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::desk::{Desk, First, Hand, Put, Staged};
use super::journal::ShippedJournal;
use super::{Ack, Snapshot};
use crate::clock;
use crate::journal::{ReadError, Seq};
use crate::limits;
use crate::mirror::LinkError;
use crate::telemetry::{Seldom, SuccessionMetrics};

/// What the shipper finds out that concerns the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// A later token has been given out.
    Fenced {
        /// Which.
        token: u64,
    },
    /// Redis knows of no token, or of an earlier one only.
    Bare,
}

/// Ships one term's commits.
pub(super) struct Shipper {
    pub(super) desk: Arc<Desk>,
    pub(super) journal: Arc<ShippedJournal>,
    pub(super) token: u64,
    pub(super) ack: Ack,
    pub(super) metrics: Arc<SuccessionMetrics>,
    pub(super) doubts: mpsc::Sender<(u64, Doubt)>,
}

/// What a step led to.
enum Next {
    /// Redis has all up to this event.
    At(Seq),
    /// Nobody knows what Redis has.
    Doubt,
    /// Nothing more is to be shipped.
    Stop,
}

/// How often an idle shipper looks whether Redis still has what it had.
const IDLE_CHECK: Duration = Duration::from_secs(1);

/// How long it waits after a failure that says nothing else.
const PAUSE: Duration = Duration::from_millis(50);

impl Shipper {
    /// Ships until a later token is met; otherwise it does not end.
    pub(super) async fn run(self) {
        let (mut at, mut checked) = (None, clock::stopwatch());
        let mut complaints = Seldom::default();
        loop {
            // Also under load: a primary that was given up goes on taking writes for a while.
            if checked.elapsed() >= IDLE_CHECK {
                checked = clock::stopwatch();
                if let Err(error) = self.desk.check().await {
                    tracing::debug!(%error, "nobody says who is the primary");
                }
            }
            let step = match at {
                None => self.find().await,
                Some(seq) => self.go_on(seq).await,
            };
            self.tell_metrics();
            at = match step {
                Ok(Next::At(seq)) => {
                    complaints.over();
                    self.journal.set_stuck(false);
                    Some(seq)
                }
                Ok(Next::Doubt) => None,
                Ok(Next::Stop) => return,
                Err(Trouble::Link(error)) => {
                    tokio::time::sleep(pause_after(&error, &mut complaints)).await;
                    None
                }
                Err(Trouble::Read(error)) => {
                    tracing::error!(%error, "the journal cannot be read to be shipped");
                    self.journal.set_stuck(true);
                    tokio::time::sleep(IDLE_CHECK).await;
                    None
                }
            };
        }
    }

    pub(super) const fn hand(&self) -> Hand {
        let replicas = match self.ack {
            Ack::Replicas(count) => count,
            Ack::Local | Ack::Redis => 0,
        };
        Hand { token: self.token, replicas }
    }

    /// Finds out where Redis is, and brings it to where the backlog begins if it is not there.
    async fn find(&self) -> Result<Next, Trouble> {
        match self.desk.position(self.token).await? {
            Put::Elsewhere { term: Some(term), seq }
                if term == self.token && self.journal.reaches(seq) =>
            {
                let put = self.desk.adopt(self.hand(), term, seq).await?;
                self.done(put, seq).await
            }
            Put::Elsewhere { .. } => self.whole().await,
            other => self.done(other, Seq::ZERO).await,
        }
    }

    /// Ships what follows an event.
    async fn go_on(&self, seq: Seq) -> Result<Next, Trouble> {
        let parcels = self.journal.after(seq);
        if let Some(last) = parcels.last().map(|parcel| parcel.last) {
            let events = last.0 - seq.0;
            let put = self.desk.ship(self.hand(), &parcels).await?;
            if let Put::Done { .. } = put {
                self.metrics.shipped.increment(events);
            }
            return self.done(put, last).await;
        }
        if !self.journal.reaches(seq) {
            return Ok(Next::Doubt);
        }
        if self.journal.unconfirmed() > 0 {
            // It is there, and the replicas have not said so yet.
            let put = self.desk.adopt(self.hand(), self.token, seq).await?;
            return self.done(put, seq).await;
        }
        let work = self.journal.work.notified();
        if tokio::time::timeout(IDLE_CHECK, work).await.is_ok() {
            return Ok(Next::At(seq));
        }
        match self.desk.position(self.token).await? {
            Put::Elsewhere { term: Some(term), seq: there }
                if (term, there) == (self.token, seq) =>
            {
                Ok(Next::At(seq))
            }
            Put::Elsewhere { .. } => {
                self.metrics.rewinds.increment(1);
                Ok(Next::Doubt)
            }
            other => self.done(other, seq).await,
        }
    }

    /// Whether Redis knows of no token, or of none but earlier ones, as when it came back with an older
    /// file: the lease is written down again, and is ours.
    const fn is_forgotten(&self, put: &Put) -> bool {
        match put {
            Put::Bare => true,
            Put::Fenced { token } => *token < self.token,
            _ => false,
        }
    }

    /// What becomes of the place after a write up to an event.
    async fn done(&self, put: Put, last: Seq) -> Result<Next, Trouble> {
        if self.is_forgotten(&put) {
            self.doubt(Doubt::Bare).await;
            tokio::time::sleep(PAUSE).await;
            return Ok(Next::Doubt);
        }
        match put {
            Put::Done { replicas } => {
                if replicas >= self.hand().replicas {
                    self.journal.confirm(last);
                }
                Ok(Next::At(last))
            }
            Put::Elsewhere { .. } | Put::Incomplete | Put::Bare => {
                self.metrics.rewinds.increment(1);
                Ok(Next::Doubt)
            }
            Put::Fenced { token } => {
                self.metrics.fenced.increment(1);
                self.doubt(Doubt::Fenced { token }).await;
                Ok(Next::Stop)
            }
        }
    }

    /// Makes a whole copy beside the one in place, and puts it there.
    async fn whole(&self) -> Result<Next, Trouble> {
        let journal = Arc::clone(&self.journal);
        let snapshot = Arc::new(blocking(move || journal.snapshot()).await??);
        let (mut first, mut from, mut ended) = (First::Yes, 0, 0);
        loop {
            let (journal, of) = (Arc::clone(&self.journal), Arc::clone(&snapshot));
            let (trips, next) = blocking(move || staged(&journal, &of, from)).await??;
            ended += trips.iter().filter(|trip| trip.ended_at.is_some()).count();
            match self.desk.stage(self.hand(), first, &trips).await? {
                Put::Done { .. } => {}
                other => return self.done(other, snapshot.last).await,
            }
            first = First::No;
            match next {
                Some(next) => from = next,
                None => break,
            }
        }
        let put = self.desk.install(self.hand(), &snapshot, ended).await?;
        if let Put::Done { .. } = put {
            self.metrics.copies.increment(1);
            let (open, last) = (snapshot.open.len(), snapshot.last.0);
            tracing::info!(open, ended, last, token = self.token, "a whole copy is in Redis");
        }
        self.done(put, snapshot.last).await
    }

    async fn doubt(&self, doubt: Doubt) {
        if self.doubts.send((self.token, doubt)).await.is_err() {
            tracing::debug!(?doubt, "the keeper has ended, and with it the term");
        }
    }

    fn tell_metrics(&self) {
        self.metrics.backlog.set(self.journal.unconfirmed() as f64);
        self.metrics.lag.set(self.journal.lag(clock::stopwatch()).as_secs_f64());
    }
}

/// How long to leave Redis alone after it has failed.
fn pause_after(error: &LinkError, complaints: &mut Seldom) -> Duration {
    if let LinkError::Open { retry_in } = error {
        return Duration::from_millis(retry_in.get()).max(PAUSE);
    }
    if let Some(kept_back) = complaints.due(clock::stopwatch()) {
        tracing::warn!(%error, kept_back, "trips cannot be shipped");
    }
    PAUSE
}

/// Whoever waits for what it ships need not wait any more.
impl Drop for Shipper {
    fn drop(&mut self) {
        self.journal.set_stuck(true);
    }
}

/// The trips of a snapshot from a place on that fit into one message, and the next place.
fn staged(
    journal: &ShippedJournal,
    snapshot: &Snapshot,
    from: usize,
) -> Result<(Vec<Staged>, Option<usize>), ReadError> {
    let (mut trips, mut bytes, mut events) = (Vec::new(), 0, 0);
    let open = snapshot.open.iter().map(|row| (row.stream, row.last, None, &row.state));
    let ended = snapshot
        .ended
        .iter()
        .map(|row| (row.stream, row.last, Some(row.at.as_millis()), &row.state));
    for (place, (stream, last, ended_at, state)) in open.chain(ended).enumerate().skip(from) {
        if bytes >= limits::SHIPMENT_BYTES || events >= limits::SHIPMENT_EVENTS {
            return Ok((trips, Some(place)));
        }
        match journal.events_up_to(stream, last)? {
            Some(records) => {
                let trip = Staged { stream, ended_at, state: state.clone(), events: records };
                bytes += trip.bytes();
                events += trip.events.len();
                trips.push(trip);
            }
            // History goes while it is read.
            None if ended_at.is_some() => {}
            None => return Err(ReadError::UnknownStream { stream }),
        }
    }
    Ok((trips, None))
}

/// Why a step failed.
enum Trouble {
    Link(LinkError),
    Read(ReadError),
}

impl From<LinkError> for Trouble {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// Does what waits for the disk, while the lease is renewed.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LinkError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| LinkError::Broken { detail: error.to_string() })
}
