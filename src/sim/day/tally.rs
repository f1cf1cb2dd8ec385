//! What a simulated day came to, as numbers that add up.

use std::collections::BTreeMap;

use crate::model::DriverStatus;
use crate::units::{Millis, Timestamp};

/// What became of offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// How many were made.
    pub made: u64,
    /// Taken.
    pub accepted: u64,
    /// Declined, or answered by going offline.
    pub declined: u64,
    /// Not answered in time.
    pub expired: u64,
}

/// A driver reached a pickup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pickup {
    /// When the rider had asked.
    pub requested_at: Timestamp,
    /// How long the rider has waited since.
    pub waited: Millis,
}

/// What a simulated day came to.
///
/// # Invariants
/// R1: `asked = served + unfulfilled + cancelled + lost + open`, and `requests = asked + refused + unasked`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Riders of the plan.
    pub requests: u64,
    /// Of them, those whom the market has taken.
    pub asked: u64,
    /// Those whom it has not, which only happens when it is full.
    pub refused: u64,
    /// Those who did not come to ask since the day was ended early.
    pub unasked: u64,
    /// Brought to where they wanted to go.
    pub served: u64,
    /// Nobody was found in time.
    pub unfulfilled: u64,
    /// Called off, by whomever.
    pub cancelled: u64,
    /// Of whose end nobody heard, which only happens when the market is elsewhere.
    pub lost: u64,
    /// Under way when the day was ended early.
    pub open: u64,
    /// What became of offers.
    pub offers: Offers,
    /// From the request to each acceptance.
    pub to_assignment: Vec<Millis>,
    /// The way to the pickup as estimated for each acceptance, in millimetres.
    pub pickup_mm: Vec<u64>,
    /// How long until the driver is there, as estimated for each acceptance.
    pub pickup_eta: Vec<Millis>,
    /// Each pickup that was reached.
    pub pickups: Vec<Pickup>,
    /// When riders were there.
    pub served_at: Vec<Timestamp>,
    /// How long drivers had each status between the first request and the last, by its number.
    pub spent: [Millis; 6],
    /// Driven without a rider, in millimetres.
    pub empty_mm: u64,
    /// Driven with a rider, in millimetres.
    pub carried_mm: u64,
    /// Positions that drivers reported.
    pub reports: u64,
    /// Of them, those that the map refused: none unless something is wrong.
    pub reports_refused: u64,
    /// Commands that the market was given.
    pub commands: u64,
    /// Of them, those that it refused, by name: answers that came too late.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Events.
    pub events: u64,
    /// Batches that had anybody in them.
    pub batches: u64,
    /// Riders in all of them together.
    pub batched: u64,
    /// Riders in the largest one.
    pub largest_batch: u64,
    /// Travel times that batches asked for.
    pub etas: u64,
    /// Batches whose decision was proven to be the best possible.
    pub proven: u64,
    /// The first request and the last.
    pub span: (Timestamp, Timestamp),
    /// When all had settled.
    pub settled_at: Timestamp,
}

impl Tally {
    /// How long drivers had one of these statuses between the first request and the last.
    pub fn spent(&self, statuses: &[DriverStatus]) -> Millis {
        let spent = statuses.iter().map(|status| self.spent[usize::from(status.code())].get());
        Millis(spent.sum())
    }

    /// Whether each rider is accounted for exactly once.
    ///
    /// # Errors
    /// The sum that does not hold.
    pub fn add_up(&self) -> Result<(), String> {
        let Self { requests, asked, refused, unasked, .. } = self;
        if asked + refused + unasked != *requests {
            return Err(format!(
                "{requests} requests are not {asked} asked + {refused} refused + {unasked} unasked"
            ));
        }
        let Self { served, unfulfilled, cancelled, lost, open, .. } = self;
        if served + unfulfilled + cancelled + lost + open != *asked {
            return Err(format!(
                "{asked} asked are not {served} served + {unfulfilled} unfulfilled + \
                 {cancelled} cancelled + {lost} lost + {open} open"
            ));
        }
        Ok(())
    }
}
