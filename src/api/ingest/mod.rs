//! Bulk positions: one stream, many drivers, batches in columns.
//!
//! [`Session`] is what the messages mean, without a runtime; `IngestStream` feeds it what has
//! arrived and sends its acknowledgements.

mod columns;
mod handles;
mod pending;
mod session;
mod stream;
#[cfg(test)]
mod tests;

pub use session::Session;
pub(super) use stream::IngestStream;
