//! Away with the oldest history: whole segments, first out of the books, then off the disk.

use std::fs;

use super::codec::Summary;
use super::{RedbJournal, Shared, Writer};
use crate::journal::error::CommitError;
use crate::journal::model::{Pruned, Retention};

impl RedbJournal {
    pub(super) fn prune_history(&self, retention: Retention) -> Result<Pruned, CommitError> {
        let writer = self.writer.lock();
        self.refuse_if_poisoned()?;
        let mut shared = self.shared.write();
        let Shared { active, sealed } = &mut *shared;
        let count = removable(sealed.all(), &writer, retention);
        let Some(active) = active.as_ref().filter(|_| count > 0) else {
            return Ok(Pruned::default());
        };
        let (gone, kept) = sealed.all().split_at(count);
        let gone = gone.to_vec();
        active.set_sealed(kept).map_err(|trouble| {
            CommitError::Failed(self.poison(active.path(), writer.numbers.commit, &trouble))
        })?;
        sealed.forget(count);
        let mut pruned = Pruned::default();
        for row in gone {
            pruned.streams += row.ended;
            pruned.events += row.last.next().0 - row.first.0;
            // What stays although it should not is removed at the next start.
            if fs::remove_file(self.folder.segment(row.number)).is_ok() {
                pruned.bytes += row.bytes;
            }
        }
        Ok(pruned)
    }
}

/// How many of the oldest segments need not be kept.
fn removable(sealed: &[Summary], writer: &Writer, retention: Retention) -> usize {
    let active = &writer.numbers.segment;
    let newer = |at: usize| sealed[at + 1..].iter().chain([active]);
    let by_retention = |(at, row): &(usize, &Summary)| {
        let history = row.ended + row.amended > 0;
        // Whoever ended later than all of this segment's streams is kept before them.
        let later = newer(*at).filter(|other| other.earliest_ended > row.latest);
        let later: u64 = later.map(|other| other.ended).sum();
        !history || row.latest < retention.before || later >= retention.keep
    };
    let removable = sealed.iter().enumerate().take_while(by_retention).count();
    // Those that are kept, and open streams, need the events of segments before theirs.
    let kept = sealed[removable..].iter().chain([active]).map(|row| row.needs);
    let open = writer.open.values().filter_map(|events| events.first().copied());
    let needed = kept.chain(open).min().unwrap_or(active.first);
    sealed[..removable].iter().take_while(|row| row.last < needed).count()
}
