//! From one segment to the next.

use std::fs;

use super::codec::{Numbers, Summary};
use super::segment::{self, Segment};
use super::trouble::Trouble;
use super::witness::Note;
use super::{RedbJournal, Shared, Writer};
use crate::units::Timestamp;

/// Space that an empty segment may take.
const EMPTY_SEGMENT_BYTES: u64 = 4 << 20;

impl RedbJournal {
    /// Begins a new segment if the present one is large, or old at the time of the latest event.
    ///
    /// What was acknowledged stays so whatever happens here. If the new one cannot be made, the
    /// present one goes on and grows; if neither is there, nothing is committed any more.
    pub(super) fn roll_if_due(&self, writer: &mut Writer, latest: Option<Timestamp>) {
        let numbers = &writer.numbers;
        // What a segment begins with is worth copying only for several times as much that is new.
        let full = numbers.payload >= self.config.segment_bytes.max(4 * numbers.carried);
        let old = numbers.began != Numbers::NOT_BEGUN
            && latest.is_some_and(|at| at.since(numbers.began) >= self.config.segment_span);
        if !(full || old) || numbers.payload < writer.postponed {
            return;
        }
        let rolled = if self.has_room_for_another(numbers) {
            self.roll(writer)
        } else {
            Err(Trouble::Refused("there is no room for another segment".to_owned()))
        };
        let Err(trouble) = rolled else { return };
        let number = writer.numbers.segment.number;
        // It may not be there, and is removed at the next start if it cannot be now.
        drop(fs::remove_file(self.folder.unfinished(number + 1)));
        writer.postponed = writer.numbers.payload + self.config.segment_bytes / 8;
        if self.shared.read().active.is_none() {
            self.poison(&self.folder.segment(number), writer.numbers.commit, &trouble);
        }
    }

    fn has_room_for_another(&self, numbers: &Numbers) -> bool {
        let needed = EMPTY_SEGMENT_BYTES + 2 * (numbers.carried + numbers.payload / 4);
        let free = self.disk.free(self.folder.any_file());
        free.is_ok_and(|free| free >= self.config.reserve_bytes.saturating_add(needed))
    }

    fn roll(&self, writer: &mut Writer) -> Result<(), Trouble> {
        let mut guard = self.shared.write();
        let Shared { active, sealed } = &mut *guard;
        let Some(old) = active.take() else {
            return Err(Trouble::Refused("no segment is open".to_owned()));
        };
        let last = writer.numbers.segment;
        let mut numbers = Numbers {
            payload: 0,
            began: Numbers::NOT_BEGUN,
            segment: Summary::new(last.number + 1, last.last),
            ..writer.numbers
        };
        let next = match self.begin_next(&old, &mut numbers) {
            Ok(next) => next,
            Err(trouble) => {
                *active = Some(old);
                return Err(trouble);
            }
        };
        let path = old.path().to_path_buf();
        let named = seal(old, last).and_then(|row| {
            next.set_sealed(&[sealed.all(), &[row]].concat())?;
            self.folder.finish(numbers.segment.number)?;
            Ok(row)
        });
        let row = match named {
            Ok(row) => row,
            Err(trouble) => {
                drop(next);
                *active = Some(Segment::open(&path, &*self.disk)?);
                return Err(trouble);
            }
        };
        // From here on the new segment is what a start finds: there is no way back.
        self.folder.sync()?;
        let note = Note { commit: numbers.commit, segment: numbers.segment.number };
        writer.witness.note(note)?;
        sealed.push(row);
        *active = Some(next.named(self.folder.segment(note.segment)));
        writer.numbers = numbers;
        writer.postponed = 0;
        *self.acknowledged.lock() = numbers;
        Ok(())
    }

    /// Makes the next segment, with all that is open, under a name that a start ignores.
    fn begin_next(&self, old: &Segment, numbers: &mut Numbers) -> Result<Segment, Trouble> {
        let path = self.folder.unfinished(numbers.segment.number);
        let next = Segment::create(&path, &*self.disk)?;
        next.begin(&old.view()?, numbers)?;
        Ok(next)
    }
}

/// Closes a segment for ever and notes what its file is.
fn seal(segment: Segment, summary: Summary) -> Result<Summary, Trouble> {
    let path = segment.path().to_path_buf();
    segment.close()?;
    let (bytes, crc) = segment::length_and_checksum(&path)?;
    Ok(Summary { bytes, crc, ..summary })
}
