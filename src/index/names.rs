//! The ids of drivers: from a name to a key and back.
//!
//! Names live in one arena of 64-bit words, cut to their length, so that an id of eight bytes
//! costs eight. Reading a name takes no lock: what a slot says of its name is checked before
//! and after, and a name that was released in between reads as none.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use foldhash::quality::FixedState;
use hashbrown::HashTable;
use parking_lot::{Mutex, RwLock, RwLockWriteGuard};

use super::arena::Arena;
use super::raw::prefetch;
use super::record::{generation, slot};
use crate::ids::{DriverId, MAX_ID_BYTES};
use crate::model::DriverKey;

/// Bytes in a word.
const WORD: usize = 8;

/// Words reserved a driver: one run of each length from 1 to 8.
const WORDS_A_DRIVER: usize = 36;

/// Locks over the table: enough that binders rarely meet.
const SHARDS: usize = 64;

/// Names of slots, and slots of names.
pub(super) struct Names {
    hasher: FixedState,
    shards: Box<[RwLock<HashTable<u32>>]>,
    /// A word a slot: where its name is.
    entries: Arena<AtomicU64>,
    words: Arena<AtomicU64>,
    /// Released runs of words, by length.
    free: Mutex<[Vec<u32>; MAX_ID_BYTES / WORD + 1]>,
}

/// A locked part of the table: names are bound and released under it.
pub(super) struct Shard<'a> {
    names: &'a Names,
    table: RwLockWriteGuard<'a, HashTable<u32>>,
}

/// Where a slot's name is: first word low, length above it, generation on top; 0 is none.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry(u64);

impl Entry {
    fn new(first: u32, length: usize, generation: u32) -> Self {
        Self(u64::from(generation) << 40 | (length as u64) << 32 | u64::from(first))
    }

    #[expect(clippy::cast_possible_truncation, reason = "fields of a packed word")]
    fn first(self) -> u32 {
        self.0 as u32
    }

    fn length(self) -> usize {
        (self.0 >> 32) as usize & 0xff
    }

    fn generation(self) -> u32 {
        (self.0 >> 40) as u32
    }
}

impl Names {
    /// An empty table for so many drivers; the seed keeps strangers from choosing ids that
    /// collide.
    pub(super) fn new(seed: u64, drivers: usize) -> Self {
        Self {
            hasher: FixedState::with_seed(seed),
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            entries: Arena::new(drivers),
            // Runs are reused for names of their own length only; a fleet whose names change
            // length altogether needs each length once.
            words: Arena::new(drivers.saturating_mul(WORDS_A_DRIVER).min(u32::MAX as usize)),
            free: Mutex::default(),
        }
    }

    fn hash(&self, bytes: &[u8]) -> u64 {
        self.hasher.hash_one(bytes)
    }

    fn shard_of(&self, hash: u64) -> &RwLock<HashTable<u32>> {
        &self.shards[(hash >> 58) as usize % SHARDS]
    }

    /// The key of a name.
    pub(super) fn find(&self, id: &DriverId) -> Option<DriverKey> {
        let hash = self.hash(id.as_bytes());
        let table = self.shard_of(hash).read();
        table.find(hash, |&key| self.is(DriverKey(key), id)).map(|&key| DriverKey(key))
    }

    /// Locks the part of the table that a name belongs to.
    pub(super) fn lock(&self, id: &DriverId) -> Shard<'_> {
        let hash = self.hash(id.as_bytes());
        Shard { names: self, table: self.shard_of(hash).write() }
    }

    fn is(&self, key: DriverKey, id: &DriverId) -> bool {
        self.id(key).is_some_and(|name| name == *id)
    }

    fn entry(&self, key: DriverKey) -> &AtomicU64 {
        self.entries.get(slot(key))
    }

    /// The name of a key; none if it was released.
    pub(super) fn id(&self, key: DriverKey) -> Option<DriverId> {
        let mut bytes = [0u8; MAX_ID_BYTES];
        let mut chunks = bytes.chunks_mut(WORD);
        let length = self.read(key, |word| {
            if let Some(to) = chunks.next() {
                to.copy_from_slice(&word.to_le_bytes());
            }
        })?;
        Some(DriverId::from_known(&bytes[..length]))
    }

    /// Appends the words of a key's name, so turned that they compare like its bytes; tells how
    /// many there are, none if it was released.
    pub(super) fn words(&self, key: DriverKey, to: &mut Vec<u64>) -> u32 {
        let begin = to.len();
        // The first byte decides first; names have no zero bytes, so padding sorts low.
        if self.read(key, |word| to.push(word.swap_bytes())).is_none() {
            to.truncate(begin);
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 8")]
        let count = (to.len() - begin) as u32;
        count
    }

    /// Gives `take` the words of a key's name, and tells its length in bytes; none if it was
    /// released, and then what was taken is worth nothing.
    fn read(&self, key: DriverKey, mut take: impl FnMut(u64)) -> Option<usize> {
        let at = self.entry(key);
        let entry = Entry(at.load(Ordering::Acquire));
        if entry.0 == 0 || entry.generation() != generation(key) {
            return None;
        }
        let length = entry.length().min(MAX_ID_BYTES);
        for i in (0..).take(length.div_ceil(WORD)) {
            take(self.words.get(entry.first() + i).load(Ordering::Relaxed));
        }
        fence(Ordering::Acquire);
        (at.load(Ordering::Relaxed) == entry.0).then_some(length)
    }

    /// Brings the names of keys closer, all of them at once: first where they are, then they.
    pub(super) fn expect(&self, keys: impl Iterator<Item = DriverKey> + Clone) {
        for key in keys.clone() {
            prefetch(self.entry(key));
        }
        for key in keys {
            let entry = Entry(self.entry(key).load(Ordering::Relaxed));
            if entry.0 != 0 {
                prefetch(self.words.get(entry.first()));
            }
        }
    }

    /// The order of two keys by their names, without copying them. It changes when one of them is
    /// released, so that no sort may rely on it: see [`super::order`].
    pub(super) fn compare(&self, a: DriverKey, b: DriverKey) -> std::cmp::Ordering {
        let entry = |key| Entry(self.entry(key).load(Ordering::Acquire));
        let (of_a, of_b) = (entry(a), entry(b));
        let words = of_a.length().min(of_b.length()).div_ceil(WORD);
        #[expect(clippy::cast_possible_truncation, reason = "at most 8")]
        for i in 0..words as u32 {
            let word = |of: Entry| self.words.get(of.first() + i).load(Ordering::Relaxed);
            // The first byte decides first; names have no zero bytes, so padding sorts low.
            let order = word(of_a).swap_bytes().cmp(&word(of_b).swap_bytes());
            if order.is_ne() {
                return order;
            }
        }
        of_a.length().cmp(&of_b.length())
    }

    /// Asks for the cache line that says where a key's name is.
    pub(super) fn prefetch_entry(&self, key: DriverKey) {
        prefetch(self.entry(key));
    }

    /// Asks for the name's own cache line.
    pub(super) fn prefetch_name(&self, key: DriverKey) {
        let entry = Entry(self.entry(key).load(Ordering::Relaxed));
        if entry.0 != 0 {
            prefetch(self.words.get(entry.first()));
        }
    }

    /// Bytes in use, for so many slots.
    pub(super) fn memory(&self, slots: usize) -> usize {
        let tables: usize = self.shards.iter().map(|s| s.read().allocation_size()).sum();
        (slots + self.words.in_use()) * size_of::<AtomicU64>() + tables
    }

    /// Puts down a name's bytes; returns the first word.
    fn write(&self, id: &DriverId) -> u32 {
        let count = id.as_bytes().len().div_ceil(WORD);
        let reused = self.free.lock()[count].pop();
        #[expect(clippy::cast_possible_truncation, reason = "at most 8")]
        let first = reused.or_else(|| self.words.alloc_run(count as u32));
        let Some(first) = first else { unreachable!("{WORDS_A_DRIVER} words a driver are enough") };
        // Who reads the new bytes learns, after a fence, that the old name has been released.
        fence(Ordering::Release);
        for (i, chunk) in (0..).zip(id.as_bytes().chunks(WORD)) {
            let mut word = [0; WORD];
            word[..chunk.len()].copy_from_slice(chunk);
            self.words.get(first + i).store(u64::from_le_bytes(word), Ordering::Relaxed);
        }
        first
    }
}

impl Shard<'_> {
    /// The key of a name in this part.
    pub(super) fn find(&self, id: &DriverId) -> Option<DriverKey> {
        let hash = self.names.hash(id.as_bytes());
        let found = self.table.find(hash, |&key| self.names.is(DriverKey(key), id));
        found.map(|&key| DriverKey(key))
    }

    /// Gives a key a name that is not in the table.
    pub(super) fn insert(&mut self, id: &DriverId, key: DriverKey) {
        let names = self.names;
        let entry = Entry::new(names.write(id), id.as_bytes().len(), generation(key));
        names.entry(key).store(entry.0, Ordering::Release);
        let rehash = |&key: &u32| {
            let name = names.id(DriverKey(key));
            names.hash(name.as_ref().map_or(&[], DriverId::as_bytes))
        };
        self.table.insert_unique(names.hash(id.as_bytes()), key.0, rehash);
    }

    /// Takes a key's name away.
    pub(super) fn remove(&mut self, id: &DriverId, key: DriverKey) {
        let hash = self.names.hash(id.as_bytes());
        if let Ok(entry) = self.table.find_entry(hash, |&other| other == key.0) {
            entry.remove();
        }
        let entry = Entry(self.names.entry(key).swap(0, Ordering::AcqRel));
        if entry.0 != 0 {
            self.names.free.lock()[entry.length().div_ceil(WORD)].push(entry.first());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::record::key;

    #[test]
    fn names_come_and_go() {
        let names = Names::new(1, 1_000);
        let ids: Vec<DriverId> =
            (0..500).map(|i| format!("{i}{}", "x".repeat(i % 60)).parse().unwrap()).collect();
        for (slot, id) in (0..).zip(&ids) {
            names.lock(id).insert(id, key(slot, 0));
        }
        for (slot, id) in (0..).zip(&ids) {
            assert_eq!(names.find(id), Some(key(slot, 0)));
            assert_eq!(names.id(key(slot, 0)).as_ref(), Some(id));
            assert_eq!(names.id(key(slot, 1)), None, "another generation");
        }
        for (slot, id) in (0..).zip(&ids).step_by(2) {
            names.lock(id).remove(id, key(slot, 0));
            assert_eq!((names.find(id), names.id(key(slot, 0))), (None, None));
            let other: DriverId = format!("new-{slot}").parse().unwrap();
            names.lock(&other).insert(&other, key(slot, 1));
            assert_eq!(names.find(&other), Some(key(slot, 1)));
        }
        for (slot, id) in (0..).zip(&ids).skip(1).step_by(2) {
            assert_eq!(names.id(key(slot, 0)).as_ref(), Some(id));
        }
    }
}
