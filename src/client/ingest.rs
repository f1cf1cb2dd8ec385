//! The bulk stream from the client's side: a bounded number of messages without an
//! acknowledgement, and the sums of what became of the rows.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use super::{ClientError, driver_client};
use crate::api::proto::{
    BindHandles, HandleBinding, IngestRequest, IngestResponse, RejectReason, ReportBatch,
    ingest_request::Kind,
};
use crate::limits;

const CALL: &str = "Ingest";

/// An acknowledgement: everything up to some message is done.
#[derive(Clone, Debug, Default)]
pub struct Acked {
    /// The number of the last batch that is done; 0 if none is.
    pub sequence: u64,
    /// The rejected rows since the acknowledgement before: batch, row, reason.
    pub rejected: Vec<(u64, u32, i32)>,
    /// Rejected rows beyond those named.
    pub omitted: u64,
}

/// What became of all rows of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Rows that the server received.
    pub received: u64,
    /// Rows applied, the implausible ones included.
    pub applied: u64,
    /// Rows that moved faster than a vehicle can.
    pub implausible: u64,
    /// Rows not applied, by the name of the reason.
    pub rejected: BTreeMap<String, u64>,
    /// Handles bound.
    pub bound: u64,
}

/// A bulk stream.
///
/// # Invariants
/// I1: at most `window` messages are sent and not acknowledged; one more waits.
#[derive(Debug)]
pub struct Ingestor {
    sender: mpsc::Sender<IngestRequest>,
    acks: Streaming<IngestResponse>,
    window: u64,
    sent: u64,
    acked: u64,
    rows: u64,
    sequence: u64,
    news: Acked,
    totals: Totals,
}

impl Ingestor {
    /// Opens a stream on which at most `window` messages wait for their acknowledgement,
    /// 1..=[`limits::MAX_UNACKED_MESSAGES`].
    ///
    /// # Errors
    /// [`ClientError`] if the server refuses.
    pub async fn open(channel: Channel, window: usize) -> Result<Self, ClientError> {
        let window = window.clamp(1, limits::MAX_UNACKED_MESSAGES);
        // As long as the window, so that sending never waits for room.
        let (sender, receiver) = mpsc::channel(window);
        let response = driver_client(channel)
            .ingest(ReceiverStream::new(receiver))
            .await
            .map_err(ClientError::refused(CALL))?;
        Ok(Self {
            sender,
            acks: response.into_inner(),
            window: window as u64,
            sent: 0,
            acked: 0,
            rows: 0,
            sequence: 0,
            news: Acked::default(),
            totals: Totals::default(),
        })
    }

    /// Binds handles to drivers; at most [`limits::MAX_BINDINGS_PER_MESSAGE`].
    ///
    /// # Errors
    /// [`ClientError`] if the stream has ended, or a binding sent before was refused.
    pub async fn bind(&mut self, bindings: Vec<HandleBinding>) -> Result<(), ClientError> {
        self.send(Kind::Bind(BindHandles { bindings })).await
    }

    /// Sends a batch, numbering it, and returns its number. Numbers ascend from 1.
    ///
    /// # Errors
    /// [`ClientError`] if the stream has ended.
    pub async fn report(&mut self, mut batch: ReportBatch) -> Result<u64, ClientError> {
        self.sequence += 1;
        batch.sequence = self.sequence;
        self.rows += batch.handle.len() as u64;
        self.send(Kind::Batch(batch)).await?;
        Ok(self.sequence)
    }

    /// Waits until everything sent is acknowledged.
    ///
    /// # Errors
    /// [`ClientError`] if the stream has ended.
    pub async fn settle(&mut self) -> Result<(), ClientError> {
        while self.acked < self.sent {
            self.read().await?;
        }
        Ok(())
    }

    /// What was acknowledged since the last call.
    pub fn news(&mut self) -> Acked {
        let fresh = Acked { sequence: self.news.sequence, ..Acked::default() };
        std::mem::replace(&mut self.news, fresh)
    }

    /// Rows sent so far.
    pub const fn rows_sent(&self) -> u64 {
        self.rows
    }

    /// What became of the rows acknowledged so far.
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Waits for the last acknowledgement and closes the stream.
    ///
    /// # Errors
    /// [`ClientError`] if the stream ended early.
    pub async fn finish(mut self) -> Result<Totals, ClientError> {
        self.settle().await?;
        let Self { sender, mut acks, totals, .. } = self;
        drop(sender);
        while acks.message().await.map_err(ClientError::refused(CALL))?.is_some() {}
        Ok(totals)
    }

    async fn send(&mut self, kind: Kind) -> Result<(), ClientError> {
        while self.sent - self.acked >= self.window {
            self.read().await?;
        }
        let message = IngestRequest { kind: Some(kind) };
        if self.sender.send(message).await.is_err() {
            // The stream is gone; its status says why.
            loop {
                self.read().await?;
            }
        }
        self.sent += 1;
        Ok(())
    }

    /// Takes in one acknowledgement.
    async fn read(&mut self) -> Result<(), ClientError> {
        let ack = self.acks.message().await.map_err(ClientError::refused(CALL))?;
        let ack = ack.ok_or(ClientError::Ended { call: CALL })?;
        let wrong = |what: String| ClientError::Protocol { call: CALL, what };
        if ack.messages < self.acked || ack.messages > self.sent {
            let (messages, sent) = (ack.messages, self.sent);
            return Err(wrong(format!("{messages} of {sent} messages acknowledged")));
        }
        if let Some(refused) = ack.bindings.first() {
            return Err(wrong(format!("handle {} refused: {}", refused.handle, refused.detail)));
        }
        self.acked = ack.messages;
        self.news.sequence = ack.last_sequence;
        self.news.omitted += ack.rejections_omitted;
        for batch in &ack.batches {
            if !batch.error.is_empty() {
                return Err(wrong(format!("batch {}: {}", batch.sequence, batch.error)));
            }
            let rows = batch.rows.iter().map(|row| (batch.sequence, row.row, row.reason));
            self.news.rejected.extend(rows);
        }
        self.totals = Totals {
            received: ack.received_rows,
            applied: ack.applied_rows,
            implausible: ack.implausible_rows,
            rejected: ack.rejected.iter().map(|r| (reason_name(r.reason), r.count)).collect(),
            bound: ack.bound_handles,
        };
        Ok(())
    }
}

/// A reason's name in tables and JSON: `out_of_order`.
pub fn reason_name(code: i32) -> String {
    let name = RejectReason::try_from(code).unwrap_or_default().as_str_name();
    name.trim_start_matches("REJECT_REASON_").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_named_as_in_metrics() {
        assert_eq!(reason_name(RejectReason::OutOfOrder.into()), "out_of_order");
        assert_eq!(reason_name(RejectReason::MalformedBatch.into()), "malformed_batch");
        assert_eq!(reason_name(99), "unspecified");
    }
}
