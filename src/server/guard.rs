//! What requests and answers occupy is counted against their connection's purses.
//!
//! Flow control alone does not bound it: what a decoder has taken to put a message together, the
//! client may send again, so that each of thousands of calls could hold almost a whole message;
//! and an answer, once made, waits in memory for a client that does not read.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use hyper::{HeaderMap, Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tower::Layer;

use super::framing::Framing;
use super::purse::{Empty, Purse, Purses, Share};
use crate::api::status::Failure;
use crate::limits;

/// Puts a [`Guard`] around a service.
#[derive(Clone, Copy, Debug)]
pub(super) struct GuardLayer;

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { inner }
    }
}

/// Counts what passes through a service.
#[derive(Clone, Debug)]
pub(super) struct Guard<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Asked>, Response = Response<Body>, Error = Infallible>,
    S::Future: Unpin,
{
    type Response = Response<Answered>;
    type Error = Infallible;
    type Future = Guarded<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let purses = request.extensions().get::<Purses>().cloned().unwrap_or_default();
        let Purses { requests, answers } = purses;
        let inner = self.inner.call(request.map(|body| Asked::new(body, requests)));
        Guarded { inner, answers }
    }
}

/// A call that is under way. Spelled out, and its bodies not packed: each call passes here.
#[derive(Debug)]
pub(super) struct Guarded<F> {
    inner: F,
    answers: Arc<Purse>,
}

impl<F> Future for Guarded<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>> + Unpin,
{
    type Output = Result<Response<Answered>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(Pin::new(&mut self.inner).poll(cx))?;
        let answers = Arc::clone(&self.answers);
        Poll::Ready(Ok(response.map(|body| Answered::new(body, answers))))
    }
}

/// A request's body.
#[derive(Debug)]
pub(super) struct Asked {
    inner: Body,
    framing: Framing,
    share: Share,
}

impl Asked {
    fn new(inner: Body, purse: Arc<Purse>) -> Self {
        Self { inner, framing: Framing::default(), share: Share::of(purse) }
    }
}

impl HttpBody for Asked {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            // What was once needed stays: decoders keep their buffers.
            let counted = this.framing.feed(data).saturating_sub(limits::FREE_REQUEST_BYTES);
            if let Err(Empty { max }) = this.share.raise(counted) {
                return Poll::Ready(Some(Err(Failure::TooMuchUnfinished { max }.into())));
            }
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

/// An answer's body.
#[derive(Debug)]
pub(super) struct Answered {
    inner: Body,
    /// What is left of a large frame.
    rest: Bytes,
    share: Share,
    refused: bool,
}

impl Answered {
    fn new(inner: Body, purse: Arc<Purse>) -> Self {
        Self { inner, rest: Bytes::new(), share: Share::of(purse), refused: false }
    }

    /// The next slice: a copy, so that the last one does not keep the whole alive.
    fn slice(&mut self) -> Frame<Bytes> {
        let slice = self.rest.split_to(self.rest.len().min(limits::ANSWER_SLICE_BYTES));
        if self.rest.is_empty() {
            self.rest = Bytes::new();
            self.share.lower(0);
        }
        Frame::data(Bytes::copy_from_slice(&slice))
    }

    /// The end instead of an answer for which there is no room.
    fn refuse(&mut self, max: usize) -> Result<Frame<Bytes>, Status> {
        self.refused = true;
        let status = Status::from(Failure::TooMuchUnread { max });
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers)?;
        Ok(Frame::trailers(trailers))
    }
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        // Asked for more, the transport has room for it: the slice before is as good as sent.
        if !this.rest.is_empty() {
            return Poll::Ready(Some(Ok(this.slice())));
        }
        if this.refused {
            return Poll::Ready(None);
        }
        let Some(frame) = ready!(Pin::new(&mut this.inner).poll_frame(cx)?) else {
            return Poll::Ready(None);
        };
        let large = |data: &Bytes| data.len() > limits::ANSWER_SLICE_BYTES;
        if !frame.data_ref().is_some_and(large) {
            return Poll::Ready(Some(Ok(frame)));
        }
        let Ok(data) = frame.into_data() else { return Poll::Ready(None) };
        if let Err(Empty { max }) = this.share.raise(data.len()) {
            return Poll::Ready(Some(this.refuse(max)));
        }
        this.rest = data;
        Poll::Ready(Some(Ok(this.slice())))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && (self.refused || self.inner.is_end_stream())
    }
}
