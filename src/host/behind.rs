//! Whether the clock is behind the market, whose time stands still then.

use crate::ids::MarketId;
use crate::telemetry::MarketMetrics;
use crate::units::{Millis, Timestamp};

/// How far the clock may be behind before somebody is warned.
const WARN_BEYOND: Millis = Millis::from_secs(1);

/// Tells of a clock that has jumped back: each jump once.
#[derive(Debug, Default)]
pub(super) struct Behind {
    warned: bool,
}

/// What there is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notice {
    /// The market's time stands still from now on.
    StandsStill,
    /// The clock has caught up.
    GoesOn,
}

impl Behind {
    /// Compares the market's latest present with the clock's.
    pub(super) fn look(
        &mut self,
        market: MarketId,
        latest: Timestamp,
        clock: Timestamp,
        metrics: &MarketMetrics,
    ) {
        let behind = latest.since(clock);
        metrics.clock_behind.set(behind.get() as f64 / 1_000.0);
        match self.notice(behind) {
            Some(Notice::StandsStill) => tracing::warn!(
                %market,
                behind_ms = behind.get(),
                "the clock is behind the market: nothing is matched in batches and no timer fires \
                 before it has caught up"
            ),
            Some(Notice::GoesOn) => tracing::info!(%market, "the clock has caught up"),
            None => {}
        }
    }

    fn notice(&mut self, behind: Millis) -> Option<Notice> {
        if behind > WARN_BEYOND && !self.warned {
            self.warned = true;
            return Some(Notice::StandsStill);
        }
        if behind == Millis::ZERO && self.warned {
            self.warned = false;
            return Some(Notice::GoesOn);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_jump_is_told_once() {
        let mut behind = Behind::default();
        let mut said = |millis| behind.notice(Millis(millis));
        assert_eq!([0, 1, 1_000, 0].map(&mut said), [None; 4]);
        assert_eq!(said(1_001), Some(Notice::StandsStill));
        // Not again before it has caught up, however the rest falls and grows.
        assert_eq!([90_000, 1_000, 1, 2_000].map(&mut said), [None; 4]);
        assert_eq!(said(0), Some(Notice::GoesOn));
        assert_eq!(said(0), None);
        assert_eq!(said(5_000), Some(Notice::StandsStill));
    }
}
