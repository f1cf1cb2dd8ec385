//! Opening: what must hold before anything is believed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::chain::Chain;
use super::codec::{Numbers, Summary};
use super::disk::Disk;
use super::folder::Folder;
use super::segment::Segment;
use super::trouble::Trouble;
use super::view::{Sizes, View};
use super::witness::{self, Note, Testimony, Witness};
use super::{JournalConfig, RedbJournal, Shared, Writer};
use crate::journal::error::OpenError;
use crate::journal::model::{Seq, StreamId};

/// What a sound segment says.
struct Contents {
    numbers: Numbers,
    open: BTreeMap<StreamId, Vec<Seq>>,
    sealed: Vec<Summary>,
}

impl RedbJournal {
    pub(in crate::journal) fn open_on(
        path: &Path,
        config: JournalConfig,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, OpenError> {
        let folder = Folder::open(path)?;
        let at = |path: &Path| {
            let path = path.to_path_buf();
            move |trouble: Trouble| trouble.opening(&path)
        };
        let witness_path = witness::path_in(path);
        let heard = witness::hear(path).map_err(at(&witness_path))?;
        let numbers = folder.segments().map_err(Trouble::from).map_err(at(path))?;
        let newest = newest_segment(&folder, &numbers, heard)?;
        let newest = match newest {
            Some(number) => number,
            None => begin(&folder, &*disk).map_err(at(path))?,
        };
        let file = folder.segment(newest);
        let active = Segment::open(&file, &*disk).map_err(at(&file))?;
        let contents = active.view().and_then(|view| contents(&view, newest));
        let Contents { numbers: told, open, sealed } = contents.map_err(at(&file))?;
        if let Testimony::Noted(note) = heard
            && told.commit < note.commit
        {
            let (found, acknowledged) = (told.commit, note.commit);
            let witness = witness_path;
            return Err(OpenError::SetBack { path: file, found, acknowledged, witness });
        }
        look_for(&folder, &sealed)?;
        let kept = sealed.first().map_or(newest, |row| row.number);
        for number in numbers.into_iter().filter(|number| *number < kept) {
            let path = folder.segment(number);
            fs::remove_file(&path).map_err(Trouble::from).map_err(at(&path))?;
        }
        let note = Note { commit: told.commit, segment: newest };
        let witness = Witness::replace(path, note).map_err(at(&witness_path))?;
        folder.sync().map_err(Trouble::from).map_err(at(path))?;
        Ok(Self {
            folder,
            config,
            disk,
            writer: Mutex::new(Writer { numbers: told, open, witness, postponed: 0 }),
            shared: RwLock::new(Shared { active: Some(active), sealed: Chain::new(sealed) }),
            acknowledged: Mutex::new(told),
            failure: Mutex::default(),
        })
    }
}

/// The segment to open, or none if a journal is to be begun.
fn newest_segment(
    folder: &Folder,
    numbers: &[u64],
    heard: Testimony,
) -> Result<Option<u64>, OpenError> {
    let newest = numbers.last().copied();
    let without =
        |what| Err(OpenError::NoWitness { witness: witness::path_in(folder.path()), what });
    match (newest, heard) {
        (_, Testimony::Damaged) => without("it is damaged"),
        (Some(_), Testimony::Missing) => without("it is missing"),
        (newest, Testimony::Noted(note)) if newest.unwrap_or(0) < note.segment => {
            Err(OpenError::Missing { path: folder.segment(note.segment) })
        }
        (newest, _) => Ok(newest),
    }
}

/// Begins a journal: first the witness, which says that nothing has been acknowledged.
fn begin(folder: &Folder, disk: &dyn Disk) -> Result<u64, Trouble> {
    let number = Numbers::EMPTY.segment.number;
    Witness::replace(folder.path(), Note { commit: 0, segment: 0 })?;
    folder.sync()?;
    let segment = Segment::create(&folder.unfinished(number), disk)?;
    segment.begin_empty()?;
    segment.close()?;
    folder.finish(number)?;
    folder.sync()?;
    Ok(number)
}

/// What a segment says, if it says so without contradiction.
fn contents(view: &View, number: u64) -> Result<Contents, Trouble> {
    let numbers = view.numbers()?;
    let segment = numbers.segment;
    if segment.number != number {
        let what = format!("it is segment {}, not {number}", segment.number);
        return Err(Trouble::Damage(what));
    }
    let mut open = BTreeMap::new();
    view.open_after(StreamId::NONE, |stream, row| {
        open.insert(stream, row.events);
        true
    })?;
    let history = segment.ended + segment.amended;
    let expected = Sizes {
        events: segment.last.next().0 - segment.first.0,
        open: numbers.open,
        ended: history,
        places: history,
    };
    let found = view.sizes()?;
    if found != expected {
        return Err(Trouble::Damage(format!("it has {found:?}, where {expected:?} were written")));
    }
    let sealed = view.sealed()?;
    let mut next = sealed.first().map_or(segment.first, |row| row.first);
    for row in sealed.iter().chain([&segment]) {
        if row.first != next {
            let what = format!("segment {} begins with {}, not {next}", row.number, row.first);
            return Err(Trouble::Damage(what));
        }
        next = row.last.next();
    }
    Ok(Contents { numbers, open, sealed })
}

/// Sees that each sealed segment is there; what is in it is looked at when it is read.
fn look_for(folder: &Folder, sealed: &[Summary]) -> Result<(), OpenError> {
    for row in sealed {
        let path = folder.segment(row.number);
        let Ok(told) = fs::metadata(&path) else { return Err(OpenError::Missing { path }) };
        if told.len() != row.bytes {
            let (found, bytes) = (told.len(), row.bytes);
            let what = format!("it has {found} bytes, where {bytes} were written");
            return Err(OpenError::Damaged { path, what });
        }
    }
    Ok(())
}
