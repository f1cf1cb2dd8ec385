//! One made-up driver: cruises, is sent to a pickup, waits, drives a trip, cruises again.
//!
//! Moves in steps of at most a second along the streets, brakes for turns, lights and the end of
//! the way, and is seen by a phone whose error drifts. A caricature of traffic: drivers do not see
//! each other.

use super::city::{City, Direction, Node};
use super::dice::Dice;
use super::hotspots::HotSpots;
use crate::model::{DriverStatus, Motion};
use crate::trace::{Record, VehicleIx};
use crate::units::Timestamp;

/// m/s² when the way is free, and when it is not.
const ACCELERATION: f64 = 1.8;
const BRAKING: f64 = 2.5;

/// m/s on a wide street, on any other, and around a corner.
const FAST: f64 = 15.0;
const SLOW: f64 = 9.5;
const CORNER: f64 = 4.0;

/// How far a phone's error drifts back to zero in one report.
const DRIFT: f64 = 0.85;

#[derive(Debug)]
pub(super) struct Driver {
    number: VehicleIx,
    dice: Dice,
    now: i64,
    /// When the shift ends.
    until: i64,
    status: DriverStatus,
    /// Stands still until then.
    stands_until: i64,
    /// When a cruising driver is sent to a pickup.
    hired_at: i64,
    target: Node,
    node: Node,
    direction: Direction,
    /// The way to take at the next crossing; `None` means that the way ends there.
    after: Option<Direction>,
    light: bool,
    along_m: f64,
    speed: f64,
    /// How good the phone is, in decimetres, and how wrong it is at present, in metres.
    accuracy_dm: u16,
    error_m: [f64; 2],
}

impl Driver {
    pub(super) fn new(
        number: VehicleIx,
        mut dice: Dice,
        [from, until]: [i64; 2],
        city: &City,
        spots: &HotSpots,
    ) -> Self {
        let node = spots.pick(city, &mut dice);
        let target = spots.pick(city, &mut dice);
        // Somewhere in the middle of what drivers do all day.
        let status = if dice.chance(0.45) { DriverStatus::OnTrip } else { DriverStatus::Available };
        let hired_at = from + dice.millis(0, 300_000);
        let accuracy_dm = [30, 40, 50, 80, 120][usize::try_from(dice.millis(0, 5)).unwrap_or(0)];
        let mut driver = Self {
            number,
            dice,
            now: from,
            until,
            status,
            stands_until: from,
            hired_at,
            target,
            node,
            direction: Direction::North,
            after: None,
            light: false,
            along_m: 0.0,
            speed: 0.0,
            accuracy_dm,
            error_m: [0.0; 2],
        };
        driver.leave();
        driver
    }

    /// When the driver reports next.
    pub(super) const fn next_at(&self) -> i64 {
        self.now
    }

    /// The report due now, and whether another will follow: advances to the next one.
    pub(super) fn report(&mut self, city: &City, spots: &HotSpots, every: u32) -> (Record, bool) {
        let over = self.now >= self.until;
        if over {
            self.status = DriverStatus::Offline;
        }
        let record = self.seen(city);
        // Phones report about each `every`, seldom late by some more.
        let jitter = every / 8;
        let mut pause = self.dice.millis(every - jitter, every + jitter + 1);
        if self.dice.chance(0.01) {
            pause += self.dice.millis(every, 4 * every);
        }
        // A shift ends with one last report.
        let next =
            if over { self.now } else { (self.now + pause).min(self.until.max(self.now + 1)) };
        while self.now < next {
            let step = (next - self.now).min(1_000);
            self.now += step;
            self.advance(step as f64 / 1_000.0, city, spots);
        }
        (record, !over)
    }

    fn seen(&mut self, city: &City) -> Record {
        let scatter = f64::from(self.accuracy_dm) / 10.0 * 0.35;
        for error in &mut self.error_m {
            *error = *error * DRIFT + self.dice.bell() * scatter;
        }
        let ([x, y], [dx, dy]) = (city.plane(self.node), self.direction.step());
        let [ex, ey] = self.error_m;
        let position = city.place([x + dx * self.along_m + ex, y + dy * self.along_m + ey]);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=20 m/s")]
        let speed_cm_s = (self.speed * 10.0).round() as u16 * 10;
        let motion = Motion {
            heading_cdeg: Some(city.heading(self.direction) * 100),
            speed_cm_s: Some(speed_cm_s),
            accuracy_dm: Some(self.accuracy_dm),
        };
        let at = Timestamp::from_millis(self.now);
        Record { at, vehicle: self.number, position, motion, status: Some(self.status) }
    }

    fn advance(&mut self, seconds: f64, city: &City, spots: &HotSpots) {
        self.think(city, spots);
        let there = self.node == self.target && self.along_m <= 0.0;
        if there || self.now < self.stands_until {
            self.speed = 0.0;
            return;
        }
        let rest = city.block(self.direction) - self.along_m;
        let limit = if self.node.wide(self.direction) { FAST } else { SLOW };
        let at_end = match self.after {
            _ if self.light => 0.0,
            None => 0.0,
            Some(after) if after == self.direction => limit,
            Some(_) => CORNER,
        };
        let braked = (2.0 * BRAKING * rest.max(0.0) + at_end * at_end).sqrt();
        // Never quite zero while under way, or the last metre would take for ever.
        self.speed = (self.speed + ACCELERATION * seconds).min(limit).min(braked).max(0.5);
        self.along_m += self.speed * seconds;
        if self.along_m >= city.block(self.direction) {
            self.cross(city);
        }
    }

    /// Passes the crossing at the end of the present street.
    fn cross(&mut self, city: &City) {
        let beyond = self.along_m - city.block(self.direction);
        self.node = self.node.next(self.direction);
        self.along_m = 0.0;
        if self.light {
            self.stands_until = self.now + self.dice.millis(4_000, 35_000);
            self.speed = 0.0;
        }
        match self.after {
            Some(direction) => {
                self.direction = direction;
                self.along_m = if self.light { 0.0 } else { beyond };
                self.look_ahead();
            }
            None => self.leave(),
        }
    }

    /// Sets out from a crossing towards the target.
    fn leave(&mut self) {
        match self.turn(self.node) {
            Some(direction) => {
                self.direction = direction;
                self.look_ahead();
            }
            None => self.after = None,
        }
    }

    /// Decides what happens at the end of the street just entered.
    fn look_ahead(&mut self) {
        self.after = self.turn(self.node.next(self.direction));
        let wide = self.node.wide(self.direction);
        self.light = self.dice.chance(if wide { 0.12 } else { 0.2 });
    }

    /// The way from `node` to the target: rather straight on, `None` if this is it.
    fn turn(&mut self, node: Node) -> Option<Direction> {
        match Direction::towards(node, self.target) {
            [Some(across), Some(along)] => {
                let straight = [across, along].into_iter().find(|way| *way == self.direction);
                let keep = self.dice.chance(0.8);
                let other = if self.dice.chance(0.5) { across } else { along };
                Some(straight.filter(|_| keep).unwrap_or(other))
            }
            [one, other] => one.or(other),
        }
    }

    /// Changes what the driver is doing, when it is time to.
    fn think(&mut self, city: &City, spots: &HotSpots) {
        let arrived = self.node == self.target && self.along_m <= 0.0;
        let standing = self.now < self.stands_until;
        match self.status {
            DriverStatus::Available if self.now >= self.hired_at => {
                let near = spots.near(city, self.node, &mut self.dice);
                self.set_out(DriverStatus::EnRoute, near);
            }
            DriverStatus::Available if arrived && !standing => {
                if self.dice.chance(0.5) {
                    self.stands_until = self.now + self.dice.millis(20_000, 150_000);
                }
                let next = spots.pick(city, &mut self.dice);
                self.set_out(DriverStatus::Available, next);
            }
            DriverStatus::EnRoute if arrived => {
                self.status = DriverStatus::Waiting;
                self.stands_until = self.now + self.dice.millis(15_000, 120_000);
            }
            DriverStatus::Waiting if !standing => {
                let goal = spots.pick(city, &mut self.dice);
                self.set_out(DriverStatus::OnTrip, goal);
            }
            DriverStatus::OnTrip if arrived => {
                self.stands_until = self.now + self.dice.millis(10_000, 40_000);
                self.hired_at = self.now + self.dice.millis(30_000, 500_000);
                let next = spots.pick(city, &mut self.dice);
                self.set_out(DriverStatus::Available, next);
            }
            _ => {}
        }
    }

    fn set_out(&mut self, status: DriverStatus, target: Node) {
        (self.status, self.target) = (status, target);
        if self.along_m <= 0.0 {
            self.leave();
        } else {
            // In the middle of a street: on to its end, then wherever the target lies.
            self.look_ahead();
        }
    }
}
