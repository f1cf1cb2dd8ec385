//! A trial: the same riders and drivers under several policies, and how each of them did.
//!
//! [`run`] reads logs of trip requests, makes up a fleet, lives through the day once for each policy
//! ([`crate::sim::day`]) and reports side by side. [`html::page`] shows a report as one page. Policies
//! share nothing, so they run on as many threads as are allowed, and their digests do not depend on
//! how many that is. Nothing here prints; what is measured by a clock is not part of a digest.
//! [`remote::run`] lets the same people meet the market of a server that runs.

mod error;
pub mod html;
mod inputs;
mod onlooker;
mod options;
mod outcome;
pub mod remote;
mod report;
mod run;
mod spread;
#[cfg(test)]
mod tests;

pub use error::TrialError;
pub use options::{Progress, TrialOptions, Watcher};
pub use outcome::{Batches, Charts, Distances, OfferCounts, Outcome, Shifts};
pub use report::{Fleet, Log, Report, ServerMet, Settings};
pub use run::run;
pub use spread::Spread;
