//! What the server says of itself, now and then.

use std::net::SocketAddr;
use std::time::Duration;

use super::report::{Sample, Spread};
use super::{SAMPLE_EVERY, Scene, until};
use crate::bench::scrape::{self, Page};
use crate::bench::stage::{BenchError, nanos};
use crate::clock;

/// What the server said while it was measured.
pub(super) struct Samples {
    pub(super) all: Vec<Sample>,
    pub(super) first: Page,
    pub(super) last: Page,
    /// From the first page to the last.
    pub(super) between: Duration,
}

/// Looks at the server when it begins to be loaded, when it begins to be measured, now and then, and
/// at the end.
pub(super) async fn samples(scene: &Scene) -> Result<Samples, BenchError> {
    let (first, last, between) = (Page::default(), Page::default(), Duration::ZERO);
    let mut samples = Samples { all: Vec::new(), first, last, between };
    let (mut due, mut began) = (scene.began, clock::stopwatch());
    loop {
        until(due).await;
        let (before, page) = (samples.last, look(scene.options.http).await?);
        samples.all.push(sample(scene, &before, &page));
        if due <= scene.from {
            (samples.first, began) = (page.clone(), clock::stopwatch());
        }
        samples.last = page;
        if due >= scene.until {
            samples.between = began.elapsed();
            return Ok(samples);
        }
        let next = if due < scene.from { scene.from } else { due + SAMPLE_EVERY };
        due = next.min(scene.until);
    }
}

async fn look(http: Option<SocketAddr>) -> Result<Page, BenchError> {
    match http {
        Some(http) => scrape::look(http).await,
        None => Ok(Page::default()),
    }
}

fn sample(scene: &Scene, before: &Page, page: &Page) -> Sample {
    let mut ledger = scene.ledger.lock();
    let lately = std::mem::replace(&mut ledger.lately, nanos());
    let ms = |(_, seconds): (f64, f64)| seconds * 1e3;
    Sample {
        at_s: clock::stopwatch().duration_since(scene.began).as_secs_f64(),
        server_mb: page.value("process_resident_memory_bytes").map(|bytes| bytes / 1e6),
        trips_open: page.sum("hansom_open_trips"),
        request_to_offer: Spread::of(&lately),
        commit_ms: page.mean_since(before, "hansom_journal_commit_seconds").map(ms),
        batch_ms: page.mean_since(before, "hansom_match_batch_seconds").map(ms),
        batch_late_ms: page.mean_since(before, "hansom_match_batch_late_seconds").map(ms),
    }
}
