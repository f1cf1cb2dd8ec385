//! A fingerprint of what a log of requests says, independent of its format.
//!
//! SHA-256 over the text `hansom requests digest v1\n`, then for each request in order, integers
//! little-endian: time in ms (8 bytes), latitude and longitude × 10⁷ of the pickup (4 each), those
//! of the dropoff (4 each, 2³¹ - 1 for none), passengers (1). How long recorded trips took and
//! where rows stand play no part.

use sha2::{Digest as _, Sha256};

use super::Request;
use crate::trace::digest::hex;

/// Digests a log request by request.
#[derive(Clone, Debug)]
pub struct RequestDigest(Sha256);

impl Default for RequestDigest {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestDigest {
    /// Of no request yet.
    pub fn new() -> Self {
        Self(Sha256::new_with_prefix(b"hansom requests digest v1\n"))
    }

    /// Adds the next request.
    pub fn update(&mut self, request: &Request) {
        let Request { at, pickup, dropoff, passengers, .. } = request;
        let dropoff = dropoff.map_or([i32::MAX; 2], |place| [place.lat_e7(), place.lng_e7()]);
        self.0.update(at.as_millis().to_le_bytes());
        for e7 in [pickup.lat_e7(), pickup.lng_e7(), dropoff[0], dropoff[1]] {
            self.0.update(e7.to_le_bytes());
        }
        self.0.update([passengers.get()]);
    }

    /// The digest in lower-case hexadecimal, 64 characters.
    pub fn finish(self) -> String {
        hex(self.0)
    }
}
