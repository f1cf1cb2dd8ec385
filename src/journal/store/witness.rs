//! A second opinion on what was acknowledged last.
//!
//! A store that is set back to an earlier state, as by a flipped bit that selects another root or
//! by an old copy of a file, looks perfectly sound. So the number of the last commit is also noted
//! in a file of its own, after each commit and before it is acknowledged: a journal that holds less
//! is refused. The note is not flushed, which would cost as much as the commit: it survives the
//! death of the process, and after that of the machine it may be some seconds old, which can only
//! make it ask for less.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::trouble::Trouble;

/// The file's name in the journal's folder.
const NAME: &str = "witness";

/// The first bytes of each of the two notes, which are written in turn.
const MAGIC: [u8; 8] = *b"HWITNES1";

/// A note has a sector of its own, so that a write that is cut damages one of them.
const NOTE_BYTES: usize = 512;

/// Magic, segment, commit, checksum.
const USED_BYTES: usize = 8 + 8 + 8 + 4;

/// What was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Note {
    /// Commits so far.
    pub(super) commit: u64,
    /// The segment that was written to.
    pub(super) segment: u64,
}

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Testimony {
    /// There is no file.
    Missing,
    /// Somebody emptied it: whatever the journal holds is to be accepted.
    Waived,
    /// At least this was acknowledged.
    Noted(Note),
    /// It is not a witness that we wrote.
    Damaged,
}

/// The file.
#[derive(Debug)]
pub(super) struct Witness {
    file: File,
    path: PathBuf,
    first: bool,
}

pub(super) fn path_in(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

/// What the witness of a folder says.
pub(super) fn hear(folder: &Path) -> Result<Testimony, Trouble> {
    let mut bytes = Vec::new();
    match File::open(path_in(folder)) {
        Ok(file) => {
            file.take(2 * NOTE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Testimony::Missing),
        Err(error) => return Err(error.into()),
    }
    if bytes.is_empty() {
        return Ok(Testimony::Waived);
    }
    if bytes.len() != 2 * NOTE_BYTES {
        return Ok(Testimony::Damaged);
    }
    let notes = bytes.chunks_exact(NOTE_BYTES).map(parse);
    Ok(notes.flatten().max().map_or(Testimony::Damaged, Testimony::Noted))
}

impl Witness {
    /// Replaces the witness of a folder, durably but for the folder itself.
    pub(super) fn replace(folder: &Path, note: Note) -> Result<Self, Trouble> {
        let path = path_in(folder);
        let new = path.with_extension("tmp");
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&new)?;
        let bytes = encode(note);
        file.write_all(&bytes)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, &path)?;
        Ok(Self { file, path, first: true })
    }

    /// A witness in a file that a test has opened.
    #[cfg(test)]
    pub(super) fn on(file: File, path: PathBuf) -> Self {
        Self { file, path, first: true }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes what is about to be acknowledged.
    pub(super) fn note(&mut self, note: Note) -> io::Result<()> {
        let at = if self.first { 0 } else { NOTE_BYTES as u64 };
        self.first = !self.first;
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(&encode(note))
    }
}

fn encode(note: Note) -> [u8; NOTE_BYTES] {
    let mut bytes = [0; NOTE_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..16].copy_from_slice(&note.segment.to_le_bytes());
    bytes[16..24].copy_from_slice(&note.commit.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..24]);
    bytes[24..USED_BYTES].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn parse(bytes: &[u8]) -> Option<Note> {
    let (magic, rest) = bytes.split_first_chunk::<8>()?;
    let (segment, rest) = rest.split_first_chunk::<8>()?;
    let (commit, rest) = rest.split_first_chunk::<8>()?;
    let (crc, _) = rest.split_first_chunk::<4>()?;
    let sound = *magic == MAGIC && crc32fast::hash(&bytes[..24]) == u32::from_le_bytes(*crc);
    sound.then(|| Note {
        commit: u64::from_le_bytes(*commit),
        segment: u64::from_le_bytes(*segment),
    })
}
