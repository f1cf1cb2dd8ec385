//! The bytes of rows: what a released version has written is read for ever.

use std::fmt::Write as _;

use crate::journal::store::codec::{self, BadRow, EndedRow, Numbers, OpenRow, Summary};
use crate::journal::{Event, Ordinal, Place, Seq, StreamId};
use crate::test_rng::Rng;
use crate::units::Timestamp;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

const AT: Timestamp = Timestamp::from_millis(1_768_006_800_123);

fn numbers() -> Numbers {
    let mut segment = Summary::new(3, Seq(1_000));
    segment.last = Seq(1_500);
    segment.ended = 1;
    segment.add(Place { at: AT, stream: StreamId(77) }, &[Seq(900), Seq(1_200)]);
    segment.earliest_ended = AT;
    segment.bytes = 4_096;
    segment.crc = 0xdead_beef;
    let (newest, began) = (StreamId(80), AT);
    Numbers { commit: 9, newest, open: 4, payload: 5, carried: 6, began, segment }
}

#[test]
fn rows_of_version_1_are_what_they_were() {
    let (seq, stream, ordinal) = (Seq(5), StreamId(6), Ordinal(7));
    let event = Event { seq, stream, ordinal, at: AT, bytes: b"event".to_vec() };
    let events = [Seq(1), Seq(200), Seq(1 << 40)];
    let place = Place { at: AT, stream };
    let rows = [
        codec::event_row(&event),
        codec::open_row(stream, &events, b"open"),
        codec::ended_row(place, &events, b"ended"),
        codec::head_row(b"head"),
        codec::segment_row(&numbers().segment),
        codec::numbers_row(&numbers()),
    ];
    let found = rows.iter().map(|row| hex(row)).collect::<Vec<_>>().join("\n");
    assert_eq!(found, include_str!("rows_v1.hex").trim_end());
}

#[test]
fn rows_are_read_as_they_were_written() -> Result<(), BadRow> {
    let mut rng = Rng(3);
    for _ in 0..2_000 {
        let mut last = 0_u64;
        let step = 1 << rng.below(40);
        let events: Vec<Seq> = (0..rng.below(20))
            .map(|_| {
                last += 1 + rng.below(step);
                Seq(last)
            })
            .collect();
        let state: Vec<u8> = (0..rng.below(50)).map(|_| rng.next().to_le_bytes()[0]).collect();
        let stream = StreamId(rng.next());
        let at = Timestamp::from_millis(rng.next().cast_signed());
        let row = codec::open_row(stream, &events, &state);
        let (events, state) = (events.clone(), state.clone());
        assert_eq!(codec::parse_open(stream, &row)?, OpenRow { events, state });
        let OpenRow { events, state } = codec::parse_open(stream, &row)?;
        let row = codec::ended_row(Place { at, stream }, &events, &state);
        assert_eq!(codec::parse_ended(stream, &row)?, EndedRow { at, events, state });
    }
    let numbers = numbers();
    assert_eq!(codec::parse_numbers(&codec::numbers_row(&numbers))?, Ok(numbers));
    let summary = numbers.segment;
    assert_eq!(codec::parse_segment(3, &codec::segment_row(&summary))?, summary);
    assert_eq!(codec::parse_head(&codec::head_row(b"head"))?, b"head");
    Ok(())
}

#[test]
fn a_later_version_is_told_and_not_guessed_at() {
    let mut row = codec::numbers_row(&numbers());
    row[4] = 2;
    let crc = {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&[1]);
        hasher.update(&0_u64.to_le_bytes());
        hasher.update(&row[4..]);
        hasher.finalize()
    };
    row[..4].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(codec::parse_numbers(&row), Ok(Err(2)));
}
