//! The memory of the index: buckets, nodes and records, by number.

use super::arena::Arena;
use super::bucket::{Bucket, Lane};
use super::node::Node;
use super::record::{self, Place, Record};
use super::regions::Regions;
use crate::model::DriverKey;

/// Everything that readers reach without a lock.
pub(super) struct Store {
    pub(super) regions: Regions,
    buckets: Arena<Bucket>,
    nodes: Arena<Node>,
    records: Arena<Record>,
}

impl Store {
    pub(super) fn new() -> Self {
        // Chunks of a few megabytes: 4,096 buckets, 4,096 nodes, 131,072 records.
        Self {
            regions: Regions::new(),
            buckets: Arena::new(12),
            nodes: Arena::new(12),
            records: Arena::new(17),
        }
    }

    #[inline]
    pub(super) fn bucket(&self, ix: u32) -> &Bucket {
        self.buckets.get(ix)
    }

    #[inline]
    pub(super) fn node(&self, ix: u32) -> &Node {
        self.nodes.get(ix)
    }

    /// The record of a key's slot.
    #[inline]
    pub(super) fn record(&self, key: DriverKey) -> &Record {
        self.records.get(record::slot(key))
    }

    /// The record of a slot.
    pub(super) fn record_at(&self, slot: u32) -> &Record {
        self.records.get(slot)
    }

    /// Makes the record of a new slot exist.
    pub(super) fn ensure_record(&self, slot: u32) {
        self.records.ensure(slot);
    }

    pub(super) fn buckets(&self) -> &Arena<Bucket> {
        &self.buckets
    }

    pub(super) fn nodes(&self) -> &Arena<Node> {
        &self.nodes
    }

    /// Writes a driver to a lane and points its record there; the bucket is open.
    #[inline]
    pub(super) fn put(&self, bucket: u32, lane: usize, value: Lane) {
        self.bucket(bucket).set_lane(lane, value);
        let key = value.key();
        #[expect(clippy::cast_possible_truncation, reason = "lanes are 0..64")]
        let place = Place::In { bucket, lane: lane as u8 };
        self.record(key).set_place(record::generation(key), place);
    }
}
