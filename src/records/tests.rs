//! Bytes and back.
