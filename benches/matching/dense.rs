//! Measured: solvers of dense problems on the same one. Workload: 1,000 x 1,000, 15 edges a rider.
//! Notes: what is no edge costs as much as leaving the rider unmatched, so that the optimum is the
//! same; it is compared. `pathfinding` has integers, `lapjv` floating point.

use criterion::Criterion;
use hansom::bench::fleet::Rng;
use hansom::matching::{Auction, Prices, Problem, Solver};
use pathfinding::kuhn_munkres::kuhn_munkres_min;
use pathfinding::matrix::Matrix;

use crate::{city, size, unmatched};

/// Rows of all costs.
fn rows(problem: &Problem) -> Vec<Vec<i64>> {
    let left = i64::from(unmatched().get());
    let row = |rider| {
        let mut row = vec![left; problem.drivers()];
        for edge in problem.edges(rider) {
            row[edge.driver.0 as usize] = left.min(i64::from(edge.cost.get()));
        }
        row
    };
    problem.each_rider().map(row).collect()
}

pub(crate) fn bench(c: &mut Criterion) {
    let count = size(1_000);
    let problem = city(count, count, &mut Rng(7)).problem(15, unmatched());
    let optimum = Auction::default().solve(&problem, &mut Prices::cold()).cost();
    let rows = rows(&problem);
    let mut group = c.benchmark_group("1000 x 1000, dense");
    group.sample_size(10);

    let matrix = Matrix::from_rows(rows.clone()).expect("as many columns in each row");
    assert_eq!(kuhn_munkres_min(&matrix).0, optimum);
    group.bench_function("pathfinding", |b| b.iter(|| kuhn_munkres_min(&matrix)));

    let flat: Vec<f64> = rows.iter().flatten().map(|&cost| cost as f64).collect();
    let matrix = lapjv::Matrix::from_shape_vec((count, count), flat).expect("a square");
    let (mates, _) = lapjv::lapjv(&matrix).expect("finite costs");
    let cost: i64 = mates.iter().zip(&rows).map(|(&mate, row)| row[mate]).sum();
    assert_eq!(cost, optimum);
    group.bench_function("lapjv", |b| b.iter(|| lapjv::lapjv(&matrix)));
    group.finish();
}
