//! A day of a market, simulated: riders from a log, made-up drivers, a real market and a real map.
//!
//! [`run`] is a discrete-event simulation in virtual time on one thread. Riders ask when the plan
//! says; drivers report their positions into a [`crate::index::LiveIndex`], answer offers, drive at the
//! speed of the travel-time model, wait, carry, and go off shift. What they send are the commands and
//! reports that apps send through the doors of a server, and they are applied by the same functions.
//! `docs/simulation.md` has the model. Start reading at `world`.
//!
//! Nothing here depends on a policy but the events: whether a driver accepts a rider, how long a rider
//! takes to board and when a shift ends are drawn by who it is about, not in the order in which it
//! happens, so that two policies meet the same city.

mod agenda;
mod cab;
mod crowd;
mod draws;
mod fleet;
mod plan;
mod prepare;
mod react;
mod tally;
#[cfg(test)]
mod tests;
mod world;

pub use crowd::{Crowd, Deed, Ended, Heard, News, Told};
pub use plan::{DayPlan, Habits, Rider, Span};
pub use prepare::{places_of, riders_of, starts};
pub use tally::{Offers, Pickup, Tally};
pub use world::{Watch, run};
