//! Layers over one another, and every kind of mistake told at once.

use std::ffi::OsString;

use super::*;
use crate::succession::{Ack, Terms};

fn nothing() -> Layers {
    Layers::default()
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = "listen = \"127.0.0.1:1\"\nhttp = \"127.0.0.1:1\"\nthreads = 1\n";
    let layers = || {
        nothing().file("h.toml", file).environment(variables(&[
            ("HANSOM_HTTP", "127.0.0.1:2"),
            ("HANSOM_THREADS", "2"),
            // What Kubernetes and others set; none of them is ours.
            ("HANSOM_PORT", "tcp://x"),
            ("HANSOM_DATA", "x"),
            ("HANSOM_SERVICE_HOST", "x"),
            ("PATH", "x"),
        ]))
    };
    let config = Config::resolve(layers().flag("threads", Some("3".to_owned()))).unwrap();
    assert_eq!((config.listen.port(), config.http.port(), config.threads), (1, 2, 3));
    let text = config.to_toml();
    for line in [
        "listen = \"127.0.0.1:1\"  # h.toml, listen\n",
        "http = \"127.0.0.1:2\"  # HANSOM_HTTP\n",
        "threads = 3  # --threads\n",
        "stale_after = \"60s\"  # default\n",
        "# record =  # not set\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn threads_look_for_more_as_long_as_they_are_told() {
    let told = |micros: &str| Config::resolve(nothing().flag("busy_poll_us", Some(micros.into())));
    assert_eq!(Config::resolve(nothing()).unwrap().busy_poll, Duration::ZERO);
    assert_eq!(told("1000").unwrap().busy_poll, Duration::from_millis(1));
    let Err(problems) = told("1001") else { panic!("longer than the longest") };
    assert!(problems.to_string().contains("0..=1000"), "{problems}");
}

#[test]
fn what_was_changed_is_told_in_a_line() {
    let layers = nothing().flag("threads", Some("3".to_owned())).flag("clock", Some("wall".into()));
    assert_eq!(Config::resolve(layers).unwrap().changed(), "threads=3");
}

#[test]
fn what_is_printed_gives_the_same_again() {
    let layers = nothing().file("h.toml", "record = \"a \\\"b\\\".trace\"\nclock = \"trace\"\n");
    let config = Config::resolve(layers).unwrap();
    let again = Config::resolve(nothing().file("again.toml", &config.to_toml())).unwrap();
    assert_eq!((config.record.clone(), config.clock), (again.record.clone(), again.clock));
    assert_eq!((config.index, config.listen), (again.index, again.listen));
    assert_eq!(again.record.unwrap().to_str(), Some("a \"b\".trace"));
}

#[test]
fn all_problems_are_reported_at_once_with_their_origin() {
    let file = "lisen = \"127.0.0.1:1\"\nthreads = 4096\nstale_after = \"2h\"\nhttp = [1]\n";
    let layers = nothing()
        .file("h.toml", file)
        .environment(variables(&[("HANSOM_CLOCK", "sundial"), ("HANSOM_LISTN", "x")]))
        .flag("listen", Some("0.0.0.0:7400".to_owned()))
        .flag("max_speed_m_s", Some("-1".to_owned()));
    let problems = Config::resolve(layers).unwrap_err();
    let text = problems.to_string();
    assert_eq!(problems.0.len(), 8, "{text}");
    for part in [
        "h.toml, lisen: is not a setting; did you mean listen?",
        "h.toml, http: array is not a plain value",
        "h.toml, threads: 4096 is not in 0..=256",
        "h.toml, stale_after: stale_after 7200000 ms is longer than forget_after 1800000 ms",
        "HANSOM_LISTN: is not a setting; did you mean HANSOM_LISTEN?",
        "HANSOM_CLOCK: \"sundial\" is neither wall nor trace",
        "--max-speed-m-s: -1 is not above 0",
        "--listen: 0.0.0.0:7400 can be reached from other machines",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn a_file_that_is_no_toml_is_a_problem_beside_others() {
    let layers = nothing().file("h.toml", "listen =").flag("threads", Some("x".to_owned()));
    let problems = Config::resolve(layers).unwrap_err();
    assert_eq!(problems.0.len(), 2, "{problems}");
    assert!(problems.0[0].to_string().starts_with("h.toml: "), "{problems}");
}

#[test]
fn the_open_door_has_to_be_asked_for() {
    let open = || nothing().flag("listen", Some("[::]:7400".to_owned()));
    assert!(Config::resolve(open()).is_err());
    let config = Config::resolve(open().flag("insecure", Some("true".to_owned()))).unwrap();
    assert!(config.insecure);
    let mapped = nothing().flag("listen", Some("[::ffff:127.0.0.1]:7400".to_owned()));
    assert!(Config::resolve(mapped).is_ok());
}

#[test]
fn durations_have_a_unit_and_a_range() {
    let stale = |text: &str| {
        Config::resolve(nothing().flag("stale_after", Some(text.to_owned())))
            .map(|config| config.index.stale_after)
            .map_err(|problems| problems.0[0].message.clone())
    };
    assert_eq!(stale("1500ms"), Ok(Millis(1_500)));
    assert_eq!(stale("2m"), Ok(Millis(120_000)));
    let week = Config::resolve(nothing().flag("forget_after", Some("7d".to_owned())));
    assert_eq!(week.map(|config| config.index.forget_after).ok(), Some(Millis(604_800_000)));
    assert!(stale("60").unwrap_err().contains("is not a duration"));
    assert!(stale("s").unwrap_err().contains("is not a duration"));
    assert!(stale("é").unwrap_err().contains("is not a duration"));
    assert_eq!(stale("0s"), Err("0s is not in 1ms..=7d".to_owned()));
    assert!(stale("99999999999999999999h").is_err());
}

#[test]
fn the_market_has_the_defaults_of_the_core_and_its_ranges() {
    let config = Config::resolve(nothing()).unwrap();
    let market = config.market.unwrap();
    let core = crate::dispatch::MarketConfig::new("main".parse().unwrap());
    assert_eq!((market.config, market.policy), (core, "batch"));
    let flag =
        |layers: Layers, name: &'static str, value: &str| layers.flag(name, Some(value.to_owned()));
    let none = Config::resolve(flag(nothing(), "market", "none")).unwrap();
    assert_eq!(none.market, None);
    let memory = Config::resolve(flag(nothing(), "journal", "none")).unwrap();
    assert_eq!(memory.market.unwrap().journal, None);
    // What cannot be read, and what can and is out of range, each with where it was said.
    let wrong = flag(flag(nothing(), "market", "Main!"), "policy", "lottery");
    let told = Config::resolve(wrong).unwrap_err();
    assert_eq!(told.0.len(), 2, "{told}");
    assert!(told.to_string().contains("--policy: \"lottery\" is none of greedy"), "{told}");
    let wrong = flag(flag(nothing(), "offer_timeout", "0s"), "tariff_per_km", "-1");
    let told = Config::resolve(wrong).unwrap_err();
    assert_eq!(told.0.len(), 2, "{told}");
    let expected = "--offer-timeout: offer_timeout_ms 0 is not in 1000..=600000";
    assert!(told.to_string().contains(expected), "{told}");
    assert!(told.to_string().contains("--tariff-per-km: "), "{told}");
}

#[test]
fn only_what_somebody_can_confirm_is_waited_for() {
    let with = |redis: &str, ack: &str| {
        let layers = nothing().flag("redis", Some(redis.to_owned()));
        Config::resolve(layers.flag("ack", Some(ack.to_owned())))
    };
    let (one, cluster) = ("redis://db:1", "redis://a:1,redis://b:1");
    for (ack, expected) in [
        ("local", Ack::Local),
        ("redis", Ack::Redis),
        ("replica", Ack::Replicas(1)),
        ("replica:3", Ack::Replicas(3)),
    ] {
        assert_eq!(with(one, ack).unwrap().standby.ack, expected);
    }
    assert!(with(cluster, "redis").is_ok() && with("", "local").is_ok());
    for (redis, ack, expected) in [
        ("", "redis", "--ack: without --redis only `local` can be waited for"),
        (cluster, "replica", "--ack: replicas of a cluster cannot be waited for; `redis` can"),
        (one, "replica:0", "--ack: 0 is not in 1..=16"),
        (one, "all", "--ack: \"all\" is none of local, redis, replica, replica:N"),
    ] {
        let problem = with(redis, ack).unwrap_err().to_string();
        assert!(problem.contains(expected), "{problem}");
    }
    let lease = |lease: &str| {
        Config::resolve(nothing().flag("market_lease", Some(lease.to_owned())))
            .map(|config| config.standby.lease)
    };
    assert_eq!(lease("2s").unwrap(), Terms::For(Millis(2_000)));
    assert_eq!(lease("none").unwrap(), Terms::Sole);
    let problem = lease("100ms").unwrap_err().to_string();
    assert!(problem.contains("--market-lease: 100ms is not in 500ms..=10m"), "{problem}");
}

#[test]
fn a_password_is_never_printed() {
    let with = |url: &str| nothing().flag("redis", Some(url.to_owned()));
    let config = Config::resolve(with("redis://ann:s3cret@db:1")).unwrap();
    assert!(config.redis.is_some());
    for text in [config.to_toml(), config.changed(), format!("{config:?}")] {
        assert!(text.contains("redis://ann:***@db:1") && !text.contains("s3cret"), "{text}");
    }
    let problem = Config::resolve(with("redis://ann:s3cret@db:99999")).unwrap_err().to_string();
    assert!(problem.contains("--redis: ") && !problem.contains("s3cret"), "{problem}");
    assert_eq!(Config::resolve(nothing()).unwrap().redis, None);
    let alone = nothing().flag("fallback_only", Some("true".to_owned()));
    let problem = Config::resolve(alone).unwrap_err().to_string();
    assert!(problem.contains("--fallback-only: needs redis"), "{problem}");
}
