//! Flipped bits and cut files: what was acknowledged is there, or the file is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bad_disk::BadDisk;
use crate::journal::store::RedbJournal;
use crate::journal::tests::script::Script;
use crate::journal::tests::{SMALL, in_memory, same};
use crate::journal::{Journal, MemoryJournal, OpenError, ReadError};
use crate::test_rng::Rng;

/// A journal's files as a process left them, and what was acknowledged.
struct Image {
    files: BTreeMap<String, Vec<u8>>,
    acknowledged: MemoryJournal,
}

/// What damage led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// Opening named the damaged file.
    Refused,
    /// Opening succeeded, and a question named the damaged file.
    ToldLater,
    /// Everything is there, as if nothing had happened.
    Whole,
    /// Something is missing or wrong, and nobody said so.
    Silent,
}

/// How a process leaves the files.
#[derive(Clone, Copy, Debug)]
enum End {
    Closed,
    Killed,
}

fn image(end: End, seed: u64) -> Image {
    let folder = in_memory();
    let disk: Arc<BadDisk> = Arc::default();
    let journal = RedbJournal::open_on(folder.path(), SMALL, disk).unwrap();
    let (acknowledged, mut script, mut rng) = (MemoryJournal::default(), Script::new(), Rng(seed));
    for _ in 0..100 {
        let batch = script.random(&mut rng, |_| true);
        assert_eq!(journal.commit(&batch), acknowledged.commit(&batch));
    }
    // What is in the files while the journal is open is what a killed process leaves.
    let journal = match end {
        End::Killed => Some(journal),
        End::Closed => {
            drop(journal);
            None
        }
    };
    let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read(&path).unwrap())
    });
    let files: BTreeMap<_, _> = files.collect();
    drop(journal);
    assert!(files.len() > 5, "lock, witness, and some segments");
    Image { files, acknowledged }
}

impl Image {
    /// The names of the segments, oldest first; the last is the one that was written to.
    fn segments(&self) -> Vec<&str> {
        let names = self.files.keys().map(String::as_str);
        names.filter(|name| Path::new(name).extension().is_some_and(|e| e == "redb")).collect()
    }

    /// Opens a copy in which one file is other than it was.
    fn judge(&self, name: &str, harm: impl FnOnce(&mut Vec<u8>)) -> Verdict {
        let folder = in_memory();
        for (file, bytes) in &self.files {
            fs::write(folder.path().join(file), bytes).unwrap();
        }
        let mut bytes = self.files[name].clone();
        harm(&mut bytes);
        fs::write(folder.path().join(name), bytes).unwrap();
        let at = folder.path().join(name);
        let disk: Arc<BadDisk> = Arc::default();
        match RedbJournal::open_on(folder.path(), SMALL, disk) {
            Err(error) => {
                let named = error.to_string().contains(at.to_str().unwrap());
                assert!(named, "{name} is damaged: {error}");
                Verdict::Refused
            }
            Ok(journal) => self.read(&journal, &at),
        }
    }

    fn read(&self, journal: &RedbJournal, damaged: &Path) -> Verdict {
        match same::difference(journal, &self.acknowledged, &BTreeSet::new(), 50) {
            Ok(()) => Verdict::Whole,
            Err(what) if what.starts_with("unread: ") => {
                assert!(what.contains(damaged.to_str().unwrap()), "{what}");
                Verdict::ToldLater
            }
            Err(_) => Verdict::Silent,
        }
    }
}

/// Bits to flip in a file of this length: all of the first bytes, and some of each part.
fn bits(length: usize, rng: &mut Rng, some: u64) -> BTreeSet<usize> {
    let mut bits: BTreeSet<usize> = (0..64 * 8).collect();
    let mut pick = |from: usize, to: usize, count: u64| {
        for _ in 0..count {
            bits.insert(8 * from + usize::try_from(rng.below(8 * (to - from) as u64)).unwrap());
        }
    };
    pick(0, 512.min(length), some);
    pick(0, length, 2 * some);
    pick(length - length.min(4_096), length, some);
    bits.retain(|bit| bit / 8 < length);
    bits
}

fn flip(bit: usize) -> impl FnOnce(&mut Vec<u8>) {
    move |bytes| bytes[bit / 8] ^= 1 << (bit % 8)
}

type Tally = BTreeMap<Verdict, u32>;

fn flip_bits(image: &Image, name: &str, some: u64) -> Tally {
    let mut tally = Tally::new();
    for bit in bits(image.files[name].len(), &mut Rng(5), some) {
        let verdict = image.judge(name, flip(bit));
        assert_ne!(verdict, Verdict::Silent, "bit {bit} of {name}");
        *tally.entry(verdict).or_default() += 1;
    }
    tally
}

fn count(tally: &Tally, verdict: Verdict) -> u32 {
    tally.get(&verdict).copied().unwrap_or(0)
}

#[test]
fn a_flipped_bit_is_harmless_or_told_and_never_silent() {
    for end in [End::Closed, End::Killed] {
        let image = image(end, 1);
        let segments = image.segments();
        let active = flip_bits(&image, segments[segments.len() - 1], 150);
        assert!(count(&active, Verdict::Refused) > 20, "{end:?}: {active:?}");
        assert!(count(&active, Verdict::Whole) > 20, "{end:?}: {active:?}");
        assert_eq!(count(&active, Verdict::ToldLater), 0, "a start verifies it: {active:?}");
        // A sealed segment is looked at as a whole, so that no bit of it is harmless.
        for name in [segments[0], segments[segments.len() - 2]] {
            let sealed = flip_bits(&image, name, 20);
            assert_eq!(sealed.keys().copied().collect::<Vec<_>>(), [Verdict::ToldLater]);
        }
        let witness = flip_bits(&image, "witness", 20);
        assert_eq!(count(&witness, Verdict::ToldLater), 0, "{witness:?}");
    }
}

#[test]
fn a_file_that_was_cut_is_refused() {
    for end in [End::Closed, End::Killed] {
        let image = image(end, 2);
        let segments = image.segments();
        for name in [segments[0], segments[segments.len() - 1], "witness"] {
            let length = image.files[name].len();
            let mut cuts = vec![1, 37, 512, length / 2, length - 1];
            // An emptied witness is how somebody says that whatever is there is to be accepted.
            cuts.extend((name != "witness").then_some(length));
            for cut in cuts {
                let verdict = image.judge(name, |bytes| bytes.truncate(length - cut));
                assert_eq!(verdict, Verdict::Refused, "{cut} bytes off {name}");
            }
            let longer = image.judge(name, |bytes| bytes.extend([0; 37]));
            assert!([Verdict::Refused, Verdict::Whole].contains(&longer), "{name}: {longer:?}");
        }
    }
}

#[test]
fn an_earlier_state_of_the_store_is_refused_unless_the_witness_is_waived() {
    let (killed, mut lost) = (image(End::Killed, 3), 0);
    let segments = killed.segments();
    let active = segments[segments.len() - 1].to_owned();
    // The bit that selects which of the store's two roots counts.
    let (_, bytes) = killed.files.iter().find(|(name, _)| **name == active).unwrap();
    for bit in 0..64 * 8 {
        let folder = in_memory();
        for (file, bytes) in &killed.files {
            fs::write(folder.path().join(file), bytes).unwrap();
        }
        let mut flipped = bytes.clone();
        flip(bit)(&mut flipped);
        fs::write(folder.path().join(&active), flipped).unwrap();
        let open = || RedbJournal::open_on(folder.path(), SMALL, Arc::<BadDisk>::default());
        let Err(OpenError::SetBack { path, found, acknowledged, witness }) = open() else {
            continue;
        };
        assert_eq!((path, acknowledged), (folder.path().join(&active), found + 1));
        fs::write(&witness, b"").unwrap();
        let journal = open().unwrap();
        assert_eq!(journal.stats().commits, found, "this is what nobody would have noticed");
        lost += 1;
    }
    assert!(lost > 0, "no bit sets the store back: what is the witness for?");
}

#[test]
fn files_that_are_missing_are_named() {
    let image = image(End::Closed, 4);
    let segments: Vec<String> = image.segments().into_iter().map(str::to_owned).collect();
    let without = |names: &[&str]| {
        let folder = in_memory();
        for (file, bytes) in image.files.iter().filter(|(file, _)| !names.contains(&file.as_str()))
        {
            fs::write(folder.path().join(file), bytes).unwrap();
        }
        let opened = RedbJournal::open_on(folder.path(), SMALL, Arc::<BadDisk>::default());
        let path = |name: &str| -> PathBuf { folder.path().join(name) };
        (opened.unwrap_err(), names.iter().map(|name| path(name)).collect::<Vec<_>>())
    };
    let (error, paths) = without(&[&segments[0]]);
    assert_eq!(error, OpenError::Missing { path: paths[0].clone() });
    let (error, paths) = without(&[&segments[segments.len() - 1]]);
    assert_eq!(error, OpenError::Missing { path: paths[0].clone() });
    let all: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (error, paths) = without(&all);
    assert_eq!(error, OpenError::Missing { path: paths[paths.len() - 1].clone() });
    let (error, paths) = without(&["witness"]);
    assert_eq!(error, OpenError::NoWitness { witness: paths[0].clone(), what: "it is missing" });
}

#[test]
fn a_row_in_the_wrong_place_is_damage() {
    use crate::journal::store::codec;
    use crate::journal::{Event, Ordinal, Seq, StreamId};
    use crate::units::Timestamp;
    let at = Timestamp::from_secs(1);
    let (seq, stream, ordinal) = (Seq(5), StreamId(6), Ordinal(7));
    let event = Event { seq, stream, ordinal, at, bytes: vec![8; 9] };
    let row = codec::event_row(&event);
    assert_eq!(codec::parse_event(seq, &row), Ok(event));
    let moved = codec::parse_event(Seq(6), &row).unwrap_err();
    assert_eq!(moved.to_string(), "Event 6 does not match its checksum");
    for bit in 0..row.len() * 8 {
        let mut flipped = row.clone();
        flip(bit)(&mut flipped);
        assert!(codec::parse_event(seq, &flipped).is_err(), "bit {bit}");
    }
    for length in 0..row.len() {
        assert!(codec::parse_event(seq, &row[..length]).is_err(), "{length} bytes");
    }
    let read = ReadError::Damaged { path: "a.redb".into(), what: format!("row {moved}") };
    assert_eq!(read.to_string(), "a.redb: row Event 6 does not match its checksum");
}
