//! Where edges come from when there are too many to ask for all.

use crate::matching::{Cost, DriverIx, RiderIx};

/// A driver who could fetch a rider, and a bound on what that costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who could.
    pub driver: DriverIx,
    /// It costs no less than this.
    pub at_least: Cost,
}

/// What is known of the candidates of a rider that have not been handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// None of them costs less than this.
    AtLeast(Cost),
    /// There are none.
    Exhausted,
}

/// Hands out the drivers who could fetch a rider, and says what it costs.
///
/// Naming a candidate should be cheap, such as the next nearest driver in a straight line; the cost
/// may be dear, such as a pickup time by road. Costs are asked for only where they can matter.
pub trait EdgeSource {
    /// Appends the next candidates of a rider, about `count` of them, and says what is known of
    /// those that follow.
    ///
    /// # Guarantees
    /// The implementor's: each driver is handed out at most once a rider; no candidate costs less
    /// than its bound, nor less than what was last said of those that follow; [`Next::AtLeast`]
    /// never decreases. If a call neither appends any nor raises the bound, no more are asked for,
    /// and the gap says what that may cost. Numbers of drivers should leave few gaps: there is
    /// memory for each lower one.
    fn candidates(&mut self, rider: RiderIx, count: usize, found: &mut Vec<Candidate>) -> Next;

    /// Appends what it costs that each of these drivers fetches the rider, in their order; `None`
    /// if it is impossible after all.
    fn costs(&mut self, rider: RiderIx, drivers: &[DriverIx], costs: &mut Vec<Option<Cost>>);

    /// The price of a driver in the batch before: asked once, when a number is first seen.
    fn last_price(&self, _driver: DriverIx) -> Cost {
        Cost::ZERO
    }
}
