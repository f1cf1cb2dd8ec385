//! Requests that cannot be: each gets a status that names the field, the value and the range.

use hansom::api::proto::area::Shape;
use hansom::api::proto::nearest_stream_response::Kind;
use hansom::api::proto::{
    Area, Circle, CountRequest, Filter, GetDriverRequest, NearestRequest, NearestStreamRequest,
    Polygon, Refusal, ReportRequest, Ring, WatchAreaRequest, WithinRequest,
};
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::proximity::world;
use super::support::{
    Connect, Fixture, Ingest, at, bind_named, hello, now_ms, raw_http, report, soon,
};

/// Checks the message and that its details say the same of the field.
fn refused(status: &Status, field: &str, message: &str) {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(status.message(), message);
    let details = status.get_error_details();
    let violation = &details.bad_request().unwrap().field_violations[0];
    assert_eq!((violation.field.as_str(), violation.description.as_str()), (field, message));
}

#[tokio::test]
async fn reports_that_cannot_be() {
    let fixture = Fixture::start().await;
    let mut client = fixture.driver();
    let mut one = async |driver_id: &str, lat: f64, lng: f64| {
        let report = Some(report(lat, lng, now_ms()));
        let request = ReportRequest { driver_id: driver_id.to_owned(), report, profile: None };
        client.report(request).await.unwrap_err()
    };
    let lat = "report.position.lat";
    let lng = "report.position.lng";
    let text = "report.position.lat 91 is not in -90..=90";
    refused(&one("a", 91.0, 0.0).await, lat, text);
    let text = "report.position.lat NaN is not in -90..=90";
    refused(&one("a", f64::NAN, 0.0).await, lat, text);
    let text = "report.position.lng inf is not in -180..=180";
    refused(&one("a", 0.0, f64::INFINITY).await, lng, text);
    let text = "driver_id: id is empty; 1 to 64 bytes are allowed";
    refused(&one("", 0.0, 0.0).await, "driver_id", text);
    let text = "driver_id: id has 65 bytes; 1 to 64 bytes are allowed";
    refused(&one(&"x".repeat(65), 0.0, 0.0).await, "driver_id", text);
    let empty = ReportRequest { driver_id: "a".to_owned(), ..ReportRequest::default() };
    refused(&client.report(empty).await.unwrap_err(), "report", "report is not set");
    // Nothing of all that has made the driver known.
    let unknown = client.get_driver(GetDriverRequest { driver_id: "a".to_owned() }).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn questions_that_cannot_be() {
    let fixture = Fixture::start().await;
    let mut client = fixture.proximity();
    let good = NearestRequest { position: Some(at(0.0, 0.0)), k: 1, radius_m: None, filter: None };
    let mut nearest = async |request| client.nearest(request).await.unwrap_err();
    let none = NearestRequest { k: 0, ..good.clone() };
    refused(&nearest(none).await, "k", "k 0 is not in 1..=1000");
    let many = NearestRequest { k: 1_000_000_000, ..good.clone() };
    refused(&nearest(many).await, "k", "k 1000000000 is not in 1..=1000");
    let negative = NearestRequest { radius_m: Some(-1.0), ..good.clone() };
    refused(&nearest(negative).await, "radius_m", "radius_m -1 is not in 0..=20015115");
    let nowhere = NearestRequest { position: None, ..good };
    refused(&nearest(nowhere).await, "position", "position is not set");

    let area = |shape| Some(Area { shape: Some(shape) });
    let outer = |vertices| Some(Ring { vertices });
    let bow_tie = outer(vec![at(0.0, 0.0), at(1.0, 1.0), at(0.0, 1.0), at(1.0, 0.0)]);
    let polygon = Shape::Polygon(Polygon { outer: bow_tie, holes: Vec::new() });
    let request = CountRequest { area: area(polygon), filter: None };
    let status = client.count(request).await.unwrap_err();
    refused(&status, "area.polygon", status.message());
    let text = "area.polygon: ring 0 crosses itself: edge 0 meets edge 2";
    assert!(status.message().starts_with(text), "{status:?}");
    let many = outer(vec![at(0.0, 0.0); 10_001]);
    let polygon = Shape::Polygon(Polygon { outer: many, holes: Vec::new() });
    let request = CountRequest { area: area(polygon), filter: None };
    let status = client.count(request).await.unwrap_err();
    let text = "area.polygon: polygon has 10001 vertices; at most 10000 are allowed";
    refused(&status, "area.polygon", text);
    let circle = Shape::Circle(Circle { center: Some(at(0.0, 0.0)), radius_m: f64::NAN });
    let request = CountRequest { area: area(circle), filter: None };
    let status = client.count(request).await.unwrap_err();
    let field = "area.circle.radius_m";
    refused(&status, field, "area.circle.radius_m NaN is not in 0..=20015115");

    let status = client.count(CountRequest::default()).await.unwrap_err();
    refused(&status, "area", "area is not set");
    let asked = tokio_stream::once(NearestStreamRequest { question: 1, nearest: None });
    let mut answers = client.nearest_stream(asked).await.unwrap().into_inner();
    let answer = soon(answers.message()).await.unwrap().unwrap();
    let (field, detail) = ("nearest".to_owned(), "nearest is not set".to_owned());
    assert_eq!(answer.kind, Some(Kind::Refusal(Refusal { field, detail })));

    let request = WithinRequest { area: Some(world()), page_size: 10_001, ..Default::default() };
    let status = client.within(request).await.unwrap_err();
    refused(&status, "page_size", "page_size 10001 is not in 0..=10000");
    let request = WatchAreaRequest { area: Some(world()), filter: None, interval_ms: Some(99) };
    let status = client.watch_area(request).await.unwrap_err();
    refused(&status, "interval_ms", "interval_ms 99 is not in 100..=60000");
}

/// Checks that the limit of a message is named, in words and in details.
fn too_large(status: &Status) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    let text =
        "max_message_bytes: the message has more than 4194304 bytes, the most that one may have";
    assert_eq!(status.message(), text);
    let details = status.get_error_details();
    assert_eq!(details.quota_failure().unwrap().violations[0].subject, "max_message_bytes");
    assert!(details.retry_info().is_some());
}

#[tokio::test]
async fn a_message_of_a_hundred_megabytes_is_refused_by_its_length() {
    let fixture = Fixture::start().await;
    let driver_id = "x".repeat(100 << 20);
    let request = GetDriverRequest { driver_id };
    let status = soon(fixture.driver().get_driver(request)).await.unwrap_err();
    too_large(&status);
    // The connection and the server go on.
    let request = CountRequest { area: Some(world()), filter: None };
    soon(fixture.proximity().count(request)).await.unwrap();
}

#[tokio::test]
async fn a_message_that_is_short_only_when_packed_is_refused_by_its_length() {
    let fixture = Fixture::start().await;
    let mut client = fixture.driver().send_compressed(CompressionEncoding::Gzip);
    let request = GetDriverRequest { driver_id: "x".repeat(5 << 20) };
    too_large(&soon(client.get_driver(request)).await.unwrap_err());
}

#[tokio::test]
async fn streams_end_with_the_limit_of_a_message() {
    let fixture = Fixture::start().await;
    let long = "x".repeat(5 << 20);
    let mut app = Connect::open(&fixture, hello(&long)).await;
    too_large(&soon(app.responses.message()).await.unwrap_err());
    let mut gateway = Ingest::open(&fixture).await;
    gateway.send(bind_named([(0, long.clone())])).await;
    too_large(&soon(gateway.responses.message()).await.unwrap_err());
    let filter = Some(Filter { excluded_driver_ids: vec![long], ..Filter::default() });
    let nearest = Some(NearestRequest { filter, ..NearestRequest::default() });
    let asked = tokio_stream::once(NearestStreamRequest { question: 1, nearest });
    let mut client = fixture.proximity();
    let mut answers = soon(client.nearest_stream(asked)).await.unwrap().into_inner();
    too_large(&soon(answers.message()).await.unwrap_err());
}

#[tokio::test]
async fn bytes_that_are_no_message_are_the_callers_fault() {
    let fixture = Fixture::start().await;
    // An uncompressed frame of one byte, which opens a field that never comes.
    let mut request = b"POST /hansom.v1.ProximityService/Count HTTP/1.1\r\nHost: x\r\n\
        Connection: close\r\nContent-Type: application/grpc-web+proto\r\n\
        Content-Length: 6\r\n\r\n"
        .to_vec();
    request.extend([0, 0, 0, 0, 1, 0x0a]);
    let (head, _) = raw_http(fixture.running.grpc_addr(), request).await;
    assert!(head.contains("grpc-status: 3\r\n"), "{head}");
    assert!(head.contains("grpc-message: request:"), "{head}");
}
