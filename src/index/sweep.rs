//! Everything in an area: the trees of all regions that meet its bounding box, pruned by the
//! box, decided by the area itself.

use super::bucket::Rect;
use super::kernel::{self, Center};
use super::live::LiveIndex;
use super::meta::Mask;
use super::node::{Child, Node};
use super::reader::{self, Candidate, ScanBuffer, Visits};
use super::store::Store;
use super::{Answer, order, search};
use crate::geo::{Area, Bam, E7, LatLng, Origin, WrapBox};
use crate::model::{Filter, Within};
use crate::units::Timestamp;

/// An area's bounding box in binary angles, a little larger than it is.
#[derive(Clone, Copy, Debug)]
struct Frame {
    west: i32,
    /// 2^32 or more is the whole turn.
    width: u64,
    south: i64,
    north: i64,
}

impl Frame {
    fn new(bounds: WrapBox) -> Self {
        let corner =
            |lat, lng| LatLng::try_from(E7 { lat, lng }).map_or(Bam { x: 0, y: 0 }, Bam::from);
        let (low, high) = (corner(bounds.south, bounds.west), corner(bounds.north, bounds.west));
        // Up to 1.2 units an E7 step; two more on each side for rounding.
        let width = bounds.width.unsigned_abs() * 6 / 5 + 4;
        let full = bounds.width.unsigned_abs() >= 3_500_000_000;
        Self {
            west: low.x.wrapping_sub(2),
            width: if full { 1 << 33 } else { width },
            south: i64::from(low.y) - 2,
            north: i64::from(high.y) + 2,
        }
    }

    fn meets(&self, rect: Rect) -> bool {
        let south = i64::from(rect.y0);
        if south > self.north || south + (1i64 << rect.h) <= self.south {
            return false;
        }
        let from_west = u64::from(rect.x0.wrapping_sub(self.west).cast_unsigned());
        let from_rect = u64::from(self.west.wrapping_sub(rect.x0).cast_unsigned());
        from_west <= self.width || from_rect < 1u64 << rect.w
    }
}

/// One area, being swept.
struct Sweep<'a> {
    store: &'a Store,
    area: &'a Area,
    frame: Frame,
    mask: &'a Mask,
    /// For a circle its centre and a limit that excludes nobody; else one that excludes nobody.
    center: Center,
    limit: f32,
    buffer: ScanBuffer,
}

impl<'a> Sweep<'a> {
    fn new(store: &'a Store, area: &'a Area, mask: &'a Mask) -> Self {
        let (center, limit) = match area {
            Area::Circle(circle) => {
                (circle.origin().position(), kernel::inflate_exact(circle.limit()))
            }
            Area::Box(_) | Area::Polygon(_) => (area.anchor(), f32::INFINITY),
        };
        Self {
            store,
            area,
            frame: Frame::new(area.bounds()),
            mask,
            center: Center::new(Bam::from(center)),
            limit,
            buffer: ScanBuffer::default(),
        }
    }

    /// Gives `take` each driver in the area; false if the tree changed too much to go on.
    fn run(&mut self, visits: &mut Visits, mut take: impl FnMut(Candidate)) -> bool {
        let origin = Origin::new(self.area.anchor());
        for ix in self.store.regions.all() {
            let region = self.store.regions.get(ix);
            if !self.frame.meets(region.rect) {
                continue;
            }
            visits.enter(self.store, ix);
            let mut todo = vec![region.root()];
            while let Some(child) = todo.pop() {
                match child {
                    Child::Empty => {}
                    Child::Node(ix) => self.open_node(self.store.node(ix), &mut todo),
                    Child::Bucket(ix) => self.scan(ix, &origin, visits, &mut take),
                }
                // A tree that is gone may lead anywhere, if only for a while.
                if todo.len() > 64 * 16 || !visits.in_shape_last(self.store) {
                    return false;
                }
            }
        }
        true
    }

    fn open_node(&self, node: &Node, todo: &mut Vec<Child>) {
        let mut heads = node.heads();
        while heads != 0 {
            let head = heads.trailing_zeros() as usize;
            heads &= heads - 1;
            let block = node.block(head);
            let rect = node.block_rect(head, block);
            if self.frame.meets(rect) && kernel::bound(&self.center, rect) <= self.limit {
                todo.push(block.child);
            }
        }
    }

    fn scan(
        &mut self,
        ix: u32,
        origin: &Origin,
        visits: &mut Visits,
        take: &mut impl FnMut(Candidate),
    ) {
        let with = (&self.center, self.mask, self.limit, usize::MAX / 2);
        reader::scan(self.store, ix, with, &mut self.buffer, visits, |_, lane| {
            let position = lane.bam().lat_lng();
            if self.area.contains(position) {
                take(Candidate { distance: origin.to(position), lane });
            }
        });
    }
}

/// Answers a question. See [`super::LiveMap::within`].
pub(super) fn within(index: &LiveIndex, now: Timestamp, question: &Within, answer: &mut Answer) {
    let mask = index.mask(now, &question.filter);
    let mut sweep = Sweep::new(&index.store, &question.area, &mask);
    let mut found: Vec<Candidate> = Vec::new();
    reader::consistently(index, &mut answer.scratch.visits, |visits| {
        found.clear();
        sweep.run(visits, |candidate| found.push(candidate))
    });
    answer.more = order::page(&index.names, &mut found, &question.page);
    answer.hits.clear();
    answer.hits.extend(found.iter().map(|candidate| search::hit(now, candidate)));
}

/// Answers a question. See [`super::LiveMap::count`].
pub(super) fn count(index: &LiveIndex, now: Timestamp, area: &Area, filter: &Filter) -> u64 {
    let mask = index.mask(now, filter);
    let mut sweep = Sweep::new(&index.store, area, &mask);
    let mut visits = Visits::default();
    let mut count = 0;
    reader::consistently(index, &mut visits, |visits| {
        count = 0;
        sweep.run(visits, |_| count += 1)
    });
    count
}
