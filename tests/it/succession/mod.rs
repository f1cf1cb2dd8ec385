//! Who runs a market: the lease, the fence, the copy in Redis, and takeovers.

mod lease;
mod model;
mod scripts;
mod support;
mod world;
