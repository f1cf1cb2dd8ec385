//! The `hansom` binary: arguments, run, exit code. The only place that prints an error or exits.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match hansom::cli::run() {
        Ok(code) => code,
        #[expect(clippy::print_stderr, reason = "the process's last words")]
        Err(error) => {
            eprintln!("hansom: {error:#}");
            ExitCode::FAILURE
        }
    }
}
