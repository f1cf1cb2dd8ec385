//! A server with a market in a process of its own, riders who ask it and drivers who drive.

use std::path::Path;
use std::sync::Arc;

use hansom::api::proto::admin_service_client::AdminServiceClient;
use hansom::api::proto::connect_request::Kind as Ask;
use hansom::api::proto::connect_response::Kind as Told;
use hansom::api::proto::driver_command::What;
use hansom::api::proto::driver_service_client::DriverServiceClient;
use hansom::api::proto::rider_service_client::RiderServiceClient;
use hansom::api::proto::trip_event::What as Happened;
use hansom::api::proto::{
    CommandAnswer, CommandDone, ConnectRequest, ConnectResponse, DriverCommand, GetTripRequest,
    Hello, Journey, Offer, RequestTripRequest, Trip, TripEvent, WatchTripRequest,
    WatchTripResponse, command_answer,
};
use hansom::clock::Clock;
use hansom::dispatch::{MarketConfig, policy};
use hansom::host::{Host, HostConfig, MarketSlot};
use hansom::index::{IndexConfig, LiveIndex, LiveMap};
use hansom::journal::{Journal, MemoryJournal};
use hansom::server::{Running, Server, ServerConfig};
use hansom::travel::StraightLine;
use hansom::units::Millis;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use tonic_types::StatusExt as _;

use super::serve::Served;
use super::support::{at, channel, hello, now_ms, report, soon};

/// The server, and a connection to it.
pub(super) struct Town {
    pub(super) served: Served,
    pub(super) channel: Channel,
}

impl Town {
    /// A market on the journal in a folder, which looks for drivers at once.
    pub(super) async fn start(folder: &Path, more: &[&str]) -> Self {
        let journal = folder.to_str().unwrap();
        let served = Served::start(&[&["--journal", journal, "--window", "0s"][..], more].concat());
        Self::of(served).await
    }

    pub(super) async fn of(served: Served) -> Self {
        let channel = channel(served.grpc).await;
        Self { served, channel }
    }

    pub(super) fn riders(&self) -> RiderServiceClient<Channel> {
        RiderServiceClient::new(self.channel.clone())
    }

    pub(super) fn drivers(&self) -> DriverServiceClient<Channel> {
        DriverServiceClient::new(self.channel.clone())
    }

    pub(super) fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel.clone())
    }

    pub(super) async fn request(&self, rider: &str, key: &str) -> Result<String, Status> {
        let answer = soon(self.riders().request_trip(request(rider, key))).await?;
        Ok(answer.into_inner().trip_id)
    }

    pub(super) async fn trip(&self, trip: &str) -> Trip {
        let request = GetTripRequest { trip_id: trip.to_owned() };
        soon(self.riders().get_trip(request)).await.unwrap().into_inner().trip.unwrap()
    }

    pub(super) async fn watch(
        &self,
        trip: &str,
        after_ordinal: u32,
    ) -> Streaming<WatchTripResponse> {
        let request = WatchTripRequest { trip_id: trip.to_owned(), after_ordinal };
        soon(self.riders().watch_trip(request)).await.unwrap().into_inner()
    }

    pub(super) async fn app(&self, driver: &str) -> App {
        App::open(self.channel.clone(), driver).await.unwrap()
    }
}

/// A server with a market in the process of the test, which can reach behind it.
pub(super) struct Hosted {
    pub(super) host: Host,
    pub(super) journal: Arc<MemoryJournal>,
    pub(super) channel: Channel,
    _running: Running,
}

impl Hosted {
    pub(super) async fn start() -> Self {
        let map = Arc::new(LiveIndex::new(IndexConfig::default(), 7));
        let (clock, journal) = (Arc::new(Clock::Wall), Arc::new(MemoryJournal::default()));
        let metrics = hansom::api::metrics();
        let host = Host::start(HostConfig {
            market: MarketConfig::new("main".parse().unwrap()),
            policy: policy::POLICIES[0].1,
            travel: Arc::new(StraightLine::default()),
            map: Arc::clone(&map) as Arc<dyn LiveMap>,
            clock: Arc::clone(&clock),
            journal: Arc::clone(&journal) as Arc<dyn Journal>,
            keep_history: Millis::from_secs(3_600),
            keep_trips: 1_000,
            decisions: None,
            metrics: Arc::clone(&metrics.market),
        })
        .unwrap();
        let market = Some((MarketSlot::here(host.handle().clone()), metrics));
        let config = ServerConfig { threads: 1, market, ..ServerConfig::default() };
        let running = Server::start(config, map, clock).unwrap();
        let channel = channel(running.grpc_addr()).await;
        Self { host, journal, channel, _running: running }
    }
}

/// From the middle of the town to its east.
pub(super) fn journey() -> Journey {
    Journey {
        pickup: Some(at(37.5, -122.25)),
        dropoff: Some(at(37.5, -122.2)),
        passengers: 1,
        needs: None,
    }
}

pub(super) fn request(rider: &str, key: &str) -> RequestTripRequest {
    RequestTripRequest {
        rider_id: rider.to_owned(),
        request_key: key.to_owned(),
        journey: Some(journey()),
        quote_id: String::new(),
        immediate: false,
    }
}

/// The machine-readable name in a status.
pub(super) fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

/// All events of a watch until it ends.
pub(super) async fn all(mut watch: Streaming<WatchTripResponse>) -> Vec<TripEvent> {
    let mut events = Vec::new();
    while let Some(response) = soon(watch.message()).await.unwrap() {
        events.push(response.event.unwrap());
    }
    events
}

/// A driver's app.
pub(super) struct App {
    sender: mpsc::Sender<ConnectRequest>,
    responses: Streaming<ConnectResponse>,
    number: u64,
}

impl App {
    /// Connects an app that stands in the middle of the town.
    pub(super) async fn open(channel: Channel, driver: &str) -> Result<Self, Status> {
        Self::open_with(channel, hello(driver)).await
    }

    /// The same, by what it says first.
    pub(super) async fn open_with(channel: Channel, hello: Hello) -> Result<Self, Status> {
        let (sender, receiver) = mpsc::channel(64);
        let call = DriverServiceClient::new(channel).connect(ReceiverStream::new(receiver)).await?;
        let app = Self { sender, responses: call.into_inner(), number: 0 };
        app.send(Ask::Hello(hello)).await;
        app.send(Ask::Position(report(37.5, -122.25, now_ms()))).await;
        Ok(app)
    }

    pub(super) async fn send(&self, kind: Ask) {
        // Fails once the server is gone, which the responses tell.
        drop(self.sender.send(ConnectRequest { kind: Some(kind) }).await);
    }

    /// Says no more; what the app is still told.
    pub(super) fn close(self) -> Streaming<ConnectResponse> {
        self.responses
    }

    /// What the app is told next.
    pub(super) async fn next(&mut self) -> Result<Told, Status> {
        loop {
            let told = self.responses.message().await?;
            let told = told.ok_or_else(|| Status::unavailable("the stream has ended"))?;
            if let Some(kind) = told.kind {
                return Ok(kind);
            }
        }
    }

    /// Reads on until it is told something of a kind.
    pub(super) async fn until<T>(&mut self, mut pick: impl FnMut(Told) -> Option<T>) -> T {
        let read = async {
            loop {
                if let Some(picked) = pick(self.next().await.unwrap()) {
                    return picked;
                }
            }
        };
        soon(read).await
    }

    /// The trips that bind the driver, as told on connecting; the driver is on the map by then.
    pub(super) async fn trips(&mut self) -> Vec<Trip> {
        let (mut bound, mut placed) = (None, false);
        self.until(|told| {
            match told {
                Told::Trips(trips) => bound = Some(trips.trips),
                Told::Ack(ack) => placed |= ack.applied > 0,
                _ => {}
            }
            if placed { bound.take() } else { None }
        })
        .await
    }

    pub(super) async fn offer(&mut self) -> Offer {
        self.until(|told| match told {
            Told::Event(TripEvent { what: Some(Happened::OfferMade(offer)), .. }) => Some(offer),
            _ => None,
        })
        .await
    }

    /// Sends a command without waiting, and says its number.
    pub(super) async fn begin(&mut self, what: What) -> u64 {
        self.number += 1;
        let number = self.number;
        self.send(Ask::Command(DriverCommand { number, what: Some(what) })).await;
        number
    }

    pub(super) async fn answer(&mut self, number: u64) -> CommandAnswer {
        self.until(|told| match told {
            Told::Answer(answer) if answer.number == number => Some(answer),
            _ => None,
        })
        .await
    }

    /// Does what must be possible.
    pub(super) async fn does(&mut self, what: What) -> CommandDone {
        let number = self.begin(what).await;
        match self.answer(number).await.outcome {
            Some(command_answer::Outcome::Done(done)) => done,
            other => panic!("{other:?}"),
        }
    }

    /// Tries what must not be possible: the name of the refusal.
    pub(super) async fn is_refused(&mut self, what: What) -> String {
        let number = self.begin(what).await;
        match self.answer(number).await.outcome {
            Some(command_answer::Outcome::Refused(refused)) => refused.reason,
            other => panic!("{other:?}"),
        }
    }
}
