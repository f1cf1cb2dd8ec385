//! Applying reports: the hot path of the whole program.
//!
//! A report costs four cache lines, each a miss in a large fleet: the driver's record, the
//! bucket's header, the position and the time. So a batch is worked off with two look-aheads
//! that ask for the lines early, and a report that stays in its bucket's rectangle, as most
//! do, is an overwrite in place: no hashing, no trigonometry, no allocation.

use super::bucket::{Lane, high, low, pack_xy, pair, unpack_xy};
use super::live::{Held, LIMBO, LiveIndex};
use super::meta::{Meta, STALE, first_with_status, status_of};
use super::node::Child;
use super::raw::prefetch;
use super::record::{self, Place};
use super::region::{Count, RESOLUTION, Region, cell_of};
use super::store::Store;
use super::{BatchOutcome, Fix, narrow, rules, widen};
use crate::geo::Bam;
use crate::model::{Reason, Report};
use crate::units::{Millis, Timestamp};

/// How far ahead a record is asked for.
const RECORD_AHEAD: usize = 24;

/// How far ahead a bucket is asked for; by then its record has arrived.
const BUCKET_AHEAD: usize = 12;

/// How far ahead it is found out who leaves its bucket, and what leaving needs is asked for.
const LEAVING_AHEAD: usize = 8;

/// How far ahead the bucket that is moved to is asked for.
const TARGET_AHEAD: usize = 5;

/// How far ahead the lane that is moved to is asked for.
const LANE_AHEAD: usize = 2;

/// Applies a batch. See [`super::LiveMap::apply`].
pub(super) fn apply(
    index: &LiveIndex,
    now: Timestamp,
    reports: &[Report],
    outcome: &mut BatchOutcome,
) {
    let _gate = index.gate.read();
    let mut held = None;
    let mut ahead = Ahead { store: &index.store, reports, moves: [None; LEAVING_AHEAD] };
    for (i, report) in reports.iter().enumerate() {
        ahead.ask_for_lines(i);
        match apply_one(index, now, report, &mut held) {
            Ok(plausible) => {
                outcome.applied += 1;
                outcome.implausible += u64::from(!plausible);
            }
            Err(reason) => {
                outcome.rejected.push((u32::try_from(i).unwrap_or(u32::MAX), reason));
            }
        }
    }
}

/// Asks for the memory that later reports of a batch will touch, one step at a time.
///
/// All it reads may have changed when the report is applied: it guesses, and decides nothing.
struct Ahead<'a> {
    store: &'a Store,
    reports: &'a [Report],
    /// For the next reports, if they leave their bucket: the node above it, then the bucket
    /// that they go to.
    moves: [Option<u32>; LEAVING_AHEAD],
}

impl Ahead<'_> {
    #[inline]
    fn ask_for_lines(&mut self, i: usize) {
        if let Some(report) = self.reports.get(i + RECORD_AHEAD) {
            prefetch(self.store.record(report.driver));
        }
        if let Some((bucket, lane)) = self.place(i + BUCKET_AHEAD) {
            self.store.bucket(bucket).prefetch_lane(lane);
        }
        self.moves[i % LEAVING_AHEAD] = self.leaves(i + LEAVING_AHEAD);
        if let Some(node) = self.moves[(i + TARGET_AHEAD) % LEAVING_AHEAD] {
            self.moves[(i + TARGET_AHEAD) % LEAVING_AHEAD] = self.target(node, i + TARGET_AHEAD);
        }
        if let Some(bucket) = self.moves[(i + LANE_AHEAD) % LEAVING_AHEAD] {
            let bucket = self.store.bucket(bucket);
            bucket.prefetch_whole_lane(bucket.len());
        }
    }

    /// Where the driver of a report is.
    #[inline]
    fn place(&self, i: usize) -> Option<(u32, usize)> {
        let report = self.reports.get(i)?;
        match self.store.record(report.driver).place() {
            (_, Place::In { bucket, lane }) => Some((bucket, usize::from(lane))),
            _ => None,
        }
    }

    /// The node above the bucket that a report leaves, if it does.
    #[inline]
    fn leaves(&self, i: usize) -> Option<u32> {
        let (bucket, lane) = self.place(i)?;
        let bucket = self.store.bucket(bucket);
        if bucket.rect().holds(Bam::from(self.reports.get(i)?.position)) {
            return None;
        }
        let node = bucket.parent()?;
        prefetch(&self.store.regions.get(bucket.region()).writer);
        self.store.node(node).prefetch();
        bucket.prefetch_whole_lane(lane);
        bucket.prefetch_whole_lane(bucket.len().saturating_sub(1));
        Some(node)
    }

    /// The bucket that a report goes to, if it is below the same node.
    fn target(&self, node: u32, i: usize) -> Option<u32> {
        let (node, bam) = (self.store.node(node), Bam::from(self.reports.get(i)?.position));
        match node.block(node.slot_of(bam)).child {
            Child::Bucket(ix) if node.rect().holds(bam) => {
                self.store.bucket(ix).prefetch_header();
                Some(ix)
            }
            _ => None,
        }
    }
}

/// Applies a report; whether the move was plausible, or why it was refused.
#[inline]
fn apply_one<'a>(
    index: &'a LiveIndex,
    now: Timestamp,
    report: &Report,
    held: &mut Option<Held<'a>>,
) -> Result<bool, Reason> {
    if let Some(applied) = overwrite(index, now, report) {
        // A lock that an earlier report needed; kept, it would make others wait for the rest of
        // the batch.
        *held = None;
        return applied;
    }
    apply_locked(index, now, report, held)
}

/// Applies a report of a driver who stays in the bucket and changes nothing that is counted,
/// with no lock but the open bucket. `None` if it takes more than that.
#[inline]
fn overwrite(index: &LiveIndex, now: Timestamp, report: &Report) -> Option<Result<bool, Reason>> {
    let record = index.store.record(report.driver);
    let (ix, lane) = record.settled(report.driver)?;
    let bucket = index.store.bucket(ix);
    if !bucket.version.try_open() {
        return None;
    }
    // What was read before the bucket was open may be no longer so.
    let at_home = record.settled(report.driver) == Some((ix, lane))
        && bucket.interior()
        && bucket.rect().holds(Bam::from(report.position));
    let (xy, tm) = bucket.xy_tm(lane);
    let was = high(tm);
    let applied = at_home
        .then(|| judge(index, now, report, (xy, tm)))
        .filter(|judged| judged.is_err() || state_after(index, now, report, was) == was);
    if applied.is_some_and(|applied| applied.is_ok()) {
        bucket.set_xy_tm(lane, pack_xy(Bam::from(report.position)), pair(narrow(report.at), was));
        record.set_motion(report.motion);
        bucket.version.close();
    } else {
        bucket.version.abandon();
    }
    applied
}

/// The first word of a driver's state after a report.
#[inline]
fn state_after(index: &LiveIndex, now: Timestamp, report: &Report, was: u32) -> u32 {
    let first = report.status.map_or(was, |status| first_with_status(was, status));
    set_stale(first, is_stale(index, now, report.at))
}

/// Applies a report under the lock of its driver's region.
#[cold]
fn apply_locked<'a>(
    index: &'a LiveIndex,
    now: Timestamp,
    report: &Report,
    held: &mut Option<Held<'a>>,
) -> Result<bool, Reason> {
    loop {
        let place = index.lock_driver(report.driver, held).ok_or(Reason::UnknownDriver)?;
        let Place::In { bucket: ix, lane } = place else {
            if let Some(reason) = rules::judge_time(now, report.at, &index.config) {
                return Err(reason);
            }
            settle(index, now, report, held);
            return Ok(true);
        };
        let (bucket, lane) = (index.store.bucket(ix), usize::from(lane));
        // Where the bucket ends is still under the region's lock; to ask H3 may take a while.
        let bam = Bam::from(report.position);
        let stays = bucket.rect().holds(bam)
            && (bucket.interior()
                || index.store.regions.get(bucket.region()).holds(bam, report.position));
        bucket.version.open();
        let (xy, tm) = bucket.xy_tm(lane);
        let judged = judge(index, now, report, (xy, tm));
        let Ok(plausible) = judged else {
            bucket.version.abandon();
            return judged;
        };
        let was = high(tm);
        let first = state_after(index, now, report, was);
        if stays {
            bucket.set_xy_tm(lane, pack_xy(bam), pair(narrow(report.at), first));
            index.store.record(report.driver).set_motion(report.motion);
            bucket.version.close();
            if first != was {
                recount(index.store.regions.get(bucket.region()), was, first);
            }
        } else {
            bucket.version.abandon();
            if !relocate(index, report, (xy, tm), first, held) {
                continue;
            }
        }
        if was & STALE != 0 && first & STALE == 0 {
            let due = report.at.plus(index.config.stale_after);
            index.wheel.lock().schedule(record::slot(report.driver), now, due);
        }
        return Ok(plausible);
    }
}

/// Compares a report with the present and with the last one applied.
#[inline]
fn judge(
    index: &LiveIndex,
    now: Timestamp,
    report: &Report,
    (xy, tm): (u64, u64),
) -> Result<bool, Reason> {
    if let Some(reason) = rules::judge_time(now, report.at, &index.config) {
        return Err(reason);
    }
    let (old, bam) = (unpack_xy(xy), Bam::from(report.position));
    let elapsed = narrow(report.at).wrapping_sub(low(tm)).cast_signed();
    // No further than the speed allows even where degrees of longitude are widest: the usual
    // case, decided without looking at the old report's other fields.
    let (dx, dy) = (f64::from(bam.x.wrapping_sub(old.x)), f64::from(bam.y.wrapping_sub(old.y)));
    let reach = f64::from(elapsed) * (index.config.max_speed_m_s * UNITS_PER_M / 1_000.0);
    if elapsed > 0 && dx * dx + dy * dy <= reach * reach {
        return Ok(true);
    }
    let last = Fix {
        position: old.lat_lng(),
        at: widen(now, low(tm)),
        motion: index.store.record(report.driver).motion(),
    };
    if let Some(reason) = rules::judge_order(&last, status_of(high(tm)), report) {
        return Err(reason);
    }
    Ok(rules::plausible(&last, report, &index.config))
}

/// Units of binary angle in a metre along a great circle.
const UNITS_PER_M: f64 = 2_147_483_648.0 / (std::f64::consts::PI * crate::geo::EARTH_RADIUS_M);

fn is_stale(index: &LiveIndex, now: Timestamp, at: Timestamp) -> bool {
    now.since(at) >= index.config.stale_after
}

fn set_stale(first: u32, stale: bool) -> u32 {
    if stale { first | STALE } else { first & !STALE }
}

/// Moves a driver's count in the supply from what it was to what it is.
fn recount(region: &Region, was: u32, is: u32) {
    if was & STALE == 0 {
        region.count_supply(Count::Down, status_of(was));
    }
    if is & STALE == 0 {
        region.count_supply(Count::Up, status_of(is));
    }
}

/// Moves a driver to another bucket, maybe in another region. `held` is its region, before and
/// after. False if the driver changed while the locks were taken, so that the report must be
/// judged again.
#[cold]
fn relocate<'a>(
    index: &'a LiveIndex,
    report: &Report,
    judged: (u64, u64),
    first: u32,
    held: &mut Option<Held<'a>>,
) -> bool {
    let bam = Bam::from(report.position);
    let key = report.driver;
    let from = held.as_ref().map_or(LIMBO, |held| held.ix);
    let to = if index.store.regions.get(from).holds(bam, report.position) {
        from
    } else {
        index.store.regions.find_or_add(cell_of(report.position, RESOLUTION))
    };
    let second = lock_both(index, from, to, held);
    let place = index.store.record(key).place_of(key);
    let Some(Place::In { bucket, lane }) = place else { return false };
    let source = index.store.bucket(bucket);
    source.version.open();
    let was = source.lane(usize::from(lane));
    let same = source.region() == from && (was.xy, was.tm) == judged;
    if same {
        // From here to its new place nobody overwrites what is being moved.
        index.store.record(key).hold();
    }
    source.version.abandon();
    if !same {
        return false;
    }
    let (source, target) = (index.tree(from), index.tree(to));
    let value = Lane::new(bam, narrow(report.at), first, key, was.second());
    let near = (from == to).then_some(bucket);
    let room = target.room_for(bam, near);
    source.transfer(bucket, usize::from(lane), room, (value, report.motion));
    source.region.count(Count::Down, status_of(was.first()), was.first() & STALE != 0);
    target.region.count(Count::Up, status_of(first), first & STALE != 0);
    if second.is_some() {
        // What is left to do with the driver needs the lock of where it is now.
        *held = second;
    }
    true
}

/// Holds a second region too, in the order of numbers; `held` may be released for a moment.
fn lock_both<'a>(
    index: &'a LiveIndex,
    from: u32,
    to: u32,
    held: &mut Option<Held<'a>>,
) -> Option<Held<'a>> {
    if from == to {
        return None;
    }
    if from != LIMBO && to < from {
        *held = None;
        let second = index.lock(to);
        *held = Some(index.lock(from));
        return Some(second);
    }
    Some(index.lock(to))
}

/// Gives a driver its first position. `held` is the limbo.
#[cold]
fn settle<'a>(index: &'a LiveIndex, now: Timestamp, report: &Report, held: &mut Option<Held<'a>>) {
    let bam = Bam::from(report.position);
    let to = index.store.regions.find_or_add(cell_of(report.position, RESOLUTION));
    let _second = lock_both(index, LIMBO, to, held);
    let record = index.store.record(report.driver);
    let mut meta = Meta::from_bits(record.waiting_meta());
    if let Some(status) = report.status {
        meta = meta.with_status(status);
    }
    let stale = is_stale(index, now, report.at);
    let first = set_stale(meta.first, stale);
    let tree = index.tree(to);
    let value = Lane::new(bam, narrow(report.at), first, report.driver, meta.second);
    tree.add(tree.room_for(bam, None), value, report.motion);
    tree.region.count(Count::Up, meta.status(), stale);
    let silence = if stale { index.config.forget_after } else { index.config.stale_after };
    let due = report.at.plus(silence.max(Millis(1)));
    index.wheel.lock().schedule(record::slot(report.driver), now, due);
}
