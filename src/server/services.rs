//! Which service a call is for.
//!
//! Nearly all calls are for three services, which are found by name and called at once. The transport's
//! router, which matches paths of any form and packs what passes through it anew, has the others.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body as HttpBody, Bytes};
use hyper::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service};
use tonic::service::Routes;

use crate::api::proto::driver_service_server::{self, DriverServiceServer};
use crate::api::proto::proximity_service_server::{self, ProximityServiceServer};
use crate::api::proto::rider_service_server::{self, RiderServiceServer};
use crate::api::{DriverService, ProximityService, RiderService};

/// All that is served.
#[derive(Clone)]
pub(super) struct Services(Arc<All>);

/// One copy of it a worker: what is handed from call to call is a pointer.
pub(super) struct All {
    pub(super) driver: DriverServiceServer<DriverService>,
    pub(super) proximity: ProximityServiceServer<ProximityService>,
    pub(super) rider: RiderServiceServer<RiderService>,
    /// Whoever is called rarely, and what is said to those who ask for a service that is not there.
    pub(super) others: Routes,
}

impl Services {
    pub(super) fn new(all: All) -> Self {
        Self(Arc::new(All { others: all.others.prepare(), ..all }))
    }
}

impl<B> Service<Request<B>> for Services
where
    B: HttpBody<Data = Bytes, Error = Status> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let All { driver, proximity, rider, others } = &*self.0;
        match service(request.uri().path()) {
            Some(driver_service_server::SERVICE_NAME) => driver.clone().call(request),
            Some(proximity_service_server::SERVICE_NAME) => proximity.clone().call(request),
            Some(rider_service_server::SERVICE_NAME) => rider.clone().call(request),
            _ => Box::pin(others.clone().call(request)),
        }
    }
}

/// The service in the path of a call, `/service/method`.
fn service(path: &str) -> Option<&str> {
    path.strip_prefix('/')?.split_once('/').map(|(service, _)| service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_service_or_none() {
        let due = Some(driver_service_server::SERVICE_NAME);
        assert_eq!(service("/hansom.v1.DriverService/Report"), due);
        for other in ["/hansom.v1.DriverService", "hansom.v1.DriverService/Report", "", "/"] {
            assert_ne!(service(other), due, "{other}");
        }
        assert_eq!(service("/hansom.v1.DriverServiceX/Report"), Some("hansom.v1.DriverServiceX"));
    }
}
