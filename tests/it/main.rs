//! The one integration binary: each module a subject.

#[cfg(test)]
mod bench;
mod compare;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod demo_requests;
#[cfg(test)]
mod demo_trace;
#[cfg(test)]
mod interrupt;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod python;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod recorded_requests;
#[cfg(test)]
mod recorded_traces;
#[cfg(test)]
mod redis;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod request_commands;
#[cfg(test)]
mod server;
mod succession;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod trace_commands;
#[cfg(test)]
mod trial;
