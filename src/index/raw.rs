//! The only unsafe code: zeroed memory on huge pages, prefetching, wide instructions.
//!
//! Why each is here is in `docs/design.md`. Nothing here knows what a driver is.

#![expect(unsafe_code, reason = "the one module for it; each block carries its proof")]

use std::alloc::Layout;
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
    /// `len` zero values; `len` and the size of `T` must not be 0.
    pub(super) fn new(len: usize) -> Self {
        let Ok(layout) = Layout::array::<T>(len) else {
            unreachable!("limits keep it far below the address space")
        };
        assert!(layout.size() > 0 && layout.align() <= HUGE, "{layout:?} is no array");
        Self { first: pages::map(layout).cast(), len }
    }
}

impl<T: Zeroed> Deref for HugeSlice<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `new` got room for `len` values at `first`, zero is a value of `T` (its
        // trait), and the memory lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

impl<T: Zeroed> Drop for HugeSlice<T> {
    fn drop(&mut self) {
        let Ok(layout) = Layout::array::<T>(self.len) else { return };
        // SAFETY: mapped in `new` with the same layout; `T` needs no drop (its trait).
        unsafe { pages::unmap(self.first.cast(), layout) }
    }
}

/// Zeroed memory straight from the system: an allocator may have touched the pages of what it
/// hands out, and a page that was touched before the advice stays small.
#[cfg(target_os = "linux")]
mod pages {
    use std::alloc::{Layout, handle_alloc_error};
    use std::ptr::{NonNull, null_mut};

    use super::HUGE;

    /// Zeroed memory of the layout's size, aligned to a huge page.
    pub(super) fn map(layout: Layout) -> NonNull<u8> {
        let size = layout.size().next_multiple_of(HUGE);
        let read_write = libc::PROT_READ | libc::PROT_WRITE;
        // Reserves addresses, not memory: most of it will never be touched.
        let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new anonymous mapping at an address of the system's choice touches nothing
        // that exists.
        let at = unsafe { libc::mmap(null_mut(), size + HUGE, read_write, private, -1, 0) };
        if at == libc::MAP_FAILED {
            handle_alloc_error(layout);
        }
        let skip = at.addr().next_multiple_of(HUGE) - at.addr();
        // SAFETY: `skip < HUGE`, so all of these ranges lie in the mapping just made: the part
        // before the first huge page and the part after the last are given back, and the
        // advice changes how the rest is backed, not what it holds.
        let first = unsafe {
            let first = at.byte_add(skip);
            if skip > 0 {
                libc::munmap(at, skip);
            }
            if skip < HUGE {
                libc::munmap(first.byte_add(size), HUGE - skip);
            }
            libc::madvise(first, size, libc::MADV_HUGEPAGE);
            first
        };
        let Some(first) = NonNull::new(first.cast()) else { handle_alloc_error(layout) };
        first
    }

    /// Gives back what `map` gave.
    ///
    /// # Safety
    /// `first` came from [`map`] with the same layout, and nothing uses it any more.
    pub(super) unsafe fn unmap(first: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise; the size is the one that `map` kept.
        unsafe { libc::munmap(first.as_ptr().cast(), layout.size().next_multiple_of(HUGE)) };
    }
}

/// Zeroed memory from the allocator, where there is no advice to give.
#[cfg(not(target_os = "linux"))]
mod pages {
    use std::alloc::Layout;
    use std::ptr::NonNull;

    /// Zeroed memory of the layout.
    pub(super) fn map(layout: Layout) -> NonNull<u8> {
        // SAFETY: the layout's size is not zero: `HugeSlice::new` asserts it.
        let first = unsafe { alloc_zeroed(layout) };
        let Some(first) = NonNull::new(first) else { handle_alloc_error(layout) };
        first
    }

    /// Gives back what `map` gave.
    ///
    /// # Safety
    /// `first` came from [`map`] with the same layout, and nothing uses it any more.
    pub(super) unsafe fn unmap(first: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { dealloc(first.as_ptr(), layout) };
    }
}

/// Asks for the cache line at `at`, to be used soon.
#[inline]
pub(crate) fn prefetch<T>(at: &T) {
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

/// Work that profits from wide vectors. `run` must be `#[inline(always)]` down to its loops.
pub(super) trait Vectorize {
    /// What the work results in.
    type Output;

    /// Does the work.
    fn run(self) -> Self::Output;
}

/// Does the work, compiled for 256-bit vectors where the machine has them.
///
/// The result is the same either way, since nothing fuses multiplications with additions.
#[inline]
pub(super) fn vectorized<W: Vectorize>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn wide<W: Vectorize>(work: W) -> W::Output {
            work.run()
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2: just asked.
            return unsafe { wide(work) };
        }
    }
    work.run()
}
