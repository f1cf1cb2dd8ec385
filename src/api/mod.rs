//! The gRPC door: generated messages, conversions to the vocabulary, and the services.

pub mod proto;
