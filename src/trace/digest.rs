//! A fingerprint of what a trace says, independent of how it is stored.
//!
//! SHA-256 over the text `hansom trace digest v1\n`, then for each record in order, integers
//! little-endian: time in ms (8 bytes), length of the vehicle's name (1) and the name, latitude
//! and longitude × 10⁷ (4 each), heading in centidegrees, speed in cm/s, accuracy in dm (2 each,
//! 65535 for none), status (1, 255 for none). Block boundaries, compression and the numbers of
//! vehicles play no part.

use sha2::{Digest as _, Sha256};

use super::Record;
use crate::ids::DriverId;
use crate::model::DriverStatus;

/// Digests a trace record by record.
#[derive(Clone, Debug)]
pub struct TraceDigest(Sha256);

impl Default for TraceDigest {
    fn default() -> Self {
        Self::new()
    }
}

impl TraceDigest {
    /// Of no record yet.
    pub fn new() -> Self {
        Self(Sha256::new_with_prefix(b"hansom trace digest v1\n"))
    }

    /// Adds the next record.
    pub fn update(&mut self, driver: &DriverId, record: &Record) {
        let name = driver.as_bytes();
        // An id has at most 64 bytes.
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        let motion = record.motion;
        let mut bytes = [0; 104];
        let mut end = 0;
        let mut put = |part: &[u8]| {
            bytes[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        };
        put(&record.at.as_millis().to_le_bytes());
        put(&[length]);
        put(name);
        put(&record.position.lat_e7().to_le_bytes());
        put(&record.position.lng_e7().to_le_bytes());
        for value in [motion.heading_cdeg, motion.speed_cm_s, motion.accuracy_dm] {
            put(&value.unwrap_or(u16::MAX).to_le_bytes());
        }
        put(&[record.status.map_or(u8::MAX, DriverStatus::code)]);
        self.0.update(&bytes[..end]);
    }

    /// The digest in lower-case hexadecimal, 64 characters.
    pub fn finish(self) -> String {
        hex(self.0)
    }
}

/// What has been digested, in lower-case hexadecimal.
pub(crate) fn hex(digest: Sha256) -> String {
    use std::fmt::Write as _;
    digest.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
