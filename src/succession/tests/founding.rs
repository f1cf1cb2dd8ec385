//! A journal from what a predecessor left, and its lineage.

use std::sync::Arc;

use crate::dispatch::{
    Command, Event, Journey, LiveSupply, Market, MarketConfig, Needs, Reply, RiderReason,
    TripRequest, Urgency, policy::Greedy,
};
use crate::geo::{Degrees, LatLng};
use crate::index::{IndexConfig, ScanIndex};
use crate::journal::{
    self, Batch, CommitError, Fault, Journal, JournalConfig, MemoryJournal, Ordinal, ReadError,
    RedbJournal, Seq, StreamId,
};
use crate::model::Capacity;
use crate::records;
use crate::succession::found::{fill, finish, found, trips};
use crate::succession::{Ack, Copy, FoundError, Gate, Lineage, Open, ShippedJournal};
use crate::travel::StraightLine;
use crate::units::Timestamp;

/// A market with riders only, and all that has happened in it.
struct Town {
    market: Market,
    map: ScanIndex,
    now: Timestamp,
    events: Vec<Event>,
}

impl Town {
    fn new() -> Self {
        let config = MarketConfig::new("sf".parse().unwrap());
        let travel = Arc::new(StraightLine::default());
        let market = Market::new(config, Box::new(Greedy::default()), travel).unwrap();
        let (map, now) =
            (ScanIndex::new(IndexConfig::default()), Timestamp::from_secs(1_700_000_000));
        Self { market, map, now, events: Vec::new() }
    }

    fn apply(&mut self, command: Command) -> Reply {
        let mut supply = LiveSupply::new(&self.map, self.now);
        self.market.apply(self.now, command, &mut supply, &mut self.events).unwrap()
    }

    fn request(&mut self, rider: &str) -> u64 {
        let pickup = LatLng::try_from(Degrees { lat: 37.5, lng: -122.25 }).unwrap();
        let passengers = Capacity::try_from(1).unwrap();
        let journey = Journey { pickup, dropoff: Some(pickup), passengers, needs: Needs::NONE };
        let (key, rider) = (rider.parse().unwrap(), rider.parse().unwrap());
        let urgency = Urgency::Batch;
        let wanted = TripRequest { key, rider, journey, quote: None, urgency };
        match self.apply(Command::RequestTrip(Box::new(wanted))) {
            Reply::Requested { trip, .. } => trip.number(),
            other => panic!("{other:?}"),
        }
    }

    fn cancel(&mut self, number: u64, rider: &str) {
        let (trip, rider) = (self.market.config().market.trip(number), rider.parse().unwrap());
        self.apply(Command::CancelTrip { trip, rider, reason: RiderReason::Other });
    }

    /// What Redis has of it: all that is open, and of the ended trips those from a number on.
    fn copy(&self, ended_from: u64) -> Copy {
        let head = self.market.head();
        let mut copy = Copy { term: 7, seq: Seq(head.seq.0), ..Copy::default() };
        records::encode_head(&head, &mut copy.head);
        let ended = self.market.ended_trips().filter(|trip| trip.id.number() >= ended_from);
        for trip in self.market.open_trips().chain(ended) {
            let mut state = Vec::new();
            records::encode_trip(trip, &mut state);
            let to = if trip.end.is_some() { &mut copy.ended } else { &mut copy.open };
            to.insert(trip.id.number(), state);
        }
        for event in &self.events {
            let number = event.trip.number();
            if copy.open.contains_key(&number) || copy.ended.contains_key(&number) {
                let mut bytes = Vec::new();
                records::encode_event(event, &mut bytes);
                copy.events.insert((number, event.ordinal), bytes);
            }
        }
        copy
    }
}

/// Ten trips, of which two have ended lately and four long ago.
fn town() -> Town {
    let mut town = Town::new();
    for number in 1..=10 {
        let rider = format!("rider-{number}");
        assert_eq!(town.request(&rider), number);
        if number <= 6 {
            town.cancel(number, &rider);
        }
    }
    town
}

fn open_gate() -> Arc<Gate> {
    let gate = Arc::new(Gate::default());
    gate.set(Open::Always);
    gate
}

/// The next batch of the town's market, after what it already had.
fn next_batch(town: &mut Town, rider: &str) -> Batch {
    let had = town.events.len();
    let number = town.request(rider);
    let mut batch = Batch::default();
    for event in &town.events[had..] {
        let mut bytes = Vec::new();
        records::encode_event(event, &mut bytes);
        let (seq, ordinal) = (Seq(event.seq.0), Ordinal(event.ordinal));
        let stream = StreamId(event.trip.number());
        batch.event(journal::Event { seq, stream, ordinal, at: event.at, bytes });
    }
    let mut state = Vec::new();
    let trip = town.market.trip(town.market.config().market.trip(number)).unwrap();
    records::encode_trip(trip, &mut state);
    batch.put(StreamId(number), state);
    let mut head = Vec::new();
    records::encode_head(&town.market.head(), &mut head);
    batch.set_head(head);
    batch
}

#[test]
fn a_founded_journal_has_all_that_the_copy_has_and_goes_on_with_its_numbers() {
    let (mut town, parent) = (town(), tempfile::tempdir().unwrap());
    let (copy, folder) = (town.copy(5), parent.path().join("sf"));
    assert_eq!((copy.open.len(), copy.ended.len(), copy.events.len()), (4, 2, 8));
    let lineage = found(&folder, &copy, 8).unwrap();
    assert_eq!(lineage, Lineage { term: 8, shift: 16 - 8 });
    assert_eq!(Lineage::read(&folder).unwrap(), lineage);
    let inner = Arc::new(RedbJournal::open(&folder, JournalConfig::default()).unwrap());
    let journal = ShippedJournal::new(inner, lineage.shift, open_gate(), Ack::Local);
    assert_eq!(journal.last(), Seq(16));
    assert_eq!(journal.head().unwrap().unwrap(), copy.head);
    let open = journal.open_streams(StreamId::NONE, 100).unwrap().rows;
    let states: Vec<_> = open.into_iter().map(|row| (row.stream.0, row.state)).collect();
    assert_eq!(states, copy.open.clone().into_iter().collect::<Vec<_>>());
    for ((number, ordinal), bytes) in &copy.events {
        let page = journal.events_of(StreamId(*number), Ordinal(*ordinal), 1).unwrap();
        assert_eq!(page.rows[0].bytes, *bytes);
    }
    let gone = journal.events_of(StreamId(1), Ordinal(1), 1);
    assert_eq!(gone.unwrap_err(), ReadError::UnknownStream { stream: StreamId(1) });
    // What a market would have committed next fits, and comes back with the market's number.
    assert_eq!(journal.commit(&next_batch(&mut town, "late")).unwrap(), Seq(17));
    let page = journal.events_of(StreamId(11), Ordinal(1), 10).unwrap();
    assert_eq!((page.rows.len(), page.rows[0].seq), (1, Seq(17)));
    assert_eq!(journal.stats().last, Seq(17));
    let wrong = journal.commit(&town_batch_with_gap(&mut town)).unwrap_err();
    assert!(matches!(wrong, CommitError::Refused(_)), "{wrong}");
}

fn town_batch_with_gap(town: &mut Town) -> Batch {
    town.cancel(11, "late");
    next_batch(town, "later")
}

#[test]
fn what_was_in_the_folder_is_kept_beside_it_and_an_unfinished_change_is_finished() {
    let (town, parent) = (town(), tempfile::tempdir().unwrap());
    let folder = parent.path().join("sf");
    drop(RedbJournal::open(&folder, JournalConfig::default()).unwrap());
    std::fs::write(folder.join("mine"), "old").unwrap();
    found(&folder, &town.copy(5), 8).unwrap();
    let old = parent.path().join("sf.before-8");
    assert_eq!(std::fs::read_to_string(old.join("mine")).unwrap(), "old");
    // The process dies between the two renames of the next time.
    let fresh = parent.path().join("sf.founding-9");
    std::fs::rename(&folder, &fresh).unwrap();
    finish(&folder).unwrap();
    assert!(!folder.exists(), "its lineage says another term: it was not finished");
    Lineage { term: 9, shift: 8 }.write(&fresh).unwrap();
    finish(&folder).unwrap();
    assert_eq!(Lineage::read(&folder).unwrap(), Lineage { term: 9, shift: 8 });
    RedbJournal::open(&folder, JournalConfig::default()).unwrap();
}

#[test]
fn a_copy_that_contradicts_itself_makes_no_journal() {
    let town = town();
    let sound = town.copy(5);
    assert_eq!(trips(&sound).unwrap().len(), 6);
    let mut lacking = sound.clone();
    lacking.events.remove(&(8, 1));
    let mut torn = sound.clone();
    torn.open.get_mut(&8).unwrap().truncate(4);
    let mut set_back = sound.clone();
    set_back.seq = Seq(15);
    let mut swapped = sound.clone();
    let (seven, eight) = (sound.open[&7].clone(), sound.open[&8].clone());
    swapped.open.extend([(7, eight), (8, seven)]);
    let mut twice = sound.clone();
    twice.ended.insert(8, sound.open[&8].clone());
    for (name, copy) in [
        ("lacking", lacking),
        ("torn", torn),
        ("set back", set_back),
        ("swapped", swapped),
        ("twice", twice),
    ] {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("sf");
        drop(RedbJournal::open(&folder, JournalConfig::default()).unwrap());
        let error = found(&folder, &copy, 8).expect_err(name);
        assert!(
            matches!(error, FoundError::Contradiction { .. } | FoundError::Record { .. }),
            "{name}: {error}"
        );
        assert_eq!(Lineage::read(&folder).unwrap(), Lineage::default(), "{name}: it is as it was");
    }
}

#[test]
fn ten_thousand_open_trips_are_all_there() {
    let mut town = Town::new();
    for number in 1..=10_000 {
        town.request(&format!("rider-{number}"));
    }
    let (copy, journal) = (town.copy(0), MemoryJournal::default());
    assert_eq!(fill(&copy, &journal).unwrap(), 0);
    assert_eq!(journal.stats().open, 10_000);
    let mut rows = Vec::new();
    loop {
        let after = rows.last().map_or(StreamId::NONE, |row: &journal::OpenStream| row.stream);
        let page = journal.open_streams(after, 4_096).unwrap();
        rows.extend(page.rows);
        if !page.more {
            break;
        }
    }
    let states: Vec<_> = rows.into_iter().map(|row| (row.stream.0, row.state)).collect();
    assert_eq!(states, copy.open.into_iter().collect::<Vec<_>>());
}

#[test]
fn the_later_term_knows_more_and_within_one_the_longer_history() {
    let own = Lineage { term: 7, shift: 0 };
    for (term, seq, behind) in
        [(7, 100, false), (7, 99, false), (7, 101, true), (8, 1, true), (6, 999, false)]
    {
        assert_eq!(own.is_behind(Seq(100), term, Seq(seq)), behind, "{term} {seq}");
    }
}

#[test]
fn nothing_is_committed_or_told_without_the_lease() {
    let (mut town, gate) = (Town::new(), Arc::new(Gate::default()));
    let inner = Arc::new(MemoryJournal::default());
    let journal = ShippedJournal::new(
        Arc::clone(&inner) as Arc<dyn Journal>,
        0,
        Arc::clone(&gate),
        Ack::Local,
    );
    let batch = next_batch(&mut town, "late");
    let closed =
        |result: Result<Seq, CommitError>| matches!(result, Err(CommitError::Closed { .. }));
    assert!(closed(journal.commit(&batch)));
    assert!(closed(journal.commit(&Batch::default())), "nor is nothing");
    assert!(matches!(journal.head(), Err(ReadError::Closed { .. })));
    assert_eq!(inner.stats().last, Seq::ZERO);
    gate.set(Open::Always);
    assert_eq!(journal.commit(&batch).unwrap(), Seq(1));
    assert_eq!(journal.unconfirmed(), 1);
    assert!(journal.head().unwrap().is_some());
    gate.set(Open::Never);
    assert!(matches!(journal.stream(StreamId(1)), Err(ReadError::Closed { .. })));
    journal.close();
    gate.set(Open::Always);
    assert!(closed(journal.commit(&batch)), "it was let go");
}

#[test]
fn a_failed_commit_is_not_shipped() {
    let mut town = Town::new();
    let inner = Arc::new(MemoryJournal::default());
    inner.fail(1, Fault::After);
    let journal =
        ShippedJournal::new(Arc::clone(&inner) as Arc<dyn Journal>, 0, open_gate(), Ack::Local);
    assert!(journal.commit(&next_batch(&mut town, "late")).is_err());
    assert_eq!((journal.unconfirmed(), journal.last()), (0, Seq::ZERO));
    assert!(
        journal.commit(&Batch::default()).is_err(),
        "a broken journal does not vouch for anything"
    );
}

#[test]
fn what_redis_has_not_confirmed_is_neither_acknowledged_nor_read() {
    let mut town = Town::new();
    let journal = Arc::new(ShippedJournal::new(
        Arc::new(MemoryJournal::default()),
        0,
        open_gate(),
        Ack::Redis,
    ));
    let batch = next_batch(&mut town, "late");
    let error = journal.commit(&batch).unwrap_err();
    assert!(matches!(error, CommitError::Unconfirmed { .. }), "{error}");
    assert!(matches!(journal.stream(StreamId(1)), Err(ReadError::Closed { .. })));
    let reader = {
        let journal = Arc::clone(&journal);
        std::thread::spawn(move || journal.stream(StreamId(1)))
    };
    journal.confirm(Seq(1));
    assert!(reader.join().unwrap().unwrap().is_some(), "it waits until it is confirmed");
}

/// What happens while a market waits.
type Happens = fn(&ShippedJournal, &Gate);

#[test]
fn a_market_that_opens_waits_for_redis_as_long_as_that_has_a_point() {
    let inner = Arc::new(MemoryJournal::default());
    inner.commit(&next_batch(&mut Town::new(), "early")).unwrap();
    let opens = |gate: &Arc<Gate>, ack| {
        let inner = Arc::clone(&inner) as Arc<dyn Journal>;
        Arc::new(ShippedJournal::new(inner, 0, Arc::clone(gate), ack))
    };
    assert_eq!(opens(&open_gate(), Ack::Local).settle(), Ok(()), "it waits for nobody");
    let cases: [(Happens, bool); 4] = [
        (|journal, _| journal.confirm(Seq(1)), true),
        (|_, gate| gate.set(Open::Never), false),
        (|journal, _| journal.close(), false),
        (|journal, _| journal.set_stuck(true), false),
    ];
    for (place, (happens, settled)) in cases.into_iter().enumerate() {
        let gate = open_gate();
        let journal = opens(&gate, Ack::Redis);
        let waiting = Arc::clone(&journal);
        let waiting = std::thread::spawn(move || waiting.settle());
        happens(&journal, &gate);
        assert_eq!(waiting.join().unwrap().is_ok(), settled, "case {place}");
    }
}
