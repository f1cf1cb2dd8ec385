//! One small record a driver: where it stands in the buckets, and how it moved.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::model::{DriverKey, Motion};

/// Bits of a key that name the slot; the others count how often the slot was reused.
pub(super) const SLOT_BITS: u32 = 26;

/// The generations of a slot wrap at this many.
const GENERATIONS: u32 = 1 << (32 - SLOT_BITS);

/// A driver's place and motion: 16 bytes, one cache line for four drivers.
#[derive(Debug)]
#[repr(C, align(16))]
pub(super) struct Record {
    place: AtomicU64,
    motion: AtomicU64,
}

/// Where a driver is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The slot has no driver.
    Free,
    /// Known, but has not reported a position; the 32-bit moment is when it was bound.
    Waiting {
        /// When.
        since: u32,
    },
    /// In a bucket.
    In {
        /// Which bucket.
        bucket: u32,
        /// Which lane of it.
        lane: u8,
    },
}

impl Record {
    /// The place, if the slot is at the key's generation.
    #[inline]
    pub(super) fn place_of(&self, key: DriverKey) -> Option<Place> {
        let (generation, place) = self.place();
        (generation == key.0 >> SLOT_BITS && place != Place::Free).then_some(place)
    }

    /// The slot's generation and place.
    #[inline]
    pub(super) fn place(&self) -> (u32, Place) {
        let word = self.place.load(Ordering::Acquire);
        #[expect(clippy::cast_possible_truncation, reason = "fields of a packed word")]
        let (low, lane) = (word as u32, (word >> 32) as u8);
        let generation = (word >> 40) as u32 & (GENERATIONS - 1);
        let place = match word >> 62 {
            0 => Place::Free,
            1 => Place::Waiting { since: low },
            _ => Place::In { bucket: low, lane },
        };
        (generation, place)
    }

    /// Whether a driver in a bucket may be overwritten there by whoever opens the bucket:
    /// [`Self::place_of`], unless somebody has set out to move it.
    #[inline]
    pub(super) fn settled(&self, key: DriverKey) -> Option<(u32, usize)> {
        let word = self.place.load(Ordering::Acquire);
        #[expect(clippy::cast_possible_truncation, reason = "fields of a packed word")]
        let (bucket, lane, of) = (word as u32, (word >> 32) as u8, (word >> 40) as u32);
        let settled = word >> 62 == 2 && of & (GENERATIONS - 1) == generation(key);
        settled.then_some((bucket, usize::from(lane)))
    }

    /// Lets nobody but the holder of its region's lock change the driver, until it is moved.
    /// Its bucket is open.
    pub(super) fn hold(&self) {
        let word = self.place.load(Ordering::Relaxed);
        self.place.store(word | 3 << 62, Ordering::Release);
    }

    /// Moves the driver of `generation` to `place`.
    #[inline]
    pub(super) fn set_place(&self, generation: u32, place: Place) {
        let (tag, low, lane) = match place {
            Place::Free => (0, 0, 0),
            Place::Waiting { since } => (1, since, 0),
            Place::In { bucket, lane } => (2, bucket, lane),
        };
        let word = tag << 62
            | u64::from(generation & (GENERATIONS - 1)) << 40
            | u64::from(lane) << 32
            | u64::from(low);
        self.place.store(word, Ordering::Release);
    }

    /// How the driver moved; read while it is in a bucket.
    #[inline]
    pub(super) fn motion(&self) -> Motion {
        let word = self.motion.load(Ordering::Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "fields of a packed word")]
        let field = |shift: u32| (word >> shift) as u16;
        // Stored plus one, so that zero means unknown.
        let known = |value: u16| value.checked_sub(1);
        Motion {
            heading_cdeg: known(field(0)),
            speed_cm_s: known(field(16)),
            accuracy_dm: known(field(32)),
        }
    }

    /// Sets how the driver moved.
    #[inline]
    pub(super) fn set_motion(&self, motion: Motion) {
        let stored = |value: Option<u16>| value.map_or(0, |v| u64::from(v.saturating_add(1)));
        let word = stored(motion.heading_cdeg)
            | stored(motion.speed_cm_s) << 16
            | stored(motion.accuracy_dm) << 32;
        self.motion.store(word, Ordering::Relaxed);
    }

    /// What a waiting driver will bring into its first bucket: state and qualities, packed.
    pub(super) fn waiting_meta(&self) -> u64 {
        self.motion.load(Ordering::Relaxed)
    }

    /// Sets what a waiting driver will bring.
    pub(super) fn set_waiting_meta(&self, meta: u64) {
        // Who reads it there learns, after a fence, that the slot's last driver has gone.
        fence(Ordering::Release);
        self.motion.store(meta, Ordering::Relaxed);
    }
}

/// The key of a slot at a generation.
pub(super) fn key(slot: u32, generation: u32) -> DriverKey {
    DriverKey(generation << SLOT_BITS | slot)
}

/// The slot of a key.
#[inline]
pub(super) fn slot(key: DriverKey) -> u32 {
    key.0 & ((1 << SLOT_BITS) - 1)
}

/// The generation of a key.
#[inline]
pub(super) fn generation(key: DriverKey) -> u32 {
    key.0 >> SLOT_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let record = Record { place: AtomicU64::new(0), motion: AtomicU64::new(0) };
        assert_eq!(record.place(), (0, Place::Free));
        for place in [
            Place::Waiting { since: u32::MAX },
            Place::In { bucket: u32::MAX, lane: 127 },
            Place::Free,
        ] {
            record.set_place(63, place);
            assert_eq!(record.place(), (63, place));
        }
        for value in [None, Some(0), Some(65_534)] {
            let motion = Motion { heading_cdeg: value, speed_cm_s: None, accuracy_dm: value };
            record.set_motion(motion);
            assert_eq!(record.motion(), motion);
        }
        let key = key(5, 64 + 3);
        assert_eq!((slot(key), generation(key)), (5, 3));
    }
}
