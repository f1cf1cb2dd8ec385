//! `ProximityService`: questions about who is where.

mod copied;
mod stream;
mod watch;

use std::cell::RefCell;
use std::sync::Arc;

use tonic::{Request, Response, Status, Streaming};

use self::stream::NearestAnswers;
use self::watch::AreaWatch;
use super::convert::{self, FieldError};
use super::door::{Door, time_ms};
use super::life::StreamLife;
use super::proto::{
    CountRequest, CountResponse, DriverHit, NearestRequest, NearestResponse, NearestStreamRequest,
    Source, WatchAreaRequest, WithinRequest, WithinResponse, proximity_service_server,
};
use crate::clock;
use crate::index::Answer;
use crate::model::Within;
use crate::telemetry::Method;
use crate::units::Timestamp;

thread_local! {
    /// The memory with which questions are answered, one a worker.
    static ANSWER: RefCell<Answer> = RefCell::default();
}

/// The service.
#[derive(Clone, Debug)]
pub struct ProximityService {
    door: Arc<Door>,
}

impl ProximityService {
    /// The service behind `door`.
    pub fn new(door: Arc<Door>) -> Self {
        Self { door }
    }

    fn within_page(&self, request: &WithinRequest) -> Result<WithinResponse, FieldError> {
        let door = &*self.door;
        let question = Within {
            area: convert::area(request.area.as_ref())?,
            filter: convert::filter(request.filter.as_ref(), door.stale_after)?,
            page: convert::page(request)?,
        };
        let now = door.now();
        ANSWER.with_borrow_mut(|answer| {
            door.map.within(now, &question, answer);
            let hits = messages(door, now, answer);
            let last = hits.last().filter(|_| answer.more);
            Ok(WithinResponse {
                next_after_driver_id: last.map_or_else(String::new, |hit| hit.driver_id.clone()),
                hits,
                source: Source::Index.into(),
                time_ms: time_ms(now),
                staleness_ms: None,
            })
        })
    }

    fn count_all(&self, request: &CountRequest) -> Result<CountResponse, FieldError> {
        let door = &*self.door;
        let area = convert::area(request.area.as_ref())?;
        let filter = convert::filter(request.filter.as_ref(), door.stale_after)?;
        let now = door.now();
        Ok(CountResponse {
            count: door.map.count(now, &area, &filter),
            source: Source::Index.into(),
            time_ms: time_ms(now),
            staleness_ms: None,
        })
    }

    fn timed<T>(
        &self,
        method: Method,
        work: impl FnOnce() -> Result<T, FieldError>,
    ) -> Result<Response<T>, Status> {
        let started = clock::stopwatch();
        let result = work();
        self.door.metrics.duration(method).record(started.elapsed());
        Ok(Response::new(result?))
    }
}

/// Answers "the k nearest".
fn nearest(door: &Door, request: &NearestRequest) -> Result<NearestResponse, FieldError> {
    let question = convert::nearest(request, door.stale_after)?;
    let now = door.now();
    ANSWER.with_borrow_mut(|answer| {
        door.map.nearest(now, &question, answer);
        Ok(NearestResponse {
            hits: messages(door, now, answer),
            source: Source::Index.into(),
            time_ms: time_ms(now),
            staleness_ms: None,
        })
    })
}

/// The hits as messages; a driver that was forgotten since it was found is left out.
fn messages(door: &Door, now: Timestamp, answer: &Answer) -> Vec<DriverHit> {
    door.map.expect_ids(&answer.hits);
    let mut hits = Vec::with_capacity(answer.hits.len());
    for hit in &answer.hits {
        if let Some(id) = door.map.id(hit.driver) {
            hits.push(convert::hit(now, &id, hit));
        }
    }
    hits
}

#[tonic::async_trait]
impl proximity_service_server::ProximityService for ProximityService {
    type NearestStreamStream = NearestAnswers;
    type WatchAreaStream = AreaWatch;

    async fn nearest(
        &self,
        request: Request<NearestRequest>,
    ) -> Result<Response<NearestResponse>, Status> {
        match self.door.copy() {
            None => self.timed(Method::Nearest, || nearest(&self.door, request.get_ref())),
            Some(copy) => copied::nearest(&self.door, copy, request.get_ref()).await,
        }
    }

    async fn nearest_stream(
        &self,
        request: Request<Streaming<NearestStreamRequest>>,
    ) -> Result<Response<NearestAnswers>, Status> {
        self.door.has_map()?;
        let life = StreamLife::begin(&self.door, request.metadata())?;
        let door = Arc::clone(&self.door);
        Ok(Response::new(NearestAnswers::new(door, request.into_inner(), life)))
    }

    async fn within(
        &self,
        request: Request<WithinRequest>,
    ) -> Result<Response<WithinResponse>, Status> {
        match self.door.copy() {
            None => self.timed(Method::Within, || self.within_page(request.get_ref())),
            Some(copy) => copied::within(&self.door, copy, request.get_ref()).await,
        }
    }

    async fn count(
        &self,
        request: Request<CountRequest>,
    ) -> Result<Response<CountResponse>, Status> {
        match self.door.copy() {
            None => self.timed(Method::Count, || self.count_all(request.get_ref())),
            Some(copy) => copied::count(&self.door, copy, request.get_ref()).await,
        }
    }

    async fn watch_area(
        &self,
        request: Request<WatchAreaRequest>,
    ) -> Result<Response<AreaWatch>, Status> {
        self.door.has_map()?;
        let watch = AreaWatch::new(&self.door, request.get_ref(), request.metadata())?;
        Ok(Response::new(watch))
    }
}
