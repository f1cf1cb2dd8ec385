//! Where the files of a market's log lie, and what they are called.

use std::io;
use std::path::PathBuf;

use crate::ids::MarketId;

/// How the names of files of decisions end.
pub const EXTENSION: &str = "hdecisions";

/// A market's log in a folder: its files, and how many bytes they may have.
///
/// Files are called `<market>-<number>.hdecisions`, numbered in the order in which they were begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// The folder; others may have files in it too.
    pub folder: PathBuf,
    /// Whose log.
    pub market: MarketId,
    /// The most bytes of all its files. More: the oldest are deleted.
    pub max_bytes: u64,
}

/// A file of a log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

impl LogPlace {
    /// Where the file with a number is.
    pub(super) fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{}-{number:08}.{EXTENSION}", self.market))
    }

    /// The files there are, oldest first.
    pub(super) fn segments(&self) -> io::Result<Vec<Segment>> {
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if let Some(number) = name.to_str().and_then(|name| self.number(name)) {
                // Deleted since: it is not there.
                let Ok(metadata) = entry.metadata() else { continue };
                segments.push(Segment { number, path: entry.path(), bytes: metadata.len() });
            }
        }
        segments.sort();
        Ok(segments)
    }

    fn number(&self, name: &str) -> Option<u64> {
        let (name, extension) = name.rsplit_once('.')?;
        let (market, number) = name.rsplit_once('-')?;
        let ours = extension == EXTENSION && market == self.market.as_str();
        number.parse().ok().filter(|_| ours)
    }
}
