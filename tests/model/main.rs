//! The lock-free reading of the index under a model checker: each interleaving, and each value
//! that a relaxed load may see, of small programs that use the very source of its versions.
//!
//! The writer is always the program's first thread: the checker lets it run first, and then has
//! the reader's loads see each value that they may, which reaches more than interleaving alone.
//!
//! Each protocol has wrong twins, to show that the checker would notice. What is modelled is
//! the protocol, not the engine: two buckets of one lane each, and who announces what when.

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU32, Ordering, fence};

    pub(crate) fn relax(_attempt: u32) {
        loom::thread::yield_now();
    }
}

#[path = "../../src/index/version.rs"]
mod version;

#[cfg(test)]
mod moves;
#[cfg(test)]
mod overwrites;
#[cfg(test)]
mod reads;

/// Runs a program in each way that it can go; whether nothing it asserts ever failed.
#[cfg(test)]
fn holds(program: impl Fn() + Sync + Send + std::panic::UnwindSafe + 'static) -> bool {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 10_000;
    // Switches beyond the choice of what each load sees; more find nothing new, and take long.
    builder.preemption_bound = Some(2);
    std::panic::catch_unwind(move || builder.check(program)).is_ok()
}
