//! The scripts on a real server: against the model, and each refusal of a write.

use std::collections::BTreeMap;

use hansom::succession::{Answer, Peer, Standing};

use super::model::{By, Model, address};
use super::support::{Chance, Hand};
use crate::redis::binary;
use crate::redis::process::Server;

const CLAIM: &str = include_str!("../../../src/succession/lua/claim.lua");
const RENEW: &str = include_str!("../../../src/succession/lua/renew.lua");
const RELEASE: &str = include_str!("../../../src/succession/lua/release.lua");
const POSITION: &str = include_str!("../../../src/succession/lua/position.lua");
const ADOPT: &str = include_str!("../../../src/succession/lua/adopt.lua");
const SHIP: &str = include_str!("../../../src/succession/lua/ship.lua");
const STAGE: &str = include_str!("../../../src/succession/lua/stage.lua");
const INSTALL: &str = include_str!("../../../src/succession/lua/install.lua");

const LEASE: [&str; 4] = ["lease", "fence", "waiting", "standbys"];
const RENEWED: [&str; 3] = ["lease", "fence", "standbys"];
const COPY: [&str; 7] = ["fence", "cursor", "open", "ended", "order", "events", "feed"];
const STAGED: [&str; 5] = ["fence", "new:open", "new:ended", "new:order", "new:events"];
const PLACED: [&str; 11] = [
    "fence",
    "cursor",
    "feed",
    "open",
    "ended",
    "order",
    "events",
    "new:open",
    "new:ended",
    "new:order",
    "new:events",
];

/// An answer as words: what it is, tokens, and names in order.
fn words(answer: &Answer) -> Vec<String> {
    let said = |word: &str, token: u64, names: Vec<&str>| {
        let names = names.into_iter().map(str::to_owned);
        [word.to_owned(), token.to_string()].into_iter().chain(names).collect()
    };
    let names = |peers: &'_ [Peer]| -> Vec<String> {
        let mut names: Vec<String> = peers.iter().map(|peer| peer.owner.clone()).collect();
        names.sort_unstable();
        names
    };
    let with = |word: &str, token: u64, peers: &[Peer]| -> Vec<String> {
        said(word, token, names(peers).iter().map(String::as_str).collect())
    };
    match answer {
        Answer::Claimed { token, standbys } => with("CLAIMED", *token, standbys),
        Answer::Free { token, whom } => with("FREE", *token, whom),
        Answer::Held { holder, .. } => said("HELD", holder.token, vec![&holder.owner]),
        Answer::Lost { holder } => said("LOST", holder.token, vec![&holder.owner]),
        Answer::Bare => said("BARE", 0, Vec::new()),
        Answer::Again => said("AGAIN", 0, Vec::new()),
        Answer::Renewed { standbys } => with("RENEWED", 0, standbys),
        Answer::Restored { standbys } => with("RESTORED", 0, standbys),
    }
}

/// What a script has told a process, likewise.
fn told(answer: &[String], owner: &str) -> Vec<String> {
    let (token, from) = match &*answer[0] {
        "CLAIMED" => (answer[1].clone(), 2),
        "FREE" => (answer[2].clone(), 4),
        "HELD" | "LOST" => (answer[2].clone(), answer.len()),
        _ => ("0".to_owned(), 1),
    };
    let of_standby =
        |standby: &String| standby.split_once(' ').expect("a name and an address").0.to_owned();
    let mut names: Vec<String> = answer[from..].iter().map(of_standby).collect();
    match &*answer[0] {
        "HELD" | "LOST" => names.push(answer[1].clone()),
        // Whoever had it last, unless it has given it back.
        "FREE" if !answer[1].is_empty() && answer[1] != owner && !answer[3].is_empty() => {
            names.push(answer[1].clone());
        }
        _ => {}
    }
    names.sort_unstable();
    names.dedup();
    [answer[0].clone(), token].into_iter().chain(names).collect()
}

/// The model's present, which does not pass.
const NOW: u64 = 1_000_000;

/// One of three does something with the lease, or something happens to it: what it should be answered, if
/// it is, and what it was.
fn step(
    (chance, model, hand): (&mut Chance, &mut Model, &mut Hand),
    owner: &str,
    held: u64,
) -> Option<(Answer, Vec<String>)> {
    let (by, at, token) = (By { owner, ttl: 1 }, address(owner), held.to_string());
    match chance.below(14) {
        0..3 => {
            let answer = hand.run(CLAIM, &LEASE, &[owner, &at, "60000", "0", "look", "0"]);
            return Some((model.look(NOW, by), answer));
        }
        3..6 => {
            let floor = chance.below(3);
            let seizes = chance.once_in(6);
            let how = if seizes { "seize" } else { "claim" };
            // Not the last one now and then.
            let after = model.token() + u64::from(chance.once_in(6));
            let (least, last) = (floor.to_string(), after.to_string());
            let answer = hand.run(CLAIM, &LEASE, &[owner, &at, "60000", &least, how, &last]);
            // Where nothing is known, the server's clock says what it goes on from.
            let clock = answer.get(1).and_then(|token| token.parse::<u64>().ok());
            let clock = clock.unwrap_or(1).saturating_sub(1);
            let expected = if seizes {
                model.seize(NOW, by, floor, clock)
            } else {
                model.claim(NOW, by, floor, after, clock)
            };
            return Some((expected, answer));
        }
        6..10 => {
            let over = chance.once_in(3);
            let (standing, word) =
                if over { (Standing::Over, "over") } else { (Standing::Valid, "valid") };
            let answer = hand.run(RENEW, &RENEWED, &[owner, &token, &at, "60000", word]);
            return Some((model.renew(NOW, by, held, standing), answer));
        }
        10 => {
            model.release(owner, held);
            hand.run(RELEASE, &RENEWED, &[owner, &token, &at]);
        }
        // The lease ends.
        11 => {
            model.end();
            hand.ask::<()>(&["DEL", "t:lease"]);
        }
        12 if chance.once_in(2) => {
            model.forget_standbys();
            hand.ask::<()>(&["DEL", "t:standbys"]);
        }
        _ if chance.once_in(4) => {
            model.flush();
            hand.ask::<()>(&["FLUSHALL"]);
        }
        _ => {
            model.wait();
            hand.ask::<Option<String>>(&["SET", "t:waiting", "0", "XX"]);
        }
    }
    None
}

#[test]
fn the_scripts_of_the_lease_do_what_the_model_does() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let mut hand = Hand::on(&server);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..20 {
        let (mut chance, mut model) = (Chance::new(seed), Model::default());
        let mut tokens = [0_u64; 3];
        hand.ask::<()>(&["FLUSHALL"]);
        for _ in 0..200 {
            let who = usize::try_from(chance.below(3)).unwrap();
            let owner = format!("p{who}");
            let world = (&mut chance, &mut model, &mut hand);
            let Some((expected, answer)) = step(world, &owner, tokens[who]) else { continue };
            if let Answer::Claimed { token, .. } = expected {
                tokens[who] = token;
            }
            let answer = told(&answer, &owner);
            *seen.entry(answer[0].clone()).or_default() += 1;
            assert_eq!(answer, words(&expected), "seed {seed}");
        }
    }
    println!("{seen:?}");
    for word in ["CLAIMED", "HELD", "FREE", "AGAIN", "BARE", "RENEWED", "RESTORED", "LOST"] {
        assert!(seen.get(word).is_some_and(|count| *count > 20), "{word}: {seen:?}");
    }
}

/// A process with a token, which writes.
struct Writer<'a> {
    hand: &'a mut Hand,
    token: &'static str,
    owner: &'static str,
}

impl Writer<'_> {
    fn ship(&mut self, from: &str, to: &str, events: &[[&str; 4]], trips: &[[&str; 4]]) -> String {
        let count = events.len().to_string();
        let mut arguments = vec![self.token, self.owner, from, to, "head", "2", "1000", &count];
        arguments.extend(events.iter().flatten());
        arguments.extend(trips.iter().flatten());
        self.hand.run(SHIP, &COPY, &arguments).join(" ")
    }

    fn begin(&mut self, seq: &str) -> String {
        self.hand.run(STAGE, &STAGED, &[self.token, self.owner, "first"]);
        let arguments = [self.token, self.owner, seq, "head", "0", "0"];
        self.hand.run(INSTALL, &PLACED, &arguments).join(" ")
    }
}

/// Takes the lease; the first token is 1.
fn claim(hand: &mut Hand, owner: &str) -> Vec<String> {
    hand.ask::<()>(&["HSETNX", "t:fence", "token", "0"]);
    let found = hand.run(CLAIM, &LEASE, &[owner, "here", "60000", "0", "look", "0"]);
    if found[0] != "FREE" {
        return found;
    }
    hand.run(CLAIM, &LEASE, &[owner, "here", "60000", "0", "claim", &found[2]])
}

fn hash(hand: &mut Hand, name: &str) -> BTreeMap<String, String> {
    hand.ask(&["HGETALL", &format!("t:{name}")])
}

#[test]
fn a_write_lands_only_with_the_last_token_and_at_the_cursor() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let mut hand = Hand::on(&server);
    let requested = [["1", "1", "1", "requested"]];
    let open = [["O", "1", "0", "waiting"]];
    let mut one = Writer { hand: &mut hand, token: "1", owner: "one" };
    assert_eq!(one.ship("0", "1", &requested, &open), "BARE", "nobody has a lease");
    assert_eq!(claim(one.hand, "one"), ["CLAIMED", "1"]);
    assert_eq!(one.ship("0", "1", &requested, &open), "CURSOR  ", "there is no copy yet");
    assert_eq!(one.begin("0"), "OK");
    assert_eq!(one.ship("0", "1", &requested, &open), "OK");
    assert_eq!(one.ship("0", "1", &requested, &open), "CURSOR 1 1", "it is there already");
    assert_eq!(hash(one.hand, "open"), BTreeMap::from([("1".to_owned(), "waiting".to_owned())]));
    assert_eq!(hash(one.hand, "events").len(), 1);

    // Its lease ends while it sleeps, and another goes on from where it was.
    one.hand.ask::<()>(&["DEL", "t:lease"]);
    assert_eq!(claim(one.hand, "two"), ["CLAIMED", "2"]);
    let adopt = ["2", "two", "1", "1"];
    assert_eq!(one.hand.run(ADOPT, &COPY[..2], &adopt), ["OK"]);
    let stale = [["O", "1", "0", "stale"]];
    assert_eq!(one.ship("1", "2", &[["1", "2", "2", "offered"]], &stale), "FENCED 2");
    assert_eq!(one.begin("0"), "FENCED 2", "nor does a whole copy land");
    assert_eq!(one.hand.run(POSITION, &COPY[..2], &["1", "one"]), ["FENCED", "2"]);
    assert_eq!(one.hand.run(ADOPT, &COPY[..2], &["1", "one", "2", "1"]), ["FENCED", "2"]);
    // The same token in other hands, as where a failover lost a claim.
    let mut twin = Writer { hand: &mut *one.hand, token: "2", owner: "one" };
    assert_eq!(twin.ship("1", "2", &[], &stale), "FENCED 2");
    assert_eq!(hash(&mut hand, "open")["1"], "waiting", "no stale write has landed");
    assert_eq!(hand.run(POSITION, &COPY[..2], &["2", "two"]), ["CURSOR", "2", "1"]);
    // It is not had while somebody has it, unless it is seized.
    assert_eq!(claim(&mut hand, "one")[..2], ["HELD", "two"]);
    let seize = ["three", "there", "0", "0", "seize", "0"];
    assert_eq!(hand.run(CLAIM, &LEASE, &seize), ["CLAIMED", "3", "one here"], "who waits is named");
    let renew = ["two", "2", "here", "60000", "valid"];
    assert_eq!(hand.run(RENEW, &RENEWED, &renew)[..2], ["LOST", "three"]);
    assert_eq!(hand.ask::<i64>(&["PTTL", "t:lease"]), -1, "for ever");
}

#[test]
fn trips_move_from_open_to_ended_and_the_oldest_go_with_their_events() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let mut hand = Hand::on(&server);
    claim(&mut hand, "one");
    let mut one = Writer { hand: &mut hand, token: "1", owner: "one" };
    assert_eq!(one.begin("0"), "OK");
    let mut seq = 0;
    for trip in ["1", "2", "3"] {
        let before = seq.to_string();
        let (first, last) = ((seq + 1).to_string(), (seq + 2).to_string());
        let events = [[trip, "1", &first, "requested"], [trip, "2", &last, "ended"]];
        // Open and ended within one shipment.
        let trips = [["O", trip, "0", "waiting"], ["E", trip, &last, "over"]];
        assert_eq!(one.ship(&before, &last, &events, &trips), "OK");
        seq += 2;
    }
    assert!(hash(one.hand, "open").is_empty());
    let ended = hash(one.hand, "ended");
    assert_eq!(ended.keys().collect::<Vec<_>>(), ["2", "3"], "two are kept");
    let events: Vec<String> = hash(one.hand, "events").into_keys().collect();
    assert_eq!(events, ["2/1", "2/2", "3/1", "3/2"]);
    // A rating of one that is kept, and of one that is not.
    assert_eq!(one.ship("6", "7", &[["3", "3", "7", "rated"]], &[["A", "3", "0", "rated"]]), "OK");
    assert_eq!(one.ship("7", "8", &[["1", "3", "8", "rated"]], &[["A", "1", "0", "rated"]]), "OK");
    assert_eq!(hash(one.hand, "ended")["3"], "rated");
    let cursor = hash(one.hand, "cursor");
    let told = ["term", "seq", "open", "ended", "events"].map(|field| cursor[field].as_str());
    assert_eq!(told, ["1", "8", "0", "2", "5"]);
    let feed: Vec<(String, Vec<String>)> = one.hand.ask(&["XRANGE", "t:feed", "-", "+"]);
    assert_eq!(feed.len(), 8);
    assert_eq!(
        feed[7],
        ("1-8".to_owned(), ["trip", "1", "event", "rated"].map(String::from).into())
    );
}

#[test]
fn a_whole_copy_takes_the_place_of_the_old_one_at_once() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let mut hand = Hand::on(&server);
    claim(&mut hand, "one");
    let mut one = Writer { hand: &mut hand, token: "1", owner: "one" };
    assert_eq!(one.begin("0"), "OK");
    assert_eq!(one.ship("0", "1", &[["1", "1", "1", "a"]], &[["O", "1", "0", "old"]]), "OK");
    let staged = ["1", "one", "first", "O", "7", "0", "new", "2", "x", "y"];
    assert_eq!(one.hand.run(STAGE, &STAGED, &staged), ["OK"]);
    let staged = ["1", "one", "next", "E", "5", "99", "over", "1", "z"];
    assert_eq!(one.hand.run(STAGE, &STAGED, &staged), ["OK"]);
    assert_eq!(hash(one.hand, "open")["1"], "old", "the old copy is there until the last moment");
    // A part of it is missing, as where another Redis has taken over in between.
    let install = |count: &'static str| ["1", "one", "40", "h", count, "1"];
    assert_eq!(one.hand.run(INSTALL, &PLACED, &install("2")), ["STAGED", "1", "1"]);
    assert_eq!(hash(one.hand, "open")["1"], "old");
    assert_eq!(one.hand.run(INSTALL, &PLACED, &install("1")), ["OK"]);
    assert_eq!(hash(one.hand, "open"), BTreeMap::from([("7".to_owned(), "new".to_owned())]));
    assert_eq!(hash(one.hand, "ended"), BTreeMap::from([("5".to_owned(), "over".to_owned())]));
    let events: Vec<String> = hash(one.hand, "events").into_keys().collect();
    assert_eq!(events, ["5/1", "7/1", "7/2"]);
    assert_eq!(one.ship("40", "41", &[["7", "3", "41", "b"]], &[["O", "7", "0", "newer"]]), "OK");
    let left: Vec<String> = one.hand.ask(&["KEYS", "t:new:*"]);
    assert!(left.is_empty(), "{left:?}");
}
