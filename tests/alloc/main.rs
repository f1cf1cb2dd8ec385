//! The steady state allocates nothing: what moves, and what asks, works in memory it has.
//!
//! A binary of its own, since it replaces the allocator. What the index takes straight from the
//! system is not counted: it is reserved when the map is made, and only grows with the fleet.

#[cfg(test)]
mod apply;
#[cfg(test)]
mod ask;
#[cfg(test)]
mod counter;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod ingest;
#[cfg(test)]
mod matching;
