//! The parts of a problem that have nothing to do with each other.

use super::problem::Problem;
use super::types::{NONE, narrow};

/// Riders and drivers by connected component, over the edges that may be used.
///
/// Components are in the order of their first riders; riders and drivers in one, in that of their
/// numbers. Who has no such edge is in none.
///
/// # References
/// Union by smaller number with path halving: Tarjan & van Leeuwen, "Worst-case analysis of set
/// union algorithms", J. ACM 31 (1984).
#[derive(Clone, Debug, Default)]
pub(super) struct Components {
    /// By driver: another of the same component with a smaller number, or itself; [`NONE`] for
    /// drivers that no edge leads to.
    parent: Vec<u32>,
    /// By the driver that stands for a component: its number.
    number: Vec<u32>,
    /// The component of each rider, then of each driver; [`NONE`] for none.
    labels: Vec<u32>,
    riders: Groups,
    drivers: Groups,
}

/// Numbers by group.
#[derive(Clone, Debug, Default)]
struct Groups {
    /// Where a group begins; one more entry than there are groups.
    starts: Vec<u32>,
    members: Vec<u32>,
}

impl Components {
    /// Finds the components of a problem.
    ///
    /// # Complexity
    /// O(n + E α(n)).
    pub(super) fn find(&mut self, problem: &Problem) {
        let drivers = problem.drivers();
        self.parent.clear();
        self.parent.resize(drivers, NONE);
        for rider in problem.rider_numbers() {
            let Some((first, others)) = problem.useful(rider).split_first() else { continue };
            let mut root = self.root_or_new(first.driver.0);
            for edge in others {
                root = self.join(root, edge.driver.0);
            }
        }
        self.number.clear();
        self.number.resize(drivers, NONE);
        self.labels.clear();
        let mut count = 0;
        for rider in problem.rider_numbers() {
            let Some(edge) = problem.first_useful(rider) else {
                self.labels.push(NONE);
                continue;
            };
            let number = &mut self.number[root(&mut self.parent, edge.driver.0) as usize];
            if *number == NONE {
                *number = count;
                count += 1;
            }
            self.labels.push(*number);
        }
        self.riders.group(&self.labels, count);
        self.labels.clear();
        for driver in 0..narrow(drivers) {
            let known = self.parent[driver as usize] != NONE;
            let root = known.then(|| root(&mut self.parent, driver) as usize);
            self.labels.push(root.map_or(NONE, |root| self.number[root]));
        }
        self.drivers.group(&self.labels, count);
    }

    /// How many components there are.
    pub(super) fn count(&self) -> usize {
        self.riders.starts.len() - 1
    }

    /// The riders of a component.
    pub(super) fn riders(&self, component: usize) -> &[u32] {
        self.riders.of(component)
    }

    /// The drivers of a component.
    pub(super) fn drivers(&self, component: usize) -> &[u32] {
        self.drivers.of(component)
    }

    /// The drivers of no component.
    pub(super) fn idle(&self) -> impl Iterator<Item = usize> {
        self.parent.iter().enumerate().filter(|(_, parent)| **parent == NONE).map(|(at, _)| at)
    }

    fn root_or_new(&mut self, driver: u32) -> u32 {
        if self.parent[driver as usize] == NONE {
            self.parent[driver as usize] = driver;
            return driver;
        }
        root(&mut self.parent, driver)
    }

    /// Joins the component of `root` with that of a driver; what stands for both.
    #[inline]
    fn join(&mut self, one: u32, driver: u32) -> u32 {
        let parent = self.parent[driver as usize];
        if parent == one {
            return one;
        }
        let other = self.root_or_new(driver);
        let (low, high) = (one.min(other), one.max(other));
        self.parent[high as usize] = low;
        low
    }
}

/// What stands for a driver's component.
#[inline]
fn root(parent: &mut [u32], mut driver: u32) -> u32 {
    loop {
        let above = parent[driver as usize];
        if above == driver {
            return driver;
        }
        let further = parent[above as usize];
        parent[driver as usize] = further;
        driver = further;
    }
}

impl Groups {
    /// Groups the places of the labels by what these say, [`NONE`] aside.
    fn group(&mut self, labels: &[u32], count: u32) {
        // Counting sort: how many there are in each group, then where each group ends; filled from
        // behind, the ends become the beginnings.
        self.starts.clear();
        self.starts.resize(count as usize + 1, 0);
        for &label in labels.iter().filter(|label| **label != NONE) {
            self.starts[label as usize] += 1;
        }
        let mut end = 0;
        for start in &mut self.starts {
            end += *start;
            *start = end;
        }
        self.members.clear();
        self.members.resize(end as usize, 0);
        for (number, &label) in (0..narrow(labels.len())).zip(labels).rev() {
            if label != NONE {
                let at = &mut self.starts[label as usize];
                *at -= 1;
                self.members[*at as usize] = number;
            }
        }
    }

    fn of(&self, group: usize) -> &[u32] {
        &self.members[self.starts[group] as usize..self.starts[group + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{Cost, DriverIx, Edge};

    #[test]
    fn components_are_those_of_the_useful_edges() {
        let cost = |ms| Cost::new(ms).unwrap();
        let mut problem = Problem::new(7).unwrap();
        let mut add = |edges: &[(u32, u32)]| {
            let edges: Vec<Edge> =
                edges.iter().map(|&(d, c)| Edge::new(DriverIx(d), cost(c))).collect();
            problem.add_rider(cost(10), &edges).unwrap();
        };
        add(&[(5, 1), (6, 2)]);
        add(&[]);
        add(&[(0, 1), (5, 11)]);
        add(&[(1, 3), (6, 10)]);
        add(&[(2, 11)]);
        add(&[(3, 0), (0, 0)]);
        let mut components = Components::default();
        // Twice, since the memory is reused.
        for _ in 0..2 {
            components.find(&problem);
            assert_eq!(components.count(), 2);
            assert_eq!(
                (components.riders(0), components.drivers(0)),
                (&[0, 3][..], &[1, 5, 6][..])
            );
            assert_eq!((components.riders(1), components.drivers(1)), (&[2, 5][..], &[0, 3][..]));
            assert_eq!(components.idle().collect::<Vec<_>>(), [2, 4]);
        }
        problem.reset(3).unwrap();
        components.find(&problem);
        assert_eq!((components.count(), components.idle().count()), (0, 3));
    }
}
