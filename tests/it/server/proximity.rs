//! Questions about who is where.

use std::sync::Arc;
use std::time::Duration;

use hansom::api::proto::area::Shape;
use hansom::api::proto::driver_service_client::DriverServiceClient;
use hansom::api::proto::nearest_stream_response::Kind;
use hansom::api::proto::proximity_service_client::ProximityServiceClient;
use hansom::api::proto::{
    Area, BoundingBox, Circle, CountRequest, DriverHit, DriverStatus, Filter, NearestRequest,
    NearestStreamRequest, Polygon, RejectReason, ReportRequest, Ring, SetStatusRequest, Source,
    WatchAreaRequest, WatchAreaResponse, WithinRequest,
};
use hansom::clock::Clock;
use hansom::index::{IndexConfig, LiveIndex};
use hansom::server::{Server, ServerConfig};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Streaming};

use super::support::{Fixture, Ingest, at, batch, bind, channel, report, soon};

pub(super) fn world() -> Area {
    let corners = (Some(at(-90.0, -180.0)), Some(at(90.0, 180.0)));
    let (south_west, north_east) = corners;
    Area { shape: Some(Shape::Box(BoundingBox { south_west, north_east })) }
}

fn ids(hits: &[DriverHit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.driver_id.as_str()).collect()
}

fn ask(k: u32) -> NearestRequest {
    NearestRequest { position: Some(at(10.0, 0.0)), k, radius_m: None, filter: None }
}

#[tokio::test]
async fn the_nearest_come_nearest_first_with_distance_age_and_source() {
    let fixture = Fixture::with_row_of_drivers(20, 10.0).await;
    let mut client = fixture.proximity();
    let answer = client.nearest(ask(3)).await.unwrap().into_inner();
    assert_eq!(ids(&answer.hits), ["d0", "d1", "d2"]);
    assert_eq!(answer.source(), Source::Index);
    // A thousandth of a degree at 10° north.
    let apart = answer.hits[1].distance_m;
    assert!((apart - 109.51).abs() < 0.1, "{apart}");
    assert!(answer.hits[0].distance_m < 1e-6);
    assert!(answer.hits[0].age_ms < 20_000);
    assert_eq!(answer.hits[0].status(), DriverStatus::Available);
    assert_eq!(answer.hits[0].profile.unwrap().capacity, Some(4));

    let near = NearestRequest { radius_m: Some(apart + 0.1), ..ask(10) };
    let answer = client.nearest(near).await.unwrap().into_inner();
    assert_eq!(ids(&answer.hits), ["d0", "d1"]);
    let excluded_driver_ids = vec!["d0".to_owned(), "d2".to_owned()];
    let filter = Some(Filter { excluded_driver_ids, ..Filter::default() });
    let answer = client.nearest(NearestRequest { filter, ..ask(2) }).await.unwrap().into_inner();
    assert_eq!(ids(&answer.hits), ["d1", "d3"]);
}

#[tokio::test]
async fn before_the_first_report_a_clock_that_follows_them_says_nothing() {
    let config = ServerConfig { threads: 1, ..ServerConfig::default() };
    let map = Arc::new(LiveIndex::new(IndexConfig::default(), 7));
    let running = Server::start(config, map, Arc::new(Clock::trace())).unwrap();
    let channel = channel(running.grpc_addr()).await;
    let mut client = ProximityServiceClient::new(channel.clone());
    assert_eq!(client.nearest(ask(3)).await.unwrap().into_inner().time_ms, 0);
    let mut driver = DriverServiceClient::new(channel);
    let driver_id = "a".to_owned();
    let mut send = async |device_time_ms| {
        let report = Some(report(10.0, 0.0, device_time_ms));
        let request = ReportRequest { driver_id: driver_id.clone(), report, profile: None };
        driver.report(request).await.unwrap().into_inner().reason()
    };
    assert_eq!(send(i64::MAX).await, RejectReason::InFuture);
    assert_eq!(send(1_000).await, RejectReason::Unspecified);
    assert_eq!(client.nearest(ask(3)).await.unwrap().into_inner().time_ms, 1_000);
}

#[tokio::test]
async fn only_available_drivers_are_found_unless_asked_otherwise() {
    let fixture = Fixture::with_row_of_drivers(3, 10.0).await;
    let status = DriverStatus::OnTrip.into();
    let set = SetStatusRequest { driver_id: "d0".to_owned(), status };
    fixture.driver().set_status(set).await.unwrap();
    let mut client = fixture.proximity();
    let answer = client.nearest(ask(3)).await.unwrap().into_inner();
    assert_eq!(ids(&answer.hits), ["d1", "d2"]);
    let filter = Some(Filter { statuses: vec![status], ..Filter::default() });
    let answer = client.nearest(NearestRequest { filter, ..ask(3) }).await.unwrap().into_inner();
    assert_eq!(ids(&answer.hits), ["d0"]);
}

#[tokio::test]
async fn a_stream_of_questions_is_answered_in_order_and_survives_a_bad_one() {
    let fixture = Fixture::with_row_of_drivers(20, 10.0).await;
    let (sender, receiver) = mpsc::channel(512);
    let call = fixture.proximity().nearest_stream(ReceiverStream::new(receiver)).await;
    let mut answers = call.unwrap().into_inner();
    let questions = 500_u32;
    for i in 0..questions {
        let k = if i == 250 { 0 } else { i % 20 + 1 };
        let message = NearestStreamRequest { question: u64::from(i), nearest: Some(ask(k)) };
        soon(sender.send(message)).await.unwrap();
    }
    drop(sender);
    for i in 0..questions {
        let answer = soon(answers.message()).await.unwrap().unwrap();
        assert_eq!(answer.question, u64::from(i));
        match answer.kind.unwrap() {
            Kind::Answer(answer) => assert_eq!(answer.hits.len(), i as usize % 20 + 1),
            Kind::Refusal(refusal) => {
                assert_eq!((i, refusal.detail.as_str()), (250, "k 0 is not in 1..=1000"));
                assert_eq!(refusal.field, "k");
            }
        }
    }
    assert!(soon(answers.message()).await.unwrap().is_none());
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let fixture = Fixture::with_row_of_drivers(25, 10.0).await;
    let mut client = fixture.proximity();
    let mut found = Vec::new();
    let mut after_driver_id = String::new();
    let mut pages = 0;
    loop {
        let area = Some(world());
        let request = WithinRequest { area, filter: None, page_size: 10, after_driver_id };
        let page = client.within(request).await.unwrap().into_inner();
        pages += 1;
        found.extend(page.hits.iter().map(|hit| hit.driver_id.clone()));
        after_driver_id = page.next_after_driver_id;
        if after_driver_id.is_empty() {
            break;
        }
    }
    let mut expected: Vec<String> = (0..25).map(|i| format!("d{i}")).collect();
    expected.sort();
    assert_eq!((pages, found), (3, expected));
}

#[tokio::test]
async fn areas_have_three_shapes_and_holes() {
    let fixture = Fixture::with_row_of_drivers(20, 10.0).await;
    let count = async |shape| {
        let request = CountRequest { area: Some(Area { shape: Some(shape) }), filter: None };
        fixture.proximity().count(request).await.unwrap().into_inner().count
    };
    let circle = Circle { center: Some(at(10.0, 0.0)), radius_m: 250.0 };
    assert_eq!(count(Shape::Circle(circle)).await, 3);
    let ring = |west: f64, east: f64| Ring {
        vertices: vec![at(9.9, west), at(9.9, east), at(10.1, east), at(10.1, west)],
    };
    let polygon = |holes| Polygon { outer: Some(ring(-0.0005, 0.0095)), holes };
    assert_eq!(count(Shape::Polygon(polygon(Vec::new()))).await, 10);
    let hole = Ring {
        vertices: vec![at(9.95, 0.0025), at(9.95, 0.0055), at(10.05, 0.0055), at(10.05, 0.0025)],
    };
    assert_eq!(count(Shape::Polygon(polygon(vec![hole]))).await, 7);
    let request = CountRequest { area: Some(world()), filter: None };
    let all = fixture.proximity().count(request).await.unwrap().into_inner();
    assert_eq!((all.count, all.source()), (20, Source::Index));
}

async fn watch(fixture: &Fixture) -> Streaming<WatchAreaResponse> {
    let circle = Circle { center: Some(at(10.0, 0.0)), radius_m: 250.0 };
    let area = Some(Area { shape: Some(Shape::Circle(circle)) });
    let request = WatchAreaRequest { area, filter: None, interval_ms: Some(100) };
    fixture.proximity().watch_area(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_watch_tells_who_enters_moves_and_leaves() {
    let fixture = Fixture::with_row_of_drivers(5, 10.0).await;
    let mut watch = watch(&fixture).await;
    let first = soon(watch.message()).await.unwrap().unwrap();
    assert!(first.first);
    assert_eq!(ids(&first.entered), ["d0", "d1", "d2"]);
    let mut ingest = Ingest::open(&fixture).await;
    ingest.send(bind(&[0, 1, 4])).await;
    ingest.send(batch(1, &[(0, 10.0, 0.0001), (1, 10.0, 1.0), (4, 10.0, 0.0)])).await;
    ingest.acked(2).await;
    let next = soon(watch.message()).await.unwrap().unwrap();
    assert!(!next.first);
    assert_eq!((ids(&next.entered), ids(&next.moved)), (vec!["d4"], vec!["d0"]));
    assert_eq!(next.left_driver_ids, ["d1"]);
}

#[tokio::test]
async fn a_watch_beyond_its_limit_ends_with_the_limits_name() {
    let fixture = Fixture::with_row_of_drivers(10_001, 10.0).await;
    let request = WatchAreaRequest { area: Some(world()), filter: None, interval_ms: None };
    let mut watch = fixture.proximity().watch_area(request).await.unwrap().into_inner();
    let status = soon(watch.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().starts_with("max_watched: more than 10000"), "{status:?}");
}

#[tokio::test]
async fn a_stream_ends_at_its_deadline() {
    let fixture = Fixture::start().await;
    let (_sender, receiver) = mpsc::channel::<NearestStreamRequest>(1);
    let mut request = Request::new(ReceiverStream::new(receiver));
    request.set_timeout(Duration::from_millis(100));
    let mut answers = fixture.proximity().nearest_stream(request).await.unwrap().into_inner();
    let status = soon(answers.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}
