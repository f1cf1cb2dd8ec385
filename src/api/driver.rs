//! `DriverService`: positions in, and what drivers do with their trips.

use std::sync::Arc;

use tonic::{Request, Response, Status, Streaming};

use super::connect::ConnectStream;
use super::convert;
use super::door::{Door, time_ms};
use super::driving;
use super::fleet::FleetStream;
use super::ingest::IngestStream;
use super::life::StreamLife;
use super::proto::driver_command::What;
use super::proto::{
    AcceptOfferRequest, AcceptOfferResponse, ArriveRequest, ArriveResponse, CancelAsDriver,
    CancelAsDriverRequest, CancelAsDriverResponse, CompleteTrip, CompleteTripRequest,
    CompleteTripResponse, ConnectFleetRequest, ConnectRequest, DeclineOfferRequest,
    DeclineOfferResponse, GetDriverRequest, GetDriverResponse, IngestRequest, RejectReason,
    ReportRequest, ReportResponse, SetStatusRequest, SetStatusResponse, Source, StartTripRequest,
    StartTripResponse, driver_service_server,
};
use super::rider::{already, odd};
use super::status::Failure;
use super::tally::{Tally, reason_message};
use crate::clock;
use crate::dispatch::Reply;
use crate::ids::DriverId;
use crate::index::{BatchOutcome, FullError};
use crate::model::{Reason, Report};
use crate::telemetry::Method;
use crate::units::Timestamp;

/// The service.
#[derive(Clone, Debug)]
pub struct DriverService {
    door: Arc<Door>,
}

impl DriverService {
    /// The service behind `door`.
    pub fn new(door: Arc<Door>) -> Self {
        Self { door }
    }

    fn report_one(&self, request: &ReportRequest) -> Result<ReportResponse, Failure> {
        let door = &*self.door;
        let id = convert::driver_id(&request.driver_id)?;
        let message = request.report.as_ref();
        let message = message.ok_or_else(|| convert::FieldError::missing("report"))?;
        let values = convert::report("report.", message)?;
        let profile = request.profile.as_ref().map(convert::profile).transpose()?;
        door.clock.observe(values.at);
        let now = door.now();
        let mut outcome = BatchOutcome::default();
        let values = convert::ReportValues { status: door.settable(&id, values.status), ..values };
        let mut report = judge(door, now, &id, values, &mut outcome)?;
        if matches!(outcome.rejected.as_slice(), [(_, Reason::UnknownDriver)]) {
            // It was forgotten in between.
            report = judge(door, now, &id, values, &mut outcome)?;
        }
        let mut tally = Tally::default();
        tally.apply(&door.metrics, outcome.applied, outcome.implausible);
        let rejected = outcome.rejected.first().map(|&(_, reason)| reason_message(reason));
        if let Some(reason) = rejected {
            tally.reject(&door.metrics, reason, 1);
        } else {
            door.introduce(&id, report.driver, profile, None);
            if door.is_recorded() {
                door.record(vec![(id, report)]);
            }
        }
        Ok(ReportResponse {
            applied: rejected.is_none(),
            implausible: outcome.implausible > 0,
            reason: rejected.unwrap_or_default().into(),
            detail: rejected
                .and_then(|reason| time_detail(reason, now, values))
                .unwrap_or_default(),
        })
    }

    fn describe(&self, request: &GetDriverRequest) -> Result<GetDriverResponse, Failure> {
        let id = convert::driver_id(&request.driver_id)?;
        let now = self.door.now();
        let map = &self.door.map;
        let driver = map.find(&id).and_then(|key| map.driver(now, key));
        let driver = driver.ok_or_else(|| Failure::unknown(&id))?;
        Ok(GetDriverResponse {
            driver_id: request.driver_id.clone(),
            position: driver.fix.map(|fix| convert::position_message(fix.position)),
            age_ms: driver.fix.map_or(0, |fix| now.since(fix.at).get()),
            status: convert::status_message(driver.status).into(),
            profile: Some(convert::profile_message(driver.profile)),
            motion: driver.fix.and_then(|fix| convert::motion_message(fix.motion)),
            source: Source::Index.into(),
            time_ms: time_ms(now),
        })
    }

    fn timed<T>(
        &self,
        method: Method,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<Response<T>, Status> {
        let started = clock::stopwatch();
        let result = work();
        self.door.metrics.duration(method).record(started.elapsed());
        Ok(Response::new(result?))
    }
}

/// What is wrong with the time of a report that is refused for it. The map alone knows its
/// settings, so they are named as the configuration has them.
fn time_detail(
    reason: RejectReason,
    now: Timestamp,
    values: convert::ReportValues,
) -> Option<String> {
    if !matches!(reason, RejectReason::TooOld | RejectReason::InFuture) {
        return None;
    }
    let (at, now) = (values.at.as_millis(), time_ms(now));
    let allowed = format_args!("{now} - forget_after + 1..={now} + max_clock_skew");
    Some(convert::FieldError::range("report.device_time_ms", at, allowed).detail)
}

/// Applies a report that came alone. A driver that only a refused one spoke of is not known
/// afterwards.
fn judge(
    door: &Door,
    now: Timestamp,
    id: &DriverId,
    values: convert::ReportValues,
    outcome: &mut BatchOutcome,
) -> Result<Report, FullError> {
    let known = door.map.find(id);
    let driver = match known {
        Some(driver) => driver,
        None => door.map.bind(now, id)?,
    };
    let convert::ReportValues { position, at, motion, status } = values;
    let report = Report { driver, position, at, motion, status };
    outcome.clear();
    door.map.apply(now, &[report], outcome);
    let stays = known.is_some() || outcome.rejected.is_empty();
    // Another call may have brought a position meanwhile. One that has only bound the driver finds
    // it forgotten with its first report, as after a silence, and makes it known again.
    if !stays && door.map.driver(now, driver).is_some_and(|driver| driver.fix.is_none()) {
        door.map.forget(driver);
    }
    Ok(report)
}

#[tonic::async_trait]
impl driver_service_server::DriverService for DriverService {
    type ConnectStream = ConnectStream;
    type IngestStream = IngestStream;
    type ConnectFleetStream = FleetStream;

    async fn connect(
        &self,
        request: Request<Streaming<ConnectRequest>>,
    ) -> Result<Response<ConnectStream>, Status> {
        let life = StreamLife::begin(&self.door, request.metadata())?;
        let door = Arc::clone(&self.door);
        Ok(Response::new(ConnectStream::new(door, request.into_inner(), life)))
    }

    async fn ingest(
        &self,
        request: Request<Streaming<IngestRequest>>,
    ) -> Result<Response<IngestStream>, Status> {
        let life = StreamLife::begin(&self.door, request.metadata())?;
        let door = Arc::clone(&self.door);
        Ok(Response::new(IngestStream::new(door, request.into_inner(), life)))
    }

    async fn connect_fleet(
        &self,
        request: Request<Streaming<ConnectFleetRequest>>,
    ) -> Result<Response<FleetStream>, Status> {
        let life = StreamLife::begin(&self.door, request.metadata())?;
        Ok(Response::new(FleetStream::open(&self.door, request.into_inner(), life)?))
    }

    async fn report(
        &self,
        request: Request<ReportRequest>,
    ) -> Result<Response<ReportResponse>, Status> {
        self.timed(Method::Report, || self.report_one(request.get_ref()))
    }

    async fn set_status(
        &self,
        request: Request<SetStatusRequest>,
    ) -> Result<Response<SetStatusResponse>, Status> {
        let started = clock::stopwatch();
        let result = driving::set_status(&self.door, request.get_ref()).await;
        self.door.metrics.duration(Method::SetStatus).record(started.elapsed());
        Ok(Response::new(result?))
    }

    async fn get_driver(
        &self,
        request: Request<GetDriverRequest>,
    ) -> Result<Response<GetDriverResponse>, Status> {
        self.timed(Method::GetDriver, || self.describe(request.get_ref()))
    }

    async fn accept_offer(
        &self,
        request: Request<AcceptOfferRequest>,
    ) -> Result<Response<AcceptOfferResponse>, Status> {
        let AcceptOfferRequest { driver_id, offer_id } = request.into_inner();
        let answer = |already_done| AcceptOfferResponse { already_done };
        driving::note(&self.door, &driver_id, What::AcceptOfferId(offer_id), answer).await
    }

    async fn decline_offer(
        &self,
        request: Request<DeclineOfferRequest>,
    ) -> Result<Response<DeclineOfferResponse>, Status> {
        let DeclineOfferRequest { driver_id, offer_id } = request.into_inner();
        let answer = |already_done| DeclineOfferResponse { already_done };
        driving::note(&self.door, &driver_id, What::DeclineOfferId(offer_id), answer).await
    }

    async fn arrive(
        &self,
        request: Request<ArriveRequest>,
    ) -> Result<Response<ArriveResponse>, Status> {
        let ArriveRequest { driver_id, trip_id } = request.into_inner();
        let answer = |already_done| ArriveResponse { already_done };
        driving::note(&self.door, &driver_id, What::ArriveTripId(trip_id), answer).await
    }

    async fn start_trip(
        &self,
        request: Request<StartTripRequest>,
    ) -> Result<Response<StartTripResponse>, Status> {
        let StartTripRequest { driver_id, trip_id } = request.into_inner();
        let answer = |already_done| StartTripResponse { already_done };
        driving::note(&self.door, &driver_id, What::StartTripId(trip_id), answer).await
    }

    async fn complete_trip(
        &self,
        request: Request<CompleteTripRequest>,
    ) -> Result<Response<CompleteTripResponse>, Status> {
        let CompleteTripRequest { driver_id, trip_id, driven_m } = request.into_inner();
        let what = What::Complete(CompleteTrip { trip_id, driven_m });
        match driving::command(&self.door, &driver_id, what).await? {
            Reply::Completed { fare, standing } => Ok(Response::new(CompleteTripResponse {
                fare: Some(convert::money_message(fare)),
                already_done: already(standing),
            })),
            reply => Err(odd(&reply).into()),
        }
    }

    async fn cancel_as_driver(
        &self,
        request: Request<CancelAsDriverRequest>,
    ) -> Result<Response<CancelAsDriverResponse>, Status> {
        let CancelAsDriverRequest { driver_id, trip_id, reason } = request.into_inner();
        let what = What::Cancel(CancelAsDriver { trip_id, reason });
        let answer = |already_done| CancelAsDriverResponse { already_done };
        driving::note(&self.door, &driver_id, what, answer).await
    }
}
