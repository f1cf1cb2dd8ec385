//! Where the files of a market's log lie, and what they are called.

use std::io;
use std::path::{Path, PathBuf};

use crate::ids::MarketId;

/// How the names of files of decisions end.
pub const EXTENSION: &str = "hdecisions";

/// The largest number of a file. A larger one is no file of ours: nobody begins so many.
const MAX_NUMBER: u64 = 1 << 48;

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
        let (market, number) = split(name)?;
        Some(number).filter(|_| market == self.market.as_str())
    }
}

/// Whose file this is, and its number; none if it is none of a market's log.
fn split(name: &str) -> Option<(&str, u64)> {
    let (name, extension) = name.rsplit_once('.')?;
    let (market, number) = name.rsplit_once('-')?;
    let number = number.parse().ok().filter(|number| *number <= MAX_NUMBER)?;
    (extension == EXTENSION).then_some((market, number))
}

/// Puts files of logs in the order in which they were begun: those of a market by number, which is not by
/// name once a number is longer; others by name.
pub fn sort_as_begun(paths: &mut [PathBuf]) {
    paths.sort_by_cached_key(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (market, number) = split(&name).unwrap_or((&name, 0));
        (path.parent().map(Path::to_path_buf), market.to_owned(), number, path.clone())
    });
}
