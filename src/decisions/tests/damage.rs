//! Files that are cut, flipped, or of another version.

use super::*;
use crate::trace::DamageKind;

/// The trips of an entry's riders, which tell entries apart.
fn trips(entries: &[LogEntry]) -> Vec<String> {
    let of = |entry| unwrapped(entry).decision.riders.iter().map(|r| r.trip.to_string());
    entries.iter().flat_map(of).collect()
}

fn small() -> (Vec<u8>, Vec<String>) {
    let decisions = decided("batch", WINDOW);
    let bytes = written(&decisions[..90]);
    let (entries, damage) = read(&bytes);
    assert_eq!((entries.len(), damage), (90, None));
    (bytes, trips(&entries))
}

#[test]
fn a_file_that_was_cut_is_read_up_to_the_cut() {
    let (bytes, whole) = small();
    let mut read_so_far = [0; 3];
    for cut in (20..bytes.len()).step_by(31) {
        let (entries, damage) = read(&bytes[..cut]);
        let damage = damage.unwrap();
        assert!(damage.offset <= cut as u64, "{damage}");
        assert!([0, 40, 80, 90].contains(&entries.len()), "whole blocks, or nothing");
        assert!(whole.starts_with(&trips(&entries)));
        read_so_far[entries.len().min(80) / 40] += 1;
    }
    assert!(read_so_far.iter().all(|times| *times > 10), "{read_so_far:?}");
    for cut in 0..20 {
        let (_, damage) = read(&bytes[..cut]);
        let what = damage.unwrap().what;
        assert!(matches!(what, DamageKind::HeaderIncomplete { .. }), "{cut}: {what}");
    }
}

#[test]
fn a_flipped_bit_is_where_reading_ends() {
    let (bytes, whole) = small();
    let mut told = 0;
    for at in (8..bytes.len()).step_by(53) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        let (entries, damage) = read(&bytes);
        assert!(whole.starts_with(&trips(&entries)), "byte {at}");
        told += u64::from(damage.is_some());
        if let Some(damage) = damage {
            assert!(damage.offset <= at as u64, "byte {at}: {damage}");
        } else {
            assert_eq!(entries.len(), 90, "byte {at}");
        }
    }
    assert!(told > 100, "{told}");
}

#[test]
fn other_files_and_newer_versions_are_refused_by_name() {
    let (mut bytes, _) = small();
    let open = |bytes: &[u8]| {
        let opened = DecisionFile::new(Cursor::new(bytes), Path::new("memory"));
        opened.map(drop).unwrap_err().to_string()
    };
    assert_eq!(open(b"precious, and much longer than a header"), "memory: not a log of decisions");
    bytes[8] = 2;
    let crc = crc32fast::hash(&bytes[..16]);
    bytes[16..20].copy_from_slice(&crc.to_le_bytes());
    let told = open(&bytes);
    assert!(
        told.starts_with("memory: version 2 of the log of decisions is newer than 1"),
        "{told}"
    );
}

#[test]
fn entries_that_make_no_sense_are_damage() {
    // A choice beyond the edges: no writer of ours can say so.
    let mut decision = decided("batch", WINDOW)[0].clone();
    let rider = &mut decision.riders[0];
    rider.chosen = Some(rider.count + 7);
    let (entries, damage) = read(&written(&[decision]));
    assert_eq!(entries.len(), 0);
    let damage = damage.unwrap();
    assert_eq!((damage.offset, damage.what), (20, DamageKind::Content("an entry cannot be read")));
}

/// A finished version 1 file of three decisions and a gap, as this program first wrote it.
const GOLDEN: &str = include_str!("golden_v1.hex");

#[test]
fn a_version_1_file_always_loads() {
    let digits: Vec<u8> = GOLDEN.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    let bytes: Vec<u8> = digits.chunks(2).map(byte).collect();
    let (entries, damage) = read(&bytes);
    assert_eq!((entries.len(), damage), (4, None));
    let (counted, differences) = checked(&entries);
    assert_eq!(differences, []);
    assert_eq!((counted.verified, counted.missing), (3, 7));
}
