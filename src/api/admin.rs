//! `AdminService`: how the service stands, and why it decided as it did.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::convert;
use super::door::{Door, time_ms};
use super::listing;
use super::proto::{
    Candidate, ExplainRequest, ExplainResponse, ListDriversRequest, ListDriversResponse,
    ListOpenTripsRequest, ListOpenTripsResponse, StateCount, StatusRequest, StatusResponse,
    admin_service_server,
};
use super::status::Failure;
use crate::dispatch::TripState;
use crate::dispatch::policy::{Explanation, Proof};

/// The service.
#[derive(Clone, Debug)]
pub struct AdminService {
    door: Arc<Door>,
}

impl AdminService {
    /// The service behind `door`.
    pub fn new(door: Arc<Door>) -> Self {
        Self { door }
    }

    fn describe(&self) -> Result<StatusResponse, Failure> {
        let market = self.door.market()?;
        let (state, journal) = (market.state(), market.journal());
        let counted = TripState::ALL.into_iter().zip(state.counts.by_state);
        let open = counted.filter(|(_, count)| *count > 0).map(|(state, count)| StateCount {
            state: convert::state_message(state).into(),
            count: count as u64,
        });
        Ok(StatusResponse {
            market: market.market().to_string(),
            policy: state.policy.to_owned(),
            down: state.down.unwrap_or_default(),
            events: state.head.seq.0,
            trips: state.head.trips,
            open: open.collect(),
            bound_drivers: state.counts.bound_drivers as u64,
            ended_trips: journal.ended,
            journal_bytes: journal.bytes,
            watched_trips: market.watched() as u64,
            time_ms: time_ms(self.door.now()),
        })
    }
}

fn explanation(explained: &Explanation) -> ExplainResponse {
    let candidates = explained.considered.iter().enumerate().map(|(i, alternative)| Candidate {
        driver_id: alternative.edge.driver.to_string(),
        pickup_ms: alternative.edge.pickup.duration.get(),
        pickup_m: alternative.edge.pickup.distance.get(),
        cost_ms: alternative.edge.cost.get(),
        offered_trip_id: alternative.given.map(|trip| trip.to_string()).unwrap_or_default(),
        chosen: explained.chosen == Some(i),
        next: explained.next == Some(i),
    });
    ExplainResponse {
        trip_id: explained.trip.to_string(),
        decided_at_ms: explained.at.as_millis(),
        policy: explained.policy.to_string(),
        waiting_ms: explained.waiting.get(),
        price_ms: explained.price.get(),
        candidates: candidates.collect(),
        gap_ms: match explained.proof {
            Proof::None => None,
            Proof::Within(gap) => Some(gap.get()),
        },
    }
}

#[tonic::async_trait]
impl admin_service_server::AdminService for AdminService {
    async fn status(
        &self,
        _request: Request<StatusRequest>,
    ) -> Result<Response<StatusResponse>, Status> {
        Ok(Response::new(self.describe()?))
    }

    async fn explain(
        &self,
        request: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        let trip = convert::trip_id("trip_id", &request.get_ref().trip_id)?;
        let market = self.door.market()?;
        let explained = match market.explain(trip).await.map_err(Failure::from)? {
            None => market.explain_from_log(trip).await.map_err(Failure::from)?,
            explained => explained,
        };
        let explained = explained.ok_or(Failure::Undecided { trip })?;
        Ok(Response::new(explanation(&explained)))
    }

    async fn list_drivers(
        &self,
        request: Request<ListDriversRequest>,
    ) -> Result<Response<ListDriversResponse>, Status> {
        Ok(Response::new(listing::drivers(&self.door, request.get_ref())?))
    }

    async fn list_open_trips(
        &self,
        request: Request<ListOpenTripsRequest>,
    ) -> Result<Response<ListOpenTripsResponse>, Status> {
        Ok(Response::new(listing::open_trips(&self.door, request.get_ref()).await?))
    }
}
