//! A gateway that speaks for many drivers on one stream.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hansom::api::proto::command_answer::Outcome;
use hansom::api::proto::connect_fleet_request::Kind as Asked;
use hansom::api::proto::connect_fleet_response::Kind as Told;
use hansom::api::proto::connect_request::Kind as AppAsks;
use hansom::api::proto::connect_response::Kind as AppTold;
use hansom::api::proto::driver_command::What;
use hansom::api::proto::driver_service_client::DriverServiceClient;
use hansom::api::proto::trip_event::What as Happened;
use hansom::api::proto::{
    AttendDrivers, CommandRefused, CompleteTrip, ConnectFleetRequest, ConnectRequest, DriverStatus,
    FleetEvent, Hello, ReportRequest, TripEvent,
};
use hansom::client::{FleetCommands, FleetTold, attend};
use hansom::limits;
use hyper::body::{Body as _, Bytes};
use prost::Message;
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};

use super::hostile::memory;
use super::raw::narrow;
use super::serve::Served;
use super::support::{Fixture, channel, eventually, now_ms, report, soon};
use super::town::{Town, all};
use super::waiting::{call, framed, request};

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
    let (long, beginning) =
        (format!("long{}", "ä".repeat(1_000)), format!("long{}", "ä".repeat(30)));
    let mut driver_ids = vec!["cab-1".to_owned(), String::new(), long];
    let max = limits::MAX_ATTENDED_PER_MESSAGE;
    driver_ids.extend((4..=max).map(|i| format!("cab-{i}")));
    assert_eq!(driver_ids.len(), max);
    let attend = Asked::Attend(AttendDrivers { driver_ids });
    let request = tokio_stream::iter([ConnectFleetRequest { kind: Some(attend) }]);
    let request = request.chain(tokio_stream::pending());
    let mut told = soon(town.drivers().connect_fleet(request)).await.unwrap().into_inner();
    let mut drivers = Vec::new();
    while drivers.len() < max {
        let message = soon(told.message()).await.unwrap().unwrap();
        let Some(Told::Attended(attended)) = message.kind else { panic!("{message:?}") };
        drivers.extend(attended.drivers);
    }
    let refused: Vec<(&str, &str)> = drivers
        .iter()
        .filter_map(|one| Some((one.driver_id.as_str(), one.refused.as_ref()?.reason.as_str())))
        .collect();
    assert_eq!(refused, [("", "bad_field"), (beginning.as_str(), "bad_field")]);
    assert_eq!(drivers.len(), max);
}

#[tokio::test]
async fn a_message_of_millions_is_refused_as_a_whole_and_costs_no_more_than_it_is_long() {
    let served = Served::start(&["--market", "main"]);
    let before = memory(&served, "VmRSS");
    // As many as fit into a message, none of them an id; a small answer to each would be a gigabyte.
    let driver_ids = vec![String::new(); 2_000_000];
    let attend = Asked::Attend(AttendDrivers { driver_ids });
    let request = tokio_stream::iter([ConnectFleetRequest { kind: Some(attend) }]);
    let request = request.chain(tokio_stream::pending());
    let mut client = DriverServiceClient::new(channel(served.grpc).await);
    let mut told = soon(client.connect_fleet(request)).await.unwrap().into_inner();
    let refused = soon(told.message()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let what = "attend.driver_ids has 2000000 ids; at most 4096 are allowed";
    assert_eq!(refused.message(), what);
    if let (Some(before), Some(most)) = (before, memory(&served, "VmHWM")) {
        let paid = most.saturating_sub(before);
        assert!(paid < 256 << 20, "{paid} bytes for a message of 4 MB");
    }
}

#[tokio::test]
async fn a_gateway_that_attends_and_does_not_read_is_read_no_further() {
    let served = Served::start(&["--market", "main", "--threads", "1"]);
    let before = memory(&served, "VmRSS");
    let max = limits::MAX_ATTENDED_PER_MESSAGE;
    let driver_ids: Vec<String> = (0..max).map(|i| i.to_string()).collect();
    let (times, sent) = (400, Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&sent);
    let request = tokio_stream::iter(0..times).map(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        let attend = AttendDrivers { driver_ids: driver_ids.clone() };
        ConnectFleetRequest { kind: Some(Asked::Attend(attend)) }
    });
    let request = request.chain(tokio_stream::pending());
    let mut client = DriverServiceClient::new(narrow(&served).await);
    let mut told = soon(client.connect_fleet(request)).await.unwrap().into_inner();
    // As much as HTTP/2 lets it send.
    let window = limits::STREAM_WINDOW_BYTES as usize / (32 << 10);
    eventually("it is sent", || std::future::ready(sent.load(Ordering::SeqCst) > window)).await;
    // Nothing is lost, and all are told in the end.
    let mut drivers = 0;
    while drivers < times * max {
        let message = soon(told.message()).await.unwrap().unwrap();
        let Some(Told::Attended(attended)) = message.kind else { panic!("{message:?}") };
        assert!(attended.drivers.iter().all(|one| one.refused.is_none()));
        drivers += attended.drivers.len();
    }
    assert_eq!(drivers, times * max);
    if let (Some(before), Some(most)) = (before, memory(&served, "VmHWM")) {
        let paid = most.saturating_sub(before);
        assert!(paid < 64 << 20, "{paid} bytes for a gateway that did not read");
    }
}

/// Messages that ask for nothing, and a last one, all in one piece.
fn nothing_then(first: &impl Message, nothings: usize, last: &impl Message) -> Bytes {
    let mut all = framed(false, &first.encode_to_vec()).to_vec();
    for _ in 0..nothings {
        all.extend(framed(false, &[]));
    }
    all.extend(framed(false, &last.encode_to_vec()));
    all.into()
}

#[tokio::test]
async fn many_messages_that_ask_for_nothing_hold_no_stream_up() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(folder.path(), &[]).await;
    let driver_ids = vec!["cab-1".to_owned()];
    let attend = ConnectFleetRequest { kind: Some(Asked::Attend(AttendDrivers { driver_ids })) };
    let hello = AppAsks::Hello(Hello { driver_id: "cab-1".to_owned(), ..Hello::default() });
    let status = AppAsks::Status(DriverStatus::Available.into());
    let [hello, status] = [hello, status].map(|kind| ConnectRequest { kind: Some(kind) });
    let gathered = limits::MAX_GATHERED_MESSAGES;
    for nothings in [gathered - 1, gathered, gathered + 1, 3 * gathered] {
        for (method, all) in [
            ("ConnectFleet", nothing_then(&attend, nothings, &attend)),
            ("Connect", nothing_then(&hello, nothings, &status)),
        ] {
            // Only if the last is read does the stream end.
            let request = request(&format!("DriverService/{method}"), [all], true);
            let answer = soon(call(town.channel.clone(), request)).await.unwrap();
            let mut body = answer.into_body();
            let mut code = None;
            while let Some(frame) = soon(poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))).await {
                if let Ok(trailers) = frame.unwrap().into_trailers() {
                    code = Status::from_header_map(&trailers).map(|status| status.code());
                }
            }
            assert_eq!(code, Some(Code::Ok), "{method} after {nothings}");
        }
    }
}

#[tokio::test]
async fn without_a_market_there_is_nothing_to_attend() {
    let fixture = Fixture::start().await;
    let request = tokio_stream::pending::<ConnectFleetRequest>();
    let refused = soon(fixture.driver().connect_fleet(request)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}
