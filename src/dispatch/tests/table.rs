//! The table of transitions, every state with every kind of event.

use std::collections::BTreeSet;

use crate::dispatch::{EventKind, Next, TRANSITIONS, TripState, next_state};

/// What is legal, written out a second time: a row a kind of event, a column a state, in the order of
/// [`TripState::ALL`]. A letter is the state it leads to, `=` the same, `.` illegal.
const EXPECTED: &str = "\
    trip_requested     . . . . . . . . . .
    search_continued   S . . . . . . . . .
    offer_made         O O . . . . . . . .
    offer_declined     . . S . . . . . . .
    offer_expired      . . S . . . . . . .
    offer_accepted     . . A . . . . . . .
    pickup_started     . . . E . . . . . .
    driver_arrived     . . . . W . . . . .
    trip_started       . . . . . P . . . .
    trip_completed     . . . . . . C . . .
    trip_cancelled     X X X X X X . . . .
    driver_cancelled   . . . S S S . . . .
    assignment_revoked . . . S S . . . . .
    trip_unfulfilled   U U . . . . . . . .
    trip_abandoned     . . . . . X X . . .
    trip_rated         . . . . . . . = . .
    driver_signed_off  . . . . = = = . . .
    driver_signed_on   . . . . = = = . . .";

fn letter(state: TripState) -> &'static str {
    match state {
        TripState::Requested => "R",
        TripState::Searching => "S",
        TripState::Offered => "O",
        TripState::Assigned => "A",
        TripState::EnRoute => "E",
        TripState::Arrived => "W",
        TripState::InProgress => "P",
        TripState::Completed => "C",
        TripState::Cancelled => "X",
        TripState::Unfulfilled => "U",
    }
}

/// The cells in which a table and the expected one differ.
fn differences(next: impl Fn(TripState, EventKind) -> Option<TripState>) -> Vec<String> {
    let mut differences = Vec::new();
    let rows: Vec<Vec<&str>> =
        EXPECTED.lines().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), EventKind::ALL.len());
    for (kind, row) in EventKind::ALL.into_iter().zip(rows) {
        assert_eq!((row[0], row.len()), (kind.name(), 1 + TripState::ALL.len()));
        for (state, cell) in TripState::ALL.into_iter().zip(&row[1..]) {
            let found = match next(state, kind) {
                None => ".",
                Some(next) if next == state => "=",
                Some(next) => letter(next),
            };
            if found != *cell {
                differences.push(format!("{kind} in {state}: {found}, not {cell}"));
            }
        }
    }
    differences
}

#[test]
fn every_state_with_every_kind_of_event() {
    assert_eq!(differences(next_state), Vec::<String>::new());
}

#[test]
fn one_wrong_cell_is_noticed() {
    let wrong = |state, kind| match (state, kind) {
        (TripState::EnRoute, EventKind::TripStarted) => Some(TripState::InProgress),
        _ => next_state(state, kind),
    };
    assert_eq!(differences(wrong), ["trip_started in EN_ROUTE: P, not ."]);
}

#[test]
fn each_state_is_reached_and_each_open_one_can_end() {
    let mut reached = BTreeSet::from([TripState::Requested]);
    let ends = |state: TripState| {
        TRANSITIONS.iter().any(|(_, from, next)| {
            let over = matches!(next, Next::Is(next) if !next.is_open());
            over && from.contains(&state)
        })
    };
    for (_, _, next) in &TRANSITIONS {
        if let Next::Is(next) = next {
            reached.insert(*next);
        }
    }
    assert_eq!(reached.len(), TripState::ALL.len());
    // An offer ends by expiring, an assignment by being revoked: to searching, which ends.
    for state in TripState::ALL.into_iter().filter(|state| state.is_open()) {
        assert!(ends(state), "{state} has no end of its own");
        let back = |state| next_state(state, EventKind::AssignmentRevoked).is_some();
        let timer = match state {
            TripState::Requested | TripState::Searching => EventKind::TripUnfulfilled,
            TripState::Offered => EventKind::OfferExpired,
            _ if back(state) => EventKind::AssignmentRevoked,
            _ => EventKind::TripAbandoned,
        };
        assert!(next_state(state, timer).is_some(), "the timer of {state} has something to do");
    }
}

#[test]
fn names_are_distinct_and_of_one_form() {
    let names = TripState::ALL.map(TripState::name);
    let kinds = EventKind::ALL.map(EventKind::name);
    let all: BTreeSet<&str> = names.into_iter().chain(kinds).collect();
    assert_eq!(all.len(), names.len() + kinds.len());
    assert!(all.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    assert_eq!(TripState::InProgress.to_string(), "IN_PROGRESS");
}

/// The document that describes it all.
const DOCUMENT: &str = include_str!("../../../docs/dispatch.md");

#[test]
fn the_document_has_the_same_table() {
    let mut rows = vec!["trip_requested -> REQUESTED from nothing".to_owned()];
    for (kind, from, next) in &TRANSITIONS {
        let next = match next {
            Next::Is(state) => state.to_string(),
            Next::Same => "=".to_owned(),
        };
        let from: Vec<String> = from.iter().map(ToString::to_string).collect();
        rows.push(format!("{kind} -> {next} from {}", from.join(" ")));
    }
    let fence = DOCUMENT.lines().skip_while(|line| *line != "```transitions").skip(1);
    let told = fence.take_while(|line| *line != "```");
    let told: Vec<String> =
        told.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(told, rows);
}

#[test]
fn the_document_explains_each_refusal() {
    let source = include_str!("../refusal.rs");
    let names: Vec<&str> = source
        .lines()
        .filter(|line| line.trim_start().starts_with("Self::"))
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    assert!(names.len() > 20, "{names:?}");
    let told: Vec<&str> = DOCUMENT
        .lines()
        .skip_while(|line| *line != "## Refusals")
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| line.split('`').nth(1))
        .collect();
    assert_eq!(told, names);
}
