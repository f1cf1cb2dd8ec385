//! The time of a made-up fleet, which passes as its drivers report: faster than the real one, but
//! no vehicle is faster than a vehicle.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::units::Timestamp;

/// When it begins.
pub(super) const BEGINNING: Timestamp = Timestamp::from_secs(1_700_000_000);

/// How often each driver reports, in milliseconds.
const INTERVAL_MS: u64 = 4_000;

/// One clock for all clients, so that the reports of a driver are in order.
#[derive(Debug)]
pub(super) struct FleetTime {
    now_ms: AtomicI64,
    drivers: u64,
}

/// The time that moves take which are sent together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    begin_ms: i64,
    length_ms: u64,
    moves: u64,
}

impl FleetTime {
    pub(super) fn new(drivers: u32) -> Self {
        Self { now_ms: AtomicI64::new(BEGINNING.as_millis()), drivers: u64::from(drivers.max(1)) }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms.load(Ordering::Relaxed))
    }

    /// Lets as much time pass as so many moves take.
    pub(super) fn pass(&self, moves: usize) -> Span {
        let moves = moves as u64;
        let length_ms = (moves * INTERVAL_MS / self.drivers).max(1);
        let begin_ms = self.now_ms.fetch_add(length_ms.cast_signed(), Ordering::Relaxed);
        Span { begin_ms, length_ms, moves: moves.max(1) }
    }
}

impl Span {
    /// When the last of them is made.
    pub(super) fn end(self) -> Timestamp {
        Timestamp::from_millis(self.begin_ms + self.length_ms.cast_signed())
    }

    /// How long before its end a move is made, in milliseconds: where a vehicle may be in it twice, no two
    /// of its moves are made at once.
    pub(super) fn before_end_ms(self, place: usize) -> u32 {
        if self.is_moment() {
            return 0;
        }
        let after = self.moves.saturating_sub(place as u64 + 1);
        u32::try_from(self.length_ms * after / self.moves).unwrap_or(u32::MAX)
    }

    /// Whether all of them count as made at once: in a fleet that is much larger than what is sent together
    /// a vehicle is hardly ever in it twice, and a batch has one time, as those of gateways do.
    pub(super) const fn is_moment(self) -> bool {
        self.length_ms <= INTERVAL_MS / 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_moves_of_a_vehicle_are_made_at_once() {
        // Each of 503 vehicles twice in a batch.
        let time = FleetTime::new(503);
        let (first, second) = (time.pass(1_006), time.pass(1_006));
        let at = |span: Span, place| span.end().as_millis() - i64::from(span.before_end_ms(place));
        let times: Vec<i64> = [first, second]
            .into_iter()
            .flat_map(|span| (0..1_006).map(move |i| at(span, i)))
            .collect();
        assert!(times.windows(503).all(|all| all[0] < all[502]), "{times:?}");
        assert!(times.is_sorted());
        assert_eq!(
            (at(first, 1_005), at(second, 1_005)),
            (first.end().as_millis(), time.now().as_millis())
        );
    }

    #[test]
    fn a_batch_of_a_large_fleet_takes_a_moment() {
        for drivers in [10_000, 1_000_000, 10_000_000] {
            let span = FleetTime::new(drivers).pass(1_024);
            assert!(span.is_moment() && span.before_end_ms(0) == 0, "{drivers}");
        }
        let time = FleetTime::new(10_000_000);
        time.pass(1_024);
        assert_eq!(time.now().as_millis(), BEGINNING.as_millis() + 1);
    }
}
