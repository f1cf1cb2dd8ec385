//! A fresh server that starts from what Redis holds: when it answers, and when it knows all.

use std::time::Duration;

use serde::Serialize;

use super::{Scene, serve};
use crate::api::proto::{NearestRequest, Source};
use crate::bench::fleet::Fleet;
use crate::bench::scrape;
use crate::bench::stage::BenchError;
use crate::client::{Asker, connect};
use crate::clock;
use crate::units::Meters;

/// How often it is asked.
const LOOK: Duration = Duration::from_millis(20);

/// After so long it has failed.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a start came to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Warm {
    /// Drivers that it learnt from Redis.
    pub learnt: f64,
    /// From the start of its process to its first answer, from Redis, in seconds.
    pub first_answer_s: f64,
    /// Whether that answer came from Redis, and had somebody in it.
    pub from_redis: bool,
    /// To the first answer from its own map, in seconds.
    pub ready_s: f64,
    /// Questions that it could not answer in between.
    pub unanswered: u64,
}

pub(super) async fn measure(scene: &mut Scene) -> Result<Warm, BenchError> {
    // What was carried last is there; then the old one is killed, as a crash would.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let redis = scene.redis.url();
    let mut fleet = Fleet::new(scene.options.drivers, scene.options.seed, clock::wall_now());
    drop(scene.server.kill());
    let begun = clock::stopwatch();
    scene.server = serve(&scene.options, Some(&redis), None)?;
    let mut asker = Asker::new(connect(&scene.target()).await?);
    let radius = Meters::new(5_000.0).unwrap_or(Meters::ZERO);
    let mut warm = Warm {
        learnt: 0.0,
        first_answer_s: f64::INFINITY,
        from_redis: false,
        ready_s: f64::INFINITY,
        unanswered: 0,
    };
    while begun.elapsed() < PATIENCE {
        let question: NearestRequest = fleet.question(10, radius);
        let Ok(answer) = asker.nearest(question).await else {
            warm.unanswered += 1;
            tokio::time::sleep(LOOK).await;
            continue;
        };
        let now = begun.elapsed().as_secs_f64();
        if warm.first_answer_s.is_infinite() {
            warm.first_answer_s = now;
            warm.from_redis = answer.source() == Source::Redis && !answer.hits.is_empty();
        }
        if answer.source() == Source::Index {
            warm.ready_s = now;
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    let page = scrape::look(scene.server.http).await?;
    warm.learnt = page.value("hansom_mirror_warmed_total").unwrap_or_default();
    Ok(warm)
}
