//! The contract of solvers, on each; the optimum by trying everything; proofs; wrong ones caught.

#![expect(clippy::cast_possible_truncation, reason = "small numbers")]

mod brute;
mod city;
mod contract;
mod lazy;
mod orlib;
mod random;
mod rolling;
mod standing;
mod wrong;

use super::*;
use crate::test_rng::Rng;

/// A cost in seconds.
fn seconds(seconds: u32) -> Cost {
    Cost::new(seconds * 1_000).unwrap()
}

/// Solvers that prove their answers: the auction in settings that reach each of its parts.
fn exact_solvers() -> Vec<(&'static str, Box<dyn Exact>)> {
    let with = |epsilon: u32, bids_per_rider: u32, small: usize| {
        let epsilon = Cost::new(epsilon).unwrap();
        let config = AuctionConfig { epsilon, warm_epsilon: epsilon, bids_per_rider, small };
        Box::new(Auction::new(config)) as Box<dyn Exact>
    };
    vec![
        ("auction", Box::new(Auction::default())),
        ("auction also in small components", with(20_000, 30, 0)),
        ("auction in small steps", with(1, 1_000, 0)),
        ("auction in one step", with(Cost::MAX.get(), 30, 0)),
        ("auction of two bids a rider", with(1, 2, 0)),
        ("auction without bids", with(20_000, 0, 0)),
        ("paths", Box::new(Paths::default())),
    ]
}

/// Draws 64 bits at a time, for what is made up.
fn draw(rng: &mut Rng) -> impl FnMut() -> u64 {
    || rng.next()
}
