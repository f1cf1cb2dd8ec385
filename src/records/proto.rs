//! The messages generated from `proto/hansom/records/v1`, which is the specification.

#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    reason = "generated code"
)]

tonic::include_proto!("hansom.records.v1");
