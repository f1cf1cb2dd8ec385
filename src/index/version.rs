//! A sequence lock: how readers notice that what they read was being written.
//!
//! One writer at a time, who holds the version by making it odd; any number of readers. Readers
//! never write, so they cost a writer nothing but the sharing of cache lines. The data itself
//! is made of atomics that are read and written relaxed: a torn read is detected, not undefined.
//!
//! # References
//! H.-J. Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012,
//! section 4: the fences used here.

use crate::sync::{AtomicU32, Ordering, fence, relax};

/// Counts the writes to a piece of data; odd while one is going on.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(super) struct Version(AtomicU32);

/// The version that a reader began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(u32);

impl Version {
    /// Begins to read, as soon as no write is going on.
    #[inline]
    pub(super) fn begin(&self) -> Stamp {
        let mut attempt = 0;
        loop {
            let version = self.0.load(Ordering::Acquire);
            if version & 1 == 0 {
                return Stamp(version);
            }
            relax(attempt);
            attempt += 1;
        }
    }

    /// Whether what was read since `stamp` is whole: nothing has been written.
    #[inline]
    pub(super) fn unchanged(&self, stamp: Stamp) -> bool {
        fence(Ordering::Acquire);
        self.0.load(Ordering::Relaxed) == stamp.0
    }

    /// Begins to write, as soon as nobody else does.
    #[inline]
    pub(super) fn open(&self) {
        let mut attempt = 0;
        while !self.try_open() {
            relax(attempt);
            attempt += 1;
        }
    }

    /// Begins to write, unless somebody else does.
    #[inline]
    pub(super) fn try_open(&self) -> bool {
        let version = self.0.load(Ordering::Relaxed);
        let odd = version.wrapping_add(1);
        // Acquire: what the last writer wrote is seen, and compared with.
        let opened = version & 1 == 0
            && self.0.compare_exchange(version, odd, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if opened {
            fence(Ordering::Release);
        }
        opened
    }

    /// Ends a write in which nothing was written: for readers it has not been.
    #[inline]
    pub(super) fn abandon(&self) {
        let version = self.0.load(Ordering::Relaxed);
        self.0.store(version.wrapping_sub(1), Ordering::Release);
    }

    /// Ends the write that [`Version::open`] or [`Version::try_open`] began.
    #[inline]
    pub(super) fn close(&self) {
        let version = self.0.load(Ordering::Relaxed);
        self.0.store(version.wrapping_add(1), Ordering::Release);
    }
}

/// Counts the changes of who is in a bucket; a reader's answer is one moment's if no bucket
/// that it visited changed until the end.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(super) struct Members(AtomicU32);

impl Members {
    /// The count, read between [`Version::begin`] and [`Version::unchanged`].
    #[inline]
    pub(super) fn read(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether the members are still those of `seen`.
    #[inline]
    pub(super) fn unchanged(&self, seen: u32) -> bool {
        fence(Ordering::Acquire);
        self.0.load(Ordering::Relaxed) == seen
    }

    /// Announces a change; all buckets of one change are announced before any is closed.
    #[inline]
    pub(super) fn change(&self) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
}
