//! A timing wheel over slots: who must be looked at when.
//!
//! Each slot is in at most one list, so an entry is two numbers and nothing is allocated when
//! time passes. A report does not touch the wheel: an entry that comes due is looked at, and
//! put back at its true deadline if its driver has reported since.
//!
//! # References
//! G. Varghese & T. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987, scheme 6.

use crate::units::Timestamp;

/// The width of a list in time. Deadlines are met exactly; this only groups them.
const TICK_MS: i64 = 1_000;

/// Lists: 68 minutes. Later deadlines are looked at every 68 minutes and put back.
const TICKS: i64 = 4_096;

const NONE: u32 = u32::MAX;

/// Slots by the second in which they are due.
#[derive(Debug)]
pub(super) struct Wheel {
    heads: Vec<u32>,
    links: Vec<Link>,
    /// The tick up to which everything has been looked at; none before the first call.
    cursor: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    next: u32,
    /// The slot before, or `TOP | tick` at the head of a list, or [`NONE`] outside.
    previous: u32,
}

const TOP: u32 = 1 << 31;

const OUTSIDE: Link = Link { next: NONE, previous: NONE };

impl Wheel {
    pub(super) fn new() -> Self {
        Self { heads: vec![NONE; list(TICKS - 1) + 1], links: Vec::new(), cursor: None }
    }

    /// Puts a slot where it is due, wherever it was before.
    #[expect(clippy::cast_possible_truncation, reason = "ticks are below 4,096")]
    pub(super) fn schedule(&mut self, slot: u32, now: Timestamp, due: Timestamp) {
        self.cancel(slot);
        if self.links.len() <= slot as usize {
            self.links.resize(slot as usize + 1, OUTSIDE);
        }
        let now = self.cursor.unwrap_or(i64::MIN).max(tick_of(now));
        self.cursor.get_or_insert(now);
        let tick = list(tick_of(due).clamp(now, now + TICKS - 1));
        let next = self.heads[tick];
        self.heads[tick] = slot;
        self.links[slot as usize] = Link { next, previous: TOP | tick as u32 };
        if next != NONE {
            self.links[next as usize].previous = slot;
        }
    }

    /// Takes a slot out, if it is in.
    pub(super) fn cancel(&mut self, slot: u32) {
        let Some(link) = self.links.get_mut(slot as usize) else { return };
        let Link { next, previous } = std::mem::replace(link, OUTSIDE);
        if previous == NONE {
            return;
        }
        if previous & TOP == 0 {
            self.links[previous as usize].next = next;
        } else {
            self.heads[(previous & !TOP) as usize] = next;
        }
        if next != NONE {
            self.links[next as usize].previous = previous;
        }
    }

    /// Takes out all slots whose list has come up; some of them may not be due yet.
    pub(super) fn come_up(&mut self, now: Timestamp, slots: &mut Vec<u32>) {
        let now = tick_of(now);
        let from = self.cursor.unwrap_or(now);
        if now < from {
            return;
        }
        self.cursor = Some(now);
        for tick in from..=now.min(from + TICKS - 1) {
            let mut slot = std::mem::replace(&mut self.heads[list(tick)], NONE);
            while slot != NONE {
                slots.push(slot);
                let link = std::mem::replace(&mut self.links[slot as usize], OUTSIDE);
                slot = link.next;
            }
        }
    }

    /// Bytes in use.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.heads) + self.links.capacity() * size_of::<Link>()
    }

    /// Whether a slot is in.
    pub(super) fn has(&self, slot: u32) -> bool {
        self.links.get(slot as usize).is_some_and(|link| link.previous != NONE)
    }

    /// How many slots are in.
    pub(super) fn len(&self) -> usize {
        self.links.iter().filter(|link| link.previous != NONE).count()
    }
}

fn tick_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(TICK_MS)
}

fn list(tick: i64) -> usize {
    usize::try_from(tick.rem_euclid(TICKS))
        .unwrap_or_else(|_| unreachable!("a remainder is not negative"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn up(wheel: &mut Wheel, seconds: i64) -> Vec<u32> {
        let mut slots = Vec::new();
        wheel.come_up(at(seconds), &mut slots);
        slots.sort_unstable();
        slots
    }

    #[test]
    fn slots_come_up_once_and_in_time() {
        let mut wheel = Wheel::new();
        for (slot, due) in [(0, 5), (1, 5), (2, 6), (3, 100_000), (9, 5)] {
            wheel.schedule(slot, at(0), at(due));
        }
        wheel.schedule(1, at(0), at(7));
        wheel.cancel(9);
        wheel.cancel(77);
        assert_eq!(wheel.len(), 4);
        assert_eq!(up(&mut wheel, 4), [0_u32; 0]);
        assert_eq!(up(&mut wheel, 5), [0]);
        assert_eq!(up(&mut wheel, 5), [0_u32; 0]);
        assert_eq!(up(&mut wheel, 50), [1, 2]);
        assert_eq!(up(&mut wheel, 3), [0_u32; 0], "time does not run back");
        assert_eq!(up(&mut wheel, 4_095), [3], "beyond the horizon it comes up early");
        wheel.schedule(3, at(4_095), at(100_000));
        assert_eq!(up(&mut wheel, 1_000_000), [3], "a long sleep misses nobody");
        assert_eq!(wheel.len(), 0);
    }

    #[test]
    fn what_is_due_now_can_be_put_back_into_now() {
        let mut wheel = Wheel::new();
        wheel.schedule(4, at(10), at(3));
        assert_eq!(up(&mut wheel, 10), [4]);
        wheel.schedule(4, at(10), Timestamp::from_millis(10_500));
        assert_eq!(up(&mut wheel, 10), [4]);
    }
}
