//! The dispatch core of one market: riders ask, drivers are asked, trips run to their end.
//!
//! [`Market`] is a deterministic, synchronous state machine. A [`Command`] goes in with the present
//! as an argument; [`Event`]s come out, and state changes by them alone. Where drivers are is lent to
//! it for the time of a command ([`Supply`]); how long drives take ([`crate::travel::TravelTime`])
//! and who is chosen ([`Policy`]) are plugged in. `docs/dispatch.md` has the states, the timers and
//! the refusals.
//!
//! Positions do not pass through here, and nothing here is durable: the host writes the events down
//! before it tells anybody.

mod book;
mod candidates;
mod check;
mod command;
mod commands;
mod config;
mod costs;
mod dropoffs;
mod event;
mod evolve;
mod listed;
mod live_supply;
mod market;
mod memory;
pub mod policy;
mod quote;
mod refusal;
mod reply;
mod restore;
mod states;
mod supply;
mod tariff;
#[cfg(test)]
mod tests;
mod trip;

pub use book::Head;
pub use candidates::{Candidates, Edge, Named};
pub use check::Violation;
pub use command::{Command, Rater};
pub use config::{BackToBack, ConfigErrors, ConfigProblem, MarketConfig};
pub use costs::{CostWeights, DriverMerits, Terms};
pub use event::{Event, Fact, Seq};
pub use evolve::EvolveError;
pub use live_supply::LiveSupply;
pub use market::{Counts, Market};
pub use policy::Policy;
pub use quote::Quote;
pub use refusal::Refusal;
pub use reply::{Matched, OfflineFrom, Reply, Standing, StatusChange};
pub use restore::RestoreError;
pub use states::{EventKind, Next, TRANSITIONS, TripState, next_state};
pub use supply::{Nearby, Pace, Search, Spent, Supply, Whereabouts};
pub use tariff::Tariff;
pub use trip::{
    Afterwards, Asked, Assignment, Declined, DriverReason, End, Ending, Journey, Needs, Offer,
    Outcome, Party, Pickup, RiderReason, Stars, StarsError, Trip, TripRequest, Urgency,
};
