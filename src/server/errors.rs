//! Counts the calls that end with an error, by method and code.
//!
//! Beneath gRPC-Web and above the services, so that it sees gRPC's own headers and trailers. A unary
//! error is in the headers; only a stream's answer is looked at further, until its trailers.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::HttpBody;
use axum::http::{HeaderMap, Request, Response};
use http_body::Frame;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::telemetry::{Metrics, Rpc};

/// Puts [`Counted`] around the services.
#[derive(Clone, Debug)]
pub(super) struct CountErrors(pub(super) Arc<Metrics>);

impl<S> Layer<S> for CountErrors {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, metrics: Arc::clone(&self.0) }
    }
}

/// Services whose errors are counted.
#[derive(Clone, Debug)]
pub(super) struct Counted<S> {
    inner: S,
    metrics: Arc<Metrics>,
}

impl<S> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let rpc = Rpc::of_path(request.uri().path());
        let metrics = Arc::clone(&self.metrics);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = answer.await?;
            let Some(rpc) = rpc else { return Ok(response) };
            if response.headers().contains_key(STATUS) {
                count(&metrics, rpc, response.headers());
                return Ok(response);
            }
            if !rpc.is_stream() {
                return Ok(response);
            }
            Ok(response.map(|inner| Body::new(Watched { inner, rpc, metrics })))
        })
    }
}

const STATUS: &str = "grpc-status";

fn count(metrics: &Metrics, rpc: Rpc, headers: &HeaderMap) {
    let code = headers.get(STATUS).and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(code) = code {
        metrics.failed(rpc, code);
    }
}

/// A stream's answer, whose trailers tell how it ended.
struct Watched {
    inner: Body,
    rpc: Rpc,
    metrics: Arc<Metrics>,
}

impl HttpBody for Watched {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            count(&self.metrics, self.rpc, trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}
