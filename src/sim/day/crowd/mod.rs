//! The riders and drivers of a day who meet a market elsewhere: what they want is told to whoever speaks
//! for them, and what happens is told to them.
//!
//! The same people as in [`super::run`]: who accepts whom, how long riders take to board and when a shift
//! ends comes from the same draws. But time comes from outside, and what happens is heard in the order
//! in which it arrives. Nothing here waits, connects or prints.

mod hear;

use std::collections::{BTreeMap, BTreeSet};

use super::agenda::{Agenda, Answer, Due};
use super::cab::{Cab, Task};
use super::draws::Draws;
use super::fleet::{PARTS, STANDING, id_of, seats};
use super::plan::{DayPlan, Rider};
use super::tally::Tally;
use crate::geo::LatLng;
use crate::ids::{MarketId, OfferId, TripId};
use crate::model::{Capacity, DriverStatus};
use crate::travel::{Eta, TravelTime};
use crate::units::{Meters, Millis, Timestamp};

/// What somebody wants. Cabs and riders go by their numbers in the plan, from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deed {
    /// A driver says where the cab is.
    Report {
        /// Whose.
        cab: u32,
        /// Where.
        place: LatLng,
    },
    /// A shift begins.
    GoOnline {
        /// Whose.
        cab: u32,
    },
    /// A shift is over; it is told by [`News::Leaves`] from when on.
    GoOffline {
        /// Whose.
        cab: u32,
    },
    /// A rider asks; it is told by [`News::Taken`] or [`News::Refused`].
    Request {
        /// Who.
        rider: u32,
    },
    /// A rider has waited long enough.
    Cancel {
        /// Who.
        rider: u32,
        /// For which trip.
        trip: TripId,
    },
    /// A driver takes an offer.
    Accept {
        /// Who.
        cab: u32,
        /// Which.
        offer: OfferId,
    },
    /// A driver does not take it.
    Decline {
        /// Who.
        cab: u32,
        /// Which.
        offer: OfferId,
    },
    /// A driver is at the pickup.
    Arrive {
        /// Who.
        cab: u32,
        /// For which trip.
        trip: TripId,
    },
    /// The rider has boarded.
    Start {
        /// Whose cab.
        cab: u32,
        /// For which trip.
        trip: TripId,
    },
    /// The rider was brought.
    Complete {
        /// By whom.
        cab: u32,
        /// For which trip.
        trip: TripId,
        /// How far it was.
        driven: Meters,
    },
}

/// What somebody hears.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum News {
    /// A rider's request was taken.
    Taken {
        /// Whose.
        rider: u32,
        /// The trip.
        trip: TripId,
    },
    /// It was not.
    Refused {
        /// Whose.
        rider: u32,
    },
    /// What happened to a trip, as its rider hears it.
    Rider {
        /// Who.
        rider: u32,
        /// What.
        what: Heard,
    },
    /// A rider hears no more of the trip, whose end is not known.
    Lost {
        /// Who.
        rider: u32,
    },
    /// What happened to a trip, as a driver hears it.
    Driver {
        /// Who.
        cab: u32,
        /// To which.
        trip: TripId,
        /// What.
        what: Told,
    },
    /// A driver who goes offline has left, or does after a trip.
    Leaves {
        /// Who.
        cab: u32,
        /// After which, if any.
        after: Option<TripId>,
    },
}

/// What a rider hears of the trip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Heard {
    /// A driver is asked, who would take so long and drive so far.
    Offered {
        /// How long.
        duration: Millis,
        /// How far.
        distance: Meters,
    },
    /// The driver declines.
    Declined,
    /// The driver says nothing.
    Expired,
    /// The driver comes.
    Accepted,
    /// The driver is at the pickup.
    Arrived,
    /// It is over.
    Ended(Ended),
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The rider was brought.
    Completed,
    /// It was called off, by whomever.
    Cancelled,
    /// Nobody was found in time.
    Unfulfilled,
}

/// What a driver hears of a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The driver is asked.
    Offered(OfferId),
    /// The offer is over.
    OfferClosed,
    /// It is time to drive to the pickup.
    PickupStarted,
    /// The arrival was noted.
    Arrived,
    /// The ride was.
    Started,
    /// It is over, or another driver's.
    Ended,
}

/// What is known of a rider who has asked.
#[derive(Clone, Copy, Debug)]
struct Wish {
    trip: Option<TripId>,
    /// Whether a driver has reached the pickup, or it is over.
    settled: bool,
    /// The way to the pickup, as last estimated.
    pickup: (Millis, Meters),
}

/// Drivers and riders.
pub struct Crowd<'a> {
    plan: &'a DayPlan,
    draws: Draws,
    travel: &'a dyn TravelTime,
    cabs: Vec<Cab>,
    /// The trips after which drivers leave.
    leaving: BTreeMap<u32, TripId>,
    /// The trips for which drivers are asked.
    pending: BTreeMap<u32, TripId>,
    /// The last trip that each driver was told has ended.
    ended: BTreeMap<u32, TripId>,
    agenda: Agenda,
    now: Timestamp,
    counted: (Timestamp, Timestamp),
    wishes: Vec<Wish>,
    riders: BTreeMap<TripId, u32>,
    /// Offers for trips whose riders have not heard yet that they were taken.
    early: BTreeMap<TripId, (u32, OfferId)>,
    market: Option<MarketId>,
    deeds: Vec<Deed>,
    /// What it has come to so far.
    pub tally: Tally,
}

impl<'a> Crowd<'a> {
    /// All of a plan that has passed [`DayPlan::check`], a moment before the first rider asks: all drivers
    /// are about to begin.
    pub fn new(plan: &'a DayPlan, travel: &'a dyn TravelTime) -> Self {
        let at = |rider: Option<&Rider>| rider.map_or(Timestamp::default(), |one| one.at);
        let span = (at(plan.riders.first()), at(plan.riders.last()));
        let now = span.0.minus(super::world::LEAD);
        let cabs =
            (1..).zip(&plan.starts).map(|(number, place)| Cab::new(id_of(number), *place, now));
        let mut crowd = Self {
            plan,
            draws: Draws::new(plan.seed),
            travel,
            cabs: cabs.collect(),
            leaving: BTreeMap::new(),
            pending: BTreeMap::new(),
            ended: BTreeMap::new(),
            agenda: Agenda::default(),
            now,
            counted: span,
            wishes: Vec::with_capacity(plan.riders.len()),
            riders: BTreeMap::new(),
            early: BTreeMap::new(),
            market: None,
            deeds: Vec::new(),
            tally: Tally { requests: plan.riders.len() as u64, span, ..Tally::default() },
        };
        for cab in (0..).take(crowd.cabs.len()) {
            crowd.shift_begins(cab);
        }
        crowd.agenda.add(now, Due::Round { number: 0 });
        crowd.expect(0);
        crowd
    }

    /// When the day begins.
    pub fn begins_at(&self) -> Timestamp {
        self.counted.0.minus(super::world::LEAD)
    }

    /// When somebody next does something.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.agenda.next_at()
    }

    /// Whether everybody has asked and every trip is over.
    pub fn is_over(&self) -> bool {
        let Tally { requests, asked, refused, .. } = self.tally;
        asked + refused == requests && self.open() == 0
    }

    /// Trips under way.
    pub fn open(&self) -> u64 {
        let Tally { asked, served, unfulfilled, cancelled, lost, .. } = self.tally;
        asked - served - unfulfilled - cancelled - lost
    }

    /// How late it is.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Seats of a cab.
    pub fn seats(&self, cab: u32) -> Capacity {
        seats(self.plan, cab)
    }

    /// A rider of the plan.
    pub fn rider(&self, number: u32) -> Rider {
        self.plan.riders[number as usize]
    }

    /// Where a cab is.
    pub fn place(&self, cab: usize) -> LatLng {
        self.cabs[cab].position(self.now)
    }

    /// The trips that a driver believes in: at which the driver is, for which asked, after which to leave.
    pub fn trips_of(&self, cab: u32) -> BTreeSet<TripId> {
        let task = self.cabs[cab as usize].task.trip();
        let others = [&self.pending, &self.leaving].map(|trips| trips.get(&cab).copied());
        others.into_iter().chain([task]).flatten().collect()
    }

    /// Lets time pass: adds what is wanted by then.
    pub fn pass(&mut self, now: Timestamp, deeds: &mut Vec<Deed>) {
        self.now = self.now.max(now);
        while self.agenda.next_at().is_some_and(|at| at <= now) {
            let Some(due) = self.agenda.take() else { break };
            self.attend(due);
        }
        deeds.append(&mut self.deeds);
    }

    /// Somebody hears something; adds what is wanted at once.
    pub fn hear(&mut self, now: Timestamp, news: &News, deeds: &mut Vec<Deed>) {
        self.now = self.now.max(now);
        self.react(news);
        deeds.append(&mut self.deeds);
    }

    /// Ends the day, where it is.
    pub fn end(mut self) -> Tally {
        let Tally { requests, asked, refused, .. } = self.tally;
        self.tally.open = self.open();
        self.tally.unasked = requests - asked - refused;
        self.tally.settled_at = self.now;
        for cab in (0..).take(self.cabs.len()) {
            let status = self.cab(cab).status;
            self.becomes(cab, status);
            let spent = self.cab(cab).spent;
            for (sum, spent) in self.tally.spent.iter_mut().zip(spent) {
                *sum = Millis(sum.get() + spent.get());
            }
            let task = self.cab(cab).task;
            self.stop(cab, task);
        }
        self.tally
    }

    fn cab(&mut self, number: u32) -> &mut Cab {
        &mut self.cabs[number as usize]
    }

    fn becomes(&mut self, number: u32, status: DriverStatus) {
        let (now, counted) = (self.now, self.counted);
        self.cab(number).becomes(now, status, counted);
    }

    fn expect(&mut self, rider: u32) {
        if let Some(next) = self.plan.riders.get(rider as usize) {
            self.agenda.add(next.at, Due::Request { rider });
        }
    }

    fn attend(&mut self, due: Due) {
        match due {
            Due::Round { number } => self.round(number),
            Due::Shift { cab, turn } => self.shift(cab, turn),
            Due::Arrival { cab, errand } => self.arrival(cab, errand),
            Due::Boarding { cab, errand } => {
                let there = self.cab(cab);
                if let (Task::AtPickup(trip), true) = (there.task, there.errand == errand) {
                    self.command(Deed::Start { cab, trip });
                }
            }
            Due::Answer { cab, trip, attempt, answer } => {
                let Some(market) = self.market else { return };
                let offer = market.trip(trip).offer(attempt);
                self.command(match answer {
                    Answer::Yes => Deed::Accept { cab, offer },
                    Answer::No => Deed::Decline { cab, offer },
                });
            }
            Due::Patience { rider } => {
                let wish = self.wishes[rider as usize];
                // Whoever has the driver at the door stays.
                if let (Some(trip), false) = (wish.trip, wish.settled) {
                    self.command(Deed::Cancel { rider, trip });
                }
            }
            Due::Request { rider } => {
                self.expect(rider + 1);
                let pickup = (Millis::ZERO, Meters::ZERO);
                self.wishes.push(Wish { trip: None, settled: false, pickup });
                self.command(Deed::Request { rider });
            }
        }
    }

    fn command(&mut self, deed: Deed) {
        self.tally.commands += 1;
        self.deeds.push(deed);
    }

    fn report(&mut self, number: u32) {
        let now = self.now;
        let cab = self.cab(number);
        if cab.reported_at != Some(now) {
            cab.reported_at = Some(now);
            let place = cab.position(now);
            self.tally.reports += 1;
            self.deeds.push(Deed::Report { cab: number, place });
        }
    }

    fn round(&mut self, number: u64) {
        let every = self.plan.habits.report_every.get();
        let (rest, now) = (Millis(every * STANDING), self.now);
        let part = number % u64::from(PARTS);
        for cab in (0..).take(self.cabs.len()).filter(|cab| u64::from(cab % PARTS) == part) {
            let one = self.cab(cab);
            let rested = one.reported_at.is_none_or(|at| now.since(at) >= rest);
            if one.status != DriverStatus::Offline && (one.is_driving() || rested) {
                self.report(cab);
            }
        }
        self.agenda
            .add(now.plus(Millis(every / u64::from(PARTS))), Due::Round { number: number + 1 });
    }

    fn shift(&mut self, number: u32, turn: u32) {
        let cab = self.cab(number);
        if cab.turn != turn {
            return;
        }
        if cab.status == DriverStatus::Offline {
            self.shift_begins(number);
        } else {
            self.command(Deed::GoOffline { cab: number });
        }
    }

    fn shift_begins(&mut self, number: u32) {
        let cab = self.cab(number);
        cab.turn += 1;
        let turn = cab.turn;
        let lasts = self.draws.shift(number, turn / 2, &self.plan.habits);
        self.agenda.add(self.now.plus(lasts), Due::Shift { cab: number, turn });
        self.becomes(number, DriverStatus::Available);
        self.command(Deed::GoOnline { cab: number });
        self.report(number);
    }

    /// A shift is over: the next begins when the cab has changed hands.
    fn shift_ended(&mut self, number: u32) {
        self.becomes(number, DriverStatus::Offline);
        let cab = self.cab(number);
        cab.turn += 1;
        let turn = cab.turn;
        let pause = self.draws.handover(number, turn / 2, &self.plan.habits);
        self.agenda.add(self.now.plus(pause), Due::Shift { cab: number, turn });
    }

    fn set_out(&mut self, number: u32, task: Task, to: LatLng) {
        let (now, travel) = (self.now, self.travel);
        let cab = self.cab(number);
        let eta: Eta = travel.time(cab.position(now), to);
        cab.set_out(now, to, &eta);
        cab.task = task;
        cab.errand += 1;
        let errand = cab.errand;
        self.agenda.add(now.plus(eta.duration), Due::Arrival { cab: number, errand });
    }

    /// Stops a cab and counts what it has driven.
    fn stop(&mut self, number: u32, task: Task) -> u64 {
        let now = self.now;
        let driven = self.cab(number).stop(now);
        if matches!(task, Task::Riding(_)) {
            self.tally.carried_mm += driven;
        } else {
            self.tally.empty_mm += driven;
        }
        driven
    }

    /// A cab is where it was going to: it says where it is, and then what it has done.
    fn arrival(&mut self, number: u32, errand: u32) {
        let cab = self.cab(number);
        if cab.errand != errand {
            return;
        }
        let task = cab.task;
        let driven = self.stop(number, task);
        self.report(number);
        match task {
            Task::ToPickup(trip) => self.command(Deed::Arrive { cab: number, trip }),
            Task::Riding(trip) => {
                let driven = Meters::new(driven as f64 / 1_000.0).unwrap_or(Meters::ZERO);
                self.command(Deed::Complete { cab: number, trip, driven });
            }
            Task::None | Task::AtPickup(_) => {}
        }
    }
}
