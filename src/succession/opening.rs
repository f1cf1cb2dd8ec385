//! Opens a market: from its own journal or from what Redis has, whichever knows more.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::desk::{Copy, Desk};
use super::found::{self, FoundError};
use super::gate::Gate;
use super::journal::ShippedJournal;
use super::keeper::{KeeperConfig, Seat, desk};
use super::lineage::Lineage;
use super::shipper::{Doubt, Shipper};
use crate::journal::{Journal, JournalConfig, MemoryJournal, RedbJournal, Seq};

/// Who opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// Whoever has this lease.
    Token(u64),
    /// A process that has no standby, and cannot reach Redis: with its own journal, if there is one.
    Alone,
}

/// A journal of this term.
pub(super) struct Opened {
    pub(super) journal: Arc<ShippedJournal>,
    /// None as long as nobody can be shipped to.
    pub(super) shipper: Option<JoinHandle<()>>,
}

/// What is needed for it.
pub(super) struct Opening {
    pub(super) config: Arc<KeeperConfig>,
    pub(super) seat: Arc<Mutex<Box<dyn Seat>>>,
    pub(super) gate: Arc<Gate>,
    pub(super) right: Right,
    pub(super) doubter: mpsc::Sender<(u64, Doubt)>,
}

impl Opening {
    pub(super) async fn run(self) -> Result<Opened, String> {
        let ack = self.config.ack;
        let desk = Arc::new(desk(&self.config));
        let Restored { journal: inner, shift, copied } = match self.right {
            Right::Token(token) => self.restored(&desk, token).await?,
            Right::Alone => {
                let config = Arc::clone(&self.config);
                let own = blocking(move || alone(&config)).await?;
                own.ok_or("Redis cannot be reached, and there is no journal of the market here")?
            }
        };
        let journal = Arc::new(ShippedJournal::new(inner, shift, Arc::clone(&self.gate), ack));
        let shipper = match self.right {
            Right::Alone => None,
            Right::Token(token) => {
                let shipper = self.shipper(desk, &journal, token);
                if let Some((term, seq)) = copied
                    && let Err(error) = shipper.desk.adopt(shipper.hand(), term, seq).await
                {
                    tracing::info!(%error, "a whole copy will be made");
                }
                Some(tokio::spawn(shipper.run()))
            }
        };
        let (seat, given) = (Arc::clone(&self.seat), Arc::clone(&journal));
        let ships = shipper.is_some();
        let opened = tokio::task::spawn_blocking(move || {
            // The market reads what it is. A replica may come only later: to give the lease back and to
            // claim it anew would bring it no sooner.
            if ships {
                given.settle().map_err(str::to_owned)?;
            }
            seat.lock().open(given)
        });
        match opened.await.map_err(|error| error.to_string()).and_then(|opened| opened) {
            Ok(()) => Ok(Opened { journal, shipper }),
            Err(error) => {
                shipper.iter().for_each(JoinHandle::abort);
                journal.close();
                Err(error)
            }
        }
    }

    fn shipper(&self, desk: Arc<Desk>, journal: &Arc<ShippedJournal>, token: u64) -> Shipper {
        let (journal, metrics) = (Arc::clone(journal), Arc::clone(&self.config.metrics));
        let (ack, doubts) = (self.config.ack, self.doubter.clone());
        Shipper { desk, journal, token, ack, metrics, doubts }
    }

    /// Goes on with a market that was opened alone, now that its lease is had; none if Redis knows more
    /// than it.
    pub(super) async fn join(
        &self,
        journal: &Arc<ShippedJournal>,
        token: u64,
    ) -> Result<Option<JoinHandle<()>>, String> {
        let desk = Arc::new(desk(&self.config));
        let place = desk.place().await.map_err(|error| error.to_string())?;
        let (config, last) = (Arc::clone(&self.config), journal.last());
        let joined = blocking(move || {
            let Some(folder) = &config.folder else { return Ok(place.is_none()) };
            let lineage = Lineage::read(folder)?;
            let behind = place.is_some_and(|(term, seq)| lineage.is_behind(last, term, seq));
            if !behind {
                Lineage { term: token, ..lineage }.write(folder)?;
            }
            Ok(!behind)
        });
        let joined = joined.await?;
        Ok(joined.then(|| tokio::spawn(self.shipper(desk, journal, token).run())))
    }

    /// The market's journal for this term: its own, or a fresh one from Redis, whichever knows more.
    async fn restored(&self, desk: &Desk, token: u64) -> Result<Restored, String> {
        let place = desk.place().await.map_err(|error| error.to_string())?;
        let config = Arc::clone(&self.config);
        if let Some(own) = blocking(move || own(&config, place, token)).await? {
            return Ok(own);
        }
        let copy = desk.load().await.map_err(|error| error.to_string())?;
        let copy = copy.ok_or("the copy in Redis has vanished")?;
        let config = Arc::clone(&self.config);
        blocking(move || from_copy(&config, &copy, token)).await
    }
}

/// Does what waits for the disk, while the lease is renewed.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FoundError> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?;
    done.map_err(|error| error.to_string())
}

/// A journal, what is added to its numbers, and where the copy is if it is as the journal is.
struct Restored {
    journal: Arc<dyn Journal>,
    shift: u64,
    copied: Option<(u64, Seq)>,
}

/// The market's own journal for this term; none if the copy at this place knows more.
fn own(
    config: &KeeperConfig,
    place: Option<(u64, Seq)>,
    token: u64,
) -> Result<Option<Restored>, FoundError> {
    let Some(folder) = &config.folder else {
        let journal = Arc::new(MemoryJournal::default());
        let fresh = Restored { journal, shift: 0, copied: None };
        return Ok(Some(fresh).filter(|_| place.is_none()));
    };
    found::finish(folder)?;
    let journal = RedbJournal::open(folder, JournalConfig::default())?;
    let lineage = Lineage::read(folder)?;
    let last = Seq(journal.stats().last.0 + lineage.shift);
    if place.is_some_and(|(term, seq)| lineage.is_behind(last, term, seq)) {
        return Ok(None);
    }
    Lineage { term: token, ..lineage }.write(folder)?;
    let copied = place.filter(|place| *place == (lineage.term, last));
    Ok(Some(Restored { journal: Arc::new(journal), shift: lineage.shift, copied }))
}

/// The market's own journal, if it has anything in it.
fn alone(config: &KeeperConfig) -> Result<Option<Restored>, FoundError> {
    let Some(folder) = &config.folder else { return Ok(None) };
    let term = Lineage::read(folder)?.term;
    let own = own(config, None, term)?;
    Ok(own.filter(|own| own.journal.stats().last > Seq::ZERO))
}

/// A fresh journal for this term, from the copy.
fn from_copy(config: &KeeperConfig, copy: &Copy, token: u64) -> Result<Restored, FoundError> {
    let copied = Some((copy.term, copy.seq));
    let (open, ended, event) = (copy.open.len(), copy.ended.len(), copy.seq.0);
    let restored = match &config.folder {
        None => {
            let journal = MemoryJournal::default();
            let shift = found::fill(copy, &journal)?;
            Restored { journal: Arc::new(journal), shift, copied }
        }
        Some(folder) => {
            let lineage = found::found(folder, copy, token)?;
            let journal = Arc::new(RedbJournal::open(folder, JournalConfig::default())?);
            Restored { journal, shift: lineage.shift, copied }
        }
    };
    tracing::info!(open, ended, event, term = copy.term, "the market is as Redis has it");
    Ok(restored)
}
