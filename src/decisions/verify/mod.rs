//! Is a decision what it claims to be? Everything it says is checked against what it was made from.
//!
//! `feasible.rs` asks whether it can be carried out and adds up, `optimal.rs` whether its certificate
//! proves it and whether solving again, by two ways that share nothing but the problem, costs the same,
//! `again.rs` makes the choices of policies that take one rider at a time once more. Where edges were
//! left out nothing can be proven, and that is said. Nothing here trusts a number of the log.

mod again;
mod feasible;
mod optimal;
mod tally;

use std::fmt;

pub use tally::{Checked, Reach};

use crate::dispatch::policy::WindowKind;
use crate::ids::TripId;
use crate::matching::{Assignment, Auction, Paths, Problem};
use crate::records::LoggedDecision;
use crate::units::Timestamp;

/// What came of checking a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is what it claims to be.
    Verified,
    /// It can be carried out and adds up; whether it is the best cannot be told.
    Unverifiable(Unverifiable),
    /// It is not what it claims to be.
    Different(Vec<Difference>),
}

/// Why nothing can be proven of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unverifiable {
    /// So many edges were considered and not kept.
    Truncated(usize),
    /// The policy is not known here and gives no certificate.
    Unproven,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// When the decision was made, in milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// The trip of the rider whom it concerns, if it is one rider.
    pub trip: Option<String>,
    /// What was looked at.
    pub what: &'static str,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at_ms, trip, what, expected, found } = self;
        let trip = trip.as_deref().map(|trip| format!(", trip {trip}")).unwrap_or_default();
        write!(f, "decision at {at_ms}{trip}: {what}: expected {expected}, found {found}")
    }
}

/// Collects what is different in one decision.
struct Findings {
    at: Timestamp,
    found: Vec<Difference>,
}

impl Findings {
    fn add(
        &mut self,
        trip: Option<TripId>,
        what: &'static str,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) {
        self.found.push(Difference {
            at_ms: self.at.as_millis(),
            trip: trip.map(|trip| trip.to_string()),
            what,
            expected: expected.to_string(),
            found: found.to_string(),
        });
    }

    fn equal<T: PartialEq + fmt::Display>(&mut self, what: &'static str, expected: T, found: T) {
        if expected != found {
            self.add(None, what, expected, found);
        }
    }
}

/// Checks decisions, one after the other, in memory of its own.
///
/// # Examples
/// ```
/// use hansom::decisions::{Verdict, Verifier};
/// use hansom::dispatch::policy::{Decision, WindowKind};
/// use hansom::records::LoggedDecision;
/// use hansom::units::Timestamp;
/// let nobody = Decision::new("greedy", Timestamp::from_secs(1_700_000_000), WindowKind::Batch);
/// let mut logged = LoggedDecision::from(nobody);
/// assert_eq!(Verifier::default().check(&logged), Verdict::Verified);
/// logged.total = 7;
/// let Verdict::Different(found) = Verifier::default().check(&logged) else { unreachable!() };
/// assert_eq!(
///     found[0].to_string(),
///     "decision at 1700000000000: sum of costs and prices: expected 0, found 7",
/// );
/// ```
#[derive(Debug, Default)]
pub struct Verifier {
    auction: Auction,
    paths: Paths,
    problem: Problem,
    assignment: Assignment,
}

impl Verifier {
    /// Checks a decision.
    ///
    /// # Complexity
    /// O(E log E) for E edges, and what two solvers take.
    pub fn check(&mut self, logged: &LoggedDecision) -> Verdict {
        let decision = &logged.decision;
        let mut findings = Findings { at: decision.at, found: Vec::new() };
        feasible::check(logged, &mut findings);
        if !findings.found.is_empty() {
            return Verdict::Different(findings.found);
        }
        if decision.dropped > 0 {
            return Verdict::Unverifiable(Unverifiable::Truncated(decision.dropped));
        }
        match (&*decision.policy, decision.kind) {
            ("greedy", _) => again::first_come(decision, &mut findings),
            ("batch", WindowKind::Immediate) => again::at_once(decision, &mut findings),
            ("batch", WindowKind::Batch) => self.optimal(decision, &mut findings),
            _ if decision.certificate.values.is_empty() => {
                return Verdict::Unverifiable(Unverifiable::Unproven);
            }
            _ => self.optimal(decision, &mut findings),
        }
        if findings.found.is_empty() {
            Verdict::Verified
        } else {
            Verdict::Different(findings.found)
        }
    }
}
