//! Feeds a [`Session`] what has arrived and sends its acknowledgements.
//!
//! It is driven by the client's reading: when the acknowledgements are not taken, nobody polls
//! it, nothing more is read, and HTTP/2 flow control holds the client back. There is no queue.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio_stream::Stream;
use tonic::{Status, Streaming};

use super::Session;
use crate::api::door::Door;
use crate::api::life::StreamLife;
use crate::api::proto::{IngestRequest, IngestResponse};
use crate::api::status::unreadable;
use crate::limits;

/// The responses of one `Ingest`.
pub struct IngestStream {
    door: Arc<Door>,
    inbound: Streaming<IngestRequest>,
    session: Session,
    life: StreamLife,
    end: Option<Result<(), Status>>,
}

impl IngestStream {
    pub(in crate::api) fn new(
        door: Arc<Door>,
        inbound: Streaming<IngestRequest>,
        life: StreamLife,
    ) -> Self {
        Self { door, inbound, session: Session::default(), life, end: None }
    }

    /// Takes in what is there, up to a limit.
    fn gather(&mut self, cx: &mut Context<'_>) {
        for _ in 0..limits::MAX_GATHERED_MESSAGES {
            match Pin::new(&mut self.inbound).poll_next(cx) {
                Poll::Pending => return,
                Poll::Ready(Some(Ok(message))) => self.session.take(&self.door, message),
                Poll::Ready(Some(Err(status))) => {
                    self.end = Some(Err(unreadable(status)));
                    return;
                }
                Poll::Ready(None) => {
                    self.end = Some(Ok(()));
                    return;
                }
            }
            if self.session.is_full() {
                break;
            }
        }
        self.life.yield_turn(cx);
    }
}

impl Stream for IngestStream {
    type Item = Result<IngestResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.end.is_none() {
            if this.life.steps_back(cx) {
                return Poll::Pending;
            }
            if let Some(failure) = this.life.poll_end(cx) {
                this.end = Some(Err(failure.into()));
            } else {
                this.gather(cx);
                this.session.flush(&this.door);
                if let Some(ack) = this.session.ack() {
                    return Poll::Ready(Some(Ok(ack)));
                }
            }
        }
        match this.end.replace(Ok(())) {
            Some(Err(status)) => Poll::Ready(Some(Err(status))),
            Some(Ok(())) => Poll::Ready(None),
            None => {
                this.end = None;
                Poll::Pending
            }
        }
    }
}
