//! What each command does: looks whether it may be, then makes events happen.
//!
//! Every check stands before the first event, so that what is refused has changed nothing.

mod driver;
mod lookup;
mod offers;
mod presence;
mod rider;
mod search;
mod time;

use super::command::Command;
use super::event::Event;
use super::market::Market;
use super::refusal::Refusal;
use super::reply::Reply;
use super::supply::Supply;
use crate::units::Timestamp;

impl Market {
    /// Carries out a command, but for what follows from it at once.
    pub(super) fn carry_out(
        &mut self,
        now: Timestamp,
        command: Command,
        supply: &mut dyn Supply,
        events: &mut Vec<Event>,
    ) -> Result<Reply, Refusal> {
        match command {
            Command::RequestTrip(request) => self.request_trip(now, *request, events),
            Command::CancelTrip { trip, rider, reason } => {
                self.cancel_trip(now, trip, &rider, reason, events)
            }
            Command::AcceptOffer { offer, driver } => self.accept_offer(now, offer, driver, events),
            Command::DeclineOffer { offer, driver } => {
                self.decline_offer(now, offer, driver, events)
            }
            Command::Arrive { trip, driver } => self.arrive(now, trip, driver, events),
            Command::StartTrip { trip, driver } => self.start_trip(now, trip, driver, events),
            Command::CompleteTrip { trip, driver, driven } => {
                self.complete_trip(now, trip, driver, driven, events)
            }
            Command::CancelAsDriver { trip, driver, reason } => {
                self.cancel_as_driver(now, trip, driver, reason, events)
            }
            Command::RateTrip { trip, by, stars } => self.rate_trip(now, trip, by, stars, events),
            Command::GoOnline { driver } => self.go_online(now, driver, events),
            Command::GoOffline { driver } => self.go_offline(now, driver, events),
            Command::Quote { rider, journey } => self.quote(now, rider, journey, supply),
            Command::Tick => Ok(self.tick(now, events)),
            Command::MatchBatch => Ok(self.match_batch(now, supply, events)),
        }
    }
}
