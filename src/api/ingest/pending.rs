//! What the next acknowledgement will name, bounded.

use crate::api::proto::{self, RejectReason};
use crate::limits;

/// Rejections since the last acknowledgement.
#[derive(Debug, Default)]
pub(super) struct Pending {
    batches: Vec<proto::BatchRejection>,
    updates: Vec<proto::RejectedUpdate>,
    bindings: Vec<proto::BindRejection>,
    named: usize,
    omitted: u64,
}

impl Pending {
    /// Whether one more may be named; counts it as omitted if not.
    fn room(&mut self) -> bool {
        let room = self.named < limits::MAX_NAMED_REJECTIONS;
        self.named += usize::from(room);
        self.omitted += u64::from(!room);
        room
    }

    pub(super) fn binding(&mut self, rejection: proto::BindRejection) {
        if self.room() {
            self.bindings.push(rejection);
        }
    }

    pub(super) fn update(&mut self, ordinal: u64, handle: u32, reason: RejectReason) {
        if self.room() {
            let reason = reason.into();
            self.updates.push(proto::RejectedUpdate { ordinal, handle, reason });
        }
    }

    /// A row of the batch `sequence`; `first` tells that it opens the batch's list.
    pub(super) fn row(&mut self, sequence: u64, first: bool, row: u32, reason: RejectReason) {
        if !self.room() {
            return;
        }
        if first || self.batches.is_empty() {
            self.batches.push(proto::BatchRejection { sequence, ..Default::default() });
        }
        if let Some(batch) = self.batches.last_mut() {
            batch.rows.push(proto::RejectedRow { row, reason: reason.into() });
        }
    }

    /// A batch that was refused whole.
    pub(super) fn batch(&mut self, sequence: u64, error: String) {
        if self.room() {
            self.batches.push(proto::BatchRejection { sequence, rows: Vec::new(), error });
        }
    }

    /// Hands the lists over and starts anew.
    pub(super) fn take(&mut self, ack: &mut proto::IngestResponse) {
        ack.batches = std::mem::take(&mut self.batches);
        ack.updates = std::mem::take(&mut self.updates);
        ack.bindings = std::mem::take(&mut self.bindings);
        ack.rejections_omitted = self.omitted;
        self.named = 0;
        self.omitted = 0;
    }
}
