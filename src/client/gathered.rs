//! A connection whose small writes leave together.
//!
//! HTTP/2 tells of a new call, and only a turn of the runtime later sends the call's message. Written as
//! they come, those are two system calls here, two at the server, and two times that the server wakes up.
//! So what is flushed waits for one turn, in which everybody runs who was ready by then.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits;

/// A connection that gathers what is written to it.
#[derive(Debug)]
pub(super) struct Gathered<S> {
    inner: S,
    buffer: Vec<u8>,
    /// How much of the buffer has been sent.
    sent: usize,
    flush: Flush,
}

/// What a flush does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flush {
    /// Waits for a turn.
    Waits,
    /// Sends: its turn has come.
    Sends,
}

impl<S> Gathered<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, buffer: Vec::new(), sent: 0, flush: Flush::Waits }
    }

    /// Whether so many bytes more are worth being gathered.
    fn has_room(&self, more: usize) -> bool {
        self.buffer.len() + more <= limits::CLIENT_GATHERED_BYTES
    }
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    /// Sends what was gathered.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.buffer.len() {
            let rest = &self.buffer[self.sent..];
            let sent = ready!(Pin::new(&mut self.inner).poll_write(cx, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
        }
        self.buffer.clear();
        (self.sent, self.flush) = (0, Flush::Waits);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.has_room(bytes.len()) {
            self.buffer.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = slices.iter().map(|slice| slice.len()).sum();
        if self.has_room(bytes) {
            for slice in slices {
                self.buffer.extend_from_slice(slice);
            }
            return Poll::Ready(Ok(bytes));
        }
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.buffer.is_empty() && self.flush == Flush::Waits {
            self.flush = Flush::Sends;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    /// What came, write by write; takes at most so many bytes at once.
    #[derive(Default)]
    struct Sink {
        writes: Vec<Vec<u8>>,
        most: usize,
    }

    impl AsyncWrite for Sink {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let taken = &bytes[..bytes.len().min(self.most)];
            self.writes.push(taken.to_vec());
            Poll::Ready(Ok(taken.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn gathered(most: usize) -> Gathered<Sink> {
        Gathered::new(Sink { writes: Vec::new(), most })
    }

    #[tokio::test]
    async fn what_is_written_in_one_turn_leaves_together_and_a_flush_sends_all() {
        let mut wire = gathered(1_000);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        for part in [&b"head"[..], b"ers", b"", b"+data"] {
            wire.write_all(part).await.unwrap();
            if part == b"head" {
                // The first flush waits, and what comes in between leaves with it.
                assert!(Pin::new(&mut wire).poll_flush(&mut cx).is_pending());
            }
        }
        assert!(wire.inner.writes.is_empty());
        wire.flush().await.unwrap();
        assert_eq!(wire.inner.writes, [b"headers+data"]);
        wire.flush().await.unwrap();
        assert_eq!(wire.inner.writes.len(), 1, "there is nothing left to send");
        wire.write_all(b"next").await.unwrap();
        wire.flush().await.unwrap();
        assert_eq!(wire.inner.writes[1], b"next");
    }

    #[tokio::test]
    async fn nothing_is_lost_or_turned_around_however_much_is_taken_at_once() {
        for most in [1, 7, 1 << 20] {
            let mut wire = gathered(most);
            let mut due = Vec::new();
            for (i, size) in [1, 5_000, 40_000, 3, 0, 16_384, 9].into_iter().enumerate() {
                let part = vec![u8::try_from(i).unwrap(); size];
                wire.write_all(&part).await.unwrap();
                due.extend(part);
            }
            wire.shutdown().await.unwrap();
            assert_eq!(wire.inner.writes.concat(), due, "{most} at once");
        }
    }
}
