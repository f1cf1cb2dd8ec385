//! One piece of data of two words: what is read whole, was whole.

use loom::sync::Arc;
use loom::thread;

use crate::holds;
use crate::sync::{AtomicU32, Ordering, fence};
use crate::version::Version;

/// What may be wrong with the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// A word is written before the write is announced.
    LateOpen,
    /// A word is written after the write is said to be over.
    EarlyClose,
    /// The reader does not look at the version again.
    Unconfirmed,
}

#[derive(Default)]
struct Pair {
    version: Version,
    a: AtomicU32,
    b: AtomicU32,
}

impl Pair {
    fn write(&self, value: u32, flaw: Flaw) {
        if flaw == Flaw::LateOpen {
            self.a.store(value, Ordering::Relaxed);
        }
        self.version.open();
        self.a.store(value, Ordering::Relaxed);
        if flaw != Flaw::EarlyClose {
            self.b.store(value, Ordering::Relaxed);
        }
        self.version.close();
        if flaw == Flaw::EarlyClose {
            self.b.store(value, Ordering::Relaxed);
        }
    }

    fn read(&self, flaw: Flaw) -> Option<(u32, u32)> {
        let stamp = self.version.begin();
        let words = (self.a.load(Ordering::Relaxed), self.b.load(Ordering::Relaxed));
        (flaw == Flaw::Unconfirmed || self.version.unchanged(stamp)).then_some(words)
    }
}

fn program(flaw: Flaw) {
    let pair = Arc::new(Pair::default());
    let reader = thread::spawn({
        let pair = Arc::clone(&pair);
        move || pair.read(flaw)
    });
    pair.write(1, flaw);
    pair.write(2, flaw);
    if let Some((a, b)) = reader.join().unwrap() {
        assert_eq!(a, b, "torn, and not noticed");
    }
    assert_eq!(pair.read(Flaw::None), Some((2, 2)));
}

#[test]
fn what_is_read_is_whole() {
    assert!(holds(|| program(Flaw::None)));
    for flaw in [Flaw::LateOpen, Flaw::EarlyClose, Flaw::Unconfirmed] {
        assert!(!holds(move || program(flaw)), "{flaw:?} was not noticed");
    }
}

/// A version as it would be with a fence forgotten.
#[derive(Default)]
struct Unfenced {
    version: AtomicU32,
    a: AtomicU32,
    b: AtomicU32,
}

fn unfenced(of_writer: bool, of_reader: bool) {
    let pair = Arc::new(Unfenced::default());
    let reader = thread::spawn({
        let pair = Arc::clone(&pair);
        move || {
            let before = pair.version.load(Ordering::Acquire);
            let words = (pair.a.load(Ordering::Relaxed), pair.b.load(Ordering::Relaxed));
            if of_reader {
                fence(Ordering::Acquire);
            }
            let same = pair.version.load(Ordering::Relaxed) == before;
            (before & 1 == 0 && same).then_some(words)
        }
    });
    pair.version.store(1, Ordering::Relaxed);
    if of_writer {
        fence(Ordering::Release);
    }
    pair.a.store(1, Ordering::Relaxed);
    pair.b.store(1, Ordering::Relaxed);
    pair.version.store(2, Ordering::Release);
    if let Some((a, b)) = reader.join().unwrap() {
        assert_eq!(a, b, "torn, and not noticed");
    }
}

#[test]
fn each_fence_is_needed() {
    assert!(holds(|| unfenced(true, true)));
    assert!(!holds(|| unfenced(false, true)), "the writer's");
    assert!(!holds(|| unfenced(true, false)), "the reader's");
}

/// Who opens a version without asking whether it is open already.
fn forced(version: &AtomicU32) {
    let odd = version.load(Ordering::Relaxed) + 1;
    version.store(odd, Ordering::Relaxed);
    fence(Ordering::Release);
}

/// Two writers who each add one to both words: an open version is a lock, so that neither
/// addition is lost, and what is abandoned has changed nothing.
fn rivals(locked: bool) {
    let pair = Arc::new((Version::default(), AtomicU32::new(0), Pair::default()));
    let add = move |pair: &(Version, AtomicU32, Pair)| {
        if locked {
            pair.0.open();
        } else {
            forced(&pair.1);
        }
        let (a, b) = (pair.2.a.load(Ordering::Relaxed), pair.2.b.load(Ordering::Relaxed));
        pair.2.a.store(a + 1, Ordering::Relaxed);
        pair.2.b.store(b + 1, Ordering::Relaxed);
        if locked {
            pair.0.close();
        } else {
            pair.1.fetch_add(1, Ordering::Release);
        }
    };
    let rival = thread::spawn({
        let pair = Arc::clone(&pair);
        move || add(&pair)
    });
    if locked && pair.0.try_open() {
        pair.0.abandon();
    }
    add(&pair);
    rival.join().unwrap();
    let words = (pair.2.a.load(Ordering::Relaxed), pair.2.b.load(Ordering::Relaxed));
    assert_eq!(words, (2, 2), "an addition was lost");
}

#[test]
fn an_open_version_keeps_other_writers_out() {
    assert!(holds(|| rivals(true)));
    assert!(!holds(|| rivals(false)), "writers who do not ask");
}

/// A reader beside a writer who abandons, then writes.
fn abandoned(honest: bool) {
    let pair = Arc::new(Pair::default());
    let reader = thread::spawn({
        let pair = Arc::clone(&pair);
        move || pair.read(Flaw::None)
    });
    pair.version.open();
    if !honest {
        pair.a.store(7, Ordering::Relaxed);
    }
    pair.version.abandon();
    pair.write(7, Flaw::None);
    if let Some((a, b)) = reader.join().unwrap() {
        assert_eq!(a, b, "torn, and not noticed");
    }
}

#[test]
fn what_is_abandoned_was_never_written() {
    assert!(holds(|| abandoned(true)));
    assert!(!holds(|| abandoned(false)), "a write that is abandoned");
}
