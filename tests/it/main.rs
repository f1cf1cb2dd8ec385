//! The one integration binary: each module a subject.

mod recorded_traces;
