//! The app's stream, and the unary calls about drivers.

use hansom::api::proto::connect_request::Kind;
use hansom::api::proto::connect_response;
use hansom::api::proto::driver_command::What;
use hansom::api::proto::driver_service_client::DriverServiceClient;
use hansom::api::proto::rider_service_client::RiderServiceClient;
use hansom::api::proto::{
    ConnectAck, DriverStatus, GetDriverRequest, Motion, Profile, RejectReason, RejectedMessage,
    ReportRequest, RequestTripRequest, SetStatusRequest, Source, StatusRefused,
};
use hansom::dispatch::Command;
use hansom::limits;
use tokio_stream::StreamExt as _;
use tonic::Code;

use super::support::{Connect, Fixture, hello, now_ms, report, soon};
use super::town::{App, Hosted, request};

impl Connect {
    async fn ready(&mut self) {
        let response = soon(self.responses.message()).await.unwrap().unwrap();
        assert!(matches!(response.kind, Some(connect_response::Kind::Ready(_))), "{response:?}");
    }

    /// The acknowledgement of the first `received`, with the rejections of those before it.
    async fn acked(&mut self, received: u64) -> ConnectAck {
        let mut rejections = Vec::new();
        loop {
            let response = soon(self.responses.message()).await.unwrap().unwrap();
            let Some(connect_response::Kind::Ack(mut ack)) = response.kind else {
                panic!("not an ack: {response:?}");
            };
            rejections.append(&mut ack.rejections);
            if ack.received == received {
                return ConnectAck { rejections, ..ack };
            }
        }
    }
}

#[tokio::test]
async fn an_app_reports_and_is_found() {
    let fixture = Fixture::start().await;
    let mut opening = hello("cab-7");
    opening.profile = Some(Profile { capacity: Some(6), ..Profile::default() });
    let mut app = Connect::open(&fixture, opening).await;
    app.ready().await;
    let mut position = report(37.5, -122.25, now_ms());
    position.motion = Some(Motion { speed_m_s: Some(3.5), ..Motion::default() });
    app.send(Kind::Position(position)).await;
    app.send(Kind::Status(DriverStatus::OnTrip.into())).await;
    let ack = app.acked(2).await;
    assert_eq!((ack.applied, ack.rejections.len()), (2, 0));

    let request = GetDriverRequest { driver_id: "cab-7".to_owned() };
    let driver = fixture.driver().get_driver(request).await.unwrap().into_inner();
    let position = driver.position.unwrap();
    assert_eq!((position.lat, position.lng), (37.5, -122.25));
    assert_eq!(driver.status(), DriverStatus::OnTrip);
    assert_eq!(driver.profile.unwrap().capacity, Some(6));
    assert_eq!(driver.motion.unwrap().speed_m_s, Some(3.5));
    assert_eq!(driver.source(), Source::Index);
    assert!(driver.age_ms < 20_000, "{}", driver.age_ms);
}

#[tokio::test]
async fn a_rejected_message_is_named_and_its_neighbours_are_applied() {
    let fixture = Fixture::start().await;
    let mut app = Connect::open(&fixture, hello("cab-8")).await;
    app.ready().await;
    let now = now_ms();
    app.send(Kind::Position(report(1.0, 1.0, now))).await;
    app.send(Kind::Position(report(91.0, 1.0, now + 1))).await;
    app.send(Kind::Position(report(1.0, 1.0, now - 1))).await;
    app.send(Kind::Position(report(1.0, 1.0, 0))).await;
    app.send(Kind::Position(report(1.0, 1.0, now + 3_600_000))).await;
    app.send(Kind::Status(99)).await;
    app.send(Kind::Position(report(1.0, 1.001, now + 2))).await;
    let ack = app.acked(7).await;
    assert_eq!(ack.applied, 2);
    let named: Vec<(u64, RejectReason, &str)> =
        ack.rejections.iter().map(|r| (r.ordinal, r.reason(), r.detail.as_str())).collect();
    assert_eq!(
        named,
        [
            (1, RejectReason::BadPosition, "position.position.lat 91 is not in -90..=90"),
            (2, RejectReason::OutOfOrder, ""),
            (3, RejectReason::TooOld, ""),
            (4, RejectReason::InFuture, ""),
            (5, RejectReason::BadValue, "status 99 is not in 1..=6"),
        ]
    );
}

#[tokio::test]
async fn acknowledgements_are_coalesced_for_a_client_that_can_wait() {
    let fixture = Fixture::start().await;
    let mut opening = hello("cab-9");
    opening.ack_interval_ms = Some(60_000);
    let mut app = Connect::open(&fixture, opening).await;
    app.ready().await;
    let now = now_ms();
    for i in 0..100 {
        app.send(Kind::Position(report(1.0, 1.0, now + i))).await;
    }
    // The end of the stream is acknowledged at once, and by then once only.
    let Connect { sender, mut responses } = app;
    drop(sender);
    let last = soon(responses.message()).await.unwrap().unwrap();
    let Some(connect_response::Kind::Ack(ack)) = last.kind else { panic!("{last:?}") };
    assert_eq!((ack.received, ack.applied), (100, 100));
    assert!(soon(responses.message()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_stream_that_does_not_begin_with_hello_is_told_so() {
    let fixture = Fixture::start().await;
    let mut app = Connect::open(&fixture, hello("")).await;
    let status = soon(app.responses.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "hello.driver_id: id is empty; 1 to 64 bytes are allowed");
    let mut twice = Connect::open(&fixture, hello("cab")).await;
    twice.ready().await;
    twice.send(Kind::Hello(hello("cab"))).await;
    let status = soon(twice.responses.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let mut other = hello("cab");
    other.ack_interval_ms = Some(60_001);
    let mut impatient = Connect::open(&fixture, other).await;
    let status = soon(impatient.responses.message()).await.unwrap_err();
    assert_eq!(status.message(), "hello.ack_interval_ms 60001 is not in 0..=60000");
}

#[tokio::test]
async fn unary_calls_report_and_change_the_status() {
    let fixture = Fixture::start().await;
    let mut client = fixture.driver();
    let driver_id = "cab-1".to_owned();
    let now = now_ms();
    let request = |report| ReportRequest {
        driver_id: driver_id.clone(),
        report: Some(report),
        profile: None,
    };
    let first = client.report(request(report(10.0, 20.0, now))).await.unwrap().into_inner();
    assert!(first.applied && !first.implausible);
    let again = client.report(request(report(10.0, 20.0, now))).await.unwrap().into_inner();
    assert_eq!((again.applied, again.reason()), (false, RejectReason::Duplicate));
    let far = client.report(request(report(50.0, 20.0, now + 1))).await.unwrap().into_inner();
    assert!(far.applied && far.implausible);
    let old = client.report(request(report(50.0, 20.0, 0))).await.unwrap().into_inner();
    assert_eq!(old.reason(), RejectReason::TooOld);
    let text = "report.device_time_ms 0 is not in ";
    assert!(old.detail.starts_with(text), "{old:?}");
    assert!(old.detail.contains(" - forget_after + 1..="), "{old:?}");
    let hour = now + 3_600_000;
    let ahead = client.report(request(report(50.0, 20.0, hour))).await.unwrap().into_inner();
    assert_eq!(ahead.reason(), RejectReason::InFuture);
    let text = format!("report.device_time_ms {hour} is not in ");
    assert!(ahead.detail.starts_with(&text), "{ahead:?}");
    assert!(again.detail.is_empty(), "the time was not at fault");

    let status = DriverStatus::Offline.into();
    let set = SetStatusRequest { driver_id: driver_id.clone(), status };
    client.set_status(set.clone()).await.unwrap();
    let driver = client.get_driver(GetDriverRequest { driver_id }).await.unwrap().into_inner();
    assert_eq!(driver.status(), DriverStatus::Offline);
    let stranger = SetStatusRequest { driver_id: "nobody".to_owned(), ..set };
    let refused = client.set_status(stranger).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(refused.message(), "driver \"nobody\" is not known");
}

#[tokio::test]
async fn a_refused_report_changes_nothing() {
    let fixture = Fixture::start().await;
    let mut client = fixture.driver();
    let now = now_ms();
    let mut send = async |driver_id: &str, device_time_ms, capacity| {
        let profile = Some(Profile { capacity: Some(capacity), ..Profile::default() });
        let report = Some(report(10.0, 20.0, device_time_ms));
        let request = ReportRequest { driver_id: driver_id.to_owned(), report, profile };
        client.report(request).await.unwrap().into_inner().reason()
    };
    assert_eq!(send("new", 0, 6).await, RejectReason::TooOld);
    assert_eq!(send("new", now + 3_600_000, 6).await, RejectReason::InFuture);
    assert_eq!(send("known", now, 5).await, RejectReason::Unspecified);
    assert_eq!(send("known", now - 1, 6).await, RejectReason::OutOfOrder);
    // One that has said hello stays known.
    let mut app = Connect::open(&fixture, hello("waiting")).await;
    app.ready().await;
    assert_eq!(send("waiting", 0, 6).await, RejectReason::TooOld);

    let get = async |driver_id: &str| {
        let request = GetDriverRequest { driver_id: driver_id.to_owned() };
        fixture.driver().get_driver(request).await.map(|driver| driver.into_inner().profile)
    };
    assert_eq!(get("new").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(get("known").await.unwrap().unwrap().capacity, Some(5));
    assert_eq!(get("waiting").await.unwrap().unwrap().capacity, Some(4));
}

impl App {
    /// The next status that the market did not take: which message, the status, the code and why.
    async fn status_refused(&mut self) -> (Option<u64>, DriverStatus, u32, String) {
        let refused = self.until(|told| match told {
            connect_response::Kind::StatusRefused(refused) => Some(refused),
            _ => None,
        });
        let StatusRefused { ordinal, status, refused } = refused.await;
        let (status, refused) = (DriverStatus::try_from(status).unwrap(), refused.unwrap());
        assert!(!refused.message.is_empty());
        (ordinal, status, refused.code, refused.reason)
    }
}

#[tokio::test]
async fn a_status_that_the_market_refuses_later_is_told() {
    let hosted = Hosted::start().await;
    let mut app = App::open(hosted.channel.clone(), "cab-1").await.unwrap();
    app.trips().await;
    let asked = RequestTripRequest { immediate: true, ..request("ada", "k1") };
    soon(RiderServiceClient::new(hosted.channel.clone()).request_trip(asked)).await.unwrap();
    let offer = app.offer().await;
    app.does(What::AcceptOfferId(offer.offer_id)).await;
    // Another stream signs off and on until the market takes no more of it.
    let driver = "cab-1".parse().unwrap();
    let mut refused = false;
    while !refused {
        let market = hosted.host.handle();
        let changes: Vec<_> = (0..512)
            .flat_map(|_| [Command::GoOffline { driver }, Command::GoOnline { driver }])
            .map(|command| market.submit(command))
            .collect();
        for change in changes {
            refused |= soon(change).await.is_err();
        }
    }
    // The last that was taken may have been either; one of these changes it and is refused.
    app.send(Kind::Status(DriverStatus::Offline.into())).await;
    app.send(Kind::Status(DriverStatus::Available.into())).await;
    let (ordinal, status, code, reason) = app.status_refused().await;
    let sent = [(Some(1), DriverStatus::Offline), (Some(2), DriverStatus::Available)];
    assert!(sent.contains(&(ordinal, status)), "{ordinal:?} {status:?}");
    let precondition = Code::FailedPrecondition as u32;
    assert_eq!((code, reason.as_str()), (precondition, "too_many_changes"));
    // So is one in a hello, and one that is not the driver's to say.
    for (status, reason) in [(status, "too_many_changes"), (DriverStatus::OnTrip, "status_owned")] {
        let mut again = hello("cab-1");
        again.status = status.into();
        let mut anew = App::open_with(hosted.channel.clone(), again).await.unwrap();
        let told = anew.status_refused().await;
        assert_eq!(told, (None, status, precondition, reason.to_owned()));
    }
}

#[tokio::test]
async fn a_status_that_a_full_queue_does_not_take_is_told() {
    let hosted = Hosted::start().await;
    let mut known = App::open(hosted.channel.clone(), "cab-1").await.unwrap();
    known.trips().await;
    let market = hosted.host.handle();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (go_on, goes_on) = std::sync::mpsc::sync_channel::<()>(1);
    let held = market.look(move |_| {
        begun.send(()).unwrap();
        goes_on.recv().unwrap();
    });
    soon(has_begun).await.unwrap();
    let fill = || market.look(|_| ());
    let waiting: Vec<_> =
        std::iter::repeat_with(fill).take_while(|one| one.error().is_none()).collect();
    assert!(waiting.len() > limits::MAX_MARKET_QUEUE / 2);
    let mut away = hello("cab-1");
    away.status = DriverStatus::Offline.into();
    let mut app = App::open_with(hosted.channel.clone(), away).await.unwrap();
    let exhausted = Code::ResourceExhausted as u32;
    let told = app.status_refused().await;
    assert_eq!(told, (None, DriverStatus::Offline, exhausted, "market_queue".to_owned()));
    // What is not taken does not hold.
    let asked = GetDriverRequest { driver_id: "cab-1".to_owned() };
    let driver = soon(DriverServiceClient::new(hosted.channel.clone()).get_driver(asked)).await;
    assert_eq!(driver.unwrap().into_inner().status(), DriverStatus::Available);
    // A message is named in the acknowledgement.
    app.send(Kind::Status(DriverStatus::Offline.into())).await;
    let reason = app.until(|told| match told {
        connect_response::Kind::Ack(ack) => ack.rejections.first().map(RejectedMessage::reason),
        _ => None,
    });
    assert_eq!(reason.await, RejectReason::MarketBusy);
    go_on.send(()).unwrap();
    soon(held).await.unwrap();
    for one in waiting {
        soon(one).await.unwrap();
    }
    // Now it is taken, and nothing more is refused before the stream ends.
    app.send(Kind::Status(DriverStatus::Offline.into())).await;
    let (mut rest, mut last) = (app.close(), None);
    while let Some(told) = soon(rest.next()).await {
        match told.unwrap().kind {
            Some(connect_response::Kind::Ack(ack)) => last = Some((ack.received, ack.applied)),
            Some(connect_response::Kind::StatusRefused(refused)) => panic!("{refused:?}"),
            _ => {}
        }
    }
    assert_eq!(last, Some((3, 2)));
}
