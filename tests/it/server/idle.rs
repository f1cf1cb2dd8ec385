//! What a server does when there is nothing to do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hansom::api::proto::CountRequest;
use hansom::index::IndexConfig;
use hansom::server::{Drained, ServerConfig};

use super::support::{Fixture, eventually, soon};

static GIVEN_BACK: AtomicU64 = AtomicU64::new(0);

fn give_back() {
    GIVEN_BACK.fetch_add(1, Ordering::Relaxed);
}

/// With and without looking for more before it sleeps: that must keep it from nothing.
#[tokio::test]
async fn a_worker_that_has_worked_gives_memory_back_when_it_is_quiet_and_drains() {
    for busy_poll in [Duration::ZERO, Duration::from_millis(1)] {
        let change = |config: &mut ServerConfig| {
            config.threads = 1;
            config.busy_poll = busy_poll;
            config.give_back = give_back;
        };
        let fixture = Fixture::with(IndexConfig::default(), change).await;
        for _ in 0..2 {
            let before = GIVEN_BACK.load(Ordering::Relaxed);
            for _ in 0..20 {
                soon(fixture.proximity().count(CountRequest::default())).await.unwrap_err();
            }
            let given = || async { GIVEN_BACK.load(Ordering::Relaxed) > before };
            eventually("memory is given back", given).await;
        }
        let Fixture { running, .. } = fixture;
        let drained = tokio::task::spawn_blocking(move || running.drain());
        assert_eq!(soon(drained).await.unwrap(), Drained::Finished);
    }
}
