//! Counts the calls that end with an error, by method and code.
//!
//! Beneath gRPC-Web and above the services, so that it sees gRPC's own headers and trailers. A unary
//! error is in the headers; only a stream's answer is looked at further, until its trailers.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::HttpBody;
use axum::http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
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

impl<S, B> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Unpin,
    B: HttpBody,
{
    type Response = Response<Watched<B>>;
    type Error = S::Error;
    type Future = Counting<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let rpc = Rpc::of_path(request.uri().path());
        let metrics = Arc::clone(&self.metrics);
        Counting { inner: self.inner.call(request), watch: rpc.map(|rpc| Watch { rpc, metrics }) }
    }
}

/// A call that is under way. Spelled out, and its body not packed: each call passes here.
#[derive(Debug)]
pub(super) struct Counting<F> {
    inner: F,
    /// None of a method that we do not know.
    watch: Option<Watch>,
}

impl<F, B, E> Future for Counting<F>
where
    F: Future<Output = Result<Response<B>, E>> + Unpin,
{
    type Output = Result<Response<Watched<B>>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(Pin::new(&mut self.inner).poll(cx))?;
        let watch = self.watch.take().filter(|watch| {
            let ended = response.headers().contains_key(STATUS);
            if ended {
                watch.count(response.headers());
            }
            !ended && watch.rpc.is_stream()
        });
        Poll::Ready(Ok(response.map(|inner| Watched { inner, watch })))
    }
}

const STATUS: &str = "grpc-status";

/// What is counted, and where.
#[derive(Debug)]
struct Watch {
    rpc: Rpc,
    metrics: Arc<Metrics>,
}

impl Watch {
    fn count(&self, headers: &HeaderMap) {
        let code = headers.get(STATUS).and_then(|value| value.to_str().ok()?.parse().ok());
        if let Some(code) = code {
            self.metrics.failed(self.rpc, code);
        }
    }
}

/// An answer; of a stream, the trailers tell how it ended.
#[derive(Debug)]
pub(super) struct Watched<B> {
    inner: B,
    watch: Option<Watch>,
}

impl<B: HttpBody + Unpin> HttpBody for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(watch) = &self.watch
            && let Some(Ok(frame)) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            watch.count(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
