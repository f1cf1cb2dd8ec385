//! The health service: the library's, but its watches end when the server drains, so that a
//! client that watches does not hold the drain up to its deadline.
//!
//! The service of riders is healthy while this process runs a market that takes commands. The others,
//! and the server as a whole, are so until it drains: positions and questions need no market.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio_stream::Stream;
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_health::server::{HealthReporter, HealthService};

use crate::api::proto::admin_service_server::SERVICE_NAME as ADMIN_SERVICE;
use crate::api::proto::driver_service_server::SERVICE_NAME as DRIVER_SERVICE;
use crate::api::proto::proximity_service_server::SERVICE_NAME as PROXIMITY_SERVICE;
use crate::api::proto::rider_service_server::SERVICE_NAME as RIDER_SERVICE;
use crate::api::{Door, StreamLife};

/// The services of which health is told; "" is the server as a whole.
const SERVICES: [&str; 5] = ["", DRIVER_SERVICE, RIDER_SERVICE, PROXIMITY_SERVICE, ADMIN_SERVICE];

/// A reporter that knows of nothing yet.
pub(super) fn reporter() -> HealthReporter {
    HealthReporter::new()
}

/// Tells that each service serves, or none.
pub(super) async fn tell(reporter: &HealthReporter, status: ServingStatus) {
    for service in SERVICES {
        reporter.set_service_status(service, status).await;
    }
}

/// Tells the health of what needs a market.
pub(super) async fn tell_of_market(reporter: &HealthReporter, status: ServingStatus) {
    reporter.set_service_status(RIDER_SERVICE, status).await;
}

/// How what needs a market is doing.
pub(super) fn of_market(door: &Door) -> ServingStatus {
    let takes_commands = door.market().is_ok_and(|market| market.state().down.is_none());
    if takes_commands && !door.is_draining() {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}

/// The service.
pub(super) struct HealthWatch {
    door: Arc<Door>,
    inner: HealthService,
}

impl HealthWatch {
    pub(super) fn new(door: Arc<Door>, reporter: HealthReporter) -> Self {
        Self { door, inner: HealthService::from_health_reporter(reporter) }
    }
}

#[tonic::async_trait]
impl Health for HealthWatch {
    type WatchStream = Mortal<<HealthService as Health>::WatchStream>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        self.inner.check(request).await
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let life = StreamLife::begin(&self.door, request.metadata())?;
        let inner = self.inner.watch(request).await?.into_inner();
        Ok(Response::new(Mortal { inner: Box::pin(inner), life, ended: false }))
    }
}

/// A stream that ends with its right to live.
pub(super) struct Mortal<S> {
    inner: Pin<Box<S>>,
    life: StreamLife,
    ended: bool,
}

impl<T, S: Stream<Item = Result<T, Status>>> Stream for Mortal<S> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // First what there is to tell: the last news is that the server does not serve.
        match self.inner.as_mut().poll_next(cx) {
            Poll::Pending => match self.life.poll_end(cx) {
                Some(failure) => {
                    self.ended = true;
                    Poll::Ready(Some(Err(failure.into())))
                }
                None => Poll::Pending,
            },
            ready @ Poll::Ready(_) => ready,
        }
    }
}
