//! Figures that are no time of one operation: memory, drift, readers beside writers.
//!
//! Measured: bytes a driver before and after 120 moves each, and the speed of both; updates/s
//! of one writer alone, beside a reader, and of two writers in different cities; the reader's
//! latency. Workload: as `index`. Notes: prints a table; `--test` tries everything on a small
//! fleet.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

#[path = "index/fleet.rs"]
mod fleet;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use hansom::clock::stopwatch;
use hansom::index::{Answer, BatchOutcome, LiveIndex, LiveMap};
use hansom::model::{Filter, K, Nearest, Report, VehicleTypes};
use hansom::units::{Meters, Timestamp};
use hdrhistogram::Histogram;

use fleet::{Fleet, at, country, offset};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Batches made ahead, so that making them is not measured.
type Batches = Vec<(Timestamp, Vec<Report>)>;

fn batches(fleet: &mut Fleet, count: usize) -> Batches {
    (0..count)
        .map(|_| {
            let reports = fleet.moves(1_024);
            (fleet.now, reports)
        })
        .collect()
}

/// Updates a second over all batches.
fn write(index: &LiveIndex, batches: &Batches) -> f64 {
    let mut outcome = BatchOutcome::default();
    let begun = stopwatch();
    for (now, reports) in batches {
        outcome.clear();
        index.apply(*now, reports, &mut outcome);
    }
    (batches.len() * 1_024) as f64 / begun.elapsed().as_secs_f64()
}

/// Makes batches, then applies them; updates a second.
fn advance(fleet: &mut Fleet, count: usize) -> f64 {
    let made = batches(fleet, count);
    write(&fleet.index, &made)
}

fn questions(fleet: &mut Fleet, count: usize) -> Vec<Nearest> {
    let filter = Filter { vehicle_types: VehicleTypes::from_bits(0b1111), ..Filter::default() };
    (0..count)
        .map(|_| Nearest {
            center: fleet.somewhere(),
            k: K::try_from(10).expect("ten"),
            radius: Meters::whole(5_000),
            filter: filter.clone(),
        })
        .collect()
}

/// Asks until told to stop; latencies in nanoseconds, and how long it took.
fn read(
    index: &LiveIndex,
    now: Timestamp,
    questions: &[Nearest],
    stop: &AtomicBool,
) -> (Histogram<u64>, Duration) {
    let mut latencies = Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("three digits");
    let mut answer = Answer::default();
    let begun = stopwatch();
    'asking: loop {
        for question in questions {
            let asked = stopwatch();
            index.nearest(now, question, &mut answer);
            latencies
                .saturating_record(u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX));
            if stop.load(Relaxed) {
                break 'asking;
            }
        }
    }
    (latencies, begun.elapsed())
}

fn memory(what: &str, fleet: &Fleet) {
    let (engine, ids) = fleet.index.memory();
    let drivers = fleet.keys.len() as f64;
    println!(
        "{what}: {:.1} bytes a driver, {:.1} with ids of 8 bytes",
        engine as f64 / drivers,
        (engine + ids) as f64 / drivers
    );
}

fn beside(fleet: &mut Fleet, rounds: usize) {
    let made = batches(fleet, rounds);
    let alone = write(&fleet.index, &made);
    println!("one writer alone: {:.1} M updates/s", alone / 1e6);
    let (made, asked) = (batches(fleet, rounds), questions(fleet, 20_000));
    let (index, now, stop) = (Arc::clone(&fleet.index), fleet.now, AtomicBool::new(false));
    let (both, (latencies, took)) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(&index, now, &asked, &stop));
        let both = write(&index, &made);
        stop.store(true, Relaxed);
        (both, reader.join().expect("the reader"))
    });
    println!(
        "beside one reader: {:.1} M updates/s, {:.0} % less",
        both / 1e6,
        100.0 - 100.0 * both / alone
    );
    let at = |q| latencies.value_at_quantile(q) as f64 / 1e3;
    println!(
        "the reader, filter 30 %: {:.0} k questions/s, p50 {:.1} p99 {:.1} p99.9 {:.1} max {:.0} µs",
        latencies.len() as f64 / took.as_secs_f64() / 1e3,
        at(0.5),
        at(0.99),
        at(0.999),
        latencies.max() as f64 / 1e3
    );
}

/// Two cities on one index, written by one thread and by two.
fn two_cities(drivers: usize, rounds: usize) {
    let city = |lat: f64, lng: f64| {
        move |rng: &mut hansom::bench::fleet::Rng| {
            let mut reach = || (rng.unit() - 0.5) * 40_000.0;
            let (north, east) = (reach(), reach());
            offset(at(lat, lng), north, east)
        }
    };
    let (mut a, mut b) =
        (Fleet::new(drivers / 2, city(52.5, 13.4)), Fleet::new(drivers / 2, city(-33.9, 151.2)));
    let alone = advance(&mut a, rounds);
    let (made_a, made_b) = (batches(&mut a, rounds), batches(&mut b, rounds));
    let begun = stopwatch();
    std::thread::scope(|scope| {
        scope.spawn(|| write(&a.index, &made_a));
        write(&b.index, &made_b);
    });
    let both = (2 * rounds * 1_024) as f64 / begun.elapsed().as_secs_f64();
    println!(
        "two cities: one thread {:.1} M/s, two {:.1} M/s, {:.2} ×",
        alone / 1e6,
        both / 1e6,
        both / alone
    );
}

fn main() {
    let small = std::env::args().any(|arg| arg == "--test");
    let (drivers, rounds) = if small { (20_000, 20) } else { (1_000_000, 4_000) };
    let mut fleet = Fleet::new(drivers, country);
    memory("filled", &fleet);
    beside(&mut fleet, rounds);
    two_cities(drivers, rounds);
    let before = advance(&mut fleet, rounds);
    let moves = if small { 2 } else { 120 };
    for _ in 0..moves * drivers / 1_024 / rounds.min(1_000) {
        advance(&mut fleet, rounds.min(1_000));
    }
    let after = advance(&mut fleet, rounds);
    println!(
        "after {moves} moves a driver: {:.1} M updates/s, was {:.1}",
        after / 1e6,
        before / 1e6
    );
    memory("churned", &fleet);
    fleet.index.check().expect("the structure is sound");
}
