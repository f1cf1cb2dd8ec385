//! The replicated copy in Redis, which is never the truth.
//!
//! From the bottom: where it is ([`RedisAddress`]), when it is left alone ([`Breaker`]), the one
//! way to talk to it ([`Link`]). Nothing here is on the path of a report or a question: who
//! mirrors reads the map on a thread of its own, and what Redis does never makes anybody wait.

mod address;
mod breaker;
mod courier;
mod entry;
mod fallback;
mod geohash;
mod keys;
mod link;
mod read;
mod reader;
mod resolve;
mod service;
mod shadow;
mod verdict;

pub use address::{AddressError, Place, RedisAddress, Topology};
pub use breaker::{Admission, Backoff, Breaker};
pub use entry::{Entry, GEO_LIMIT_E7};
pub use fallback::{CopyAnswer, Fallback, FallbackError, FallbackOptions, Found};
pub use geohash::geo_score;
pub use keys::{PULSE, REGIONS, RegionKeys, region_name, region_named};
pub use link::{Link, LinkOptions, Role, Script};
pub use reader::{Copied, CopyReader};
pub use service::{Leads, Mirror, MirrorConfig, MirrorError, StatusOf};
pub use verdict::{LinkError, Verdict};
