//! `RiderService`: trips for riders.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::convert;
use super::door::Door;
use super::life::StreamLife;
use super::proto::{
    CancelTripRequest, CancelTripResponse, GetTripRequest, GetTripResponse, QuoteRequest,
    QuoteResponse, RateTripRequest, RateTripResponse, RequestTripRequest, RequestTripResponse,
    WatchTripRequest, rider_service_server,
};
use super::status::Failure;
use super::trip_events::{TripEvents, trip_of};
use crate::dispatch::{Command, Reply, Standing, Stars};

/// The service.
#[derive(Clone, Debug)]
pub struct RiderService {
    door: Arc<Door>,
}

impl RiderService {
    /// The service behind `door`.
    pub fn new(door: Arc<Door>) -> Self {
        Self { door }
    }

    async fn submit(&self, command: Command) -> Result<Reply, Failure> {
        Ok(self.door.market()?.submit(command).await?)
    }
}

/// Whether it had been done before.
pub(super) fn already(standing: Standing) -> bool {
    standing == Standing::AlreadyDone
}

/// What a market cannot answer to such a command.
pub(super) fn odd(reply: &Reply) -> Failure {
    Failure::Odd { reply: format!("{reply:?}") }
}

#[tonic::async_trait]
impl rider_service_server::RiderService for RiderService {
    type WatchTripStream = TripEvents;

    async fn quote(
        &self,
        request: Request<QuoteRequest>,
    ) -> Result<Response<QuoteResponse>, Status> {
        let message = request.get_ref();
        let rider = convert::rider_id(&message.rider_id)?;
        let journey = convert::journey(message.journey.as_ref())?;
        match self.submit(Command::Quote { rider, journey }).await? {
            Reply::Quoted(quote) => Ok(Response::new(convert::quote_message(&quote))),
            reply => Err(odd(&reply).into()),
        }
    }

    async fn request_trip(
        &self,
        request: Request<RequestTripRequest>,
    ) -> Result<Response<RequestTripResponse>, Status> {
        let wanted = convert::trip_request(request.get_ref())?;
        match self.submit(Command::RequestTrip(Box::new(wanted))).await? {
            Reply::Requested { trip, standing } => Ok(Response::new(RequestTripResponse {
                trip_id: trip.to_string(),
                already_done: already(standing),
            })),
            reply => Err(odd(&reply).into()),
        }
    }

    async fn cancel_trip(
        &self,
        request: Request<CancelTripRequest>,
    ) -> Result<Response<CancelTripResponse>, Status> {
        let message = request.get_ref();
        let trip = convert::trip_id("trip_id", &message.trip_id)?;
        let rider = convert::rider_id(&message.rider_id)?;
        let reason = convert::rider_reason(message.reason);
        match self.submit(Command::CancelTrip { trip, rider, reason }).await? {
            Reply::Cancelled { fee, standing } => Ok(Response::new(CancelTripResponse {
                fee: Some(convert::money_message(fee)),
                already_done: already(standing),
            })),
            reply => Err(odd(&reply).into()),
        }
    }

    async fn get_trip(
        &self,
        request: Request<GetTripRequest>,
    ) -> Result<Response<GetTripResponse>, Status> {
        let trip = convert::trip_id("trip_id", &request.get_ref().trip_id)?;
        let found = trip_of(&self.door.market()?, trip).await?;
        Ok(Response::new(GetTripResponse { trip: Some(convert::trip_message(&found)) }))
    }

    async fn watch_trip(
        &self,
        request: Request<WatchTripRequest>,
    ) -> Result<Response<TripEvents>, Status> {
        let market = self.door.market()?;
        let life = StreamLife::begin(&self.door, request.metadata())?;
        let message = request.get_ref();
        let trip = convert::trip_id("trip_id", &message.trip_id)?;
        Ok(Response::new(TripEvents::open(market, life, trip, message.after_ordinal).await?))
    }

    async fn rate_trip(
        &self,
        request: Request<RateTripRequest>,
    ) -> Result<Response<RateTripResponse>, Status> {
        let message = request.get_ref();
        let trip = convert::trip_id("trip_id", &message.trip_id)?;
        let by = convert::rater(message.by.as_ref())?;
        let stars = Stars::try_from(message.stars).map_err(|error| convert::FieldError {
            field: "stars".to_owned(),
            detail: error.to_string(),
        })?;
        match self.submit(Command::RateTrip { trip, by, stars }).await? {
            Reply::Noted(standing) => {
                Ok(Response::new(RateTripResponse { already_done: already(standing) }))
            }
            reply => Err(odd(&reply).into()),
        }
    }
}
