//! Published instances with known optima: the OR-Library's dense assignment problems.
//!
//! J. E. Beasley, "Linear programming on Cray supercomputers", J. Operational Research Society 41
//! (1990). The data live outside the repository, in `HANSOM_DATA`; without them the test says that
//! it skips.

use std::fs;
use std::path::PathBuf;

use super::{Auction, Cost, DriverIx, Edge, Exact, Paths, Prices, Problem};

fn text_of(name: &str) -> Option<String> {
    let data = std::env::var_os("HANSOM_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")),
        PathBuf::from,
    );
    let path = data.join("matching/orlib_assign").join(name);
    if !path.exists() {
        println!("skipped: {} is absent; set HANSOM_DATA", path.display());
        return None;
    }
    Some(fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The problem in such a file: a count, then as many rows of as many costs.
fn problem_in(text: &str) -> Problem {
    let mut numbers = text.split_whitespace().map(|word| word.parse::<u32>().unwrap());
    let count = numbers.next().unwrap();
    let mut problem = Problem::new(count as usize).unwrap();
    for _ in 0..count {
        let row = (0..count).map(DriverIx).zip(numbers.by_ref());
        let edges: Vec<Edge> =
            row.map(|(driver, cost)| Edge::new(driver, Cost::new(cost).unwrap())).collect();
        problem.add_rider(Cost::MAX, &edges).unwrap();
    }
    assert_eq!((problem.edge_count(), numbers.next()), ((count * count) as usize, None));
    problem
}

/// The optimum in the list of those published.
fn published(list: &str, name: &str) -> i64 {
    let line = list.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn published_optima_are_reached() {
    let Some(optima) = text_of("assignopt.txt") else { return };
    for (name, known) in [("assign100", 305), ("assign500", 991), ("assign600", 1_176)] {
        let Some(text) = text_of(&format!("{name}.txt")) else { return };
        let optimum = published(&optima, name);
        assert_eq!(optimum, known);
        let problem = problem_in(&text);
        for mut solver in [Box::<Auction>::default() as Box<dyn Exact>, Box::<Paths>::default()] {
            let found = solver.solve(&problem, &mut Prices::cold());
            assert_eq!(found.prove(&problem), Ok(()), "{name} by {}", solver.name());
            assert_eq!((found.cost(), found.matched()), (optimum, problem.riders()), "{name}");
        }
    }
}
