//! The HTTP door: is it alive, is it ready, what does it count, what is where.
//!
//! Plain and small; nothing here changes anything.

mod connections;

use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse};
use axum::routing::get;

pub use connections::HttpLimits;

use crate::api::Door;

/// Serves HTTP on `listener` until dropped.
///
/// # Errors
/// If the listener cannot be registered with the runtime.
pub async fn serve(
    listener: TcpListener,
    door: Arc<Door>,
    limits: HttpLimits,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    connections::serve(listener, router(Arc::clone(&door)), door, limits).await;
    Ok(())
}

fn router(door: Arc<Door>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(door)
}

async fn ready(State(door): State<Arc<Door>>) -> (StatusCode, &'static str) {
    if door.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn metrics(State(door): State<Arc<Door>>) -> impl IntoResponse {
    door.refresh_gauges();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], door.metrics.render())
}

async fn index(State(door): State<Arc<Door>>) -> Html<String> {
    let (version, drivers) = (env!("CARGO_PKG_VERSION"), door.map.len());
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Hansom</title>\
         <h1>Hansom {version}</h1><p>{drivers} drivers are known.</p><ul>\
         <li><a href=\"/metrics\">/metrics</a>: counters and gauges for Prometheus</li>\
         <li><a href=\"/healthz\">/healthz</a>: whether the process lives</li>\
         <li><a href=\"/readyz\">/readyz</a>: whether it wants requests</li></ul>\
         <p>gRPC is served on the other port: <code>hansom.v1.DriverService</code> takes \
         positions, <code>hansom.v1.ProximityService</code> answers who is where. It describes \
         itself by reflection.</p></html>\n"
    ))
}
