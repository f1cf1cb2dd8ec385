//! What surrounds the services: reflection, health, gRPC-Web, HTTP, metrics.

use hansom::api::proto::{CountRequest, CountResponse, NearestRequest, ReportRequest};
use hansom::index::IndexConfig;
use hansom::server::ServerConfig;
use prost::Message as _;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};

use super::proximity::world;
use super::support::{Fixture, at, http_get, now_ms, raw_http, report, soon};

#[tokio::test]
async fn both_versions_of_reflection_list_the_services() {
    let fixture = Fixture::start().await;
    let request = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(fixture.channel());
    let call = client.server_reflection_info(tokio_stream::once(request)).await;
    let answer = soon(call.unwrap().into_inner().message()).await.unwrap().unwrap();
    let text = format!("{answer:?}");
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
                "hansom.v1.ProximityService".to_owned(),
            ),
        ),
    };
    let mut client =
        v1alpha::server_reflection_client::ServerReflectionClient::new(fixture.channel());
    let call = client.server_reflection_info(tokio_stream::once(request)).await;
    let answer = soon(call.unwrap().into_inner().message()).await.unwrap().unwrap();
    for name in ["hansom.v1.DriverService", "hansom.v1.ProximityService", "grpc.health.v1.Health"] {
        assert!(text.contains(name), "{name} is not in {text}");
    }
    assert!(format!("{answer:?}").contains("FileDescriptorResponse"), "{answer:?}");
}

#[tokio::test]
async fn each_service_is_healthy() {
    let fixture = Fixture::start().await;
    let mut client = HealthClient::new(fixture.channel());
    for service in ["", "hansom.v1.DriverService", "hansom.v1.ProximityService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let health = client.check(request).await.unwrap().into_inner();
        assert_eq!(health.status(), ServingStatus::Serving, "{service:?}");
    }
    let stranger = HealthCheckRequest { service: "no.Such".to_owned() };
    assert_eq!(client.check(stranger).await.unwrap_err().code(), tonic::Code::NotFound);
}

#[tokio::test]
async fn a_browser_can_ask() {
    let fixture = Fixture::with_row_of_drivers(3, 10.0).await;
    let message = CountRequest { area: Some(world()), filter: None }.encode_to_vec();
    let mut body = vec![0];
    body.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend_from_slice(&message);
    let mut request = format!(
        "POST /hansom.v1.ProximityService/Count HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: application/grpc-web+proto\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend(body);
    let (head, body) = raw_http(fixture.running.grpc_addr(), request).await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.contains("content-type: application/grpc-web+proto"), "{head}");
    // Chunked: the first chunk is the message's frame, after its length in hexadecimal.
    let start = body.windows(2).position(|w| w == b"\r\n").unwrap() + 2;
    assert_eq!(body[start], 0, "a message, not compressed");
    let length = u32::from_be_bytes(body[start + 1..start + 5].try_into().unwrap()) as usize;
    let message = &body[start + 5..start + 5 + length];
    assert_eq!(CountResponse::decode(message).unwrap().count, 3);
    assert!(String::from_utf8_lossy(&body).contains("grpc-status:0"), "the trailers");
}

/// A server that lets pages of these origins call.
async fn for_pages_of(origins: &str) -> Fixture {
    let allow = |config: &mut ServerConfig| config.web_origins = origins.parse().unwrap();
    Fixture::with(IndexConfig::default(), allow).await
}

/// What a browser asks before it lets a page call, and the answer's head.
async fn preflight(fixture: &Fixture, origin: &str) -> String {
    let request = format!(
        "OPTIONS /hansom.v1.ProximityService/Count HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Origin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\
         Access-Control-Request-Headers: content-type,x-grpc-web,grpc-timeout\r\n\r\n"
    );
    raw_http(fixture.running.grpc_addr(), request.into_bytes()).await.0.to_lowercase()
}

#[tokio::test]
async fn pages_of_the_origins_that_are_named_may_call() {
    const PAGE: &str = "https://dispatch.example.com";
    let fixture = for_pages_of(PAGE).await;
    let head = preflight(&fixture, PAGE).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains(&format!("access-control-allow-origin: {PAGE}\r\n")), "{head}");
    assert!(head.contains("access-control-allow-methods: post"), "{head}");
    assert!(head.contains("allow-headers: content-type,x-grpc-web,grpc-timeout"), "{head}");
    let head = preflight(&fixture, "https://elsewhere.example.com").await;
    assert!(!head.contains("access-control-allow-origin"), "{head}");
    let call = format!(
        "POST /hansom.v1.ProximityService/Count HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Origin: {PAGE}\r\nContent-Type: application/grpc-web+proto\r\nContent-Length: 0\r\n\r\n"
    );
    let (head, _) = raw_http(fixture.running.grpc_addr(), call.into_bytes()).await;
    let head = head.to_lowercase();
    assert!(head.contains(&format!("access-control-allow-origin: {PAGE}\r\n")), "{head}");
    assert!(
        head.contains("access-control-expose-headers:") && head.contains("grpc-status"),
        "{head}"
    );
}

#[tokio::test]
async fn no_page_may_call_unless_it_is_said() {
    let fixture = Fixture::start().await;
    let head = preflight(&fixture, "https://dispatch.example.com").await;
    assert!(!head.contains("access-control"), "{head}");
    let fixture = for_pages_of("*").await;
    let head = preflight(&fixture, "https://dispatch.example.com").await;
    assert!(head.contains("access-control-allow-origin: *\r\n"), "{head}");
}

#[tokio::test]
async fn probes_and_the_front_page_answer() {
    let fixture = Fixture::with_row_of_drivers(3, 10.0).await;
    let (head, body) = http_get(fixture.http(), "/healthz").await;
    assert!(head.starts_with("HTTP/1.1 200") && body == "ok\n", "{head}{body}");
    let (head, body) = http_get(fixture.http(), "/readyz").await;
    assert!(head.starts_with("HTTP/1.1 200") && body == "ready\n", "{head}{body}");
    let (head, body) = http_get(fixture.http(), "/").await;
    assert!(head.contains("text/html") && body.contains("3 drivers are known"), "{body}");
    let (head, _) = http_get(fixture.http(), "/nope").await;
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
}

#[tokio::test]
async fn metrics_are_described_and_count_what_happened() {
    let fixture = Fixture::with_row_of_drivers(3, 10.0).await;
    let bad = ReportRequest {
        driver_id: "late".to_owned(),
        report: Some(report(1.0, 1.0, 0)),
        profile: None,
    };
    fixture.driver().report(bad).await.unwrap();
    let ask = NearestRequest { position: Some(at(10.0, 0.0)), k: 2, radius_m: None, filter: None };
    fixture.proximity().nearest(ask).await.unwrap();
    let ask = NearestRequest { position: None, k: 2, radius_m: None, filter: None };
    fixture.proximity().nearest(ask).await.unwrap_err();
    let (head, text) = http_get(fixture.http(), "/metrics").await;
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    let text = unchunked(&text);
    let mut described = Vec::new();
    let mut samples = 0;
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            described.push(rest.split(' ').next().unwrap().to_owned());
        } else if !line.starts_with('#') {
            samples += 1;
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = series.split('{').next().unwrap();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))
                .filter(|family| described.iter().any(|d| d == family))
                .unwrap_or(name);
            assert!(described.iter().any(|d| d == family), "{line} has no help");
        }
    }
    assert!(samples > 20, "{text}");
    for line in [
        "hansom_location_updates_total 3",
        "hansom_location_updates_rejected_total{reason=\"too_old\"} 1",
        "hansom_drivers 3",
        "hansom_supply{status=\"available\"} 3",
        "hansom_grpc_request_duration_seconds_count\
         {grpc_service=\"hansom.v1.ProximityService\",method=\"Nearest\"} 2",
        "hansom_grpc_errors_total{grpc_service=\"hansom.v1.ProximityService\",\
         method=\"Nearest\",code=\"INVALID_ARGUMENT\"} 1",
        concat!("hansom_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "hansom_drivers_forgotten_total 0",
        "hansom_drivers_gone_stale_total 0",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    assert!(text.contains("le=\"0.005\""), "{text}");
    assert!(text.contains("hansom_streams "), "{text}");
    if cfg!(target_os = "linux") {
        let positive = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            assert!(line.unwrap().trim().parse::<f64>().unwrap() > 0.0, "{name}");
        };
        positive("process_resident_memory_bytes ");
        positive("process_cpu_seconds_total ");
        positive("process_start_time_seconds ");
        positive("process_open_fds ");
    }
    assert!(now_ms() > 0);
}

/// The text, if it came in chunks.
fn unchunked(text: &str) -> String {
    text.lines()
        .filter(|line| !(line.len() <= 6 && u32::from_str_radix(line, 16).is_ok()))
        .collect::<Vec<_>>()
        .join("\n")
}
