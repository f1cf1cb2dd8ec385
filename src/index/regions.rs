//! The regions of the world, found by cell or by distance.
//!
//! Regions hang below *groups*, the H3 cells three resolutions up, so that a search looks at
//! tens of disks where the world has thousands. Both lists only ever grow, at most to the
//! number of cells of the globe, so readers walk them without a lock.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use foldhash::fast::FixedState;
use h3o::{CellIndex, Resolution};
use parking_lot::Mutex;

use super::region::{Cap, RESOLUTION, Region, angle, outline};

/// The resolution of groups: 842 in the world, 343 regions in each but the pentagons'.
const GROUPS: Resolution = Resolution::One;

/// Regions of the world, and a round number more.
const MAX_REGIONS: usize = 288_122;

/// Groups of the world.
const MAX_GROUPS: usize = 842;

/// Regions below one group.
const GROUP_SIZE: usize = 343;

/// Regions are kept in chunks, so that they never move.
const CHUNK: usize = 512;

/// A piece of the list of regions.
type Chunk = Box<[OnceLock<Region>]>;

/// All regions that ever had a driver.
pub(super) struct Regions {
    chunks: Box<[OnceLock<Chunk>]>,
    groups: Box<[OnceLock<Group>]>,
    group_count: AtomicU32,
    count: AtomicU32,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    regions: HashMap<CellIndex, u32, FixedState>,
    groups: HashMap<CellIndex, u32, FixedState>,
}

/// The regions that lie below one coarser cell.
pub(super) struct Group {
    /// A disk that holds all regions that can lie below it.
    pub(super) cap: Cap,
    members: Box<[OnceLock<Member>]>,
    len: AtomicU32,
}

/// A region as its group knows it: side by side with the others, for a quick look at all.
pub(super) struct Member {
    /// The region's number.
    pub(super) region: u32,
    /// A disk that surely holds it.
    pub(super) cap: Cap,
}

impl Regions {
    pub(super) fn new() -> Self {
        Self {
            chunks: (0..MAX_REGIONS.div_ceil(CHUNK)).map(|_| OnceLock::new()).collect(),
            groups: (0..MAX_GROUPS).map(|_| OnceLock::new()).collect(),
            group_count: AtomicU32::new(0),
            count: AtomicU32::new(0),
            known: Mutex::default(),
        }
    }

    /// A region by its number.
    #[inline]
    pub(super) fn get(&self, ix: u32) -> &Region {
        let chunk = self.chunks[ix as usize / CHUNK].get();
        let region = chunk.and_then(|chunk| chunk[ix as usize % CHUNK].get());
        let Some(region) = region else { unreachable!("region {ix} was never handed out") };
        region
    }

    /// The number of the region of `cell`, made if it is new.
    pub(super) fn find_or_add(&self, cell: CellIndex) -> u32 {
        let mut known = self.known.lock();
        if let Some(&ix) = known.regions.get(&cell) {
            return ix;
        }
        let ix = as_index(known.regions.len());
        let chunk = self.chunks[ix as usize / CHUNK]
            .get_or_init(|| (0..CHUNK).map(|_| OnceLock::new()).collect());
        chunk[ix as usize % CHUNK].get_or_init(|| Region::new(cell));
        known.regions.insert(cell, ix);
        let parent = cell.parent(GROUPS).unwrap_or(cell);
        let group = match known.groups.get(&parent) {
            Some(&group) => group,
            None => self.add_group(&mut known, parent),
        };
        self.group(group).add(Member { region: ix, cap: self.get(ix).cap });
        self.count.store(ix + 1, Ordering::Release);
        ix
    }

    /// How many regions there are.
    #[inline]
    pub(super) fn count(&self) -> u32 {
        self.count.load(Ordering::Acquire)
    }

    fn add_group(&self, known: &mut Known, parent: CellIndex) -> u32 {
        let ix = as_index(known.groups.len());
        self.groups[ix as usize].get_or_init(|| Group::new(parent));
        self.group_count.store(ix + 1, Ordering::Release);
        known.groups.insert(parent, ix);
        ix
    }

    /// How many groups there are.
    #[inline]
    pub(super) fn groups(&self) -> u32 {
        self.group_count.load(Ordering::Acquire)
    }

    /// A group by its number.
    #[inline]
    pub(super) fn group(&self, ix: u32) -> &Group {
        let Some(group) = self.groups[ix as usize].get() else {
            unreachable!("group {ix} was never handed out")
        };
        group
    }

    /// The numbers of all regions.
    pub(super) fn all(&self) -> std::ops::Range<u32> {
        0..self.count()
    }
}

impl Group {
    fn new(parent: CellIndex) -> Self {
        let (center, _, _) = outline(parent);
        // Finer cells stick out of coarser ones, so ask each.
        let reach = parent
            .children(RESOLUTION)
            .map(|cell| {
                let (middle, _, radius) = outline(cell);
                angle(center, middle) + radius
            })
            .fold(0.0, f64::max);
        Self {
            cap: Cap::new(center, reach),
            members: (0..GROUP_SIZE).map(|_| OnceLock::new()).collect(),
            len: AtomicU32::new(0),
        }
    }

    fn add(&self, member: Member) {
        let len = self.len.load(Ordering::Relaxed);
        self.members[len as usize].get_or_init(|| member);
        self.len.store(len + 1, Ordering::Release);
    }

    /// Its regions.
    #[inline]
    pub(super) fn regions(&self) -> impl Iterator<Item = &Member> {
        let len = self.len.load(Ordering::Acquire) as usize;
        self.members[..len].iter().filter_map(OnceLock::get)
    }
}

fn as_index(count: usize) -> u32 {
    u32::try_from(count).unwrap_or_else(|_| unreachable!("the globe has {MAX_REGIONS} cells"))
}
