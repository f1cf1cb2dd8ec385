//! The app's stream, and the unary calls about drivers.

use hansom::api::proto::connect_request::Kind;
use hansom::api::proto::connect_response;
use hansom::api::proto::{
    ConnectAck, DriverStatus, GetDriverRequest, Motion, Profile, RejectReason, ReportRequest,
    SetStatusRequest, Source,
};
use tonic::Code;

use super::support::{Connect, Fixture, hello, now_ms, report, soon};

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
