//! One driver's stream: positions and statuses in, acknowledgements out.
//!
//! [`Session`] is what the messages mean, without a runtime; `ConnectStream` feeds it what has
//! arrived and decides when to acknowledge.

mod presence;
mod session;
mod stream;
mod trips;

pub use session::Session;
pub(super) use stream::ConnectStream;
