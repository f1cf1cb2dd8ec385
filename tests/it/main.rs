//! The one integration binary: each module a subject.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests: helpers too")]

mod demo_trace;
mod recorded_traces;
mod replay;
mod server;
mod trace_commands;
