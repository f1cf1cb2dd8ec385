//! The only unsafe code: zeroed memory on huge pages, prefetching, wide instructions.
//!
//! What each buys, measured on the benchmark of one million drivers, is in `docs/design.md`.
//! Nothing here knows what a driver is.

#![expect(unsafe_code, reason = "the one module for it; each block carries its proof")]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ops::Deref;
use std::ptr::NonNull;

/// The size of a huge page.
const HUGE: usize = 2 << 20;

/// Types for which memory full of zero bytes is a value.
///
/// # Safety
/// The implementor must be valid when all of its bytes are zero and must not need `Drop`.
pub(super) unsafe trait Zeroed {}

// SAFETY: an atomic integer has the layout of its integer, for which zero is a value.
unsafe impl Zeroed for std::sync::atomic::AtomicU64 {}
// SAFETY: `Bucket` is made of atomic integers, arrays of them and transparent wrappers of them.
unsafe impl Zeroed for super::bucket::Bucket {}
// SAFETY: `Node` is made of atomic integers, arrays of them and transparent wrappers of them.
unsafe impl Zeroed for super::node::Node {}
// SAFETY: `Record` is made of two atomic integers.
unsafe impl Zeroed for super::record::Record {}

/// A slice of zero values that never moves, on huge pages where the system has them.
///
/// Pages that were never touched take no memory.
pub(super) struct HugeSlice<T: Zeroed> {
    first: NonNull<T>,
    len: usize,
}

// SAFETY: the slice owns its memory like a `Box<[T]>`, which is `Send` if `T` is.
unsafe impl<T: Zeroed + Send> Send for HugeSlice<T> {}
// SAFETY: the slice gives out only `&T`, like a `Box<[T]>`, which is `Sync` if `T` is.
unsafe impl<T: Zeroed + Sync> Sync for HugeSlice<T> {}

impl<T: Zeroed> HugeSlice<T> {
    fn layout(len: usize) -> Layout {
        let layout = Layout::array::<T>(len).and_then(|layout| {
            let align = if layout.size() >= HUGE { HUGE } else { layout.align() };
            layout.align_to(align)
        });
        layout.unwrap_or_else(|_| unreachable!("chunks are a few megabytes"))
    }

    /// `len` zero values; `len` and the size of `T` must not be 0.
    pub(super) fn new(len: usize) -> Self {
        let layout = Self::layout(len);
        assert!(layout.size() > 0, "an empty chunk has no use");
        // SAFETY: the layout's size is not zero.
        let memory = unsafe { alloc_zeroed(layout) };
        let Some(first) = NonNull::new(memory.cast::<T>()) else { handle_alloc_error(layout) };
        #[cfg(target_os = "linux")]
        if layout.size() >= HUGE {
            // SAFETY: the range is ours alone and starts on a page; this advice changes how it
            // is backed, not what it holds, and its failure is no loss.
            unsafe { libc::madvise(memory.cast(), layout.size(), libc::MADV_HUGEPAGE) };
        }
        Self { first, len }
    }
}

impl<T: Zeroed> Deref for HugeSlice<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `new` allocated `len` values at `first`, zero is a value of `T` (its trait),
        // and the memory lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

impl<T: Zeroed> Drop for HugeSlice<T> {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with the same layout; `T` needs no drop (its trait).
        unsafe { dealloc(self.first.as_ptr().cast(), Self::layout(self.len)) }
    }
}

/// Asks for the cache line at `at`, to be used soon.
#[inline]
pub(super) fn prefetch<T>(at: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint: it reads nothing that the program can see, and the
    // instruction is part of each x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(at).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// Runs `work`, compiled for 256-bit vectors where the machine has them.
///
/// `work` must be `#[inline(always)]` down to its loops to profit; its result is the same
/// either way, since nothing here fuses multiplications with additions.
#[inline]
pub(super) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn wide<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2: just asked.
            return unsafe { wide(work) };
        }
    }
    work()
}
