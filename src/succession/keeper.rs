//! Keeps the lease of a market: claims it, opens the market, renews it, closes the market.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};

use super::desk::{Desk, How};
use super::gate::Gate;
use super::journal::ShippedJournal;
use super::lease::{Change, Open, Step, Terms};
use super::lineage::Lineage;
use super::opening::{Opened, Opening, Right};
use super::peers::{Extender, Peers, inquire};
use super::shipper::Doubt;
use super::tenure::Tenure;
use super::{Ack, Holder, Peer};
use crate::clock;
use crate::mirror::{Link, LinkError, LinkOptions, RedisAddress, Role};
use crate::telemetry::{Seldom, SuccessionMetrics};

/// What the keeper does with the market. All calls come from one thread at a time, and may wait.
pub trait Seat: Send {
    /// The market is this process's: opens it on this journal.
    ///
    /// # Errors
    /// Why it cannot be opened, for the log; the lease is given back then.
    fn open(&mut self, journal: Arc<ShippedJournal>) -> Result<(), String>;

    /// It is not any more: ends it. Nothing it does from now on counts.
    fn close(&mut self);

    /// Somebody else has it, or nobody is known to.
    fn tell(&mut self, holder: Option<&Holder>);
}

/// What a keeper is made of.
pub struct KeeperConfig {
    /// Which market, which lease, and what is known of it.
    pub tenure: Arc<Tenure>,
    /// A way to the other processes that want the market.
    pub peers: Arc<dyn Peers>,
    /// Where Redis is.
    pub redis: RedisAddress,
    /// What acknowledgements wait for.
    pub ack: Ack,
    /// Where clients of this process can go, and its peers.
    pub address: String,
    /// The folder of the market's journal; none: it is kept in memory.
    pub folder: Option<PathBuf>,
    /// Where to count.
    pub metrics: Arc<SuccessionMetrics>,
}

/// Why no keeper was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeeperStartError {
    /// Its thread, or the runtime of it, cannot be made.
    #[error("cannot start the thread {name}: {source}")]
    Thread {
        /// Which.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A keeper that works. Dropped, it closes the market, ships what is left and gives the lease back.
#[derive(Debug)]
pub struct Keeper {
    tenure: Arc<Tenure>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Begins to try for the lease, on a thread of its own.
    ///
    /// # Errors
    /// [`KeeperStartError`].
    pub fn start(config: KeeperConfig, seat: Box<dyn Seat>) -> Result<Self, KeeperStartError> {
        let tenure = Arc::clone(&config.tenure);
        let name = format!("hansom-keeper-{}", tenure.market());
        let failed = |source| KeeperStartError::Thread { name: name.clone(), source };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()
            .map_err(failed)?;
        let (stop, stopped) = watch::channel(false);
        let work = Work::new(config, seat, stopped);
        let thread = std::thread::Builder::new()
            .name(name.clone())
            .spawn(move || runtime.block_on(work.run()))
            .map_err(failed)?;
        Ok(Self { tenure, stop, thread: Some(thread) })
    }

    /// The process is about to end, and takes no connections any more, so that nobody can ask it: it
    /// does not go on without Redis beyond what it may already.
    pub fn retire(&self) {
        self.tenure.with(super::Lease::retire);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the keeper's thread panicked; its lease ends by itself");
        }
    }
}

/// One opens or closes the market, one reads what is to be shipped, and one to spare.
const BLOCKING_THREADS: usize = 3;

/// How long what is left is shipped when the process ends.
const LAST_SHIPMENT: Duration = Duration::from_secs(2);

/// A time under one token.
struct Term {
    gate: Arc<Gate>,
    journal: Option<Arc<ShippedJournal>>,
    shipper: Option<tokio::task::JoinHandle<()>>,
    right: Right,
    /// What has been opened, once it has.
    opening: Option<oneshot::Receiver<Result<Opened, String>>>,
}

/// What happens while nothing has to be asked.
enum Happens {
    Stop,
    Time,
    Doubt(u64, Doubt),
    Opened(Result<Opened, String>),
}

struct Work {
    config: Arc<KeeperConfig>,
    seat: Arc<Mutex<Box<dyn Seat>>>,
    stopped: watch::Receiver<bool>,
    /// For the lease alone: a renewal waits behind no shipment.
    desk: Arc<Desk>,
    term: Option<Term>,
    told: Option<Holder>,
    /// Whether the market was to be opened without Redis.
    tried_alone: bool,
    doubts: mpsc::Receiver<(u64, Doubt)>,
    doubter: mpsc::Sender<(u64, Doubt)>,
    complaints: Seldom,
}

/// A way to Redis for this market and process.
pub(super) fn desk(config: &KeeperConfig) -> Desk {
    let (tenure, redis) = (&config.tenure, config.redis.clone());
    let link = Link::new(redis, Role::Primary, LinkOptions::default(), tenure.seed());
    let owner = tenure.owner().to_owned();
    Desk::new(Arc::new(link), tenure.market(), owner, config.address.clone())
}

impl Work {
    fn new(config: KeeperConfig, seat: Box<dyn Seat>, stopped: watch::Receiver<bool>) -> Self {
        let (doubter, doubts) = mpsc::channel(4);
        let desk = Arc::new(desk(&config));
        let lineage = config.folder.as_ref().map(|folder| Lineage::read(folder));
        // One that cannot be read is told of when the journal is opened.
        let floor = lineage.and_then(Result::ok).unwrap_or_default().term;
        config.tenure.with(|lease| lease.raise(floor));
        Self {
            config: Arc::new(config),
            seat: Arc::new(Mutex::new(seat)),
            stopped,
            desk,
            term: None,
            told: None,
            tried_alone: false,
            doubts,
            doubter,
            complaints: Seldom::default(),
        }
    }

    async fn run(mut self) {
        // No renewal that hangs keeps it from asking who holds back.
        let (tenure, peers) = (Arc::clone(&self.config.tenure), Arc::clone(&self.config.peers));
        let extender = Extender { tenure, peers, doubts: self.doubter.clone() };
        let extender = tokio::spawn(extender.run());
        loop {
            let now = clock::stopwatch();
            let happens = match self.config.tenure.look(|lease| lease.next(now)) {
                Step::Wait { until } => self.wait(until).await,
                step => {
                    self.ask(step).await;
                    self.wait(now).await
                }
            };
            match happens {
                Happens::Stop => break,
                Happens::Time => {}
                Happens::Doubt(token, doubt) => self.doubt(token, doubt).await,
                Happens::Opened(opened) => self.opened(opened).await,
            }
            self.tell();
        }
        self.end().await;
        extender.abort();
    }

    /// Waits for whatever happens first, at the latest until a moment.
    async fn wait(&mut self, until: Instant) -> Happens {
        if *self.stopped.borrow() {
            return Happens::Stop;
        }
        let opening = self.term.as_mut().and_then(|term| term.opening.as_mut());
        let opened = async {
            match opening {
                Some(opening) => {
                    opening.await.unwrap_or_else(|_| Err("it was given up".to_owned()))
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            // Its sender goes with the keeper.
            _ = self.stopped.changed() => Happens::Stop,
            Some((token, doubt)) = self.doubts.recv() => Happens::Doubt(token, doubt),
            opened = opened => Happens::Opened(opened),
            () = tokio::time::sleep_until(until.into()) => Happens::Time,
        }
    }

    /// Asks Redis or the peers, and does what follows.
    async fn ask(&mut self, step: Step) {
        let tenure = Arc::clone(&self.config.tenure);
        let terms = tenure.terms();
        let floor = tenure.look(super::Lease::floor);
        if let Step::Ask { whom, token } = step {
            let owner = tenure.owner().to_owned();
            let by = Peer { owner, address: self.config.address.clone() };
            let peers = &*self.config.peers;
            let heard = inquire(peers, tenure.market(), whom, token, &by).await;
            tracing::debug!(?heard, token, "the lease is free");
            return tenure.with(|lease| lease.heard(clock::stopwatch(), heard));
        }
        tenure.with(|lease| lease.sent(clock::stopwatch()));
        let answer = match step {
            Step::Look => self.desk.claim(terms, floor, How::Look).await,
            Step::Claim { after } => self.desk.claim(terms, floor, How::Claim { after }).await,
            Step::Seize => self.desk.claim(terms, floor, How::Seize).await,
            Step::Renew { token, standing } => self.desk.renew(terms, token, standing).await,
            Step::Ask { .. } | Step::Wait { .. } => return,
        };
        let now = clock::stopwatch();
        let change = match answer {
            Ok(answer) => {
                self.complaints.over();
                tenure.with(|lease| lease.answered(now, answer))
            }
            Err(error) => {
                tenure.with(|lease| lease.failed(now));
                if terms == Terms::Sole && self.term.is_none() && !self.tried_alone {
                    self.tried_alone = true;
                    self.begin(Right::Alone);
                }
                if !matches!(error, LinkError::Open { .. })
                    && let Some(kept_back) = self.complaints.due(now)
                {
                    tracing::warn!(%error, kept_back, "the lease cannot be asked for");
                }
                Change::None
            }
        };
        match change {
            Change::None => {}
            Change::Gained { token } => self.gained(token).await,
            Change::Lost => self.step_down("the lease is another's").await,
        }
        // The next question has to go to whoever is the primary then.
        if let Err(error) = self.desk.check().await {
            tracing::debug!(%error, "nobody says who is the primary");
        }
    }

    /// The lease is ours.
    async fn gained(&mut self, token: u64) {
        if self.term.is_some() {
            self.join(token).await;
        } else {
            self.begin(Right::Token(token));
        }
    }

    fn opening(&self, gate: &Arc<Gate>, right: Right) -> Opening {
        Opening {
            config: Arc::clone(&self.config),
            seat: Arc::clone(&self.seat),
            gate: Arc::clone(gate),
            right,
            doubter: self.doubter.clone(),
        }
    }

    /// Opens the market, while the lease is renewed.
    fn begin(&mut self, right: Right) {
        let gate = Arc::new(Gate::default());
        match right {
            Right::Alone => gate.set(Open::Always),
            Right::Token(_) => self.config.tenure.attach(&gate),
        }
        let (sender, opening) = oneshot::channel();
        let task = self.opening(&gate, right);
        tokio::spawn(async move {
            // The term may be over, which the gate tells the market as well.
            drop(sender.send(task.run().await));
        });
        let opening = Some(opening);
        self.term = Some(Term { gate, journal: None, shipper: None, right, opening });
    }

    /// The market was opened without Redis, which is back.
    async fn join(&mut self, token: u64) {
        let opening = self.term.as_mut().and_then(|term| term.opening.take());
        if let Some(opening) = opening {
            let opened = opening.await.unwrap_or_else(|_| Err("it was given up".to_owned()));
            self.opened(opened).await;
        }
        let right = Right::Token(token);
        let Some(term) = &self.term else { return self.begin(right) };
        let Some(journal) = term.journal.clone() else { return };
        let joined = self.opening(&term.gate, right).join(&journal, token).await;
        match (joined, &mut self.term) {
            (Ok(Some(shipper)), Some(term)) => {
                term.shipper = Some(shipper);
                term.right = right;
                self.config.tenure.attach(&term.gate);
            }
            (other, _) => {
                if let Err(error) = other {
                    tracing::warn!(%error, "what Redis has is not known");
                }
                self.step_down("Redis may know more of the market than its journal").await;
                self.begin(right);
            }
        }
    }

    async fn opened(&mut self, opened: Result<Opened, String>) {
        let Some(term) = &mut self.term else { return };
        term.opening = None;
        match opened {
            Ok(Opened { journal, shipper }) => {
                tracing::info!(right = ?term.right, "this process runs the market");
                self.config.metrics.takeovers.increment(1);
                term.journal = Some(journal);
                term.shipper = shipper;
            }
            Err(error) => {
                tracing::error!(%error, right = ?term.right, "the market cannot be opened");
                self.give_back().await;
            }
        }
    }

    async fn doubt(&mut self, token: u64, doubt: Doubt) {
        let now = clock::stopwatch();
        let tenure = Arc::clone(&self.config.tenure);
        if tenure.look(super::Lease::token) != Some(token) {
            return;
        }
        match doubt {
            Doubt::Bare => tenure.with(|lease| lease.hurry(now)),
            Doubt::Fenced { token } => {
                let holder = Holder { owner: String::new(), token, address: String::new() };
                tenure.with(|lease| lease.lose(now, Some(holder)));
                self.step_down("a write was refused: a later lease was given out").await;
            }
        }
    }

    /// Closes the market, whose lease is over.
    async fn step_down(&mut self, why: &str) {
        let Some(term) = self.term.take() else { return };
        // What Redis has not got by now, it does not get: the journal's folder has it.
        let unshipped = term.journal.as_ref().map_or(0, |journal| journal.unconfirmed());
        tracing::warn!(right = ?term.right, unshipped, why, "this process runs the market no more");
        self.close(term).await;
    }

    async fn close(&mut self, term: Term) {
        self.config.tenure.detach();
        term.gate.set(Open::Never);
        // What is being opened finds the gate closed, and has to be done before it can be closed.
        let late = match term.opening {
            Some(opening) => opening.await.ok().and_then(Result::ok),
            None => None,
        };
        let (late_journal, late_shipper) =
            late.map(|Opened { journal, shipper }| (journal, shipper)).unzip();
        for journal in term.journal.iter().chain(&late_journal) {
            journal.close();
        }
        for shipper in term.shipper.iter().chain(late_shipper.iter().flatten()) {
            shipper.abort();
        }
        let seat = Arc::clone(&self.seat);
        let closed = tokio::task::spawn_blocking(move || seat.lock().close()).await;
        if closed.is_err() {
            tracing::error!("closing the market panicked");
        }
    }

    /// Gives back a lease with which nothing can be done here.
    async fn give_back(&mut self) {
        let Some(term) = self.term.take() else { return };
        let right = term.right;
        self.close(term).await;
        let Right::Token(token) = right else { return };
        if let Err(error) = self.desk.release(Some(token)).await {
            tracing::warn!(%error, "the lease ends by itself");
        }
        self.config.tenure.with(|lease| lease.lose(clock::stopwatch(), None));
    }

    /// The process ends: nobody asks any more. Ships what is left, and gives the lease back.
    async fn end(mut self) {
        // It may be open already: what it has done is to be shipped too.
        if let Some(term) = &mut self.term
            && let Some(mut opening) = term.opening.take()
        {
            match tokio::time::timeout(LAST_SHIPMENT, &mut opening).await {
                Ok(opened) => {
                    let opened = opened.unwrap_or_else(|_| Err("it was given up".to_owned()));
                    self.opened(opened).await;
                }
                Err(_) => term.opening = Some(opening),
            }
        }
        let Some(term) = &mut self.term else {
            // Whoever has the lease need not ask a standby that has gone.
            if let Err(error) = self.desk.release(None).await {
                tracing::debug!(%error, "it is known as a standby for a while");
            }
            return;
        };
        if let Some(journal) = term.journal.clone() {
            let (seat, begun) = (Arc::clone(&self.seat), clock::stopwatch());
            drop(tokio::task::spawn_blocking(move || seat.lock().close()).await);
            let mut pace = tokio::time::interval(Duration::from_millis(5));
            while journal.unconfirmed() > 0 && begun.elapsed() < LAST_SHIPMENT {
                pace.tick().await;
            }
            let left = journal.unconfirmed();
            if left > 0 {
                tracing::warn!(events = left, "Redis lacks events that are in the journal");
                // A successor that began at once would begin without them.
                return;
            }
        }
        self.give_back().await;
    }

    /// Tells everybody how things stand.
    fn tell(&mut self) {
        let metrics = &self.config.metrics;
        // As long as it is being opened nobody is served.
        let opened = self.term.as_ref().filter(|term| term.journal.is_some());
        let open = opened.is_some_and(|term| term.gate.is_open());
        metrics.lease_held.set(f64::from(u8::from(open)));
        let tenure = &self.config.tenure;
        metrics.lease_token.set(tenure.look(super::Lease::token).unwrap_or(0) as f64);
        // A shipper tells of its own; without one, nothing else does.
        if let Some(journal) = self.term.as_ref().and_then(|term| term.journal.as_ref()) {
            metrics.backlog.set(journal.unconfirmed() as f64);
            metrics.lag.set(journal.lag(clock::stopwatch()).as_secs_f64());
        }
        let holder = tenure.look(|lease| lease.holder().cloned());
        // While the market is being opened or closed it is told the next time.
        if self.told != holder
            && let Some(mut seat) = self.seat.try_lock()
        {
            self.told = holder;
            seat.tell(self.told.as_ref());
        }
    }
}
