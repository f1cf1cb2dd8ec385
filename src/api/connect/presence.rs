//! What became of the statuses that a stream has told the market: only refusals are news.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::api::answers::refused;
use crate::api::convert;
use crate::api::proto::StatusRefused;
use crate::api::status::Failure;
use crate::dispatch::Reply;
use crate::host::{HostError, Pending};
use crate::limits;
use crate::model::DriverStatus;

/// A status that the market was told.
#[derive(Debug)]
struct Told {
    /// Which message it was; none for that of `hello`.
    ordinal: Option<u64>,
    status: DriverStatus,
    /// What a trip or an offer had the driver do then.
    bound: Option<DriverStatus>,
    answer: Answer,
}

/// What becomes of it.
#[derive(Debug)]
enum Answer {
    /// What the market will say.
    Due(Pending<Reply>),
    /// It is refused already.
    Refused(Failure),
}

/// The statuses of one stream that the market has not answered, in their order.
#[derive(Debug, Default)]
pub(super) struct Presence {
    told: VecDeque<Told>,
}

impl Presence {
    /// Takes what the market will answer.
    pub(super) fn take(
        &mut self,
        ordinal: Option<u64>,
        status: DriverStatus,
        bound: Option<DriverStatus>,
        answer: Pending<Reply>,
    ) {
        self.told.push_back(Told { ordinal, status, bound, answer: Answer::Due(answer) });
    }

    /// Refuses the status of `hello`, which no acknowledgement covers.
    pub(super) fn refuse(&mut self, status: DriverStatus, failure: Failure) {
        let answer = Answer::Refused(failure);
        self.told.push_back(Told { ordinal: None, status, bound: None, answer });
    }

    /// Whether another status can be taken.
    pub(super) fn has_room(&self) -> bool {
        self.told.len() < limits::MAX_UNANSWERED_COMMANDS
    }

    /// Whether no status waits for its answer.
    pub(super) fn is_settled(&self) -> bool {
        self.told.is_empty()
    }

    /// The next refusal, if it is there. Registers the waker while an answer is due.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Option<StatusRefused> {
        loop {
            let first = self.told.front_mut()?;
            let outcome = match &mut first.answer {
                Answer::Refused(failure) => Err(failure.clone()),
                Answer::Due(pending) => match Pin::new(pending).poll(cx) {
                    Poll::Pending => return None,
                    // Where a driver is, and whether free, does not depend on the journal.
                    Poll::Ready(Err(HostError::Down { .. } | HostError::NoTime { .. }))
                        if first.bound.is_none() =>
                    {
                        Ok(())
                    }
                    Poll::Ready(answer) => answer.map(drop).map_err(Failure::from),
                },
            };
            let Told { ordinal, status, .. } = self.told.pop_front()?;
            if let Err(failure) = outcome {
                let (status, refused) = (convert::status_message(status).into(), refused(&failure));
                return Some(StatusRefused { ordinal, status, refused: Some(refused) });
            }
        }
    }
}
