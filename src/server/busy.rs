//! Looking for more before going to sleep.
//!
//! A worker that has nothing to do sleeps, and what comes next has to wake a core first: on many
//! machines, virtual ones above all, that takes longer than the answer. One that looks for a
//! little while, as kernels and network drivers do, is awake already. That costs processor time,
//! so it is done only if asked for and only while it pays; whoever else wants the core goes
//! first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock;

/// Looks in vain, one after the other, until looking ends.
const PATIENCE: u32 = 4;

/// What has come to a worker.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    count: AtomicU64,
    came: Notify,
}

impl Arrivals {
    /// Something has come.
    #[inline]
    pub(super) fn note(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.came.notify_waiters();
    }

    /// How often something came.
    #[inline]
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Waits until something has come since `count` was `seen`.
    async fn more_than(&self, seen: u64) {
        // Registered before the count is read, so that nothing is missed in between.
        let came = self.came.notified();
        if self.count() == seen {
            came.await;
        }
    }
}

/// Whether to look.
#[derive(Debug, PartialEq, Eq)]
struct Patience(u32);

impl Patience {
    /// Whether it is worth while.
    const fn lasts(&self) -> bool {
        self.0 > 0
    }

    /// Somebody looked, and `found` something or not.
    const fn looked(&mut self, found: bool) {
        self.0 = if found { PATIENCE } else { self.0.saturating_sub(1) };
    }

    /// Something came `after` the last arrival. With nobody looking, that it came soon enough to
    /// be found is what makes looking worth while again.
    fn came(&mut self, after: Duration, span: Duration) {
        if !self.lasts() && after <= span {
            self.0 = PATIENCE;
        }
    }
}

/// Looks for more for `span` after each arrival, for as long as that pays. Never returns: it ends
/// with the worker's runtime.
pub(super) async fn look(arrivals: Arc<Arrivals>, span: Duration) {
    let (mut patience, mut last) = (Patience(PATIENCE), clock::stopwatch());
    loop {
        arrivals.more_than(arrivals.count()).await;
        let now = clock::stopwatch();
        patience.came(now.duration_since(last), span);
        last = now;
        while patience.lasts() {
            let found = look_once(&arrivals, span).await;
            patience.looked(found);
            if !found {
                break;
            }
            last = clock::stopwatch();
        }
    }
}

/// Looks for `span`; whether something came.
async fn look_once(arrivals: &Arrivals, span: Duration) -> bool {
    let (seen, began) = (arrivals.count(), clock::stopwatch());
    loop {
        // First other threads, then the other tasks of this one, and its sockets.
        std::thread::yield_now();
        tokio::task::yield_now().await;
        if arrivals.count() != seen {
            return true;
        }
        if began.elapsed() >= span {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::AtomicBool;
    use std::task::{Context, Wake, Waker};

    use super::*;

    const SPAN: Duration = Duration::from_micros(100);

    #[test]
    fn patience_ends_with_looks_in_vain_and_comes_back_with_haste() {
        let mut patience = Patience(PATIENCE);
        for _ in 1..PATIENCE {
            patience.looked(false);
        }
        assert!(patience.lasts(), "one look too early");
        patience.looked(true);
        assert_eq!(patience, Patience(PATIENCE), "a find makes up for all");
        for _ in 0..PATIENCE {
            patience.looked(false);
        }
        assert!(!patience.lasts());
        patience.came(SPAN * 2, SPAN);
        assert!(!patience.lasts(), "what comes now and then would not be found");
        patience.came(SPAN, SPAN);
        assert_eq!(patience, Patience(PATIENCE));
    }

    /// Whether a task wants to run again.
    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    impl Woken {
        fn take(&self) -> bool {
            self.0.swap(false, Ordering::Relaxed)
        }
    }

    /// Looks for `span`, told of two arrivals; whether it is still looking after each step.
    fn steps(span: Duration) -> [bool; 4] {
        let (arrivals, woken) = (Arc::<Arrivals>::default(), Arc::<Woken>::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut looking = pin!(look(Arc::clone(&arrivals), span));
        [false, true, false, true].map(|arrives| {
            if arrives {
                arrivals.note();
                woken.take();
            }
            // Twice: once to begin, once to come back from giving way.
            for _ in 0..2 {
                woken.take();
                assert!(looking.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            }
            woken.take()
        })
    }

    #[test]
    fn it_sleeps_until_something_comes_and_then_looks_for_its_span() {
        let hour = Duration::from_hours(1);
        assert_eq!(steps(hour), [false, true, true, true], "an hour is not over");
        assert_eq!(steps(Duration::ZERO), [false; 4], "a span that is over at once");
    }
}
