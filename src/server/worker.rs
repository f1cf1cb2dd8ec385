//! A worker: serves gRPC on the connections that it is handed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::codegen::http::Response;
use tonic::service::Routes;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::HealthReporter;
use tonic_web::GrpcWebLayer;
use tower::util::{MapResponseLayer, option_layer};

use super::Drained;
use super::accept::Accepted;
use super::browsers::WebOrigins;
use super::busy::{self, Arrivals};
use super::errors::CountErrors;
use super::guard::GuardLayer;
use super::health::HealthWatch;
use super::services::{All, Services};
use super::wire::Wire;
use crate::api::proto::FILE_DESCRIPTOR_SET;
use crate::api::proto::admin_service_server::AdminServiceServer;
use crate::api::proto::driver_service_server::DriverServiceServer;
use crate::api::proto::proximity_service_server::ProximityServiceServer;
use crate::api::proto::rider_service_server::RiderServiceServer;
use crate::api::proto::succession_service_server::SuccessionServiceServer;
use crate::api::status::unreadable_call;
use crate::api::{
    AdminService, Door, DriverService, ProximityService, RiderService, SuccessionService,
};
use crate::limits;
use crate::succession::Tenure;

/// A worker to which nothing has come for so long has nothing to do.
const QUIET: Duration = Duration::from_secs(1);

/// Puts what tonic says of a request that it cannot read in our terms.
type Unreadable = MapResponseLayer<fn(Response<Body>) -> Response<Body>>;

pub(super) struct Worker {
    pub(super) door: Arc<Door>,
    pub(super) tenure: Option<Arc<Tenure>>,
    pub(super) health: HealthReporter,
    /// How long a connection may take to say its first bytes.
    pub(super) greeting: Duration,
    /// For how long it looks for more before it sleeps.
    pub(super) busy_poll: Duration,
    pub(super) web_origins: WebOrigins,
    pub(super) drain_timeout: Duration,
    pub(super) give_back: fn(),
}

impl Worker {
    /// Serves until the drain is over, or `stop` becomes true.
    pub(super) async fn run(
        self,
        queue: mpsc::Receiver<Accepted>,
        mut stop: watch::Receiver<bool>,
    ) -> Drained {
        let mut draining = self.door.drain();
        let mut told = self.door.drain();
        let arrivals = Arc::new(Arrivals::new(!self.busy_poll.is_zero()));
        let wire = |accepted: Accepted| {
            Ok::<_, io::Error>(Wire::new(accepted.adopt()?, self.greeting, Arc::clone(&arrivals)))
        };
        let incoming = ReceiverStream::new(queue).map(wire);
        let transport = builder()
            .layer(option_layer(self.web_origins.layer()))
            .layer(GrpcWebLayer::new())
            .layer(CountErrors(Arc::clone(&self.door.metrics)))
            // Inside, where there are messages in frames, whatever the client speaks.
            .layer(GuardLayer)
            // Inside of what counts: so that what is counted is what the caller is told.
            .layer(Unreadable::new(unreadable_call));
        let until = async move { drop(draining.wait_for(|&draining| draining).await) };
        let serve = transport.serve_with_incoming_shutdown(self.services(), incoming, until);
        let deadline = async move {
            drop(told.wait_for(|&draining| draining).await);
            tokio::time::sleep(self.drain_timeout).await;
        };
        // They end with the runtime.
        tokio::spawn(tidy(Arc::clone(&arrivals), self.give_back));
        if !self.busy_poll.is_zero() {
            tokio::spawn(busy::look(Arc::clone(&arrivals), self.busy_poll));
        }
        tokio::select! {
            served = serve => {
                if let Err(error) = served {
                    tracing::error!(%error, "a worker cannot serve");
                }
                Drained::Finished
            }
            () = deadline => Drained::Cut,
            _ = stop.wait_for(|&stop| stop) => Drained::Cut,
        }
    }

    fn services(&self) -> Services {
        let driver = DriverServiceServer::new(DriverService::new(Arc::clone(&self.door)))
            .accept_compressed(Gzip)
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let proximity = ProximityServiceServer::new(ProximityService::new(Arc::clone(&self.door)))
            .accept_compressed(Gzip)
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let rider = RiderServiceServer::new(RiderService::new(Arc::clone(&self.door)))
            .accept_compressed(Gzip)
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let admin = AdminServiceServer::new(AdminService::new(Arc::clone(&self.door)))
            .accept_compressed(Gzip)
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let succession = SuccessionServiceServer::new(SuccessionService::new(self.tenure.clone()))
            .accept_compressed(Gzip)
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let health = HealthWatch::new(Arc::clone(&self.door), self.health.clone());
        let health = HealthServer::new(health)
            .accept_compressed(Gzip)
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        // The descriptors are compiled in: a test reads them, so that this cannot fail in use.
        let v1 = reflection().build_v1().ok().map(|service| service.accept_compressed(Gzip));
        let v1alpha =
            reflection().build_v1alpha().ok().map(|service| service.accept_compressed(Gzip));
        let rare = Routes::new(admin).add_service(succession).add_service(health);
        let rare = match v1 {
            Some(service) => rare.add_service(service),
            None => rare,
        };
        let others = match v1alpha {
            Some(service) => rare.add_service(service),
            None => rare,
        };
        Services::new(All { driver, proximity, rider, others })
    }
}

/// Gives back what this thread has freed, once it has nothing to do.
async fn tidy(arrivals: Arc<Arrivals>, give_back: fn()) {
    let mut interval = tokio::time::interval(QUIET);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut before, mut tidied) = (0, 0);
    loop {
        interval.tick().await;
        let now = arrivals.count();
        if now == before && now != tidied {
            give_back();
            tidied = now;
        }
        before = now;
    }
}

/// The transport, with each limit passed explicitly.
fn builder() -> tonic::transport::Server {
    tonic::transport::Server::builder()
        // HTTP/1.1 is for gRPC-Web alone.
        .accept_http1(true)
        .timeout(Duration::from_secs(limits::MAX_CALL_SECONDS))
        .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(limits::MAX_STREAMS_PER_CONNECTION)
        .max_frame_size(limits::MAX_FRAME_BYTES)
        .http2_max_header_list_size(limits::MAX_HEADER_BYTES)
        .http2_keepalive_interval(Some(Duration::from_secs(limits::KEEPALIVE_INTERVAL_SECONDS)))
        .http2_keepalive_timeout(Some(Duration::from_secs(limits::KEEPALIVE_TIMEOUT_SECONDS)))
}
