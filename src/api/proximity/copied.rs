//! The same answers from the copy in Redis.

use tonic::{Response, Status};

use crate::api::convert;
use crate::api::door::{Door, time_ms};
use crate::api::proto::{
    CountRequest, CountResponse, DriverHit, NearestRequest, NearestResponse, Source, WithinRequest,
    WithinResponse,
};
use crate::api::status::Failure;
use crate::clock;
use crate::index::Hit;
use crate::mirror::{CopyAnswer, Fallback};
use crate::model::{DriverKey, Within};
use crate::telemetry::Method;
use crate::units::Timestamp;

pub(super) async fn nearest(
    door: &Door,
    copy: &Fallback,
    request: &NearestRequest,
) -> Result<Response<NearestResponse>, Status> {
    let started = clock::stopwatch();
    let question = convert::nearest(request, door.stale_after)?;
    let now = door.now();
    let answer = copy.nearest(now, &question).await.map_err(Failure::from)?;
    door.metrics.duration(Method::Nearest).record(started.elapsed());
    Ok(Response::new(NearestResponse {
        hits: messages(now, &answer),
        source: Source::Redis.into(),
        time_ms: time_ms(now),
        staleness_ms: staleness(now, &answer),
    }))
}

pub(super) async fn within(
    door: &Door,
    copy: &Fallback,
    request: &WithinRequest,
) -> Result<Response<WithinResponse>, Status> {
    let started = clock::stopwatch();
    let question = Within {
        area: convert::area(request.area.as_ref())?,
        filter: convert::filter(request.filter.as_ref(), door.stale_after)?,
        page: convert::page(request)?,
    };
    let now = door.now();
    let answer = copy.within(now, &question).await.map_err(Failure::from)?;
    door.metrics.duration(Method::Within).record(started.elapsed());
    let hits = messages(now, &answer);
    let last = hits.last().filter(|_| answer.more);
    Ok(Response::new(WithinResponse {
        next_after_driver_id: last.map_or_else(String::new, |hit| hit.driver_id.clone()),
        hits,
        source: Source::Redis.into(),
        time_ms: time_ms(now),
        staleness_ms: staleness(now, &answer),
    }))
}

pub(super) async fn count(
    door: &Door,
    copy: &Fallback,
    request: &CountRequest,
) -> Result<Response<CountResponse>, Status> {
    let started = clock::stopwatch();
    let area = convert::area(request.area.as_ref())?;
    let filter = convert::filter(request.filter.as_ref(), door.stale_after)?;
    let now = door.now();
    let answer = copy.count(now, &area, &filter).await.map_err(Failure::from)?;
    door.metrics.duration(Method::Count).record(started.elapsed());
    Ok(Response::new(CountResponse {
        count: answer.count,
        source: Source::Redis.into(),
        time_ms: time_ms(now),
        staleness_ms: staleness(now, &answer),
    }))
}

fn messages(now: Timestamp, answer: &CopyAnswer) -> Vec<DriverHit> {
    let message = |found: &crate::mirror::Found| {
        let hit = Hit {
            // Known to nobody: only the name is told.
            driver: DriverKey(0),
            position: found.entry.position,
            distance: found.distance,
            at: found.entry.at,
            status: found.entry.status,
            profile: found.entry.profile,
        };
        convert::hit(now, &found.id, &hit)
    };
    answer.hits.iter().map(message).collect()
}

fn staleness(now: Timestamp, answer: &CopyAnswer) -> Option<u64> {
    answer.complete.map(|complete| now.since(complete).get())
}
