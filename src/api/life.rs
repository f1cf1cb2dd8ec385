//! When a long-lived stream has to end although its client goes on: drain and deadline.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;
use tonic::metadata::MetadataMap;

use super::door::{Door, StreamPermit};
use super::status::Failure;

/// A stream's right to live.
pub struct StreamLife {
    drain: Pin<Box<dyn Future<Output = ()> + Send>>,
    deadline: Option<Pin<Box<Sleep>>>,
    _permit: StreamPermit,
    /// How often the stream has still to step back before it may go on.
    step_back: u8,
}

impl StreamLife {
    /// Admits a stream whose request came with these headers.
    ///
    /// # Errors
    /// If there are too many streams, or the server drains.
    pub fn begin(door: &Arc<Door>, headers: &MetadataMap) -> Result<Self, Failure> {
        let permit = door.admit()?;
        let mut drain = door.drain();
        let deadline = headers.get("grpc-timeout").and_then(|value| value.to_str().ok());
        Ok(Self {
            drain: Box::pin(async move {
                // An error means that the server is gone, which is a drain too.
                drop(drain.wait_for(|&draining| draining).await);
            }),
            deadline: deadline
                .and_then(parse_timeout)
                .map(|duration| Box::pin(tokio::time::sleep(duration))),
            _permit: permit,
            step_back: 0,
        })
    }

    /// Why the stream has to end now, if it has to. Registers the waker otherwise.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Option<Failure> {
        if self.drain.as_mut().poll(cx).is_ready() {
            return Some(Failure::Draining);
        }
        let deadline = self.deadline.as_mut()?;
        deadline.as_mut().poll(cx).is_ready().then_some(Failure::DeadlineExceeded)
    }

    /// Lets the other tasks of the thread run before this stream goes on, which it will even if it has
    /// nothing to say now.
    ///
    /// Twice, because the encoder above takes the first `Pending` after a message as the moment
    /// to hand its buffer on, and polls again at once.
    pub(super) fn yield_turn(&mut self, cx: &Context<'_>) {
        self.step_back = 2;
        cx.waker().wake_by_ref();
    }

    /// Whether it is not this stream's turn yet; it will be woken.
    pub(super) fn steps_back(&mut self, cx: &mut Context<'_>) -> bool {
        if self.step_back == 0 {
            return false;
        }
        self.step_back -= 1;
        cx.waker().wake_by_ref();
        true
    }
}

/// Arms `timer` to fire after `duration`, reusing its memory.
pub(super) fn arm(timer: &mut Option<Pin<Box<Sleep>>>, duration: Duration) {
    match timer {
        Some(timer) => timer.as_mut().reset(tokio::time::Instant::now() + duration),
        None => *timer = Some(Box::pin(tokio::time::sleep(duration))),
    }
}

/// Whether an armed timer has fired.
pub(super) fn fired(timer: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> bool {
    matches!(timer.as_mut().map(|timer| timer.as_mut().poll(cx)), Some(Poll::Ready(())))
}

/// The value of a `grpc-timeout` header: up to eight digits and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_hours(value),
        "M" => Duration::from_mins(value),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_a_unit() {
        assert_eq!(parse_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse_timeout("99999999H"), Some(Duration::from_hours(99_999_999)));
        for wrong in ["", "m", "1", "123456789S", "-1S", "1x", "é", "1é"] {
            assert_eq!(parse_timeout(wrong), None, "{wrong:?}");
        }
    }
}
