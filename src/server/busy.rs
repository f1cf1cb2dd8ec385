//! Looking for more before going to sleep.
//!
//! A worker that has nothing to do sleeps, and what comes next has to wake a core first: on many
//! machines, virtual ones above all, that takes longer than the answer. One that looks for a
//! little while, as kernels and network drivers do, is awake already. That costs processor time,
//! so it is done only if asked for and only while it pays; between looks, whoever waits for the
//! core goes first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock;

/// Looks in vain, one after the other, until looking ends.
const PATIENCE: u32 = 4;

/// What has come to a worker: reads of any of its connections that brought something.
#[derive(Debug)]
pub(super) struct Arrivals {
    count: AtomicU64,
    /// Wakes who looks for more; nobody does unless told, and telling nobody costs a lock.
    came: Option<Notify>,
}

impl Arrivals {
    /// Nothing yet; `looking` if [`look`] is to be told.
    pub(super) fn new(looking: bool) -> Self {
        Self { count: AtomicU64::new(0), came: looking.then(Notify::new) }
    }

    /// Something has come.
    #[inline]
    pub(super) fn note(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if let Some(came) = &self.came {
            came.notify_waiters();
        }
    }

    /// How often something came.
    #[inline]
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Waits until something has come since `count` was `seen`.
    async fn more_than(&self, seen: u64) {
        // Registered before the count is read, so that nothing is missed in between.
        let Some(came) = &self.came else { return std::future::pending().await };
        let came = came.notified();
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
        // First the other tasks of this thread, and its sockets: what has come may wait for them.
        tokio::task::yield_now().await;
        if arrivals.count() != seen {
            return true;
        }
        if began.elapsed() >= span {
            return false;
        }
        // Nothing to do here: other threads that wait for this core.
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
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

    /// A look that a test polls by itself.
    struct Looking {
        arrivals: Arc<Arrivals>,
        woken: Arc<Woken>,
        look: Pin<Box<dyn Future<Output = ()>>>,
    }

    impl Looking {
        /// It waits for the first arrival.
        fn new(span: Duration) -> Self {
            let arrivals = Arc::new(Arrivals::new(true));
            let look = Box::pin(look(Arc::clone(&arrivals), span));
            let mut looking = Self { arrivals, woken: Arc::default(), look };
            assert!(!looking.goes_on());
            looking
        }

        /// Polls it once; whether it wants to be polled again.
        fn goes_on(&mut self) -> bool {
            self.woken.take();
            let waker = Waker::from(Arc::clone(&self.woken));
            assert!(self.look.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            self.woken.take()
        }
    }

    /// Looks for `span`, told of an arrival in some steps; whether it wants to go on after the
    /// first poll of each, and after the second.
    fn steps<const N: usize>(span: Duration, arrives: [bool; N]) -> [(bool, bool); N] {
        let mut looking = Looking::new(span);
        arrives.map(|arrives| {
            if arrives {
                looking.arrivals.note();
            }
            (looking.goes_on(), looking.goes_on())
        })
    }

    #[test]
    fn it_sleeps_until_something_comes_and_then_looks_for_its_span() {
        let hour = Duration::from_hours(1);
        let looked = steps(hour, [false, true, false, true]);
        let (asleep, looking) = ((false, false), (true, true));
        assert_eq!(looked, [asleep, looking, looking, looking], "an hour is not over");
    }

    #[test]
    fn haste_has_it_look_again() {
        let span = Duration::from_millis(1);
        let mut looking = Looking::new(span);
        for _ in 0..PATIENCE {
            looking.arrivals.note();
            while looking.goes_on() {}
        }
        // What comes long after the last is not looked for, what comes soon is; a busy machine
        // may take its time over any one of them.
        let after = clock::stopwatch();
        while after.elapsed() <= span {}
        looking.arrivals.note();
        assert!(!looking.goes_on(), "somebody who came late was worth a look");
        let looks = (0..1_000).any(|_| {
            looking.arrivals.note();
            looking.goes_on()
        });
        assert!(looks, "a thousand who came at once were not");
    }

    #[test]
    fn it_ends_a_look_in_vain_and_after_four_of_them_looks_no_more() {
        // A span that is over at once, and that no arrival is soon enough for.
        let looked = steps(Duration::ZERO, [true; 6]);
        let (vain, asleep) = ((true, false), (false, false));
        assert_eq!(looked, [vain, vain, vain, vain, asleep, asleep]);
    }
}
