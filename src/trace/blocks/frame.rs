//! Headers, footer and checksums of files of blocks: fixed layouts, integers little-endian.
//!
//! Sizes are checked against the limits here, before anybody allocates by them.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::trace::DamageKind;
use crate::units::Timestamp;

pub(super) const FILE_HEADER_BYTES: usize = 20;
pub(super) const BLOCK_HEADER_BYTES: usize = 44;
pub(super) const ENTRY_BYTES: usize = 28;
/// Footer magic and entry count before the entries; row count and checksum after them.
pub(super) const FOOTER_FIXED_BYTES: usize = 8 + 12;
pub(super) const TAIL_BYTES: usize = 16;
pub(super) const FOOTER_MAGIC: [u8; 4] = *b"HIDX";
const TAIL_MAGIC: [u8; 8] = *b"\nECARTH\x89";

/// What tells files of one kind from those of another, and how large they may be.
#[derive(Debug)]
pub(crate) struct Family {
    /// The first eight bytes.
    pub(crate) magic: [u8; 8],
    /// The newest version, and the one that is written.
    pub(crate) version: u16,
    /// The first four bytes of a block.
    pub(crate) block: [u8; 4],
    /// What the rows of a block share, in complaints.
    pub(crate) parts: &'static str,
    /// The most rows of a block.
    pub(crate) max_rows: u32,
    /// The most bytes of a block, packed and unpacked.
    pub(crate) max_bytes: u32,
    /// The most blocks of a file.
    pub(crate) max_blocks: u32,
}

/// What a block header promises about what is in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) rows: u32,
    /// Of what the rows share, as vehicles; 1 to as many as there are rows.
    pub(crate) parts: u32,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

impl Family {
    pub(super) fn file_header(&self, flags: u16) -> [u8; FILE_HEADER_BYTES] {
        let mut bytes = [0; FILE_HEADER_BYTES];
        bytes[..8].copy_from_slice(&self.magic);
        bytes[8..10].copy_from_slice(&self.version.to_le_bytes());
        bytes[10..12].copy_from_slice(&flags.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..16]);
        bytes[16..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// A whole block as bytes: header and packed content.
    pub(super) fn block(&self, sequence: u32, shape: Shape, raw: &[u8]) -> io::Result<Vec<u8>> {
        let mut encoder = DeflateEncoder::new(vec![0; BLOCK_HEADER_BYTES], Compression::new(6));
        encoder.write_all(raw)?;
        let mut bytes = encoder.finish()?;
        let size = |length: usize| u32::try_from(length).map_err(io::Error::other);
        let packed_bytes = size(bytes.len() - BLOCK_HEADER_BYTES)?;
        bytes[..4].copy_from_slice(&self.block);
        let numbers = [
            (4, sequence),
            (8, shape.rows),
            (12, shape.parts),
            (32, size(raw.len())?),
            (36, packed_bytes),
        ];
        for (at, number) in numbers {
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        bytes[16..24].copy_from_slice(&shape.first.as_millis().to_le_bytes());
        bytes[24..32].copy_from_slice(&shape.last.as_millis().to_le_bytes());
        let (head, payload) = bytes.split_at(BLOCK_HEADER_BYTES);
        let crc = checksum(&head[..BLOCK_HEADER_BYTES - 4], payload);
        bytes[BLOCK_HEADER_BYTES - 4..BLOCK_HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        Ok(bytes)
    }
}

/// The version and flags told by a sound header whose magic has been checked.
pub(super) fn parse_file_header(bytes: &[u8; FILE_HEADER_BYTES]) -> Result<(u16, u16), DamageKind> {
    let stored = u32_at(bytes, 16);
    if crc32fast::hash(&bytes[..16]) != stored {
        return Err(DamageKind::FileHeader);
    }
    let [version, flags] = [8, 10].map(|at| u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    Ok((version, flags))
}

/// What stands before the content of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockHeader {
    pub(super) sequence: u32,
    pub(super) shape: Shape,
    raw_bytes: u32,
    pub(super) packed_bytes: u32,
    crc: u32,
    head: [u8; BLOCK_HEADER_BYTES - 4],
}

impl BlockHeader {
    pub(super) fn parse(
        family: &Family,
        bytes: &[u8; BLOCK_HEADER_BYTES],
    ) -> Result<Self, DamageKind> {
        if bytes[..4] != family.block {
            return Err(DamageKind::NoBlock);
        }
        let mut head = [0; BLOCK_HEADER_BYTES - 4];
        head.copy_from_slice(&bytes[..BLOCK_HEADER_BYTES - 4]);
        let rows = within("rows", u32_at(bytes, 8), family.max_rows)?;
        let shape = Shape {
            rows,
            parts: within(family.parts, u32_at(bytes, 12), rows)?,
            first: Timestamp::from_millis(i64_at(bytes, 16)),
            last: Timestamp::from_millis(i64_at(bytes, 24)),
        };
        Ok(Self {
            sequence: u32_at(bytes, 4),
            shape,
            raw_bytes: within("unpacked bytes", u32_at(bytes, 32), family.max_bytes)?,
            packed_bytes: within("packed bytes", u32_at(bytes, 36), family.max_bytes)?,
            crc: u32_at(bytes, 40),
            head,
        })
    }

    pub(super) fn check(&self, packed: &[u8]) -> Result<(), DamageKind> {
        let (stored, computed) = (self.crc, checksum(&self.head, packed));
        if stored == computed { Ok(()) } else { Err(DamageKind::Checksum { stored, computed }) }
    }

    /// Unpacks a checked payload.
    pub(super) fn unpack(&self, packed: &[u8]) -> Result<Vec<u8>, DamageKind> {
        let expected = self.raw_bytes as usize;
        let mut raw = Vec::with_capacity(expected);
        let inflated = DeflateDecoder::new(packed)
            .take(u64::from(self.raw_bytes) + 1)
            .read_to_end(&mut raw)
            .map_err(|_| DamageKind::Content("it cannot be unpacked"))?;
        if inflated != expected {
            return Err(DamageKind::Content("it unpacks to another size than promised"));
        }
        Ok(raw)
    }
}

/// One block in the footer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) rows: u32,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

/// The footer and the tail, for a file whose blocks end at `offset`.
pub(super) fn footer(offset: u64, entries: &[Entry]) -> Vec<u8> {
    let mut bytes = FOOTER_MAGIC.to_vec();
    // At most the family's most: the writer refuses more.
    bytes.extend(u32::try_from(entries.len()).unwrap_or(u32::MAX).to_le_bytes());
    for entry in entries {
        bytes.extend(entry.offset.to_le_bytes());
        bytes.extend(entry.rows.to_le_bytes());
        bytes.extend(entry.first.as_millis().to_le_bytes());
        bytes.extend(entry.last.as_millis().to_le_bytes());
    }
    let rows: u64 = entries.iter().map(|entry| u64::from(entry.rows)).sum();
    bytes.extend(rows.to_le_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes.extend(TAIL_MAGIC);
    bytes
}

/// Where the footer starts, if these are the last bytes of a finished file.
pub(super) fn parse_tail(bytes: &[u8; TAIL_BYTES]) -> Option<u64> {
    (bytes[8..] == TAIL_MAGIC).then(|| i64_at(bytes, 0).cast_unsigned())
}

/// The entries of a sound footer, given without the tail, that starts at `start`.
pub(super) fn parse_footer(bytes: &[u8], start: u64) -> Option<Vec<Entry>> {
    let (body, crc) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
    let count = u32_at(bytes.get(..8)?, 4) as usize;
    let sized = bytes.len() == count.checked_mul(ENTRY_BYTES)?.checked_add(FOOTER_FIXED_BYTES)?;
    if bytes[..4] != FOOTER_MAGIC || !sized || crc32fast::hash(body) != u32_at(crc, 0) {
        return None;
    }
    let entries: Vec<Entry> = body[8..8 + count * ENTRY_BYTES]
        .chunks_exact(ENTRY_BYTES)
        .map(|bytes| Entry {
            offset: i64_at(bytes, 0).cast_unsigned(),
            rows: u32_at(bytes, 8),
            first: Timestamp::from_millis(i64_at(bytes, 12)),
            last: Timestamp::from_millis(i64_at(bytes, 20)),
        })
        .collect();
    let mut previous = 0;
    let ordered = entries.iter().all(|entry| {
        std::mem::replace(&mut previous, entry.offset) < entry.offset && entry.offset < start
    });
    ordered.then_some(entries)
}

fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}

fn within(what: &'static str, value: u32, max: u32) -> Result<u32, DamageKind> {
    let fine = (1..=max).contains(&value);
    fine.then_some(value).ok_or(DamageKind::OverLimit { what, value, max })
}

/// # Panics
/// If there are fewer than four bytes; callers hand in fixed layouts.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

fn i64_at(bytes: &[u8], at: usize) -> i64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    i64::from_le_bytes(eight)
}
