//! No bytes make the trace reader panic, hang, or read the same file in two ways.
//!
//! Checksums would stop nearly all mutations at the door, so each input is tried as it is and again
//! with the checksums of its file header and first blocks made to fit.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use hansom::trace::{MAGIC, TraceFile, Vehicles};
use hansom::units::Timestamp;
use libfuzzer_sys::fuzz_target;

const FILE_HEADER: usize = 20;
const BLOCK_HEADER: usize = 44;

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    let mut sound = bytes.to_vec();
    repair(&mut sound);
    read(&sound);
});

fn read(bytes: &[u8]) {
    let Ok(mut file) = TraceFile::new(Cursor::new(bytes), Path::new("fuzz")) else { return };
    let count = |file: &mut TraceFile<Cursor<&[u8]>>| {
        let mut vehicles = Vehicles::new();
        let mut rows = 0_u64;
        while file.next(&mut vehicles).expect("memory does not fail").is_some() {
            rows += 1;
        }
        rows
    };
    let rows = count(&mut file);
    let damage = file.damage().cloned();
    file.seek(Timestamp::from_millis(i64::MIN)).expect("memory does not fail");
    assert_eq!((count(&mut file), file.damage().cloned()), (rows, damage));
    file.seek(Timestamp::from_millis(0)).expect("memory does not fail");
    assert!(count(&mut file) <= rows || file.finished());
}

/// Makes the checksums fit as far as the sizes make sense.
fn repair(bytes: &mut Vec<u8>) {
    if bytes.len() < FILE_HEADER {
        bytes.resize(FILE_HEADER, 0);
    }
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&1_u16.to_le_bytes());
    seal(bytes, 0, 16, 16);
    let mut at = FILE_HEADER;
    let mut number = 0_u32;
    while bytes.len() >= at + BLOCK_HEADER {
        bytes[at..at + 4].copy_from_slice(b"HBLK");
        bytes[at + 4..at + 8].copy_from_slice(&number.to_le_bytes());
        let size = [bytes[at + 36], bytes[at + 37], 0, 0];
        bytes[at + 36..at + 40].copy_from_slice(&size);
        let rest = bytes.len() - at - BLOCK_HEADER;
        let payload = (u32::from_le_bytes(size) as usize).min(rest);
        let packed = u32::try_from(payload).expect("at most 64 KiB").to_le_bytes();
        bytes[at + 36..at + 40].copy_from_slice(&packed);
        let mut hasher = Crc::new();
        hasher.update(&bytes[at..at + 40]);
        hasher.update(&bytes[at + BLOCK_HEADER..at + BLOCK_HEADER + payload]);
        let crc = hasher.finish().to_le_bytes();
        bytes[at + 40..at + BLOCK_HEADER].copy_from_slice(&crc);
        at += BLOCK_HEADER + payload;
        number += 1;
    }
}

fn seal(bytes: &mut [u8], from: usize, to: usize, at: usize) {
    let mut crc = Crc::new();
    crc.update(&bytes[from..to]);
    bytes[at..at + 4].copy_from_slice(&crc.finish().to_le_bytes());
}

/// CRC-32 bit by bit: a second implementation, and no further dependency.
struct Crc(u32);

impl Crc {
    fn new() -> Self {
        Self(!0)
    }

    fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 ^= u32::from(*byte);
            for _ in 0..8 {
                let low = self.0 & 1;
                self.0 = (self.0 >> 1) ^ (0xedb8_8320 & low.wrapping_neg());
            }
        }
    }

    fn finish(self) -> u32 {
        !self.0
    }
}
