//! A simulated day by hand, and days by chance that an independent reader of the events looks over.

mod audit;
mod by_chance;
mod by_hand;
mod crowd;
mod preparing;

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{DayPlan, Habits, Rider, Span, Tally, Watch, run};
use crate::dispatch::policy::Greedy;
use crate::dispatch::{Event, MarketConfig};
use crate::geo::{E7, LatLng};
use crate::model::Capacity;
use crate::travel::TravelTime;
use crate::units::{Millis, Timestamp};

const TEN: Timestamp = Timestamp::from_secs(1_700_042_400);

/// Keeps the events, and ends the day at a moment.
#[derive(Default)]
struct Events {
    all: Vec<Event>,
    until: Option<Timestamp>,
    batches: [u64; 2],
}

impl Watch for Events {
    fn happened(&mut self, event: &Event) {
        self.all.push(event.clone());
    }

    fn batch_begins(&mut self) {
        self.batches[0] += 1;
    }

    fn batch_ended(&mut self, _riders: u64) {
        self.batches[1] += 1;
    }

    fn time_passes(&mut self, now: Timestamp, _riders: u64) -> ControlFlow<()> {
        match self.until {
            Some(until) if now >= until => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// So many steps of 0.0045 degrees, 500 m, north of a place.
fn north(steps: i32) -> LatLng {
    LatLng::try_from(E7 { lat: 377_800_000 + steps * 45_000, lng: -1_224_100_000 }).unwrap()
}

fn rider(after: u64, from: i32, to: i32) -> Rider {
    let at = TEN.plus(Millis(after));
    Rider { at, pickup: north(from), dropoff: north(to), seats: Capacity::try_from(1).unwrap() }
}

/// Everybody does the same at once.
fn plain() -> Habits {
    Habits {
        acceptance_permille: 1_000,
        answer: Span::exactly(Millis(3_000)),
        boarding: Span::exactly(Millis(30_000)),
        patience: Span::exactly(Millis(900_000)),
        shift: Span::exactly(Millis::from_secs(6 * 86_400)),
        ..Habits::default()
    }
}

fn plan(habits: Habits, starts: &[i32], riders: Vec<Rider>) -> DayPlan {
    let starts = starts.iter().map(|steps| north(*steps)).collect();
    let market = MarketConfig::new("sf".parse().unwrap());
    let plan = DayPlan { market, habits, seed: 1, starts, riders };
    plan.check().unwrap();
    plan
}

fn lived(plan: &DayPlan, travel: impl TravelTime + 'static) -> (Vec<Event>, Tally) {
    let mut events = Events::default();
    let tally = run(plan, Box::new(Greedy::default()), Arc::new(travel), &mut events).unwrap();
    assert_eq!(events.batches[0], events.batches[1]);
    tally.add_up().unwrap();
    assert_eq!(tally.reports_refused, 0);
    (events.all, tally)
}
