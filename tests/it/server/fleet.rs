//! A gateway that speaks for many drivers on one stream.

use hansom::api::proto::command_answer::Outcome;
use hansom::api::proto::connect_fleet_request::Kind as Asked;
use hansom::api::proto::connect_fleet_response::Kind as Told;
use hansom::api::proto::connect_response::Kind as AppTold;
use hansom::api::proto::driver_command::What;
use hansom::api::proto::trip_event::What as Happened;
use hansom::api::proto::{
    AttendDrivers, CommandRefused, CompleteTrip, ConnectFleetRequest, FleetEvent, ReportRequest,
    TripEvent,
};
use hansom::client::{FleetCommands, FleetTold, attend};
use hansom::limits;
use tokio_stream::StreamExt as _;
use tonic::Code;

use super::support::{Fixture, now_ms, report, soon};
use super::town::{Town, all};

/// A gateway's stream.
struct Gateway {
    commands: FleetCommands,
    told: FleetTold,
}

impl Gateway {
    async fn open(town: &Town, drivers: &[&str]) -> Self {
        let ids = drivers.iter().map(|id| (*id).to_owned()).collect();
        let (commands, told, attended) = soon(attend(town.channel.clone(), ids)).await.unwrap();
        let named: Vec<&str> = attended.iter().map(|one| one.driver_id.as_str()).collect();
        assert_eq!(named, drivers);
        Self { commands, told }
    }

    async fn until<T>(&mut self, mut pick: impl FnMut(Told) -> Option<T>) -> T {
        let read = async {
            loop {
                if let Some(picked) = pick(self.told.next().await.unwrap()) {
                    return picked;
                }
            }
        };
        soon(read).await
    }

    /// Who is offered what next.
    async fn offer(&mut self) -> (String, String) {
        self.until(|told| match told {
            Told::Event(FleetEvent {
                driver_id,
                event: Some(TripEvent { what: Some(Happened::OfferMade(offer)), .. }),
            }) => Some((driver_id, offer.offer_id)),
            _ => None,
        })
        .await
    }

    async fn does(&mut self, driver: &str, what: What) -> Result<bool, CommandRefused> {
        let number = self.commands.send(driver.to_owned(), what).unwrap();
        let outcome = self.until(|told| match told {
            Told::Answer(answer) if answer.number == number => answer.outcome,
            _ => None,
        });
        match outcome.await {
            Outcome::Done(done) => Ok(done.already_done),
            Outcome::Refused(refused) => Err(refused),
        }
    }
}

async fn place(town: &Town, driver: &str, lng: f64) {
    let report = Some(report(37.5, lng, now_ms()));
    let request = ReportRequest { driver_id: driver.to_owned(), report, profile: None };
    assert!(soon(town.drivers().report(request)).await.unwrap().into_inner().applied);
}

#[tokio::test]
async fn a_gateway_hears_of_each_of_its_drivers_and_acts_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(folder.path(), &[]).await;
    place(&town, "cab-1", -122.251).await;
    place(&town, "cab-2", -122.26).await;
    let mut gateway = Gateway::open(&town, &["cab-1", "cab-2"]).await;
    let trip = town.request("ada", "k1").await.unwrap();
    let (driver, offer) = gateway.offer().await;
    assert_eq!(driver, "cab-1");
    let refused = gateway.does("cab-2", What::AcceptOfferId(offer.clone())).await.unwrap_err();
    assert_eq!(refused.reason, "not_your_offer");
    let refused = gateway.does("", What::AcceptOfferId(offer.clone())).await.unwrap_err();
    assert_eq!(refused.reason, "bad_field");
    assert_eq!(gateway.does("cab-1", What::DeclineOfferId(offer)).await, Ok(false));
    let (driver, offer) = gateway.offer().await;
    assert_eq!(driver, "cab-2");
    let complete = CompleteTrip { trip_id: trip.clone(), driven_m: None };
    for what in [
        What::AcceptOfferId(offer),
        What::ArriveTripId(trip.clone()),
        What::StartTripId(trip.clone()),
        What::Complete(complete),
    ] {
        assert_eq!(gateway.does("cab-2", what).await, Ok(false));
    }
    let ended = gateway.until(|told| match told {
        Told::Event(FleetEvent {
            driver_id,
            event: Some(TripEvent { what: Some(Happened::TripEnded(_)), .. }),
        }) => Some(driver_id),
        _ => None,
    });
    assert_eq!(ended.await, "cab-2");
    assert_eq!(all(town.watch(&trip, 0).await).await.len(), 9);
}

#[tokio::test]
async fn a_driver_is_told_where_it_was_attended_last() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(folder.path(), &[]).await;
    place(&town, "cab-1", -122.251).await;
    let mut gateway = Gateway::open(&town, &["cab-1"]).await;
    let trip = town.request("ada", "k1").await.unwrap();
    let (_, offer) = gateway.offer().await;
    // The driver's own app takes over, and knows how things stand.
    let mut app = town.app("cab-1").await;
    assert_eq!(app.trips().await[0].trip_id, trip);
    let superseded = gateway.until(|told| match told {
        Told::Superseded(superseded) => Some(superseded.driver_id),
        _ => None,
    });
    assert_eq!(superseded.await, "cab-1");
    // Another gateway takes over from the app; the first may act all the same.
    let mut other = Gateway::open(&town, &["cab-1"]).await;
    app.until(|told| matches!(told, AppTold::Superseded(_)).then_some(())).await;
    assert_eq!(gateway.does("cab-1", What::AcceptOfferId(offer)).await, Ok(false));
    let heard = other.until(|told| match told {
        Told::Event(FleetEvent { event: Some(event), .. }) => event.what,
        _ => None,
    });
    assert!(matches!(heard.await, Happened::OfferAccepted(_)));
}

#[tokio::test]
async fn who_cannot_be_attended_is_refused_alone() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(folder.path(), &[]).await;
    let mut driver_ids = vec!["cab-1".to_owned(), String::new()];
    driver_ids.extend((2..=limits::MAX_ATTENDED_PER_MESSAGE).map(|i| format!("cab-{i}")));
    let attend = Asked::Attend(AttendDrivers { driver_ids });
    let request = tokio_stream::iter([ConnectFleetRequest { kind: Some(attend) }]);
    let request = request.chain(tokio_stream::pending());
    let mut told = soon(town.drivers().connect_fleet(request)).await.unwrap().into_inner();
    let mut drivers = Vec::new();
    while drivers.len() <= limits::MAX_ATTENDED_PER_MESSAGE {
        let message = soon(told.message()).await.unwrap().unwrap();
        let Some(Told::Attended(attended)) = message.kind else { panic!("{message:?}") };
        drivers.extend(attended.drivers);
    }
    let refused: Vec<(&str, &str)> = drivers
        .iter()
        .filter_map(|one| Some((one.driver_id.as_str(), one.refused.as_ref()?.reason.as_str())))
        .collect();
    assert_eq!(refused, [("", "bad_field"), ("cab-4096", "max_fleet_drivers")]);
    assert_eq!(drivers.len(), limits::MAX_ATTENDED_PER_MESSAGE + 1);
}

#[tokio::test]
async fn without_a_market_there_is_nothing_to_attend() {
    let fixture = Fixture::start().await;
    let request = tokio_stream::pending::<ConnectFleetRequest>();
    let refused = soon(fixture.driver().connect_fleet(request)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}
