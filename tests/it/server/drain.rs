//! How a server ends.

use std::time::Duration;

use hansom::api::proto::connect_request::Kind;
use hansom::api::proto::proximity_service_client::ProximityServiceClient;
use hansom::api::proto::{NearestRequest, NearestStreamRequest, connect_response};
use hansom::index::IndexConfig;
use hansom::server::Drained;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use super::support::{
    Connect, Fixture, Ingest, at, batch, bind, eventually, hello, http_get, now_ms, report, soon,
};

#[tokio::test]
async fn streams_are_told_and_what_was_received_is_acknowledged() {
    let fixture = Fixture::start().await;
    let mut app = Connect::open(&fixture, hello("cab")).await;
    let ready = soon(app.responses.message()).await.unwrap().unwrap();
    assert!(matches!(ready.kind, Some(connect_response::Kind::Ready(_))));
    app.send(Kind::Position(report(1.0, 1.0, now_ms()))).await;
    let ack = soon(app.responses.message()).await.unwrap().unwrap();
    assert!(matches!(ack.kind, Some(connect_response::Kind::Ack(_))));
    let mut ingest = Ingest::open(&fixture).await;
    ingest.send(bind(&[0])).await;
    ingest.send(batch(1, &[(0, 1.0, 1.0)])).await;
    ingest.acked(2).await;
    let mut health = HealthClient::new(fixture.channel());
    let request = HealthCheckRequest { service: String::new() };
    let mut watch = health.watch(request).await.unwrap().into_inner();
    let first = soon(watch.message()).await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);

    let Fixture { running, .. } = fixture;
    running.begin_drain();
    for status in [
        soon(app.responses.message()).await.unwrap_err(),
        soon(ingest.responses.message()).await.unwrap_err(),
    ] {
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        assert_eq!(status.message(), "the server drains; reconnect");
        assert!(status.get_error_details().retry_info().is_some());
    }
    // Its last news, unless the drain overtook it, is that the server does not serve.
    match soon(watch.message()).await {
        Ok(last) => assert_eq!(last.unwrap().status(), ServingStatus::NotServing),
        Err(status) => assert_eq!(status.code(), Code::Unavailable),
    }
    drop((app, ingest, watch, health));
    let drained = tokio::task::spawn_blocking(move || running.drain());
    assert_eq!(soon(drained).await.unwrap(), Drained::Finished);
}

#[tokio::test]
async fn a_server_that_drains_is_not_ready_and_cuts_at_the_deadline() {
    let fixture = Fixture::with(IndexConfig::default(), |config| {
        config.drain_timeout = Duration::from_millis(1_500);
    })
    .await;
    let mut ingest = Ingest::open(&fixture).await;
    ingest.send(bind(&(0..1_000).collect::<Vec<_>>())).await;
    let rows: Vec<(u32, f64, f64)> = (0..1_000).map(|i| (i, 10.0, f64::from(i) * 1e-4)).collect();
    ingest.send(batch(1, &rows)).await;
    ingest.acked(2).await;
    // A client whose window holds less than one answer, and that reads nothing, cannot be told.
    let endpoint = Endpoint::from_shared(format!("http://{}", fixture.running.grpc_addr()));
    let endpoint = endpoint.unwrap().initial_stream_window_size(Some(16_384));
    let mut client = ProximityServiceClient::new(soon(endpoint.connect()).await.unwrap());
    let nearest =
        NearestRequest { position: Some(at(10.0, 0.0)), k: 1_000, radius_m: None, filter: None };
    let (sender, receiver) = mpsc::channel(1);
    let question = NearestStreamRequest { question: 1, nearest: Some(nearest) };
    soon(sender.send(question)).await.unwrap();
    let call = client.nearest_stream(ReceiverStream::new(receiver)).await;
    let answers = call.unwrap().into_inner();
    eventually("the question is answered", || async {
        fixture.running.door().metrics.render().contains("hansom_stream_questions_total 1\n")
    })
    .await;
    let http = fixture.http();
    fixture.running.begin_drain();
    let (head, body) = http_get(http, "/readyz").await;
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert_eq!(body, "draining\n");
    let (head, _) = http_get(http, "/healthz").await;
    assert!(head.starts_with("HTTP/1.1 200"), "it still lives: {head}");
    let Fixture { running, .. } = fixture;
    let drained = tokio::task::spawn_blocking(move || running.drain());
    assert_eq!(soon(drained).await.unwrap(), Drained::Cut);
    drop(answers);
}
