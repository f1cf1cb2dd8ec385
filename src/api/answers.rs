//! What drivers do with their trips on a stream, and the answers to it, in the order of the commands.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::convert;
use super::proto::command_answer::Outcome;
use super::proto::{CommandAnswer, CommandDone, CommandRefused, DriverCommand};
use super::rider::already;
use super::status::Failure;
use crate::dispatch::Reply;
use crate::host::{MarketHandle, Pending};
use crate::ids::DriverId;

/// An answer that is due to the client.
enum Answer {
    /// When the market gives it.
    Due(Pending<Reply>),
    /// Given already.
    Failed(Failure),
}

/// The answers of one stream.
#[derive(Default)]
pub(super) struct Answers {
    due: VecDeque<(u64, Answer)>,
}

impl Answers {
    /// How many commands are not answered.
    pub(super) fn due(&self) -> usize {
        self.due.len()
    }

    /// Takes a command of a driver.
    pub(super) fn take(
        &mut self,
        market: Option<&MarketHandle>,
        driver: DriverId,
        message: &DriverCommand,
    ) {
        let command = convert::driver_command(driver, message.what.as_ref());
        let answer = match (market, command) {
            (None, _) => Answer::Failed(Failure::NoMarket),
            (_, Err(error)) => Answer::Failed(error.into()),
            (Some(market), Ok(command)) => Answer::Due(market.submit(command)),
        };
        self.due.push_back((message.number, answer));
    }

    /// Refuses a command in its turn.
    pub(super) fn refuse(&mut self, number: u64, failure: Failure) {
        self.due.push_back((number, Answer::Failed(failure)));
    }

    /// The next answer, if it is there. Registers the waker otherwise.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Option<CommandAnswer> {
        let (number, answer) = self.due.front_mut()?;
        let outcome = match answer {
            Answer::Failed(failure) => Err(failure.clone()),
            Answer::Due(pending) => match Pin::new(pending).poll(cx) {
                Poll::Pending => return None,
                Poll::Ready(outcome) => outcome.map_err(Failure::from),
            },
        };
        let number = *number;
        self.due.pop_front();
        let outcome = Some(match outcome {
            Ok(reply) => Outcome::Done(done(&reply)),
            Err(failure) => Outcome::Refused(refused(&failure)),
        });
        Some(CommandAnswer { number, outcome })
    }
}

fn done(reply: &Reply) -> CommandDone {
    match reply {
        Reply::Noted(standing) => CommandDone { already_done: already(*standing), fare: None },
        Reply::Completed { fare, standing } => CommandDone {
            already_done: already(*standing),
            fare: Some(convert::money_message(*fare)),
        },
        _ => CommandDone::default(),
    }
}

/// Why something was not done, on a stream that goes on.
pub(super) fn refused(failure: &Failure) -> CommandRefused {
    CommandRefused {
        code: failure.code() as u32,
        reason: failure.reason().to_owned(),
        message: failure.to_string(),
    }
}
