//! A market among riders, drivers, clocks and disks that misbehave, by chance, thousands of times.
//!
//! Commands come late, twice, or not at all; clocks jump; the map is stale; the host dies between any
//! two events, and the disk fails. After each command the whole state is checked, the history is
//! audited, and what a restart brings back is compared with what the durable events say. Then the
//! faults stop, and every trip has to reach its end: with everybody's help for even seeds, by timers
//! alone for odd ones.
//!
//! `HANSOM_SEEDS` asks for more or fewer seeds; `HANSOM_SEED` for one, as the failure says.

mod actors;
mod flaws;
mod reach;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use flaws::Flaw;
use reach::Reach;
use world::World;

/// How many seeds run unless somebody asks for more.
const SEEDS: u64 = 10_000;

/// Steps of each seed before the faults stop.
const STEPS: usize = 250;

/// Runs one seed to its end: what it has reached, or what went wrong.
fn run(seed: u64, flaw: Flaw) -> Result<Reach, String> {
    let life = || {
        let mut world = World::new(seed, flaw);
        for _ in 0..STEPS {
            world.step()?;
        }
        world.settle()?;
        Ok(world.reach)
    };
    catch_unwind(AssertUnwindSafe(life)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(text.unwrap_or_else(|| "panicked".to_owned()))
    })
}

/// A number from the environment. One that cannot be read ends the test: who asks for many seeds
/// and misspells it must not believe that they ran.
fn asked(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(error) => panic!("{variable}={text}: {error}"),
    }
}

#[test]
fn whatever_goes_wrong_nothing_is_lost_and_all_settles() {
    let one = asked("HANSOM_SEED");
    let seeds = match one {
        Some(seed) => seed..seed + 1,
        None => 0..asked("HANSOM_SEEDS").unwrap_or(SEEDS),
    };
    let mut reach = Reach::default();
    for seed in seeds.clone() {
        match run(seed, Flaw::None) {
            Ok(more) => reach.add(&more),
            Err(wrong) => panic!(
                "seed {seed}: HANSOM_SEED={seed} cargo test --lib dispatch::tests::simulation\n{wrong}"
            ),
        }
    }
    println!("{} seeds: {reach}", seeds.end - seeds.start);
    if seeds.end - seeds.start >= SEEDS {
        assert_eq!(reach.missing(), Vec::<String>::new(), "never happened in {seeds:?}");
    }
}

#[test]
fn each_flaw_is_noticed() {
    for flaw in Flaw::ALL {
        let noticed = (0..200).find_map(|seed| run(seed, flaw).err().map(|wrong| (seed, wrong)));
        let Some((seed, wrong)) = noticed else { panic!("{flaw:?} was not noticed") };
        println!("{flaw:?}, seed {seed}: {wrong}");
        assert!(flaw.is_told_by(&wrong), "{flaw:?} was taken for something else: {wrong}");
    }
}

#[test]
fn a_seed_is_the_same_twice() {
    for seed in 0..20 {
        let digest = |_| run(seed, Flaw::None).unwrap().digest;
        let [first, second] = [0, 1].map(digest);
        assert_eq!(first, second, "seed {seed}");
        assert_ne!(first, 0);
    }
}
