//! Questions answered from the copy: by who does not know the map yet, or is told not to.
//!
//! The answers are those of the index, as fresh as the copy: the same filters, order and limits,
//! with distances from the exact positions in the lines. Geo sets only say whose lines to read.

mod ask;
mod sift;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use parking_lot::Mutex;

use self::ask::{Asking, Hedge};
use self::sift::{Sieve, Way, overlap, way};
use super::address::RedisAddress;
use super::keys::Scripts;
use super::link::LinkOptions;
use super::read::{self, Piece, Row};
use super::verdict::LinkError;
use crate::clock;
use crate::geo::{Area, Circle, Haversine};
use crate::ids::DriverId;
use crate::index::disk_of_region;
use crate::limits;
use crate::mirror::Entry;
use crate::model::{Filter, Nearest, Within};
use crate::units::{Meters, Timestamp};

/// How a fallback waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FallbackOptions {
    /// For each connection and answer.
    pub link: LinkOptions,
    /// For an answer to a question, whatever it takes.
    pub deadline: Duration,
    /// For the primary, before a replica is asked too.
    pub hedge_after: Duration,
}

impl Default for FallbackOptions {
    fn default() -> Self {
        Self {
            link: LinkOptions::default(),
            deadline: Duration::from_millis(limits::FALLBACK_DEADLINE_MS),
            hedge_after: Duration::from_millis(limits::FALLBACK_HEDGE_MS),
        }
    }
}

/// Why the copy does not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FallbackError {
    /// It took too long.
    #[error("redis has not answered within {within:?}")]
    Late {
        /// The deadline.
        within: Duration,
    },
    /// Neither the primary nor a replica answers.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// A driver in an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Who.
    pub id: DriverId,
    /// What is known.
    pub entry: Entry,
    /// How far from the question's centre or the area's anchor.
    pub distance: Haversine,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CopyAnswer {
    /// Who was found, in the order that the question promises.
    pub hits: Vec<Found>,
    /// How many there are in all, the page aside.
    pub count: u64,
    /// Whether the page was full and more follow.
    pub more: bool,
    /// All that had changed by then is in the answer; `None` if the mirror has never said so.
    pub complete: Option<Timestamp>,
}

/// What is read once for several questions.
#[derive(Clone, Debug, Default)]
struct World {
    regions: Vec<(u64, Circle)>,
    complete: Option<Timestamp>,
}

/// Reads the copy.
///
/// # Guarantees
/// For what the copy holds, answers equal those of [`crate::index::LiveMap`]; drivers who are
/// offline, or were silent for longer than the filter allows, are in none. Each ends by the
/// deadline.
#[derive(Debug)]
pub struct Fallback {
    hedge: Arc<Hedge>,
    options: FallbackOptions,
    scripts: Scripts,
    world: Mutex<Option<(Instant, World)>>,
    disks: Mutex<HashMap<u64, Circle, FixedState>>,
}

impl Fallback {
    /// A fallback that connects when it is first asked.
    pub fn new(address: RedisAddress, options: FallbackOptions, seed: u64) -> Self {
        Self {
            hedge: Arc::new(Hedge::new(address, options.link, options.hedge_after, seed)),
            options,
            scripts: Scripts::new(),
            world: Mutex::new(None),
            disks: Mutex::default(),
        }
    }

    /// The k nearest, nearest first, ties in the order of ids.
    ///
    /// # Errors
    /// [`FallbackError`] by the deadline.
    pub async fn nearest(
        &self,
        now: Timestamp,
        question: &Nearest,
    ) -> Result<CopyAnswer, FallbackError> {
        self.timely(self.find_nearest(now, question)).await
    }

    /// A page of those in an area, in the order of ids.
    ///
    /// # Errors
    /// [`FallbackError`] by the deadline.
    pub async fn within(
        &self,
        now: Timestamp,
        question: &Within,
    ) -> Result<CopyAnswer, FallbackError> {
        self.timely(async {
            let mut answer = self.find_within(now, &question.area, &question.filter).await?;
            answer.hits.sort_unstable_by_key(|found| found.id);
            if let Some(after) = &question.page.after {
                answer.hits.retain(|found| found.id > *after);
            }
            answer.more = answer.hits.len() > question.page.size;
            answer.hits.truncate(question.page.size);
            Ok(answer)
        })
        .await
    }

    /// How many are in an area.
    ///
    /// # Errors
    /// [`FallbackError`] by the deadline.
    pub async fn count(
        &self,
        now: Timestamp,
        area: &Area,
        filter: &Filter,
    ) -> Result<CopyAnswer, FallbackError> {
        let mut answer = self.timely(self.find_within(now, area, filter)).await?;
        answer.hits.clear();
        Ok(answer)
    }

    async fn timely(
        &self,
        work: impl Future<Output = Result<CopyAnswer, LinkError>> + Send,
    ) -> Result<CopyAnswer, FallbackError> {
        let within = self.options.deadline;
        match tokio::time::timeout(within, Box::pin(work)).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(FallbackError::Late { within }),
        }
    }

    /// Looks in growing circles until there are enough, or the circle is the question's.
    async fn find_nearest(
        &self,
        now: Timestamp,
        question: &Nearest,
    ) -> Result<CopyAnswer, LinkError> {
        let (world, asking) = (self.world().await?, Asking::new(&self.hedge));
        let mut reach = FIRST_REACH_M.min(question.radius.get());
        let mut count = FIRST_COUNT.max(question.k.get() * 4);
        loop {
            let whole = reach >= question.radius.get();
            let radius = Meters::new(reach).unwrap_or(Meters::HALF_GLOBE);
            let circle = Circle::new(question.center, radius);
            let area = Area::Circle(circle);
            let (rows, cut) = self.rows(&asking, &world, &area, count).await?;
            let mut sieve = Sieve::new(now, &question.filter);
            sieve.take_all(&rows);
            // What lies beyond the last that a cut answer names may be missing.
            let edge = cut.map_or(circle.limit(), |cut| cut.min(circle.limit()));
            let mut hits = sieve.inside(question.center, |_, distance| distance <= edge);
            hits.sort_unstable_by(|a, b| a.distance.cmp(&b.distance).then(a.id.cmp(&b.id)));
            if hits.len() >= question.k.get() || (whole && cut.is_none()) {
                let (count, complete) = (hits.len() as u64, asking.complete(world.complete));
                hits.truncate(question.k.get());
                return Ok(CopyAnswer { hits, count, more: false, complete });
            }
            if cut.is_some() {
                count = count.saturating_mul(8);
            } else {
                reach = (reach * 3.0).min(question.radius.get());
            }
        }
    }

    async fn find_within(
        &self,
        now: Timestamp,
        area: &Area,
        filter: &Filter,
    ) -> Result<CopyAnswer, LinkError> {
        let (world, asking) = (self.world().await?, Asking::new(&self.hedge));
        let (rows, _) = self.rows(&asking, &world, area, usize::MAX).await?;
        let mut sieve = Sieve::new(now, filter);
        sieve.take_all(&rows);
        let hits = sieve.inside(area.anchor(), |position, _| area.contains(position));
        let (count, complete) = (hits.len() as u64, asking.complete(world.complete));
        Ok(CopyAnswer { hits, count, more: false, complete })
    }

    /// The rows of all who may be in an area, and many who are not. If a region has more near the
    /// centre than `count`: as far as from the centre all are there.
    async fn rows(
        &self,
        asking: &Asking<'_>,
        world: &World,
        area: &Area,
        count: usize,
    ) -> Result<(Vec<Row>, Option<Haversine>), LinkError> {
        let bounds = area.bounds();
        let touched = world
            .regions
            .iter()
            .filter(|(_, disk)| overlap(&bounds, &Area::Circle(*disk).bounds()));
        let (mut searched, mut pieces) = (Vec::new(), Vec::new());
        for (region, disk) in touched {
            match way(area, disk) {
                Way::Search => searched.push(*region),
                Way::Read => pieces.push(Piece::first(*region)),
            }
        }
        let (mut rows, mut cut) = (Vec::new(), None);
        if let (Area::Circle(circle), false) = (area, searched.is_empty()) {
            for part in searched.chunks(TOGETHER) {
                let found = read::near(asking, &self.scripts.near, part, circle, count).await?;
                for found in found {
                    if found.len() >= count {
                        cut = sift::nearer(cut, sift::last(circle.origin(), &found));
                    }
                    rows.extend(found);
                }
            }
        }
        rows.extend(asking.scan(&self.scripts, pieces).await?);
        Ok((rows, cut))
    }

    /// Which regions there are, and how far the mirror has come: read at most once a second.
    async fn world(&self) -> Result<World, LinkError> {
        let known = self.world.lock().clone();
        if let Some((read, world)) = known
            && read.elapsed() < Duration::from_millis(limits::FALLBACK_WORLD_MS)
        {
            return Ok(world);
        }
        let (regions, complete) = read::world(&Asking::new(&*self.hedge)).await?;
        let world = {
            let mut disks = self.disks.lock();
            let disk = |region: u64| {
                let known = disks.get(&region).copied();
                let disk = known.or_else(|| disk_of_region(region))?;
                disks.insert(region, disk);
                Some((region, disk))
            };
            World { regions: regions.into_iter().filter_map(disk).collect(), complete }
        };
        // Meanwhile, so that nobody waits for it.
        let hedge = Arc::clone(&self.hedge);
        tokio::spawn(async move { hedge.look_around().await });
        *self.world.lock() = Some((clock::stopwatch(), world.clone()));
        Ok(world)
    }
}

/// The radius of the first circle, in metres.
const FIRST_REACH_M: f64 = 1_000.0;

/// How many a region is asked for at first.
const FIRST_COUNT: usize = 512;

/// Regions that are asked together.
const TOGETHER: usize = 16;
