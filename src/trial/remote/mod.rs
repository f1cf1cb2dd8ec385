//! A trial of the one policy that a running server has: the same riders and drivers, over real gRPC.
//!
//! This process is all of the clients: a gateway that reports positions in columns and hears of all trips
//! of its drivers on one stream, and riders who ask and watch. Time is the machine's, divided by the
//! speed; what happens is heard when it arrives, so that nothing is reproducible but who the people are.
//! Names are of this run alone: whoever was left behind by another one is a stranger.

mod gateway;
mod heard;
mod riders;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tonic::transport::Channel;

use self::gateway::Gateway;
use super::error::TrialError;
use super::inputs::{self, Inputs};
use super::options::{Progress, TrialOptions};
use super::outcome::Outcome;
use super::report::{Report, ServerMet};
use crate::api::proto::command_answer::Outcome as Answered;
use crate::api::proto::connect_fleet_response::Kind;
use crate::api::proto::driver_command::What;
use crate::api::proto::{CompleteTrip, StatusRequest, StatusResponse};
use crate::client::{ClientError, FleetCommands, FleetTold, admin_client, attend, connect};
use crate::clock::{stopwatch, wall_now};
use crate::limits;
use crate::sim::day::{Crowd, Deed, News, Told};
use crate::units::{Millis, Timestamp};

/// A server that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Where, as in `http://127.0.0.1:7400`.
    pub address: String,
    /// How many seconds of the log pass in one, 0.001 to 1,000.
    pub speed: f64,
}

/// How often progress is told and an interrupt is looked for.
const BEAT: Duration = Duration::from_millis(50);

/// When what the server had no room for is said again.
const AGAIN: Duration = Duration::from_millis(limits::RETRY_AFTER_MS);

/// Replays a log against a running server.
///
/// # Guarantees
/// Each request of the log is in the report once. Ended early, trips under way stay with the server;
/// drivers without one are offline in the end in any case.
///
/// # Errors
/// [`TrialError`] if inputs cannot be read, options are out of range, or the server cannot be reached,
/// hosts no market or ends a stream.
pub fn run(options: &TrialOptions, target: &Target) -> Result<Report, TrialError> {
    let inputs = inputs::read(options)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(TrialError::Thread)?;
    runtime.block_on(live(options, target, inputs))
}

async fn live(
    options: &TrialOptions,
    target: &Target,
    inputs: Inputs,
) -> Result<Report, TrialError> {
    let status = status(&target.address).await?;
    let begun = stopwatch();
    let crowd = Crowd::new(&inputs.plan, &*options.travel);
    let mut day = Day::open(options, target, crowd).await?;
    let interrupted = day.run().await?;
    let Day { crowd, gateway, refusals, late, .. } = day;
    let places = (0..inputs.plan.starts.len()).map(|cab| crowd.place(cab)).collect();
    let totals = gateway.close(places).await?;
    let mut tally = crowd.end();
    tally.reports = totals.received;
    tally.reports_refused = totals.rejected.values().sum();
    let mut outcome = Outcome::seen(&status.policy, &tally, begun.elapsed());
    outcome.refusals = refusals;
    let met = ServerMet {
        target: target.address.clone(),
        market: status.market,
        speed: target.speed,
        implausible: totals.implausible,
        late_ms: late.as_secs_f64() * 1e3,
    };
    Ok(Report::of(options, inputs, vec![outcome], 1, interrupted).met(met))
}

async fn status(address: &str) -> Result<StatusResponse, ClientError> {
    let mut admin = admin_client(connect(address).await?);
    let status = admin.status(StatusRequest {}).await.map_err(ClientError::refused("Status"))?;
    Ok(status.into_inner())
}

/// A day that passes.
struct Day<'a> {
    options: &'a TrialOptions,
    speed: f64,
    began: Instant,
    crowd: Crowd<'a>,
    channel: Channel,
    /// What names of this run begin with.
    tag: String,
    gateway: Gateway,
    commands: FleetCommands,
    told: FleetTold,
    news: mpsc::Sender<Said>,
    heard: mpsc::Receiver<Said>,
    /// Commands that are not answered.
    unanswered: BTreeMap<u64, (u32, What)>,
    /// Those that are to be said again.
    again: BinaryHeap<Reverse<(Instant, u64)>>,
    postponed: BTreeMap<u64, (u32, What)>,
    postponements: u64,
    refusals: BTreeMap<String, u64>,
    late: Duration,
}

/// What tasks of riders and of drivers who leave tell.
#[derive(Debug)]
enum Said {
    News(News),
    /// A call was refused, and why; nothing follows from it.
    Refusal(String),
}

impl<'a> Day<'a> {
    async fn open(
        options: &'a TrialOptions,
        target: &Target,
        crowd: Crowd<'a>,
    ) -> Result<Self, TrialError> {
        let tag = format!("r{:x}", wall_now().as_millis());
        let cabs = options.fleet;
        let gateway = Gateway::open(&target.address, &tag, cabs, |cab| crowd.seats(cab)).await?;
        let drivers = (0..cabs).map(|cab| gateway::name(&tag, cab)).collect();
        let channel = connect(&target.address).await?;
        let (commands, told, _) = attend(channel.clone(), drivers).await?;
        let (news, heard) = mpsc::channel(limits::MAX_WAITING_FLEET_NEWS);
        Ok(Self {
            options,
            speed: target.speed,
            began: stopwatch(),
            crowd,
            channel,
            tag,
            gateway,
            commands,
            told,
            news,
            heard,
            unanswered: BTreeMap::new(),
            again: BinaryHeap::new(),
            postponed: BTreeMap::new(),
            postponements: 0,
            refusals: BTreeMap::new(),
            late: Duration::ZERO,
        })
    }

    /// How late it is in the log.
    fn now(&self) -> Timestamp {
        let passed = self.began.elapsed().as_secs_f64() * self.speed * 1e3;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some days")]
        let passed = passed as u64;
        self.crowd.begins_at().plus(Millis(passed))
    }

    /// When it is so late in the log.
    fn moment(&self, at: Timestamp) -> Instant {
        let after = at.since(self.crowd.begins_at()).as_secs_f64() / self.speed;
        // Beyond a year nobody waits.
        self.began + Duration::from_secs_f64(after.min(3.2e7))
    }

    /// Lets the day pass; whether it was ended early.
    async fn run(&mut self) -> Result<bool, TrialError> {
        let mut deeds = Vec::new();
        loop {
            let present = stopwatch();
            if let Some(due) = self.crowd.next_at().map(|at| self.moment(at)) {
                self.late = self.late.max(present.saturating_duration_since(due));
            }
            let now = self.now();
            self.crowd.pass(now, &mut deeds);
            self.do_all(&mut deeds).await?;
            self.say_again(present);
            let tally = &self.crowd.tally;
            let (requests, of) = (tally.asked + tally.refused, tally.requests);
            (self.options.watcher)(Progress::Running { requests, of, now: self.crowd.now() });
            if self.crowd.is_over() || (self.options.stop)() {
                return Ok(!self.crowd.is_over());
            }
            let next = self.crowd.next_at().map(|at| self.moment(at));
            let next = next.map_or(present + BEAT, |next| next.min(present + BEAT));
            tokio::select! {
                kind = self.told.next() => self.hear(kind?, &mut deeds),
                Some(said) = self.heard.recv() => self.said(said, &mut deeds),
                () = tokio::time::sleep_until(next.into()) => {}
            }
            while let Ok(said) = self.heard.try_recv() {
                self.said(said, &mut deeds);
            }
        }
    }

    fn said(&mut self, said: Said, deeds: &mut Vec<Deed>) {
        let now = self.now();
        match said {
            Said::News(news) => self.crowd.hear(now, &news, deeds),
            Said::Refusal(reason) => self.refused(reason),
        }
    }

    fn refused(&mut self, reason: String) {
        *self.refusals.entry(reason).or_default() += 1;
    }

    fn hear(&mut self, kind: Kind, deeds: &mut Vec<Deed>) {
        let now = self.now();
        let mut all = Vec::new();
        match kind {
            Kind::Event(event) => {
                let cab = gateway::number(&self.tag, &event.driver_id);
                let told = event.event.as_ref().and_then(heard::driver);
                if let (Some(cab), Some((trip, what))) = (cab, told) {
                    all.push(News::Driver { cab, trip, what });
                }
            }
            Kind::Attended(attended) => {
                for one in &attended.drivers {
                    let Some(cab) = gateway::number(&self.tag, &one.driver_id) else { continue };
                    let standing = heard::standing(one);
                    let over = heard::over(one, self.crowd.trips_of(cab)).into_iter();
                    all.extend(over.map(|trip| News::Driver { cab, trip, what: Told::Ended }));
                    let stands = |(trip, what)| News::Driver { cab, trip, what };
                    all.extend(standing.into_iter().map(stands));
                }
            }
            Kind::Answer(answer) => {
                let command = self.unanswered.remove(&answer.number);
                if let (Some(Answered::Refused(refused)), Some((cab, what))) =
                    (answer.outcome, command)
                {
                    if riders::passes(refused.code) {
                        self.postpone(cab, what);
                    } else {
                        self.refused(refused.reason);
                    }
                }
            }
            // Nobody else knows these names.
            Kind::Superseded(_) => {}
        }
        for news in all {
            self.crowd.hear(now, &news, deeds);
        }
    }

    async fn do_all(&mut self, deeds: &mut Vec<Deed>) -> Result<(), TrialError> {
        for deed in deeds.drain(..) {
            match deed {
                Deed::Report { cab, place } => self.gateway.note(cab, place),
                Deed::GoOnline { cab } => self.gateway.online(cab),
                Deed::GoOffline { cab } => {
                    let driver = gateway::name(&self.tag, cab);
                    let work = riders::leave(self.channel.clone(), cab, driver, self.news.clone());
                    drop(tokio::spawn(work));
                }
                Deed::Request { rider } => {
                    let request = riders::request(&self.tag, self.crowd.rider(rider), rider);
                    let work =
                        riders::ride(self.channel.clone(), rider, request, self.news.clone());
                    drop(tokio::spawn(work));
                }
                Deed::Cancel { rider, trip } => {
                    let (name, trip) = (riders::name(&self.tag, rider), trip.to_string());
                    let work = riders::cancel(self.channel.clone(), name, trip, self.news.clone());
                    drop(tokio::spawn(work));
                }
                Deed::Accept { cab, offer } => {
                    self.say(cab, What::AcceptOfferId(offer.to_string()));
                }
                Deed::Decline { cab, offer } => {
                    self.say(cab, What::DeclineOfferId(offer.to_string()));
                }
                Deed::Arrive { cab, trip } => self.say(cab, What::ArriveTripId(trip.to_string())),
                Deed::Start { cab, trip } => self.say(cab, What::StartTripId(trip.to_string())),
                Deed::Complete { cab, trip, driven } => {
                    let (trip_id, driven_m) = (trip.to_string(), Some(driven.get()));
                    self.say(cab, What::Complete(CompleteTrip { trip_id, driven_m }));
                }
            }
        }
        Ok(self.gateway.send().await?)
    }

    fn say(&mut self, cab: u32, what: What) {
        let driver = gateway::name(&self.tag, cab);
        match self.commands.send(driver, what.clone()) {
            Some(number) => drop(self.unanswered.insert(number, (cab, what))),
            None => self.postpone(cab, what),
        }
    }

    fn postpone(&mut self, cab: u32, what: What) {
        self.postponements += 1;
        self.postponed.insert(self.postponements, (cab, what));
        self.again.push(Reverse((stopwatch() + AGAIN, self.postponements)));
    }

    fn say_again(&mut self, present: Instant) {
        while let Some(&Reverse((at, number))) = self.again.peek() {
            if at > present {
                return;
            }
            self.again.pop();
            if let Some((cab, what)) = self.postponed.remove(&number) {
                self.say(cab, what);
            }
        }
    }
}
