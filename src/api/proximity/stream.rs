//! Many questions in flight on one stream, answered in their order.
//!
//! Driven by the client's reading, without a queue, as [`crate::api::ingest`].

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio_stream::Stream;
use tonic::{Status, Streaming};

use super::nearest;
use crate::api::convert::FieldError;
use crate::api::door::Door;
use crate::api::life::StreamLife;
use crate::api::proto::{
    NearestStreamRequest, NearestStreamResponse, Refusal, nearest_stream_response::Kind,
};
use crate::api::status::unreadable;
use crate::limits;

/// The answers of one `NearestStream`.
pub struct NearestAnswers {
    door: Arc<Door>,
    inbound: Streaming<NearestStreamRequest>,
    life: StreamLife,
    /// Answers given since other work could run.
    turn: usize,
    end: Option<Result<(), Status>>,
}

impl NearestAnswers {
    pub(super) fn new(
        door: Arc<Door>,
        inbound: Streaming<NearestStreamRequest>,
        life: StreamLife,
    ) -> Self {
        Self { door, inbound, life, turn: 0, end: None }
    }

    fn answer(&self, message: &NearestStreamRequest) -> NearestStreamResponse {
        let question = message.nearest.as_ref().ok_or_else(|| FieldError::missing("nearest"));
        let kind = match question.and_then(|question| nearest(&self.door, question)) {
            Ok(answer) => Kind::Answer(answer),
            Err(error) => Kind::Refusal(Refusal { field: error.field, detail: error.detail }),
        };
        NearestStreamResponse { question: message.question, kind: Some(kind) }
    }
}

impl Stream for NearestAnswers {
    type Item = Result<NearestStreamResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        match this.end.take() {
            Some(Err(status)) => {
                this.end = Some(Ok(()));
                return Poll::Ready(Some(Err(status)));
            }
            Some(Ok(())) => {
                this.end = Some(Ok(()));
                return Poll::Ready(None);
            }
            None => {}
        }
        if this.turn >= limits::MAX_ANSWERS_PER_TURN {
            this.turn = 0;
            this.life.yield_turn(cx);
        }
        if this.life.steps_back(cx) {
            return Poll::Pending;
        }
        if this.turn == 0
            && let Some(failure) = this.life.poll_end(cx)
        {
            this.end = Some(Ok(()));
            return Poll::Ready(Some(Err(failure.into())));
        }
        match Pin::new(&mut this.inbound).poll_next(cx) {
            Poll::Ready(Some(Ok(message))) => {
                this.turn += 1;
                this.door.metrics.stream_questions.increment(1);
                Poll::Ready(Some(Ok(this.answer(&message))))
            }
            Poll::Pending => {
                this.turn = 0;
                Poll::Pending
            }
            Poll::Ready(end) => {
                this.end = Some(Ok(()));
                Poll::Ready(end.and_then(Result::err).map(unreadable).map(Err))
            }
        }
    }
}
