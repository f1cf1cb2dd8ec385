//! The `hansom` binary: arguments, run, exit code. The only place that prints an error or exits.

use std::process::ExitCode;

mod allocator {
    //! Who hands out the program's memory.
    #![expect(
        unsafe_code,
        reason = "the allocator's own function, which its crate does not pass on"
    )]

    #[global_allocator]
    static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

    unsafe extern "C" {
        /// Gives back what the calling thread has freed, even if it may want it again soon (`force`).
        fn mi_collect(force: bool);
    }

    /// Returns to the system what this thread has freed.
    pub(super) fn give_back() {
        // SAFETY: any thread may call it at any time. It looks after memory that nobody uses any more, of
        // the calling thread and of what threads have given up, under locks of its own; what is in use
        // stays as it is. The declaration is that of mimalloc.h, and the library is linked for `ALLOCATOR`.
        unsafe { mi_collect(true) };
    }
}

fn main() -> ExitCode {
    match hansom::cli::run(allocator::give_back) {
        Ok(code) => code,
        #[expect(clippy::print_stderr, reason = "the process's last words")]
        Err(error) => {
            eprintln!("hansom: {error:#}");
            ExitCode::FAILURE
        }
    }
}
