//! Reads that may have to wait for the disk, on a thread for such work, for whoever still wants them.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::{JoinError, JoinHandle};

/// What is being read. Dropped before its turn has come, it is not read at all; a read that has begun
/// goes on.
#[derive(Debug)]
pub struct Reading<T>(JoinHandle<T>);

impl<T: Send + 'static> Reading<T> {
    /// Queues a read for one of [`crate::limits::READER_THREADS`].
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn begin(read: impl FnOnce() -> T + Send + 'static) -> Self {
        Self(tokio::task::spawn_blocking(read))
    }
}

impl<T> Future for Reading<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for Reading<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
