//! What one batch hands to the next: a price a driver, and who fetched whom.

use super::types::{Cost, DriverIx, NONE, RiderIx};
use crate::limits;

/// Where a solver starts, and where it ended.
///
/// Solvers that prove their answers leave the prices of the certificate and the pairs here. Before
/// the next batch the caller gives them the numbers of that batch; a driver or rider that is not
/// mentioned starts at price 0, without a mate. Any prices and pairs are allowed, and the proof does
/// not depend on them: good ones only make the solver faster, and may choose among equally cheap
/// assignments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    pub(super) drivers: Vec<u32>,
    pub(super) mates: Vec<u32>,
}

impl Prices {
    /// Nothing is known: each price is 0 and nobody has a mate.
    pub const fn cold() -> Self {
        Self { drivers: Vec::new(), mates: Vec::new() }
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.drivers.clear();
        self.mates.clear();
    }

    /// The price of a driver.
    pub fn price(&self, driver: DriverIx) -> Cost {
        self.drivers.get(driver.0 as usize).map_or(Cost::ZERO, |&price| Cost::computed(price))
    }

    /// Gives a driver a price; a number that no problem can have is passed over.
    ///
    /// # Complexity
    /// O(1), and memory for each lower number.
    pub fn set_price(&mut self, driver: DriverIx, price: Cost) {
        if (driver.0 as usize) < limits::MAX_BATCH_DRIVERS {
            *entry(&mut self.drivers, driver.0, 0) = price.get();
        }
    }

    /// Who fetches a rider.
    pub fn mate(&self, rider: RiderIx) -> Option<DriverIx> {
        let mate = self.mates.get(rider.0 as usize).copied();
        mate.filter(|&mate| mate != NONE).map(DriverIx)
    }

    /// Says who fetches a rider; a number that no problem can have is passed over.
    ///
    /// # Complexity
    /// O(1), and memory for each lower number.
    pub fn set_mate(&mut self, rider: RiderIx, mate: Option<DriverIx>) {
        if (rider.0 as usize) < limits::MAX_BATCH_RIDERS {
            *entry(&mut self.mates, rider.0, NONE) = mate.map_or(NONE, |driver| driver.0);
        }
    }
}

/// The entry of this number in a column that grows as needed.
fn entry(column: &mut Vec<u32>, number: u32, nothing: u32) -> &mut u32 {
    let at = number as usize;
    if column.len() <= at {
        column.resize(at + 1, nothing);
    }
    &mut column[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_mentioned_is_nothing() {
        let mut prices = Prices::cold();
        let price = Cost::new(7).unwrap();
        prices.set_price(DriverIx(2), price);
        prices.set_mate(RiderIx(1), Some(DriverIx(2)));
        assert_eq!([0, 1, 2, 3].map(|i| prices.price(DriverIx(i)).get()), [0, 0, 7, 0]);
        let mates = [0, 1, 2].map(|i| prices.mate(RiderIx(i)));
        assert_eq!(mates, [None, Some(DriverIx(2)), None]);
        prices.set_mate(RiderIx(1), None);
        assert_eq!(prices.mate(RiderIx(1)), None);
        prices.set_price(DriverIx(u32::MAX), price);
        prices.set_mate(RiderIx(u32::MAX), Some(DriverIx(0)));
        assert_eq!((prices.drivers.len(), prices.mates.len()), (3, 2));
        prices.clear();
        assert_eq!(prices, Prices::cold());
    }
}
