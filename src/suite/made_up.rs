//! A made-up run for tests: all suites, ours and others, one missing, one failed, names that would be
//! markup. Its figures are invented, and near enough to real ones that a drawing of it looks like one.

use super::result::{
    Agreement, Climb, LAYOUT, MachineRecord, Quantiles, Run, Series, Setting, Step, SuiteResult,
    SystemRecord, SystemStatus,
};

/// The name of a system that would be markup in HTML and in Markdown.
pub(super) const HOSTILE: &str = "<script>alert(1)</script>|`*x*`\u{202e}";

/// A run in which everything happened that may happen.
pub(super) fn result() -> SuiteResult {
    let mut series = Vec::new();
    rates(&mut series);
    grown(&mut series);
    load(&mut series);
    memory(&mut series);
    odd(&mut series);
    SuiteResult {
        layout: LAYOUT,
        began: "2026-11-26T02:30:00Z".into(),
        seconds: 812.4,
        command: "hansom bench run --scale country --out `out` <b>|".into(),
        scale: "country".into(),
        seed: 7,
        machine: MachineRecord {
            cpu: "Example CPU & Sons @ 2.6 GHz".into(),
            cores: 2,
            memory_gib: 23.5,
            kernel: "6.18.0".into(),
            rustc: "rustc 1.95.0".into(),
            commit: "0123abc".into(),
            release_build: true,
            load_average: 0.42,
        },
        systems: systems(),
        series,
    }
}

fn systems() -> Vec<SystemRecord> {
    let system = |name: &str, version: &str, access: &str, usage: &str| SystemRecord {
        name: name.into(),
        version: version.into(),
        access: access.into(),
        usage: usage.into(),
        status: SystemStatus::Measured,
    };
    let tile38 = SystemRecord {
        status: SystemStatus::Missing {
            reason: "no tile38-server on the PATH".into(),
            install: "go install github.com/tidwall/tile38/cmd/tile38-server@latest".into(),
        },
        ..system("tile38", "", "RESP", "SET and NEARBY … LIMIT, pipelined")
    };
    let hostile = SystemRecord {
        status: SystemStatus::Failed { reason: "said <b>no</b> & \"went\"\u{1b}[31m".into() },
        ..system(HOSTILE, "1 < 2", "in process", "as | it | is")
    };
    vec![
        system("hansom", "0.1.0", "gRPC", "bulk columns of 1,024 rows; NearestStream; Nearest"),
        system("hansom-direct", "0.1.0", "in process", "LiveIndex, batches of 1,024"),
        system("redis", "7.0.15", "RESP", "GEOADD and GEOSEARCH … ASC COUNT, pipelines of 64"),
        system("rstar", "0.14", "in process", "remove and insert; nearest_neighbor_iter"),
        system("scan", "", "in process", "a look at each driver"),
        system("floor", "", "in process", "random reads of 64 bytes"),
        tile38,
        hostile,
    ]
}

/// A setting of the country.
pub(super) fn country(k: u32, radius_m: u32) -> Setting {
    Setting {
        workload: "country".into(),
        drivers: 1_000_000,
        k,
        radius_m,
        passing_percent: 100,
        update_percent: if k == 0 { 100 } else { 0 },
        threads: 1,
    }
}

/// Three runs of a second about a rate; latencies if the median is not 0.
pub(super) fn series(
    suite: &str,
    (system, call): (&str, &str),
    setting: Setting,
    rate: u64,
    p50: f64,
) -> Series {
    let run = |permille: u64| Run {
        operations: rate * permille / 1_000,
        seconds: 1.0,
        latency: (p50 > 0.0).then(|| quantiles(p50 * permille as f64 / 1e3)),
    };
    let unit = match suite {
        "mixed" => "operations",
        _ if setting.k == 0 => "updates",
        _ => "queries",
    };
    Series {
        suite: suite.into(),
        system: system.into(),
        call: call.into(),
        setting,
        unit: unit.into(),
        runs: [1_000, 930, 1_040].map(run).to_vec(),
        climb: None,
        bytes_per_driver: None,
        agreement: None,
    }
}

fn quantiles(p50: f64) -> Quantiles {
    Quantiles { p50, p90: p50 * 1.4, p99: p50 * 3.0, p999: p50 * 11.0, max: p50 * 40.0 }
}

fn rates(all: &mut Vec<Series>) {
    let agreement = |rounded| {
        let equal = 1_000 - rounded;
        Some(Agreement { compared: 1_000, equal, rounded, different: 0 })
    };
    let stadium =
        |setting: Setting| Setting { workload: "stadium".into(), drivers: 100_000, ..setting };
    for (who, rate, p50) in [
        (("hansom", "bulk"), 9_912_345, 0.0),
        (("hansom", "unary"), 61_000, 15.2),
        (("hansom", "turns"), 70_000, 13.1),
        (("hansom-direct", "direct"), 15_300_000, 0.0),
        (("redis", "pipeline"), 198_000, 0.0),
        (("redis", "unary"), 31_000, 28.0),
        (("rstar", "direct"), 287_000, 0.0),
        (("floor", "direct"), 41_000_000, 0.0),
    ] {
        all.push(series("updates", who, country(0, 0), rate, p50));
        all.push(series("updates", who, stadium(country(0, 0)), rate * 9 / 10, p50));
    }
    for (who, rate, p50) in [
        (("hansom", "stream"), 243_000, 0.0),
        (("hansom", "unary"), 55_900, 16.9),
        (("hansom-direct", "direct"), 432_000, 2.1),
        (("redis", "pipeline"), 205, 0.0),
        (("redis", "adaptive"), 9_800, 0.0),
        (("redis", "unary"), 190, 5_060.0),
        (("redis", "adaptive-unary"), 5_100, 145.0),
        (("rstar", "direct"), 181_000, 5.5),
        (("scan", "direct"), 271, 3_600.0),
    ] {
        let rounded = if who.0 == "redis" { 31 } else { 0 };
        let answered = |setting, rate| Series {
            agreement: agreement(rounded),
            ..series("queries", who, setting, rate, p50)
        };
        all.push(answered(country(10, 5_000), rate));
        all.push(answered(country(50, 50_000), rate / 3 + 1));
        all.push(answered(stadium(country(10, 5_000)), rate * 4 / 5));
    }
    for passing_percent in [100, 30, 1] {
        let setting = Setting { passing_percent, ..country(10, 5_000) };
        let rate = 4_320 * u64::from(passing_percent + 20) / 120;
        all.push(series("filters", ("hansom-direct", "direct"), setting.clone(), rate, 0.0));
        all.push(series("filters", ("scan", "direct"), setting, 270, 0.0));
    }
    for (who, rate) in [(("hansom", "stream"), 1_210_000), (("redis", "pipeline"), 1_700)] {
        let setting = Setting { update_percent: 90, ..country(10, 5_000) };
        all.push(series("mixed", who, setting, rate, 0.0));
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
fn whole(rate: f64) -> u64 {
    rate.round() as u64
}

fn grown(all: &mut Vec<Series>) {
    let each = [(("hansom", "stream"), 310_000.0, 0.06), (("redis", "pipeline"), 1_900.0, 0.55)];
    for (who, rate, falling) in each {
        for (step, drivers) in [10_000, 100_000, 1_000_000, 10_000_000].into_iter().enumerate() {
            let rate = whole(rate * 10.0_f64.powf(-falling * step as f64));
            let setting = Setting { drivers, ..country(10, 5_000) };
            all.push(series("growth", who, setting, rate, 0.0));
        }
        for k in [1, 10, 50] {
            let rate = whole(rate / (1.0 + f64::from(k) / 25.0));
            all.push(series("k", who, country(k, 5_000), rate, 0.0));
        }
    }
    for (threads, rate) in [(1, 432_000), (2, 811_000)] {
        let setting = Setting { threads, ..country(10, 5_000) };
        all.push(series("threads", ("hansom-direct", "direct"), setting, rate, 0.0));
    }
}

fn load(all: &mut Vec<Series>) {
    let climb = |start: f64, steps: i32, p50: f64| {
        let step = |number: i32| {
            let held = number + 1 < steps;
            let slower = if held { 1.0 + f64::from(number) * 0.3 } else { 60.0 };
            let due = start * 1.6_f64.powi(number);
            let latency = quantiles(p50 * slower);
            Step { due, done: if held { due } else { due * 0.8 }, latency, held }
        };
        let steps: Vec<Step> = (0..steps).map(step).collect();
        let held = steps.iter().rfind(|step| step.held).map(|step| step.due);
        Climb { limit_ms: 10.0, held, steps }
    };
    for (who, start, steps, p50) in [
        (("hansom", "unary"), 4_000.0, 6, 140.0),
        (("redis", "adaptive-unary"), 1_000.0, 4, 260.0),
        (("redis", "unary"), 100.0, 1, 5_100.0),
    ] {
        let runs = Vec::new();
        let series = series("load", who, country(10, 5_000), 1, 0.0);
        all.push(Series { runs, climb: Some(climb(start, steps, p50)), ..series });
    }
}

fn memory(all: &mut Vec<Series>) {
    for (who, bytes) in [(("hansom", "bulk"), 96.4), (("redis", "pipeline"), 117.0)] {
        let runs = Vec::new();
        let series = series("memory", who, country(0, 0), 1, 0.0);
        all.push(Series { runs, bytes_per_driver: Some(bytes), ..series });
    }
}

/// What should not happen, and does: no runs, no time, names that are markup, steps without end.
fn odd(all: &mut Vec<Series>) {
    let empty = series("updates", ("redis", "pipeline"), country(0, 1), 1, 0.0);
    all.push(Series { runs: Vec::new(), ..empty });
    let mut timeless = series("updates", (HOSTILE, "direct"), country(0, 0), 5, 0.0);
    timeless.runs.iter_mut().for_each(|run| run.seconds = 0.0);
    all.push(timeless);
    let workload = "a<b>&\"c\"|d`e".to_owned();
    let setting = Setting { workload, drivers: 3, ..country(10, 5_000) };
    all.push(Series {
        agreement: Some(Agreement { compared: 10, equal: 7, rounded: 1, different: 2 }),
        ..series("queries", (HOSTILE, "[x](y)"), setting.clone(), 12, 0.4)
    });
    all.push(series("tides", ("hansom", "direct"), setting, 70, 0.0));
}
