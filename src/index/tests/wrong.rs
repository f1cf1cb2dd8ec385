//! Wrong engines, to show that the oracle is awake: each flaw must be caught.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::oracle::{CONFIG, Pair};
use super::worlds::World;
use crate::geo::{Area, Haversine};
use crate::ids::DriverId;
use crate::index::{Advance, Answer, BatchOutcome, Driver, FullError, LiveIndex, LiveMap, Supply};
use crate::model::{DriverKey, DriverStatus, Filter, Nearest, Page, Profile, Report, Within};
use crate::units::Timestamp;

/// What is wrong with an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    DropsTheKth,
    BreaksTiesBackwards,
    IgnoresTheAge,
    ExcludesTheEdge,
    StopsAtTheAntimeridian,
    TellsTwice,
    CountsWithoutTheEdge,
    PromisesMore,
    RepeatsTheLastOfThePage,
    AcceptsTheOld,
    RefusesToForget,
}

const FLAWS: [(Flaw, World); 11] = [
    (Flaw::DropsTheKth, World::Cities),
    (Flaw::BreaksTiesBackwards, World::OneSpot),
    (Flaw::IgnoresTheAge, World::Cities),
    (Flaw::ExcludesTheEdge, World::Cities),
    (Flaw::StopsAtTheAntimeridian, World::Antimeridian),
    (Flaw::TellsTwice, World::Cities),
    (Flaw::CountsWithoutTheEdge, World::Cities),
    (Flaw::PromisesMore, World::Cities),
    (Flaw::RepeatsTheLastOfThePage, World::Stadium),
    (Flaw::AcceptsTheOld, World::Cities),
    (Flaw::RefusesToForget, World::Cities),
];

/// More than each flaw needs to show.
const STEPS: usize = 4_000;

/// The engine with a flaw.
struct Wrong {
    right: LiveIndex,
    flaw: Flaw,
}

impl Wrong {
    fn with(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn filter(&self, filter: &Filter) -> Filter {
        let mut filter = filter.clone();
        if self.with(Flaw::IgnoresTheAge) {
            filter.max_age = None;
        }
        filter
    }
}

impl LiveMap for Wrong {
    fn bind(&self, now: Timestamp, id: &DriverId) -> Result<DriverKey, FullError> {
        self.right.bind(now, id)
    }

    fn find(&self, id: &DriverId) -> Option<DriverKey> {
        self.right.find(id)
    }

    fn id(&self, driver: DriverKey) -> Option<DriverId> {
        self.right.id(driver)
    }

    fn set_status(&self, driver: DriverKey, status: DriverStatus) -> bool {
        self.right.set_status(driver, status)
    }

    fn set_profile(&self, driver: DriverKey, profile: Profile) -> bool {
        self.right.set_profile(driver, profile)
    }

    fn apply(&self, now: Timestamp, reports: &[Report], outcome: &mut BatchOutcome) {
        let mut reports = reports.to_vec();
        if self.with(Flaw::AcceptsTheOld) {
            for report in &mut reports {
                let fix = self.right.driver(now, report.driver).and_then(|driver| driver.fix);
                report.at = fix.map_or(report.at, |fix| fix.at.max(report.at));
            }
        }
        self.right.apply(now, &reports, outcome);
    }

    fn forget(&self, driver: DriverKey) -> bool {
        if self.with(Flaw::RefusesToForget) {
            return true;
        }
        self.right.forget(driver)
    }

    fn driver(&self, now: Timestamp, driver: DriverKey) -> Option<Driver> {
        self.right.driver(now, driver)
    }

    fn nearest(&self, now: Timestamp, question: &Nearest, answer: &mut Answer) {
        let asked = Nearest { filter: self.filter(&question.filter), ..question.clone() };
        self.right.nearest(now, &asked, answer);
        let (hits, k) = (&mut answer.hits, question.k.get());
        match self.flaw {
            Flaw::DropsTheKth if k > 1 && hits.len() == k => hits.truncate(k - 1),
            Flaw::BreaksTiesBackwards => {
                for ties in hits.chunk_by_mut(|a, b| a.distance == b.distance) {
                    ties.reverse();
                }
            }
            Flaw::ExcludesTheEdge => {
                let edge = Haversine::of_radius(question.radius);
                hits.retain(|hit| hit.distance < edge);
            }
            Flaw::StopsAtTheAntimeridian => {
                let lng = i64::from(question.center.lng_e7());
                let apart = |east: i32| (i64::from(east) - lng).abs();
                hits.retain(|hit| apart(hit.position.lng_e7()) <= 1_800_000_000);
            }
            Flaw::TellsTwice if !hits.is_empty() && k > 1 => {
                hits.insert(0, hits[0]);
                hits.truncate(k);
            }
            _ => {}
        }
    }

    fn within(&self, now: Timestamp, question: &Within, answer: &mut Answer) {
        let filter = self.filter(&question.filter);
        let asked = Within { filter, ..question.clone() };
        match (&question.page.after, self.flaw) {
            (Some(after), Flaw::RepeatsTheLastOfThePage) => {
                let page = Page { after: None, size: usize::MAX };
                self.right.within(now, &Within { page, ..asked }, answer);
                answer.hits.retain(|hit| self.right.id(hit.driver).is_some_and(|id| id >= *after));
                answer.more = answer.hits.len() > question.page.size;
                answer.hits.truncate(question.page.size);
            }
            _ => self.right.within(now, &asked, answer),
        }
        // As if a full page were a sign of more to come.
        answer.more |= self.with(Flaw::PromisesMore) && answer.hits.len() == question.page.size;
    }

    fn count(&self, now: Timestamp, area: &Area, filter: &Filter) -> u64 {
        if !self.with(Flaw::CountsWithoutTheEdge) {
            return self.right.count(now, area, &self.filter(filter));
        }
        let page = Page { after: None, size: usize::MAX };
        let question = Within { area: area.clone(), filter: filter.clone(), page };
        let mut answer = Answer::default();
        self.right.within(now, &question, &mut answer);
        let bounds = area.bounds();
        let on_edge = |lat: i32| lat == bounds.south || lat == bounds.north;
        answer.hits.iter().filter(|hit| !on_edge(hit.position.lat_e7())).count() as u64
    }

    fn walk(
        &self,
        now: Timestamp,
        from: u32,
        most: usize,
        take: &mut dyn FnMut(DriverId, Driver),
    ) -> Option<u32> {
        self.right.walk(now, from, most, take)
    }

    fn advance(&self, now: Timestamp) -> Advance {
        self.right.advance(now)
    }

    fn supply(&self) -> Vec<Supply> {
        self.right.supply()
    }

    fn len(&self) -> usize {
        self.right.len()
    }
}

/// Whether the oracle finds nothing to complain about.
fn passes(flaw: Flaw, world: World) -> bool {
    let wrong = Wrong { right: LiveIndex::new(CONFIG, 3), flaw };
    let mut pair = Pair::new(&wrong, world, 3);
    let run = || (0..STEPS).for_each(|_| pair.step());
    catch_unwind(AssertUnwindSafe(run)).is_ok()
}

#[test]
fn the_oracle_catches_each_flaw() {
    for (flaw, world) in FLAWS {
        assert!(passes(Flaw::None, world), "the engine itself, in {world:?}");
        assert!(!passes(flaw, world), "{flaw:?} was not caught in {STEPS} steps of {world:?}");
    }
}
