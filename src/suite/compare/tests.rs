//! Comparisons: a planted regression is found, noise is not, and what cannot be compared is refused.

use super::*;
use crate::suite::made_up;
use crate::test_rng::Rng;

fn terms() -> Terms {
    Terms::from_percents(5.0, 95.0).unwrap()
}

/// Nearly standard normal: the sum of twelve.
fn normal(rng: &mut Rng) -> f64 {
    (0..12).map(|_| rng.below(1 << 32) as f64 / f64::from(u32::MAX)).sum::<f64>() - 6.0
}

/// The made-up run with so many runs of each series, whose rates and times vary by `noise`; this
/// program's take `factor` times as long.
fn noisy(rng: &mut Rng, runs: usize, noise: f64, factor: f64) -> SuiteResult {
    let mut result = made_up::result();
    for series in &mut result.series {
        let Some(first) = series.runs.first().cloned() else { continue };
        let slower = if Key::of(series).is_ours() { factor } else { 1.0 };
        series.runs = (0..runs)
            .map(|_| {
                let seconds = first.seconds * slower * (noise * normal(rng)).exp();
                let mut latency = first.latency;
                if let Some(latency) = &mut latency {
                    latency.p99 *= slower * (noise * normal(rng)).exp();
                }
                Run { seconds, latency, ..first.clone() }
            })
            .collect();
    }
    result
}

#[test]
fn a_planted_regression_is_found_and_only_where_it_is() {
    let mut rng = Rng(1);
    let before = noisy(&mut rng, 5, 0.01, 1.0);
    let mut after = noisy(&mut rng, 5, 0.01, 1.0);
    let planted = after
        .series
        .iter_mut()
        .find(|series| series.suite == "updates" && series.call == "bulk")
        .unwrap();
    planted.runs.iter_mut().for_each(|run| run.seconds *= 1.25);
    let key = Key::of(planted);
    let comparison = compare(&before, &after, terms()).unwrap();
    let found: Vec<&Change> = comparison.regressions().collect();
    assert_eq!(
        found.iter().map(|one| (&one.key, one.measure)).collect::<Vec<_>>(),
        [(&key, Measure::Rate)]
    );
    let interval = found[0].interval.unwrap();
    assert!(
        interval.low < 0.8 && 0.8 < interval.high && interval.high < 1.0 / 1.05,
        "{interval:?}"
    );
    // The other way round it is a gain, and no regression.
    let turned = compare(&after, &before, terms()).unwrap();
    assert_eq!(turned.regressions().count(), 0);
    assert!(turned.changes.iter().any(|one| one.key == key && one.mark == Mark::Better));
    // Beyond a threshold of 30 % it is not; worse it is.
    let lenient = Terms::from_percents(30.0, 95.0).unwrap();
    let comparison = compare(&before, &after, lenient).unwrap();
    assert_eq!(comparison.regressions().count(), 0);
    assert!(comparison.changes.iter().any(|one| one.key == key && one.mark == Mark::Worse));
}

#[test]
fn noise_trips_nothing_even_in_many_comparisons() {
    let mut rng = Rng(2);
    let (mut tripped, mut marked, mut compared, mut alone) = (0, 0, 0, 0);
    for _ in 0..200 {
        let [before, after] = [3, 4].map(|runs| noisy(&mut rng, runs, 0.08, 1.0));
        let comparison = compare(&before, &after, terms()).unwrap();
        tripped += usize::from(comparison.regressions().next().is_some());
        let sure = comparison.changes.iter().filter(|one| one.key.is_ours());
        let worse = |one: &Change| matches!(one.mark, Mark::Worse | Mark::Regressed | Mark::Better);
        marked += usize::from(sure.clone().any(worse));
        compared += sure.clone().count();
        // The deliberately wrong twin: intervals as if each were the only one.
        alone += usize::from(sure.clone().any(|one| {
            let values = |result: &SuiteResult| {
                let series = result.series.iter().find(|series| one.key.is_of(series)).unwrap();
                one.measure.values(series)
            };
            let interval = interval::welch(&values(&before), &values(&after), 0.05);
            mark(one.measure, interval, 0.05) == Mark::Regressed
        }));
    }
    assert!(compared > 4_000, "{compared} comparisons");
    assert!(tripped <= 4, "{tripped} of 200 were tripped by noise");
    assert!(marked <= 20, "{marked} of 200 saw a change in noise");
    assert!(alone > 20, "without the correction noise trips many: {alone}");
}

#[test]
fn everything_slower_is_seen_and_other_systems_do_not_count() {
    let mut rng = Rng(3);
    let before = noisy(&mut rng, 5, 0.01, 1.0);
    let after = noisy(&mut rng, 5, 0.01, 1.5);
    let comparison = compare(&before, &after, terms()).unwrap();
    let ours = comparison.changes.iter().filter(|one| one.key.is_ours() && one.interval.is_some());
    let measures = |wanted| ours.clone().filter(move |one| one.measure == wanted);
    assert!(measures(Measure::Rate).count() > 10 && measures(Measure::P99).count() > 3);
    assert!(ours.clone().all(|one| one.mark == Mark::Regressed), "all are 50 % slower");
    let drift = comparison.drift().unwrap();
    assert!((0.98..1.02).contains(&drift), "the others did not change: {drift}");
    // A slower Redis is no regression of this program.
    let mut redis = before.clone();
    for series in redis.series.iter_mut().filter(|series| series.system == "redis") {
        series.runs.iter_mut().for_each(|run| run.seconds *= 2.0);
    }
    let comparison = compare(&before, &redis, terms()).unwrap();
    assert_eq!(comparison.regressions().count(), 0);
    assert!(comparison.changes.iter().any(|one| one.mark == Mark::Regressed));
    assert!(comparison.drift().unwrap() < 0.6, "and it is told as what the machine did");
}

#[test]
fn what_is_in_one_only_is_listed_and_single_runs_are_not_judged() {
    let before = made_up::result();
    let mut after = made_up::result();
    let gone = after.series.remove(0);
    after.series[3].setting.drivers += 1;
    let comparison = compare(&before, &after, terms()).unwrap();
    let changed = Key::of(&after.series[3]);
    assert_eq!(comparison.only_after, std::slice::from_ref(&changed));
    assert_eq!(comparison.only_before.len(), 2);
    assert_eq!(comparison.only_before[0], Key::of(&gone));
    assert!(changed.words().contains("1,000,001 drivers") || changed.words().contains("100,001"));
    for series in &mut after.series {
        series.runs.truncate(1);
        series.runs.iter_mut().for_each(|run| run.seconds *= 9.0);
    }
    let comparison = compare(&before, &after, terms()).unwrap();
    assert!(comparison.changes.iter().all(|one| one.mark == Mark::Unknown));
    let held = comparison.changes.iter().filter(|one| one.measure == Measure::Held).count();
    let bytes = comparison.changes.iter().filter(|one| one.measure == Measure::Bytes).count();
    assert_eq!((held, bytes), (2, 2), "told, though they have no interval");
    after.series.clear();
    let nothing = compare(&before, &after, terms()).unwrap_err().to_string();
    assert!(nothing.starts_with("the two runs have no series in common"), "{nothing}");
}

#[test]
fn other_machines_are_warned_of_and_other_layouts_refused() {
    let before = made_up::result();
    assert_eq!(compare(&before, &before, terms()).unwrap().warnings, [""; 0]);
    let mut after = made_up::result();
    after.machine.cpu = "Another".into();
    after.machine.release_build = false;
    after.systems[0].usage = "another way".into();
    after.systems[0].version = "another".into();
    after.systems[2].version = "8.0".into();
    after.scale = "city".into();
    let warnings = compare(&before, &after, terms()).unwrap().warnings;
    assert_eq!(
        warnings,
        [
            "the processor differs: Example CPU & Sons @ 2.6 GHz before, Another after",
            "the build differs: release before, debug after",
            "the scale differs: country before, city after",
            "how hansom is used differs: bulk columns of 1,024 rows; NearestStream; Nearest before, \
             another way after",
            "the version of redis differs: 7.0.15 before, 8.0 after",
        ]
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.json");
    let written = |text: &str| {
        std::fs::write(&path, text).unwrap();
        read(&path)
    };
    let json = serde_json::to_string(&before).unwrap();
    let again = written(&json).unwrap();
    assert_eq!((again.machine, again.series.len()), (before.machine.clone(), before.series.len()));
    let other = json.replacen("\"layout\":1", "\"layout\":2", 1);
    let error = written(&other).unwrap_err().to_string();
    assert!(error.ends_with("r.json has layout 2; this program reads 1"), "{error}");
    let error = written("{\"layout\":1}").unwrap_err().to_string();
    assert!(error.contains("is no result of the suite: missing field"), "{error}");
    assert!(written("nothing").unwrap_err().to_string().contains("is no result of the suite"));
    let absent = read(&folder.path().join("absent")).unwrap_err().to_string();
    assert!(absent.starts_with("cannot read "), "{absent}");
}

#[test]
fn terms_out_of_range_are_refused() {
    let told = |threshold, confidence| {
        Terms::from_percents(threshold, confidence).unwrap_err().to_string()
    };
    assert_eq!(told(-1.0, 95.0), "threshold -1 % is not in 0..=1000");
    assert_eq!(told(f64::NAN, 95.0), "threshold NaN % is not in 0..=1000");
    assert_eq!(told(5.0, 100.0), "confidence 100 % is not in 50..=99.99");
}
