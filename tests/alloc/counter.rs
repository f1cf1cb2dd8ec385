//! An allocator that counts what each thread asks it for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

thread_local! {
    /// Neither made lazily nor dropped, so that it can be used by an allocator.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, and a count of the requests for new or larger memory.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

impl Counting {
    fn note() {
        COUNT.set(COUNT.get() + 1);
    }
}

#[expect(unsafe_code, reason = "an allocator is unsafe to implement; this one only hands on")]
// SAFETY: each call goes to the system's allocator as it came, and what that promises is ours.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::note();
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::note();
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::note();
        // SAFETY: as in `alloc`; all memory that we handed out is the system's.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as in `realloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// How often this thread asks for memory during `work`.
pub(crate) fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

#[test]
fn each_way_to_ask_for_memory_is_counted() {
    let mut kept = Vec::new();
    assert_eq!(allocations(|| drop(black_box(Vec::<u8>::new()))), 0, "an empty one has no memory");
    assert_eq!(allocations(|| kept = black_box(Vec::<u64>::with_capacity(8))), 1);
    assert_eq!(allocations(|| kept.extend(black_box([7; 8]))), 0, "there is room");
    assert_eq!(allocations(|| kept.push(black_box(7))), 1, "growing is asking");
    assert_eq!(allocations(|| drop(black_box(vec![0_u64; 64]))), 1, "zeroed memory too");
    let (met, own) = (std::sync::Barrier::new(2), allocations(|| drop(black_box(vec![1_u8; 9]))));
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            met.wait();
            allocations(|| drop(black_box(vec![1_u8; 9])))
        });
        let mut there = 0;
        let here = allocations(|| {
            met.wait();
            there = other.join().unwrap();
        });
        assert_eq!((here, there), (0, own), "each thread has a count of its own");
    });
}
