//! Limits of what is kept in Redis.

// --- The mirror -----------------------------------------------------------------------------

/// Drivers that are sent to Redis before its answer is waited for. More wait in the set of changes.
pub const MIRROR_BATCH: usize = 4_096;

/// Batches that are sent before the answer to the first has come: one that Redis works on and some that
/// it finds ready, in a cluster for other nodes. More wait in the set of changes.
pub const MIRROR_UNDER_WAY: usize = 4;

/// Drivers in one call of a script, in which Redis does nothing else. More are sent in several calls.
pub const MIRROR_CALL: usize = 200;

/// How long the mirror pauses between two looks at what has changed, in milliseconds.
pub const MIRROR_PAUSE_MS: u64 = 100;

/// A pass over what has changed that takes longer, in milliseconds, makes the mirror skip short
/// moves in the next.
pub const MIRROR_BEHIND_MS: u64 = 1_500;

/// Moves below this are skipped while the mirror is behind, in metres; they follow when it is not.
pub const MIRROR_SKIP_BELOW_M: u32 = 30;

/// A driver whose mirrored position is older than this is mirrored whatever it moved, in
/// milliseconds: half of how far a copy of a million drivers may be behind, so that whoever is
/// skipped by one pass is not by the next, and a mirror whose passes take longer skips nobody.
pub const MIRROR_REFRESH_MS: u64 = 5_000;

/// The most bytes that the mirror keeps for each driver that was ever known at once: what Redis is
/// believed to hold, with the longest name.
pub const MIRROR_BYTES_A_DRIVER: usize = 160;

/// By so many bytes the memory of a server may grow while Redis is gone: batches that are under way
/// when it goes. What waits then is one bit a driver, which is there from the start.
pub const MIRROR_OUTAGE_BYTES: u64 = 32 << 20;

/// Moves below this are none, in metres: who stands still is reported so by its device.
pub const MIRROR_STANDING_M: u32 = 3;

/// A driver who stands still is mirrored, by a mirror that is behind, when what is mirrored is older
/// than this, in milliseconds: a quarter of the age at which questions leave a driver out.
pub const MIRROR_STANDING_MS: u64 = 15_000;

/// Drivers that are read from Redis in one piece when whole regions are read.
pub const MIRROR_PAGE: usize = 1_000;

/// Drivers in one call of a comparison, in which Redis does nothing else: some 7 ms. Sixteen calls are asked
/// together, some 33,000 drivers in 0.1 s, of the 0.5 s that an answer may take. Regions with more are compared in as many calls as they need.
pub const MIRROR_COMPARED: usize = 2_048;

/// How long a question that is answered from Redis may take, in milliseconds. Longer: `UNAVAILABLE`.
pub const FALLBACK_DEADLINE_MS: u64 = 1_000;

/// How long the primary may take before a replica is asked too, in milliseconds.
pub const FALLBACK_HEDGE_MS: u64 = 50;

/// How long replicas are asked first after one has outrun the primary, in milliseconds: so often a primary
/// that hangs costs a question the wait for it.
pub const FALLBACK_REPLICA_FIRST_MS: u64 = 1_000;

/// How long the list of regions is believed, in milliseconds: somebody in a new region is not found
/// for so long.
pub const FALLBACK_WORLD_MS: u64 = 1_000;

/// How long a server that starts answers from Redis, at most, before it has read all of it, in
/// milliseconds. Longer, as when there is no Redis: it answers from its map.
pub const WARMING_MS: u64 = 30_000;

// --- Succession -----------------------------------------------------------------------------

/// The shortest lease of a market: what a renewal over a slow network and a paused process need.
pub const MIN_MARKET_LEASE_MS: u64 = 500;

/// The longest lease of a market. A standby waits so long after a crash.
pub const MAX_MARKET_LEASE_MS: u64 = 10 * 60 * 1_000;

/// Events of a market's latest commits that are kept to be shipped, confirmed or not. More: the
/// oldest go, and a Redis that lacks them gets a whole new copy.
pub const MAX_BACKLOG_EVENTS: usize = 65_536;

/// Bytes of those commits, likewise.
pub const MAX_BACKLOG_BYTES: usize = 64 << 20;

/// The most events that one shipment gathers from several commits: what keeps a Redis from
/// answering anybody else for some milliseconds. One larger commit is shipped as it is.
pub const SHIPMENT_EVENTS: usize = 1_024;

/// The most bytes of a shipment, likewise.
pub const SHIPMENT_BYTES: usize = 512 << 10;

/// Ended trips that are kept in Redis, the latest: for late answers, requests that are sent again
/// and watchers that come back after a takeover. Older ones are in the journal alone.
pub const MAX_SHIPPED_ENDED_TRIPS: usize = 16_384;

/// About so many events of a market are kept in its feed in Redis. Older ones are removed.
pub const MAX_FEED_EVENTS: usize = 100_000;

/// How long a command waits until Redis or its replicas have what it did, if that is asked for.
/// Then it is answered with `UNAVAILABLE`, and what it did comes to light when it is asked again.
pub const MAX_CONFIRM_WAIT_MS: u64 = 2_000;

/// How long one `WAIT` for replicas may take; then it is asked again.
pub const REPLICA_WAIT_MS: u64 = 200;

/// The longest address that a process says it can be reached at. Longer: refused at the start.
pub const MAX_ADVERTISED_BYTES: usize = 256;

/// The most replicas that a command can wait for.
pub const MAX_CONFIRMING_REPLICAS: u32 = 16;

/// The most standbys that a holder asks to hold back while it cannot reach Redis. More: it stops at the
/// end of its lease.
pub const MAX_STANDBYS: usize = 32;

/// How long whoever wants to take a market over waits for an answer of those who may run it, in
/// milliseconds. Longer, as from a process that is paused: it counts as gone.
pub const PEER_PATIENCE_MS: u64 = 1_000;

/// How far a holder that knows of no standby goes on at a time while it cannot reach Redis, in
/// milliseconds: four fifths of the above, so that one that wakes from a pause stops before somebody who
/// asked it in vain has begun.
pub const ALONE_STRIDE_MS: u64 = PEER_PATIENCE_MS * 4 / 5;
