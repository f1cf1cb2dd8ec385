//! The messages, clients and servers generated from `proto/hansom/v1`.
//!
//! The proto files are the specification; nothing is written here by hand.

#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    reason = "generated code"
)]

tonic::include_proto!("hansom.v1");

/// The descriptors of all files, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("hansom_descriptor");
