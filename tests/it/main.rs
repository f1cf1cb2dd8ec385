//! The one integration binary: each module a subject.

#[cfg(test)]
mod recorded_traces;
