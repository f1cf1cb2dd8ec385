//! The control thread: accepts, lets time pass, serves HTTP, spreads the news of a drain.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::accept::{self, Accepted};
use super::health;
use crate::api::Door;
use crate::web::{self, HttpLimits};

/// How often time passes for the map.
const TICK: Duration = Duration::from_secs(1);

pub(super) struct Control {
    pub(super) door: Arc<Door>,
    pub(super) health: HealthReporter,
    pub(super) grpc: TcpListener,
    pub(super) http: Option<TcpListener>,
    pub(super) http_limits: HttpLimits,
    pub(super) queues: Vec<mpsc::Sender<Accepted>>,
}

impl Control {
    /// Runs until `stop` becomes true.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        health::tell(&self.health, ServingStatus::Serving).await;
        let Self { door, health, grpc, http, http_limits, queues } = self;
        let mut drain = door.drain();
        let accepting = async {
            match tokio::net::TcpListener::from_std(grpc) {
                Ok(listener) => accept::accept(listener, Arc::clone(&door), queues).await,
                Err(error) => tracing::error!(%error, "cannot serve gRPC"),
            }
        };
        let until_drain = async {
            tokio::select! {
                () = accepting => {}
                _ = drain.wait_for(|&draining| draining) => {}
            }
            health::tell(&health, ServingStatus::NotServing).await;
            // The workers have their own deadline; HTTP and time go on until they are done.
            std::future::pending::<()>().await;
        };
        let serving = async {
            if let Some(listener) = http
                && let Err(error) = web::serve(listener, Arc::clone(&door), http_limits).await
            {
                tracing::error!(%error, "cannot serve HTTP");
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = until_drain => {}
            () = serving => {}
            () = tick(&door, &health) => {}
            _ = stop.wait_for(|&stop| stop) => {}
        }
    }
}

/// Lets time pass, and notes how the market is doing.
async fn tick(door: &Door, health: &HealthReporter) {
    let mut told = ServingStatus::Serving;
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if let Some(now) = door.started() {
            let advance = door.map.advance(now);
            door.metrics.drivers_gone_stale.increment(advance.went_stale);
            door.metrics.drivers_forgotten.increment(advance.forgotten);
            if advance.forgotten > 0 {
                tracing::debug!(forgotten = advance.forgotten, "drivers were forgotten");
            }
        }
        let market = health::of_market(door);
        if market != told && !door.is_draining() {
            health::tell_of_market(health, market).await;
            told = market;
            if door.is_draining() {
                // The drain began while that was told, and its own word may have come before ours.
                health::tell_of_market(health, ServingStatus::NotServing).await;
            }
        }
        door.refresh_gauges();
        door.metrics.upkeep();
    }
}
