//! Who is asked: policies look at those who wait and at who is free, and choose.
//!
//! A policy is one file that implements [`Policy`]. It reads the [`Window`], draws candidates from
//! it, and writes what it chose, and from among whom, into a [`Decision`]. It changes nothing: the
//! market makes the offers, and refuses choices that would give a driver away twice.

mod batch;
mod decision;
mod decisions;
mod greedy;

pub use batch::Batch;
pub use decision::{
    Alternative, Certificate, Choice, Considered, Decision, DriverNumber, Explanation, Proof,
    WeighedRider,
};
pub(super) use decisions::Decisions;
pub use greedy::Greedy;

use super::candidates::{Candidates, Pool};
use super::supply::Supply;
use super::trip::{Asked, Journey};
use crate::ids::TripId;
use crate::units::{Millis, Timestamp};

/// Chooses drivers for those who wait.
pub trait Policy: Send {
    /// Its name in configuration, metrics and reports.
    fn name(&self) -> &'static str;

    /// Chooses at most one driver for each rider of the window and at most one rider for each
    /// driver, and tells it to `decision`, rider by rider in the order of the window.
    ///
    /// # Guarantees
    /// The same window, the same supply and the same history of windows give the same decision.
    fn assign(&mut self, window: &Window<'_>, supply: &mut dyn Supply, decision: &mut Decision);
}

/// Makes a policy that has seen no window yet.
pub type Constructor = fn() -> Box<dyn Policy>;

/// The policies there are. Each name is that of [`Policy::name`].
pub const POLICIES: [(&str, Constructor); 2] =
    [("greedy", || Box::new(Greedy::default())), ("batch", || Box::new(Batch::default()))];

/// The policy with a name, if there is one.
///
/// # Examples
/// ```
/// use hansom::dispatch::policy;
/// assert_eq!(policy::by_name("greedy").map(|policy| policy.name()), Some("greedy"));
/// assert!(policy::by_name("lottery").is_none());
/// ```
pub fn by_name(name: &str) -> Option<Box<dyn Policy>> {
    POLICIES.iter().find(|(known, _)| *known == name).map(|(_, make)| make())
}

/// Whether a window was gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowKind {
    /// All who waited when it closed.
    Batch,
    /// One request that does not wait.
    Immediate,
}

/// Those who wait, and who there is for them.
pub struct Window<'a> {
    /// When.
    pub now: Timestamp,
    /// Whether it was gathered.
    pub kind: WindowKind,
    /// How often those who wait are looked at.
    pub every: Millis,
    /// How many wait who are not in it.
    pub others: usize,
    /// Who waits: those who have waited longest first, ties in the order of trips.
    pub riders: Vec<WaitingRider<'a>>,
    /// Who there is.
    pub(super) pool: Pool<'a>,
}

/// A request that waits for a driver.
#[derive(Clone, Copy, Debug)]
pub struct WaitingRider<'a> {
    /// The trip.
    pub trip: TripId,
    /// Where to, with how many and in what.
    pub journey: &'a Journey,
    /// How long it has waited since it was requested.
    pub waiting: Millis,
    /// What it costs to leave it without an offer this time.
    pub price: Millis,
    /// Who was asked before.
    pub(super) asked: &'a [Asked],
}

impl Window<'_> {
    /// The drivers who may be asked by a rider of this window.
    pub fn candidates<'w>(&'w self, rider: &'w WaitingRider<'w>) -> Candidates<'w> {
        Candidates::new(&self.pool, rider)
    }
}
