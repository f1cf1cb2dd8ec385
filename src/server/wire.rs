//! A connection as the transport sees it: it has to say something soon, and its requests share
//! what one connection may occupy.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tonic::transport::server::Connected;

use super::busy::Arrivals;
use super::purse::Purses;

/// The bytes by which the transport tells HTTP/2 from HTTP/1.1. From then on it has deadlines of
/// its own; before, it would wait for ever.
const GREETING_BYTES: usize = 24;

/// A connection with purses.
#[derive(Debug)]
pub(super) struct Wire<S> {
    inner: S,
    purses: Purses,
    /// Of the worker that serves it.
    arrivals: Arc<Arrivals>,
    /// Until it has greeted: by when, and how many bytes it has said.
    greeting: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> Wire<S> {
    /// A connection that has so long to say its first bytes.
    pub(super) fn new(inner: S, greeting: Duration, arrivals: Arc<Arrivals>) -> Self {
        let deadline = Box::pin(tokio::time::sleep(greeting));
        Self { inner, purses: Purses::default(), arrivals, greeting: Some((deadline, 0)) }
    }
}

impl<S> Connected for Wire<S> {
    type ConnectInfo = Purses;

    fn connect_info(&self) -> Purses {
        self.purses.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.inner).poll_read(cx, buffer);
        if read.is_ready() {
            this.arrivals.note();
        }
        if let Some((deadline, said)) = &mut this.greeting {
            *said += buffer.filled().len() - before;
            if *said >= GREETING_BYTES {
                this.greeting = None;
            } else if read.is_pending() && deadline.as_mut().poll(cx).is_ready() {
                let why = "the connection says nothing";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)));
            }
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
