//! A lease as one process sees it; and many processes, of which never two may rely on it at one moment,
//! but for the one hole that the manual names.

use std::time::Duration;

use hansom::clock::stopwatch;
use hansom::limits::{ALONE_STRIDE_MS, MAX_STANDBYS, PEER_PATIENCE_MS};
use hansom::succession::{
    Answer, Change, Extension, Heard, Held, Holder, Lease, Open, Peer, Standing, Step, Terms,
};
use hansom::units::Millis;

use super::model::peer;
use super::world::{Flaw, TTL, Tally, Weather, World};

/// Everything that can go wrong.
const STORM: Weather = Weather {
    flush: 40_000,
    outage: 20_000,
    pause: 15_000,
    death: 60_000,
    cut_from_redis: 25_000,
    cut: 20_000,
    bad_letter: 15,
};

/// The same, but that processes reach each other in good time, and nobody empties Redis.
const NEIGHBOURS: Weather =
    Weather { flush: 0, cut: 0, bad_letter: 0, pause: 40_000, death: 120_000, ..STORM };

/// Nothing but outages of Redis.
const OUTAGES: Weather = Weather { pause: 0, death: 0, cut_from_redis: 0, ..NEIGHBOURS };

/// How long each world lasts.
const RUN: u64 = 120_000;

fn run(seed: u64, flaw: Flaw, weather: Weather, tally: &mut Tally) {
    World::new(seed, flaw, weather, tally).run(RUN);
}

#[test]
fn never_do_two_processes_rely_on_the_lease_but_through_the_hole() {
    let mut tally = Tally::default();
    for seed in 0..60 {
        run(seed, Flaw::None, STORM, &mut tally);
        assert_eq!(tally.two, 0, "seed {seed}: {tally:?}");
    }
    println!("{tally:?}");
    assert!(tally.active_ms > 60 * RUN / 2, "somebody is active most of the time: {tally:?}");
    let seen = [
        tally.gained,
        tally.stepped_down,
        tally.bare,
        tally.restored,
        tally.unanswered,
        tally.pauses_over_the_end,
        tally.promises,
        tally.strides,
        tally.warned,
        tally.hole,
    ];
    assert!(seen.iter().all(|count| *count > 50), "{tally:?}");
}

#[test]
fn never_do_two_where_processes_reach_each_other() {
    let mut tally = Tally::default();
    for seed in 100..160 {
        run(seed, Flaw::None, NEIGHBOURS, &mut tally);
        assert_eq!((tally.two, tally.hole), (0, 0), "seed {seed}: {tally:?}");
    }
    println!("{tally:?}");
    assert!(tally.pauses_over_the_end > 50 && tally.warned > 50, "{tally:?}");
}

#[test]
fn outages_of_redis_stop_nobody() {
    let mut tally = Tally::default();
    (200..230).for_each(|seed| run(seed, Flaw::None, OUTAGES, &mut tally));
    let share = tally.active_in_outage_ms as f64 / tally.outage_ms as f64;
    println!("{share}: {tally:?}");
    // But for those that begin before anybody was active.
    assert!(tally.outage_ms > 5 * RUN && share > 0.9 && tally.two == 0, "{share}: {tally:?}");
}

#[test]
fn processes_that_go_wrong_are_caught() {
    for flaw in [
        Flaw::CountsFromTheAnswer,
        Flaw::TakesBareAtOnce,
        Flaw::NeverOver,
        Flaw::BreaksPromises,
        Flaw::AsksNobody,
        Flaw::Impatient,
        Flaw::GoesOnRegardless,
        Flaw::CountsPromisesFromTheAnswer,
    ] {
        let mut tally = Tally::default();
        for seed in 0..300 {
            run(seed, flaw, STORM, &mut tally);
            if tally.two > 0 {
                break;
            }
        }
        println!("{flaw:?}: {}", tally.two);
        assert!(tally.two > 0, "{flaw:?}: {tally:?}");
    }
}

/// One that holds the lease since a moment, with these standbys.
fn holder_of(begun: std::time::Instant, standbys: Vec<Peer>) -> Lease {
    let mut lease = Lease::new(Terms::For(Millis(TTL)), 4);
    free(&mut lease, begun, 4, Vec::new());
    lease.sent(begun);
    let gained = lease.answered(begun, Answer::Claimed { token: 5, standbys });
    assert_eq!(gained, Change::Gained { token: 5 });
    lease
}

fn free(lease: &mut Lease, now: std::time::Instant, token: u64, whom: Vec<Peer>) {
    assert_eq!(lease.next(now), Step::Look);
    lease.sent(now);
    assert_eq!(lease.answered(now, Answer::Free { token, whom }), Change::None);
}

#[test]
fn without_redis_it_goes_on_as_long_as_all_standbys_hold_back() {
    let (begun, ttl) = (stopwatch(), Duration::from_millis(TTL));
    let mut lease = holder_of(begun, vec![peer("a"), peer("b")]);
    let asks = begun + ttl / 2;
    assert_eq!(lease.extension(begun), Extension::Wait { until: asks });
    let ask = Extension::Ask { whom: vec![peer("a"), peer("b")], token: 5, span: Millis(TTL) };
    assert_eq!(lease.extension(asks), ask);
    lease.asking(asks);
    assert_eq!(lease.extension(asks), Extension::Wait { until: asks + ttl / 12 });
    let end = begun + ttl * 4 / 5;
    lease.granted(asks, asks, 5, "a");
    assert_eq!(lease.open_until(), Open::Until(end), "one of two is not enough");
    lease.granted(asks, asks, 4, "b");
    assert_eq!(lease.open_until(), Open::Until(end), "it is of another lease");
    lease.granted(asks, asks, 5, "b");
    let later = asks + ttl * 4 / 5;
    assert_eq!(lease.open_until(), Open::Until(later), "counted from before they were asked");
    // Redis is back, and has forgotten all: it is as valid as ever.
    let renewal = Step::Renew { token: 5, standing: Standing::Valid };
    assert_eq!(lease.next(end + ttl / 5), renewal);
    lease.sent(end + ttl / 5);
    let restored = Answer::Restored { standbys: Vec::new() };
    assert_eq!(lease.answered(end + ttl / 5, restored), Change::None);
    assert_eq!(lease.open_until(), Open::Until(end + ttl));
    // Nobody is known any more: it goes on by itself, a stride at a time.
    let alone = end + ttl * 9 / 10;
    assert_eq!(lease.extension(alone), Extension::Alone);
    lease.go_on(alone);
    let stride = Duration::from_millis(ALONE_STRIDE_MS);
    assert_eq!(lease.open_until(), Open::Until(alone + stride));
    // Somebody comes by: without it, no further.
    let asked = lease.asked(alone, peer("c"));
    assert_eq!(asked, Heard::Somebody { wait: Millis(ALONE_STRIDE_MS) });
    lease.go_on(alone + stride / 2);
    assert_eq!(lease.open_until(), Open::Until(alone + stride));
    let ask = Extension::Ask { whom: vec![peer("c")], token: 5, span: Millis(TTL) };
    assert_eq!(lease.extension(alone + stride / 2), ask);
    // What comes too late is of no use, until Redis says so.
    let over = alone + stride;
    lease.granted(over, alone + stride / 2, 5, "c");
    assert_eq!(lease.extension(over), Extension::Never);
    assert_eq!(lease.asked(over, peer("c")), Heard::Nobody);
}

#[test]
fn it_goes_on_no_further_when_it_is_to_end_or_too_many_wait() {
    let begun = stopwatch();
    let later = begun + Duration::from_millis(TTL) * 3 / 5;
    let crowd = |count: usize| (0..count).map(|number| peer(&number.to_string())).collect();
    let lease = holder_of(begun, crowd(MAX_STANDBYS + 1));
    assert_eq!(lease.extension(later), Extension::Never);
    let mut lease = holder_of(begun, crowd(MAX_STANDBYS));
    assert!(matches!(lease.extension(later), Extension::Ask { .. }));
    lease.retire();
    assert_eq!(lease.extension(later), Extension::Never);
    let mut lease = holder_of(begun, crowd(0));
    for number in 0..10 * MAX_STANDBYS {
        lease.asked(later, peer(&number.to_string()));
    }
    assert_eq!(
        lease.extension(later),
        Extension::Never,
        "whoever asks is remembered, within bounds"
    );
}

#[test]
fn a_standby_that_has_promised_takes_nothing_before() {
    let (now, ttl) = (stopwatch(), Duration::from_millis(TTL));
    let mut lease = Lease::new(Terms::For(Millis(TTL)), 4);
    assert_eq!(lease.promise(now, 3, Millis(TTL)), Held::Later { token: 4 });
    assert_eq!(lease.promise(now, 4, Millis(TTL)), Held::Granted);
    assert_eq!(lease.asked(now, peer("c")), Heard::Somebody { wait: Millis(TTL) });
    free(&mut lease, now, 4, Vec::new());
    assert_eq!(lease.next(now), Step::Wait { until: now + ttl / 3 }, "it stays known as a standby");
    free(&mut lease, now + ttl, 4, vec![peer("a")]);
    let ask = Step::Ask { whom: vec![peer("a")], token: 4 };
    assert_eq!(lease.next(now + ttl), ask);
    // A promise while others are asked, or after: what they say is of no use any more.
    assert_eq!(lease.promise(now + ttl, 4, Millis(10)), Held::Granted);
    lease.heard(now + ttl, Heard::Nobody);
    assert!(matches!(lease.next(now + ttl), Step::Wait { .. }));
    let then = now + ttl * 2;
    free(&mut lease, then, 4, vec![peer("a")]);
    lease.heard(then, Heard::Nobody);
    assert_eq!(lease.next(then), Step::Claim { after: 4 });
    // None while its claim is under way.
    lease.sent(then);
    assert_eq!(lease.promise(then, 4, Millis(TTL)), Held::Refused);
    assert_eq!(lease.answered(then, Answer::Again), Change::None);
    assert_eq!(lease.next(then), Step::Look);
    free(&mut lease, then, 4, vec![peer("a")]);
    lease.heard(then, Heard::Somebody { wait: Millis(TTL) });
    assert_eq!(lease.next(then), Step::Wait { until: then + ttl / 6 }, "it asks again");
    const { assert!(ALONE_STRIDE_MS < PEER_PATIENCE_MS, "who sleeps has stopped by then") };
}

#[test]
fn a_lease_is_renewed_in_time_and_given_up_before_its_end() {
    let (begun, ttl) = (stopwatch(), Duration::from_millis(TTL));
    let mut lease = Lease::new(Terms::For(Millis(TTL)), 4);
    free(&mut lease, begun, 4, Vec::new());
    assert_eq!(lease.next(begun), Step::Claim { after: 4 });
    lease.sent(begun);
    let answered = begun + Duration::from_millis(100);
    let claimed = Answer::Claimed { token: 5, standbys: Vec::new() };
    assert_eq!(lease.answered(answered, claimed), Change::Gained { token: 5 });
    assert_eq!(lease.next(answered), Step::Wait { until: begun + ttl / 3 });
    assert_eq!(lease.next(begun + ttl / 3), Step::Renew { token: 5, standing: Standing::Valid });
    assert_eq!(lease.open_until(), Open::Until(begun + ttl * 4 / 5), "from before it was asked");
    // Nobody answers: it is asked again, and not relied upon for longer.
    let later = begun + ttl / 2;
    lease.sent(later);
    lease.failed(later);
    assert_eq!(lease.next(later), Step::Wait { until: later + ttl / 12 });
    assert_eq!(lease.open_until(), Open::Until(begun + ttl * 4 / 5));
    lease.sent(later);
    let renewed = Answer::Renewed { standbys: Vec::new() };
    assert_eq!(lease.answered(later, renewed.clone()), Change::None);
    assert_eq!(lease.open_until(), Open::Until(later + ttl * 4 / 5));
    // Its time has passed: it may have been another's, unless Redis knows better.
    let over = later + ttl;
    let renewal = Step::Renew { token: 5, standing: Standing::Over };
    assert_eq!(lease.next(over), renewal);
    // An answer that comes when what it grants is over grants nothing.
    lease.sent(over);
    assert_eq!(lease.answered(over + ttl, renewed), Change::None);
    assert_eq!(lease.open_until(), Open::Until(later + ttl * 4 / 5));
    lease.sent(over);
    let restored = Answer::Restored { standbys: Vec::new() };
    assert_eq!(lease.answered(over, restored), Change::Lost);
}

#[test]
fn a_token_that_was_given_out_before_is_not_accepted() {
    let now = stopwatch();
    let mut lease = Lease::new(Terms::For(Millis(TTL)), 5);
    let claimed = |token| Answer::Claimed { token, standbys: Vec::new() };
    free(&mut lease, now, 5, Vec::new());
    lease.sent(now);
    assert_eq!(lease.answered(now, claimed(5)), Change::None);
    assert_eq!(lease.open_until(), Open::Never);
    // An answer that nobody asked for counts from nothing.
    assert_eq!(lease.answered(now, claimed(6)), Change::None);
    assert_eq!(lease.token(), None);
}

#[test]
fn whoever_is_alone_waits_for_nobody_and_acts_until_told_otherwise() {
    let now = stopwatch();
    let mut lease = Lease::new(Terms::Sole, 0);
    assert_eq!(lease.next(now), Step::Seize);
    lease.sent(now);
    let claimed = Answer::Claimed { token: 1, standbys: Vec::new() };
    assert_eq!(lease.answered(now, claimed), Change::Gained { token: 1 });
    lease.sent(now);
    lease.failed(now);
    assert_eq!(lease.open_until(), Open::Always, "also while Redis is gone");
    lease.sent(now);
    let holder = Holder { owner: "another".to_owned(), token: 2, address: String::new() };
    assert_eq!(lease.answered(now, Answer::Lost { holder }), Change::Lost);
    assert_eq!((lease.open_until(), lease.floor()), (Open::Never, 2));
    let later = now + Duration::from_mins(1);
    assert_eq!(lease.next(later), Step::Look, "it does not take it back");
}
