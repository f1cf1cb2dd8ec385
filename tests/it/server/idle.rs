//! What a server does when there is nothing to do.

use std::sync::atomic::{AtomicU64, Ordering};

use hansom::api::proto::CountRequest;
use hansom::index::IndexConfig;
use hansom::server::ServerConfig;

use super::support::{Fixture, eventually, soon};

static GIVEN_BACK: AtomicU64 = AtomicU64::new(0);

fn give_back() {
    GIVEN_BACK.fetch_add(1, Ordering::Relaxed);
}

#[tokio::test]
async fn a_worker_that_has_worked_gives_memory_back_when_it_is_quiet() {
    let change = |config: &mut ServerConfig| {
        config.threads = 1;
        config.give_back = give_back;
    };
    let fixture = Fixture::with(IndexConfig::default(), change).await;
    for _ in 0..2 {
        let before = GIVEN_BACK.load(Ordering::Relaxed);
        soon(fixture.proximity().count(CountRequest::default())).await.unwrap_err();
        let given = || async { GIVEN_BACK.load(Ordering::Relaxed) > before };
        eventually("memory is given back", given).await;
    }
}
