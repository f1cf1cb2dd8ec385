//! From paths to inputs of known formats: looks into files, folders and archives, reads no rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::own::{MAGIC, TraceFile};
use super::sniff::{self, Content, Format, Text};
use super::{ReadOptions, SkipReason, Skipped, TraceError, archive};
use crate::limits;

/// How deep folders are searched.
const FOLDER_DEPTH: usize = 4;

/// A file to be read.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
}

/// What kind of file it is.
#[derive(Debug)]
pub(super) enum Kind {
    Own(Box<TraceFile>),
    Tar,
    Text(Text),
}

/// All files to be read, in the order in which they were named; those of a folder by name.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) list: Vec<Input>,
    pub(super) format: Format,
    pub(super) bytes: u64,
    /// Files in folders that were passed over.
    pub(super) skipped: Skipped,
}

impl Inputs {
    pub(super) fn open(paths: &[PathBuf], options: &ReadOptions) -> Result<Self, TraceError> {
        let mut search = Search {
            options,
            formats: Vec::new(),
            list: Vec::new(),
            bytes: 0,
            skipped: Skipped::default(),
        };
        paths.iter().try_for_each(|path| search.add(path))?;
        let Search { formats, list, bytes, skipped, .. } = search;
        let format = match formats.split_first() {
            None => return Err(TraceError::NoInput),
            Some((first, rest)) if rest.iter().all(|format| format == first) => *first,
            Some(_) => Format::Mixed,
        };
        Ok(Self { list, format, bytes, skipped })
    }
}

/// The inputs found so far.
struct Search<'a> {
    options: &'a ReadOptions,
    formats: Vec<Format>,
    list: Vec<Input>,
    bytes: u64,
    skipped: Skipped,
}

impl Search<'_> {
    fn add(&mut self, path: &Path) -> Result<(), TraceError> {
        let meta = std::fs::metadata(path).map_err(TraceError::io(path))?;
        if meta.is_dir() {
            let before = self.list.len();
            self.add_folder(path, FOLDER_DEPTH)?;
            let unknown = || TraceError::UnknownFormat { path: path.to_path_buf() };
            return if self.list.len() > before { Ok(()) } else { Err(unknown()) };
        }
        match sniff::content(path, self.options).map_err(TraceError::io(path))? {
            Content::Own => self.push_own(path, meta.len()),
            Content::Tar => {
                let format = self.format_in_tar(path)?;
                self.push(path, Kind::Tar, format, meta.len());
                Ok(())
            }
            Content::Text(text) => {
                self.push(path, Kind::Text(text), text.into(), meta.len());
                Ok(())
            }
            Content::Unknown(error) => Err(error),
        }
    }

    fn add_folder(&mut self, folder: &Path, depth: usize) -> Result<(), TraceError> {
        let limit = limits::MAX_TRACE_FOLDER_FILES;
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(TraceError::io(folder))? {
            if paths.len() + self.list.len() >= limit {
                let what = "files in a folder of traces";
                return Err(TraceError::TooMany { what, limit: limit as u64 });
            }
            paths.push(entry.map_err(TraceError::io(folder))?.path());
        }
        paths.sort();
        for path in &paths {
            let meta = std::fs::metadata(path).map_err(TraceError::io(path))?;
            if meta.is_dir() && depth > 0 {
                self.add_folder(path, depth - 1)?;
            } else if meta.is_dir() {
                self.skipped.file(path, SkipReason::TooDeep);
            } else if meta.is_file() && meta.len() > 0 {
                match sniff::content(path, self.options).map_err(TraceError::io(path))? {
                    Content::Text(text) => {
                        self.push(path, Kind::Text(text), text.into(), meta.len());
                    }
                    Content::Own => self.push_own(path, meta.len())?,
                    Content::Tar => self.skipped.file(path, SkipReason::Archive),
                    Content::Unknown(error) => self.skipped.file(path, (&error).into()),
                }
            }
        }
        Ok(())
    }

    fn push_own(&mut self, path: &Path, bytes: u64) -> Result<(), TraceError> {
        let limit = limits::MAX_OPEN_TRACES;
        if self.list.iter().filter(|input| matches!(input.kind, Kind::Own(_))).count() >= limit {
            let what = "files of Hansom's own format merged at once";
            return Err(TraceError::TooMany { what, limit: limit as u64 });
        }
        self.push(path, Kind::Own(Box::new(TraceFile::open(path)?)), Format::Own, bytes);
        Ok(())
    }

    fn push(&mut self, path: &Path, kind: Kind, format: Format, bytes: u64) {
        self.bytes += bytes;
        self.list.push(Input { path: path.to_path_buf(), kind });
        self.formats.push(format);
    }

    /// The format of the first file in the archive that has one.
    fn format_in_tar(&self, path: &Path) -> Result<Format, TraceError> {
        let bytes = sniff::open(path, &Arc::default()).map_err(TraceError::io(path))?;
        let mut own = false;
        let found = archive::each_file(bytes, |_, file| {
            let head = sniff::head(file)?;
            own |= head.starts_with(&MAGIC);
            match sniff::text(&head, self.options) {
                Some(text) => Err(Look::Found(text)),
                None => Ok(()),
            }
        });
        match found {
            Err(Look::Found(text)) => Ok(text.into()),
            Err(Look::Io(error)) => Err(TraceError::io(path)(error)),
            Ok(()) if own => Err(TraceError::own_in_tar(path)),
            Ok(()) => Err(TraceError::UnknownFormat { path: path.to_path_buf() }),
        }
    }
}

/// How the search in an archive ends early.
enum Look {
    Found(Text),
    Io(std::io::Error),
}

impl From<std::io::Error> for Look {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
