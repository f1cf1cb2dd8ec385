//! The one integration binary: each module a subject.

<<<<<<< HEAD
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests: helpers too")]

mod recorded_traces;
mod replay;
mod server;
=======
#[cfg(test)]
mod demo_trace;
#[cfg(test)]
mod recorded_traces;
#[cfg(test)]
mod trace_commands;
>>>>>>> trace
