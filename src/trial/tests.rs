//! Trials: the same on any number of threads, told in figures that add up and in one page.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::dispatch::MarketConfig;
use crate::sim::day::Habits;
use crate::sim::{City, DemandPlan, demand};
use crate::trace::ReadOptions;
use crate::trace::requests::{LogOptions, RequestWriter};
use crate::travel::StraightLine;
use crate::units::Millis;

/// A log of made-up requests in a file whose name would be markup.
fn log(folder: &tempfile::TempDir) -> PathBuf {
    let plan = DemandPlan::new(City::SAN_FRANCISCO, 150, Millis::from_secs(900), 1).unwrap();
    let path = folder.path().join("a<b>&.csv");
    let mut bytes = Vec::new();
    let mut writer = RequestWriter::new(&mut bytes).unwrap();
    for request in demand(&plan) {
        writer.write(&request).unwrap();
    }
    writer.finish().unwrap();
    std::fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
    path
}

fn options(log: PathBuf, policies: &[&str]) -> TrialOptions {
    TrialOptions {
        logs: vec![log],
        read: LogOptions::default(),
        only_first: None,
        fleet: 90,
        fleet_from: Vec::new(),
        read_fleet: ReadOptions::default(),
        policies: policies.iter().map(|name| (*name).to_owned()).collect(),
        market: MarketConfig::new("replay".parse().unwrap()),
        habits: Habits::default(),
        travel: Arc::new(StraightLine::default()),
        driving: (6.5, 1.3),
        decisions: None,
        seed: 1,
        threads: 1,
        watcher: Arc::new(|_| ()),
        stop: Arc::new(|| false),
    }
}

/// A report as JSON without what a clock measured, and without the number of threads.
fn timeless(report: &Report) -> serde_json::Value {
    let mut json = serde_json::to_value(report).unwrap();
    json["threads"].take();
    for outcome in json["policies"].as_array_mut().unwrap() {
        outcome["wall_seconds"].take();
        outcome["batches"]["solve_ms"].take();
    }
    json
}

#[test]
fn threads_change_nothing_and_a_seed_everything() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    let all = ["greedy", "greedy", "greedy"];
    let one = run(&options(log.clone(), &all)).unwrap();
    let three = run(&TrialOptions { threads: 3, ..options(log.clone(), &all) }).unwrap();
    assert_eq!((one.threads, three.threads), (1, 3));
    assert_eq!(timeless(&one), timeless(&three));
    let digests = |report: &Report| -> Vec<String> {
        report.policies.iter().map(|outcome| outcome.digest.clone().unwrap()).collect()
    };
    let first = digests(&one);
    assert!(first.iter().all(|digest| digest.len() == 64 && *digest == first[0]), "{first:?}");
    let other = run(&TrialOptions { seed: 2, ..options(log.clone(), &["greedy"]) }).unwrap();
    assert_ne!(digests(&other)[0], first[0]);
    let habits = Habits { acceptance_permille: 899, ..Habits::default() };
    let nearly = run(&TrialOptions { habits, ..options(log, &["greedy"]) }).unwrap();
    let served = |report: &Report| report.policies[0].served;
    assert!(
        served(&nearly).abs_diff(served(&one)) < 30,
        "nearly the same habits, nearly the same day"
    );
}

#[test]
fn figures_add_up_and_the_charts_agree_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let heard = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&heard);
    let watcher: Watcher = Arc::new(move |progress| {
        if let Progress::Running { requests, of, .. } = progress {
            assert!(requests <= of && of == 150);
            told.fetch_max(requests, Ordering::Relaxed);
        }
    });
    let report = run(&TrialOptions { watcher, ..options(log(&folder), &["greedy"]) }).unwrap();
    let outcome = &report.policies[0];
    outcome.add_up().unwrap();
    assert!(Outcome { served: outcome.served + 1, ..outcome.clone() }.add_up().is_err());
    assert_eq!(heard.load(Ordering::Relaxed), 150);
    assert_eq!((report.requests, outcome.requests, outcome.open), (150, 150, 0));
    assert!(outcome.served > 50, "{outcome:?}");
    assert_eq!(outcome.charts.served.last(), Some(&outcome.served));
    let picked_up = outcome.request_to_pickup_s.unwrap();
    let within = outcome.charts.picked_up_within.last().copied().unwrap();
    assert!((within * 150.0 - picked_up.count as f64).abs() < 0.5, "nobody waits for over 20 min");
    assert!(outcome.charts.picked_up_within.is_sorted() && outcome.charts.served.is_sorted());
    let shifts = &outcome.shifts;
    let sum = shifts.with_rider + shifts.to_pickup + shifts.waiting + shifts.idle;
    assert!((sum - 1.0).abs() < 1e-9, "{shifts:?}");
    let offers = outcome.offers;
    let ended = offers.accepted + offers.declined + offers.expired + offers.withdrawn;
    assert_eq!(offers.made, ended);
    let batches = outcome.batches.unwrap();
    assert_eq!(batches.solve_ms.unwrap().count, batches.count);
}

#[test]
fn a_part_of_a_log_and_an_interrupted_day_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    let only_first = Some(Millis::from_secs(300));
    let part = run(&TrialOptions { only_first, ..options(log.clone(), &["greedy"]) }).unwrap();
    assert_eq!(part.requests + part.left_out, 150);
    assert!(part.left_out > 50 && part.requests > 20, "{} left out", part.left_out);

    // Stopped once somebody has asked; before that it is over while reading.
    let asked = Arc::new(AtomicU64::new(0));
    let (told, looked) = (Arc::clone(&asked), Arc::clone(&asked));
    let watcher: Watcher = Arc::new(move |progress| {
        if let Progress::Running { requests, .. } = progress {
            told.store(requests, Ordering::Relaxed);
        }
    });
    let stop = Arc::new(move || looked.load(Ordering::Relaxed) >= 40);
    let early = TrialOptions { watcher, stop, ..options(log.clone(), &["greedy"]) };
    let report = run(&early).unwrap();
    let outcome = &report.policies[0];
    outcome.add_up().unwrap();
    assert!(report.interrupted && outcome.unasked > 50 && outcome.open > 0, "{outcome:?}");
    assert!(html::page(&report).contains("Interrupted"));
    let stop = Arc::new(|| true);
    let never = run(&TrialOptions { stop, ..options(log, &["greedy"]) });
    assert!(matches!(never, Err(TrialError::Stopped)), "{never:?}");
}

#[test]
fn the_page_is_whole_by_itself_and_names_are_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let report = run(&options(log(&folder), &["greedy", "greedy"])).unwrap();
    let page = html::page(&report);
    for foreign in ["<script", "http://", "https://", "url(", "@import", "<img", "<link"] {
        assert!(!page.contains(foreign), "the page has {foreign}");
    }
    assert!(page.contains("a&lt;b&gt;&amp;.csv") && !page.contains("a<b>"), "names are escaped");
    assert_eq!(page.matches("<svg").count(), 4);
    for tag in ["svg", "figure", "table", "section", "div", "dl", "main", "html", "body", "p"] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    assert!(!page.contains("NaN") && !page.contains("inf\""), "all coordinates are numbers");
    assert!(page.contains("prefers-color-scheme:dark"));
    assert!(page.len() < 200_000, "{} bytes", page.len());
}

#[test]
fn what_cannot_be_held_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    let unknown = run(&options(log.clone(), &["greedy", "lottery"])).unwrap_err().to_string();
    assert!(unknown.starts_with("policy \"lottery\" is unknown; there are: greedy"), "{unknown}");
    let none = run(&TrialOptions { fleet: 0, ..options(log.clone(), &["greedy"]) }).unwrap_err();
    assert_eq!(none.to_string(), "drivers 0 is not in 1..=1000000");
    let mut market = MarketConfig::new("replay".parse().unwrap());
    market.window = Millis(600_001);
    let market = run(&TrialOptions { market, ..options(log.clone(), &["greedy"]) }).unwrap_err();
    assert_eq!(market.to_string(), "window_ms 600001 is not in 0..=600000");
    let fleet_from = vec![log.clone()];
    let wrong = run(&TrialOptions { fleet_from, ..options(log, &["greedy"]) }).unwrap_err();
    assert!(wrong.to_string().contains("not a trace of positions"), "{wrong}");
}
