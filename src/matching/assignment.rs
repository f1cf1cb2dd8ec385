//! The answer: who fetches whom, and the proof that nothing is cheaper.

use super::problem::Problem;
use super::types::{Cost, DriverIx, NONE, RiderIx};

/// Who fetches whom.
///
/// Reused from batch to batch by [`super::Solver::solve_into`], so that it allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    pub(super) mates: Vec<Option<DriverIx>>,
    pub(super) cost: i64,
    pub(super) matched: usize,
    pub(super) certificate: Option<Certificate>,
}

impl Assignment {
    /// Each rider's driver, by the rider's number; `None` for those left unmatched.
    pub fn mates(&self) -> &[Option<DriverIx>] {
        &self.mates
    }

    /// Who fetches this rider.
    ///
    /// # Panics
    /// If the problem has no such rider.
    pub fn mate(&self, rider: RiderIx) -> Option<DriverIx> {
        self.mates[rider.0 as usize]
    }

    /// The sum of the costs: of the edges used, and of the riders left unmatched, in milliseconds.
    pub const fn cost(&self) -> i64 {
        self.cost
    }

    /// How many riders have a driver.
    pub const fn matched(&self) -> usize {
        self.matched
    }

    /// The proof that no other assignment is cheaper; `None` from a solver that gives none.
    pub const fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// Checks that this is an assignment of the problem: each driver is there at most once, each
    /// pair is an edge, and the sums are right.
    ///
    /// # Errors
    /// The first [`Violation`] found.
    ///
    /// # Complexity
    /// O(n + E) for n drivers and E edges.
    pub fn check(&self, problem: &Problem) -> Result<(), Violation> {
        if self.mates.len() != problem.riders() {
            return Err(Violation::Size { what: "riders", has: self.mates.len() });
        }
        let mut taken = vec![false; problem.drivers()];
        let (mut cost, mut matched) = (0, 0);
        for rider in problem.each_rider() {
            let Some(driver) = self.mate(rider) else {
                cost += i64::from(problem.unmatched(rider).get());
                continue;
            };
            let Some(edge) = problem.cost(rider, driver) else {
                return Err(Violation::NoEdge { rider, driver });
            };
            if std::mem::replace(&mut taken[driver.0 as usize], true) {
                return Err(Violation::TakenTwice { driver });
            }
            cost += i64::from(edge.get());
            matched += 1;
        }
        if (cost, matched) == (self.cost, self.matched) {
            Ok(())
        } else {
            Err(Violation::Sums { cost, matched })
        }
    }

    /// Checks that this is an assignment of the problem and that its certificate proves it the
    /// cheapest. One without a certificate is not proven.
    ///
    /// # Errors
    /// The first [`Violation`] found.
    pub fn prove(&self, problem: &Problem) -> Result<(), Violation> {
        self.check(problem)?;
        let certificate = self.certificate.as_ref().ok_or(Violation::NoCertificate)?;
        certificate.check(problem, self)
    }

    /// Takes over what a solver found, by the numbers of the drivers, [`NONE`] for none.
    pub(super) fn fill(&mut self, problem: &Problem, mates: &[u32]) {
        self.mates.clear();
        self.mates.extend(mates.iter().map(|&mate| (mate != NONE).then_some(DriverIx(mate))));
        (self.cost, self.matched) = (0, 0);
        for (rider, mate) in problem.each_rider().zip(&self.mates) {
            let edge = mate.and_then(|driver| problem.cost(rider, driver));
            self.matched += usize::from(edge.is_some());
            self.cost += i64::from(edge.unwrap_or(problem.unmatched(rider)).get());
        }
    }
}

/// Dual values that prove an assignment the cheapest: what each rider is worth at most, and what
/// each driver's time costs beside its use.
///
/// For any assignment, the sum of the riders' values less that of the drivers' prices is at most
/// its cost, provided that no rider's value exceeds an edge's cost plus its driver's price, or the
/// cost of being left unmatched. If the two are equal the assignment is optimal (linear programming
/// duality), and that is so exactly if each pair is tight, each unmatched rider is worth what
/// leaving them costs, and each unmatched driver's price is 0 (complementary slackness).
///
/// # References
/// Ahuja, Magnanti & Orlin, "Network Flows", 1993, sections 9.4 and 12.4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    pub(super) riders: Vec<Cost>,
    pub(super) drivers: Vec<Cost>,
}

impl Certificate {
    /// What a rider is worth: the cost of the best driver with that driver's price, or of being
    /// left unmatched. An edge that would cost less than this could have made a cheaper assignment.
    ///
    /// # Panics
    /// If the problem has no such rider.
    pub fn rider(&self, rider: RiderIx) -> Cost {
        self.riders[rider.0 as usize]
    }

    /// The price of a driver: how much cheaper the whole would be with another driver just there.
    ///
    /// # Panics
    /// If the problem has no such driver.
    pub fn driver(&self, driver: DriverIx) -> Cost {
        self.drivers[driver.0 as usize]
    }

    /// The bound: no assignment of the problem costs less, in milliseconds.
    pub fn bound(&self) -> i64 {
        let sum = |costs: &[Cost]| costs.iter().map(|cost| i64::from(cost.get())).sum::<i64>();
        sum(&self.riders) - sum(&self.drivers)
    }

    /// By how much the assignment may be dearer than the cheapest, in milliseconds: 0 if proven.
    pub fn gap(&self, assignment: &Assignment) -> i64 {
        assignment.cost - self.bound()
    }

    /// Checks that these values prove the assignment the cheapest of the problem.
    ///
    /// # Errors
    /// The first [`Violation`] found.
    ///
    /// # Complexity
    /// O(n + E) for n riders and drivers and E edges.
    pub fn check(&self, problem: &Problem, assignment: &Assignment) -> Result<(), Violation> {
        if self.riders.len() != problem.riders() || assignment.mates.len() != problem.riders() {
            return Err(Violation::Size { what: "riders", has: self.riders.len() });
        }
        if self.drivers.len() != problem.drivers() {
            return Err(Violation::Size { what: "drivers", has: self.drivers.len() });
        }
        let mut taken = vec![false; problem.drivers()];
        for rider in problem.each_rider() {
            let value = self.rider(rider);
            let unmatched = problem.unmatched(rider);
            if value > unmatched {
                return Err(Violation::DearerThanUnmatched { rider, value, unmatched });
            }
            let price = |edge: &super::Edge| edge.cost.get() + self.driver(edge.driver).get();
            let edges = problem.edges(rider);
            if let Some(edge) = edges.iter().find(|edge| price(edge) < value.get()) {
                return Err(Violation::DearerThanEdge { rider, driver: edge.driver });
            }
            match assignment.mate(rider) {
                None if value < unmatched => return Err(Violation::LeftTooSoon { rider }),
                None => {}
                Some(driver) => {
                    let edge = edges.iter().find(|edge| edge.driver == driver);
                    let edge = edge.ok_or(Violation::NoEdge { rider, driver })?;
                    if price(edge) != value.get() {
                        return Err(Violation::NotTight { rider, driver });
                    }
                    taken[driver.0 as usize] = true;
                }
            }
        }
        let mut idle = (0..).map(DriverIx).zip(taken).filter(|(_, taken)| !taken);
        match idle.find(|&(driver, _)| self.driver(driver) > Cost::ZERO) {
            Some((driver, _)) => Err(Violation::IdleAtAPrice { driver }),
            None => Ok(()),
        }
    }
}

/// Why something is no assignment, or not proven to be the cheapest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// It is of another problem.
    #[error("it has {has} {what}, the problem has another number")]
    Size {
        /// Riders or drivers.
        what: &'static str,
        /// How many it has.
        has: usize,
    },
    /// A pair that is no edge.
    #[error("{rider} has {driver}, to whom there is no edge")]
    NoEdge {
        /// The rider.
        rider: RiderIx,
        /// The driver.
        driver: DriverIx,
    },
    /// A driver with two riders.
    #[error("{driver} has two riders")]
    TakenTwice {
        /// The driver.
        driver: DriverIx,
    },
    /// The sums are not those of the pairs.
    #[error("the pairs cost {cost} ms and match {matched} riders, it says otherwise")]
    Sums {
        /// What the pairs and the unmatched cost.
        cost: i64,
        /// How many pairs there are.
        matched: usize,
    },
    /// There is nothing that proves it.
    #[error("it has no certificate")]
    NoCertificate,
    /// A rider is worth more than leaving them costs.
    #[error("{rider} is worth {value}, more than the {unmatched} of being left unmatched")]
    DearerThanUnmatched {
        /// The rider.
        rider: RiderIx,
        /// What the certificate says.
        value: Cost,
        /// What the problem says.
        unmatched: Cost,
    },
    /// A rider is worth more than an edge costs with its driver's price.
    #[error("{rider} is worth more than {driver} costs with the price")]
    DearerThanEdge {
        /// The rider.
        rider: RiderIx,
        /// The driver.
        driver: DriverIx,
    },
    /// An unmatched rider is worth less than leaving them costs.
    #[error("{rider} is unmatched, and worth less than that costs")]
    LeftTooSoon {
        /// The rider.
        rider: RiderIx,
    },
    /// A pair that costs more than the rider is worth.
    #[error("{rider} has {driver}, who costs more than the rider is worth")]
    NotTight {
        /// The rider.
        rider: RiderIx,
        /// The driver.
        driver: DriverIx,
    },
    /// A driver has a price and no rider.
    #[error("{driver} has a price and no rider")]
    IdleAtAPrice {
        /// The driver.
        driver: DriverIx,
    },
}
