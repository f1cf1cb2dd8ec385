//! Writes batches that fit: it knows what has been committed, as a dispatcher does.

use std::collections::BTreeMap;

use crate::journal::{Batch, Event, Ordinal, Seq, StreamId};
use crate::test_rng::Rng;
use crate::units::{Millis, Timestamp};

/// What has been written, and the batch being written.
#[derive(Clone, Debug)]
pub(in crate::journal) struct Script {
    pub(in crate::journal) last: Seq,
    pub(in crate::journal) newest: StreamId,
    pub(in crate::journal) open: BTreeMap<StreamId, Ordinal>,
    pub(in crate::journal) ended: BTreeMap<StreamId, Ordinal>,
    pub(in crate::journal) now: Timestamp,
}

impl Script {
    pub(in crate::journal) fn new() -> Self {
        Self {
            last: Seq::ZERO,
            newest: StreamId::NONE,
            open: BTreeMap::new(),
            ended: BTreeMap::new(),
            now: Timestamp::from_secs(1_768_006_800),
        }
    }

    pub(in crate::journal) fn pass(&mut self, time: Millis) {
        self.now = self.now.plus(time);
    }

    /// An event with the next numbers, and as many bytes as it says.
    pub(in crate::journal) fn event(&mut self, batch: &mut Batch, stream: StreamId, size: usize) {
        self.last = self.last.next();
        let known = self.open.get_mut(&stream).or(self.ended.get_mut(&stream));
        let ordinal = known.map_or(Ordinal::ZERO, |last| {
            *last = last.next();
            *last
        });
        let mut bytes = format!("{} of {stream}/{ordinal}", self.last).into_bytes();
        bytes.resize(size.max(bytes.len()), b'.');
        batch.event(Event { seq: self.last, stream, ordinal, at: self.now, bytes });
    }

    fn state(&self, stream: StreamId) -> Vec<u8> {
        format!("{stream} after {}", self.last).into_bytes()
    }

    /// A new stream, with an event.
    pub(in crate::journal) fn begin(&mut self, batch: &mut Batch) -> StreamId {
        let stream = StreamId(self.newest.0 + 1);
        self.newest = stream;
        self.open.insert(stream, Ordinal::ZERO);
        self.step(batch, stream);
        stream
    }

    /// An event of an open stream.
    pub(in crate::journal) fn step(&mut self, batch: &mut Batch, stream: StreamId) {
        self.event(batch, stream, 0);
        batch.put(stream, self.state(stream));
    }

    /// The last event of an open stream.
    pub(in crate::journal) fn end(&mut self, batch: &mut Batch, stream: StreamId) {
        self.event(batch, stream, 0);
        batch.end(stream, self.now, self.state(stream));
        let last = self.open.remove(&stream).unwrap();
        self.ended.insert(stream, last);
    }

    /// An event of a stream that has ended in an earlier batch.
    pub(in crate::journal) fn amend(&mut self, batch: &mut Batch, stream: StreamId) {
        self.event(batch, stream, 0);
        batch.amend(stream, self.state(stream));
    }

    /// A batch of something of everything. Streams in `gone` are not amended.
    pub(in crate::journal) fn random(
        &mut self,
        rng: &mut Rng,
        may_amend: impl Fn(StreamId) -> bool,
    ) -> Batch {
        let mut batch = Batch::default();
        let before = self.ended.clone();
        self.pass(Millis(rng.below(4_000)));
        for _ in 0..=rng.below(6) {
            let open = pick(rng, self.open.keys().copied());
            // What ended lately, as a rule.
            let recent = before.keys().copied().rev().take(40);
            let ended = pick(rng, recent.filter(|stream| may_amend(*stream)));
            let size = usize::try_from(rng.below(120)).unwrap();
            match (rng.below(10), open, ended) {
                (0, ..) => self.event(&mut batch, StreamId::NONE, size),
                (1 | 2, _, Some(stream)) => self.amend(&mut batch, stream),
                (3 | 4, Some(stream), _) => self.step(&mut batch, stream),
                (5, Some(stream), _) => self.end(&mut batch, stream),
                (6..=8, ..) if self.open.len() > 12 => {
                    let oldest = self.open.keys().next().copied();
                    if let Some(stream) = oldest {
                        self.end(&mut batch, stream);
                    }
                }
                (7, Some(stream), _) => batch.put(stream, self.state(stream)),
                _ => {
                    self.begin(&mut batch);
                }
            }
        }
        if rng.once_in(3) {
            batch.set_head(format!("head at {}", self.last).into_bytes());
        }
        batch
    }
}

fn pick<T>(rng: &mut Rng, from: impl Iterator<Item = T> + Clone) -> Option<T> {
    let count = from.clone().count();
    (count > 0).then(|| usize::try_from(rng.below(count as u64)).unwrap()).and_then(|n| {
        let mut from = from;
        from.nth(n)
    })
}
