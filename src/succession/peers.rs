//! What processes of one market ask each other without Redis, and how long they wait for it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Peer;
use super::holds::{Extension, Held};
use super::lease::Heard;
use super::shipper::Doubt;
use super::tenure::Tenure;
use crate::clock;
use crate::ids::MarketId;
use crate::limits;
use crate::units::Millis;

/// What a peer said, and which it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAnswer<T> {
    /// Its name: at an address there may be another than is thought.
    pub owner: String,
    /// What it said.
    pub said: T,
}

/// Why a peer said nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// Nobody listens at its address.
    #[error("nobody listens there")]
    Gone,
    /// Nothing is known of it.
    #[error("no answer")]
    Silent,
}

/// An answer to come.
pub type Asked<T> = Pin<Box<dyn Future<Output = Result<PeerAnswer<T>, PeerError>> + Send>>;

/// A way to other processes. Whoever asks gives up by itself.
pub trait Peers: Send + Sync {
    /// Asks a standby not to take a market over for a while.
    fn hold(&self, standby: &Peer, market: MarketId, token: u64, span: Millis) -> Asked<Held>;

    /// Asks for how long somebody is known to run a market; `by` is who asks.
    fn running(&self, whom: &Peer, market: MarketId, token: u64, by: &Peer) -> Asked<Heard>;
}

/// How long a peer may take.
const PATIENCE: Duration = Duration::from_millis(limits::PEER_PATIENCE_MS);

/// Asks whoever may know of somebody who runs the market. Nobody is known to if all say so, or nobody
/// listens there any more; or if they are silent until the patience is over.
pub(super) async fn inquire(
    peers: &dyn Peers,
    market: MarketId,
    whom: Vec<Peer>,
    token: u64,
    by: &Peer,
) -> Heard {
    let deadline = clock::stopwatch() + PATIENCE;
    let mut asked = JoinSet::new();
    for peer in whom {
        let answer = peers.running(&peer, market, token, by);
        asked.spawn(async move {
            let answer = tokio::time::timeout_at(deadline.into(), answer).await;
            match answer.unwrap_or(Err(PeerError::Silent)) {
                Ok(answer) if answer.owner == peer.owner => Some(answer.said),
                Err(PeerError::Gone) => Some(Heard::Nobody),
                other => {
                    tracing::info!(
                        at = peer.address,
                        ?other,
                        "who may run the market says nothing"
                    );
                    None
                }
            }
        });
    }
    let mut silent = false;
    while let Some(heard) = asked.join_next().await {
        match heard {
            Ok(Some(Heard::Somebody { wait })) => return Heard::Somebody { wait },
            Ok(Some(Heard::Nobody)) => {}
            _ => silent = true,
        }
    }
    if silent {
        // Whoever sleeps meanwhile finds that its own time is over when it wakes.
        tokio::time::sleep_until(deadline.into()).await;
    }
    Heard::Nobody
}

/// Extends a lease that is not renewed, for as long as it can be.
pub(super) struct Extender {
    pub(super) tenure: Arc<Tenure>,
    pub(super) peers: Arc<dyn Peers>,
    pub(super) doubts: mpsc::Sender<(u64, Doubt)>,
}

impl Extender {
    /// Runs beside the keeper; does not end by itself.
    pub(super) async fn run(self) {
        loop {
            let now = clock::stopwatch();
            let changed = self.tenure.changed.notified();
            match self.tenure.look(|lease| lease.extension(now)) {
                Extension::Never => changed.await,
                Extension::Wait { until } => {
                    // Also earlier, if somebody came by; later, if it was renewed.
                    drop(tokio::time::timeout_at(until.into(), changed).await);
                }
                Extension::Alone => self.tenure.with(|lease| lease.go_on(now)),
                Extension::Ask { whom, token, span } => self.ask(whom, token, span).await,
            }
        }
    }

    async fn ask(&self, whom: Vec<Peer>, token: u64, span: Millis) {
        let sent = clock::stopwatch();
        self.tenure.with(|lease| lease.asking(sent));
        // Asked again before that, so that a lost answer is not the end.
        let patience = PATIENCE.min(Duration::from_millis(span.get()) / 6);
        let mut asked = JoinSet::new();
        for peer in whom {
            let answer = self.peers.hold(&peer, self.tenure.market(), token, span);
            asked.spawn(async move {
                let answer = tokio::time::timeout(patience, answer).await;
                let answer = answer.unwrap_or(Err(PeerError::Silent));
                (peer, answer)
            });
        }
        while let Some(told) = asked.join_next().await {
            let now = clock::stopwatch();
            match told {
                Ok((peer, Ok(PeerAnswer { owner, said: Held::Granted })))
                    if owner == peer.owner =>
                {
                    self.tenure.with(|lease| lease.granted(now, sent, token, &owner));
                }
                Ok((_, Ok(PeerAnswer { said: Held::Later { token: later }, .. }))) => {
                    let doubt = (token, Doubt::Fenced { token: later });
                    if self.doubts.send(doubt).await.is_err() {
                        tracing::debug!(later, "the keeper has ended");
                    }
                }
                Ok((peer, other)) => {
                    tracing::warn!(standby = peer.address, ?other, "a standby does not hold back");
                }
                Err(error) => tracing::error!(%error, "a standby could not be asked"),
            }
        }
    }
}
