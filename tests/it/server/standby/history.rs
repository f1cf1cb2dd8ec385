//! Judges what clients were told: whether there is an order of their calls, each at some moment
//! between its call and its answer, in which all answers are right.
//!
//! The search is that of Wing & Gong (1993) with the memory of Lowe (2017). A call without an answer, or
//! with one that says "unavailable", may have taken effect at any moment after it was made, or never.

use std::collections::{BTreeMap, BTreeSet};

/// A call as its client saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call<C> {
    pub(super) what: C,
    /// When it was made, and when it was answered; none if it is not known whether it was done.
    pub(super) begun: u64,
    pub(super) ended: Option<u64>,
}

/// What a sequence of calls may do.
pub(super) trait Model {
    type Call;
    type State: Clone + Ord;

    fn beginning(&self) -> Self::State;

    /// The state after a call that was answered as it was; none if that cannot be. For a call without
    /// an answer: the state if it took effect.
    fn apply(&self, state: &Self::State, call: &Self::Call) -> Option<Self::State>;
}

/// Whether the calls can be put into an order.
pub(super) fn is_linearizable<M: Model>(model: &M, calls: &[Call<M::Call>]) -> bool {
    assert!(calls.len() <= 128, "{} calls are more than the search takes", calls.len());
    let all: u128 = calls
        .iter()
        .enumerate()
        .filter(|(_, call)| call.ended.is_some())
        .fold(0, |all, (place, _)| all | 1 << place);
    let mut seen = BTreeSet::new();
    let mut open = vec![(0_u128, model.beginning())];
    while let Some((done, state)) = open.pop() {
        if done & all == all {
            return true;
        }
        // Nothing that begins after an answer that is still to come can be before it.
        let undone = |place: &usize| done & (1 << place) == 0;
        let first_end =
            (0..calls.len()).filter(undone).filter_map(|place| calls[place].ended).min();
        for place in (0..calls.len()).filter(undone) {
            if first_end.is_some_and(|end| calls[place].begun > end) {
                continue;
            }
            if let Some(after) = model.apply(&state, &calls[place].what) {
                let next = (done | 1 << place, after);
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
    }
    false
}

/// What was asked of one trip, and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OfTrip {
    /// Requested, or requested again.
    Request,
    /// Accepted by this driver.
    Accept(String),
    /// Taken to this rank by this driver: 2 arrived, 3 started, 4 completed.
    Step(String, u32),
    /// Cancelled by the rider.
    Cancel,
    /// Seen at this rank, with this driver from 1 on. 0 waits or is offered, 1 is assigned, 5 was cancelled.
    Seen(u32, Option<String>),
    /// Said not to exist.
    Missing,
}

/// One trip: it is requested, taken by one driver, and goes on without going back.
pub(super) struct TripModel;

impl Model for TripModel {
    type Call = OfTrip;
    /// Rank, if it was requested, and who has taken it.
    type State = (Option<u32>, Option<String>);

    fn beginning(&self) -> Self::State {
        (None, None)
    }

    fn apply(&self, (rank, taker): &Self::State, call: &OfTrip) -> Option<Self::State> {
        let same = || Some((*rank, taker.clone()));
        match (call, rank) {
            (OfTrip::Request, None) => Some((Some(0), None)),
            (OfTrip::Missing, None) | (OfTrip::Request, Some(_)) | (OfTrip::Cancel, Some(5)) => {
                same()
            }
            (OfTrip::Accept(driver), Some(0)) => Some((Some(1), Some(driver.clone()))),
            // Once more.
            (OfTrip::Accept(driver), Some(_)) if taker.as_ref() == Some(driver) => same(),
            (OfTrip::Step(driver, to), Some(rank)) if taker.as_ref() == Some(driver) => {
                if rank + 1 == *to {
                    return Some((Some(*to), taker.clone()));
                }
                if rank >= to && *rank < 5 { same() } else { None }
            }
            (OfTrip::Cancel, Some(0..=3)) => Some((Some(5), taker.clone())),
            (OfTrip::Seen(seen, by), Some(rank)) if seen == rank && by == taker => same(),
            _ => None,
        }
    }
}

/// What was asked of one driver, and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OfDriver {
    /// Accepted this trip.
    Accept(String),
    /// Completed it, or had it cancelled.
    Leave(String),
}

/// One driver, who has one trip at a time.
pub(super) struct DriverModel;

impl Model for DriverModel {
    type Call = OfDriver;
    /// The trip under way, and all that have been left.
    type State = (Option<String>, BTreeSet<String>);

    fn beginning(&self) -> Self::State {
        (None, BTreeSet::new())
    }

    fn apply(&self, (trip, left): &Self::State, call: &OfDriver) -> Option<Self::State> {
        match call {
            // Once more, which may be told late.
            OfDriver::Accept(of) if trip.as_ref() == Some(of) || left.contains(of) => {
                Some((trip.clone(), left.clone()))
            }
            OfDriver::Accept(of) => trip.is_none().then(|| (Some(of.clone()), left.clone())),
            OfDriver::Leave(of) => {
                let mut left = left.clone();
                left.insert(of.clone());
                Some((trip.clone().filter(|trip| trip != of), left))
            }
        }
    }
}

/// Two trips that a driver certainly had at the same moment, however many calls there are: one is had at least
/// from the first answer that it was accepted until somebody asks for its end.
pub(super) fn double_assignment(calls: &[Call<OfDriver>]) -> Option<(String, String)> {
    let mut had: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for call in calls {
        let (OfDriver::Accept(trip) | OfDriver::Leave(trip)) = &call.what;
        let (from, until) = had.entry(trip).or_insert((u64::MAX, u64::MAX));
        match call.what {
            OfDriver::Accept(_) => *from = call.ended.map_or(*from, |ended| ended.min(*from)),
            OfDriver::Leave(_) => *until = call.begun.min(*until),
        }
    }
    let mut had: Vec<_> = had.into_iter().filter(|(_, (from, until))| from < until).collect();
    had.sort_unstable_by_key(|(_, span)| *span);
    let both = had.windows(2).find(|pair| pair[1].1.0 < pair[0].1.1)?;
    Some((both[0].0.to_owned(), both[1].0.to_owned()))
}

fn call<C>(what: C, begun: u64, ended: u64) -> Call<C> {
    Call { what, begun, ended: Some(ended) }
}

fn lost<C>(what: C, begun: u64) -> Call<C> {
    Call { what, begun, ended: None }
}

#[test]
fn histories_that_can_be_are_accepted() {
    let (one, seen) =
        ("cab-1".to_owned(), |rank, by: &str| OfTrip::Seen(rank, Some(by.to_owned())));
    let calls = [
        call(OfTrip::Request, 0, 10),
        // Both at once: the second is the first once more.
        call(OfTrip::Accept(one.clone()), 20, 40),
        call(OfTrip::Accept(one.clone()), 21, 50),
        // Seen before it was answered.
        call(seen(1, "cab-1"), 22, 30),
        // Nobody knows whether it was done, and it was: or not yet.
        lost(OfTrip::Step(one.clone(), 2), 60),
        call(seen(1, "cab-1"), 61, 62),
        call(seen(2, "cab-1"), 63, 64),
        call(OfTrip::Step(one.clone(), 2), 65, 70),
        lost(OfTrip::Cancel, 66),
        call(OfTrip::Step(one, 3), 71, 72),
    ];
    assert!(is_linearizable(&TripModel, &calls));
}

#[test]
fn histories_that_cannot_be_are_rejected() {
    let (one, two) = ("cab-1".to_owned(), "cab-2".to_owned());
    let begin = [call(OfTrip::Request, 0, 10), call(OfTrip::Accept(one.clone()), 20, 30)];
    let bad: [(&str, Vec<Call<OfTrip>>); 6] = [
        ("two drivers have it", vec![call(OfTrip::Accept(two.clone()), 40, 50)]),
        ("two drivers have it at once", vec![call(OfTrip::Accept(two.clone()), 21, 29)]),
        ("it is lost", vec![call(OfTrip::Missing, 40, 50)]),
        ("it went back", vec![call(OfTrip::Seen(0, None), 40, 50)]),
        (
            "what was seen is gone, though nobody knows whether it was done",
            vec![
                lost(OfTrip::Step(one.clone(), 2), 40),
                call(OfTrip::Seen(2, Some(one.clone())), 41, 42),
                call(OfTrip::Seen(1, Some(one.clone())), 43, 44),
            ],
        ),
        ("another is seen with it", vec![call(OfTrip::Seen(1, Some(two)), 40, 50)]),
    ];
    for (name, more) in bad {
        let calls: Vec<_> = begin.iter().cloned().chain(more).collect();
        assert!(!is_linearizable(&TripModel, &calls), "{name}");
    }
    let (first, second) = ("main-1".to_owned(), "main-2".to_owned());
    let mut double = vec![
        call(OfDriver::Accept(first.clone()), 0, 10),
        call(OfDriver::Accept(second.clone()), 20, 30),
        call(OfDriver::Leave(first.clone()), 40, 50),
    ];
    assert!(!is_linearizable(&DriverModel, &double), "a driver has two trips");
    // It had been left before, as far as anybody can tell.
    double[2] = lost(OfDriver::Leave(first), 15);
    assert!(is_linearizable(&DriverModel, &double));
}

#[test]
fn a_driver_with_two_trips_is_found_among_any_number_of_calls() {
    let trip = |number: u64| format!("main-{number}");
    let mut calls = Vec::new();
    for number in 0..200 {
        let at = 100 * number;
        calls.push(call(OfDriver::Accept(trip(number)), at, at + 10));
        // Told once more, after the end.
        calls.push(call(OfDriver::Leave(trip(number)), at + 50, at + 60));
        calls.push(call(OfDriver::Accept(trip(number)), at + 20, at + 95));
        // Nobody knows whether it was done.
        calls.push(lost(OfDriver::Accept(trip(1_000 + number)), at + 30));
    }
    assert_eq!(double_assignment(&calls), None);
    // Four hundred calls apart.
    let left = calls.iter().position(|call| call.what == OfDriver::Leave(trip(50))).unwrap();
    calls[left].begun = 100 * 150 + 11;
    assert_eq!(double_assignment(&calls), Some((trip(50), trip(51))));
}
