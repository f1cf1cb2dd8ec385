//! What one connection may occupy of the server's memory, and what it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limits;

/// A number of bytes of which shares are taken.
#[derive(Debug)]
pub(super) struct Purse {
    taken: AtomicUsize,
    max: usize,
}

/// There is not enough left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Empty {
    pub(super) max: usize,
}

/// The purses of one connection; it travels with each of its requests.
#[derive(Clone, Debug)]
pub(super) struct Purses {
    pub(super) requests: Arc<Purse>,
    pub(super) answers: Arc<Purse>,
}

impl Default for Purses {
    fn default() -> Self {
        let purse = |max| Arc::new(Purse { taken: AtomicUsize::new(0), max });
        Self {
            requests: purse(limits::MAX_REQUEST_BYTES_PER_CONNECTION),
            answers: purse(limits::MAX_ANSWER_BYTES_PER_CONNECTION),
        }
    }
}

/// What one request has taken of a purse; dropped, it is given back.
#[derive(Debug)]
pub(super) struct Share {
    purse: Arc<Purse>,
    bytes: usize,
}

impl Share {
    /// Nothing yet.
    pub(super) fn of(purse: Arc<Purse>) -> Self {
        Self { purse, bytes: 0 }
    }

    /// Makes the share larger, if it is smaller.
    pub(super) fn raise(&mut self, bytes: usize) -> Result<(), Empty> {
        let Some(more @ 1..) = bytes.checked_sub(self.bytes) else { return Ok(()) };
        let max = self.purse.max;
        // No order is needed: the number guards no other memory.
        if self.purse.taken.fetch_add(more, Ordering::Relaxed) + more > max {
            self.purse.taken.fetch_sub(more, Ordering::Relaxed);
            return Err(Empty { max });
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Makes the share smaller, if it is larger.
    pub(super) fn lower(&mut self, bytes: usize) {
        if let Some(less) = self.bytes.checked_sub(bytes) {
            self.purse.taken.fetch_sub(less, Ordering::Relaxed);
            self.bytes = bytes;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.lower(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_comes_back() {
        let purses = Purses::default();
        let purse = || Arc::clone(&purses.answers);
        let max = limits::MAX_ANSWER_BYTES_PER_CONNECTION;
        let mut one = Share::of(purse());
        let mut other = Share::of(purse());
        assert_eq!(one.raise(max - 1), Ok(()));
        assert_eq!(other.raise(2), Err(Empty { max }));
        assert_eq!((other.raise(1), other.raise(2)), (Ok(()), Err(Empty { max })));
        one.lower(5);
        one.lower(7);
        assert_eq!(one.raise(4), Ok(()), "it has more already");
        assert_eq!(other.raise(max - 5), Ok(()));
        drop((one, other));
        assert_eq!(Share::of(purse()).raise(max), Ok(()));
    }
}
