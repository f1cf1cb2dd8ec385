//! This program, over gRPC: a `hansom serve` of its own, with one thread a core.

use std::collections::{BTreeSet, HashMap};
use std::os::unix::process::CommandExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::runtime::Runtime;

use super::Start;
use super::fleet_time::{FleetTime, Span};
use super::hansom_direct::{types_for, types_of};
use crate::api::proto::{
    Filter, HandleBinding, NearestRequest, NearestResponse, Position, PositionReport, Profile,
    ReportBatch, ReportRequest,
};
use crate::bench::ServeProcess;
use crate::client::{Asker, Driver, Ingestor, PipelinedAsker, connect, driver_client};
use crate::geo::LatLng;
use crate::limits;
use crate::suite::launch::{anonymous, command};
use crate::suite::system::{
    About, Call, Client, Filters, Found, Rounding, Sink, System, Trouble, name, number,
};
use crate::suite::workload::{Ask, Move, World};

/// Rows in a batch: where a larger one stops paying.
const ROWS: usize = 1_024;

/// Batches that are not acknowledged yet.
const BATCHES: usize = 64;

/// Bindings in a message.
const BINDINGS: usize = 16_384;

/// Our server.
pub(super) struct HansomGrpc {
    start: Start,
    /// Always there but while one world gives way to the next.
    server: Option<ServeProcess>,
    time: Arc<FleetTime>,
    drivers: AtomicU32,
    /// Memory before the first drivers came.
    empty: u64,
}

fn serve(start: &Start) -> Result<ServeProcess, Trouble> {
    // The clock follows the fleet, whose time passes as its drivers move.
    let flags = ["--clock", "trace", "--log-level", "error", "--market", "none"];
    let forget = ["--stale-after", "144h", "--forget-after", "144h"];
    let look = ["--busy-poll-us".to_owned(), start.busy_poll_us.to_string()];
    let look = look.each_ref().map(String::as_str);
    let mut command = command(&start.program, None);
    // Ctrl-C is for us; we end our server ourselves.
    command.process_group(0);
    ServeProcess::launch(command, &[&flags[..], &forget, &look].concat()).map_err(Trouble::failed)
}

impl HansomGrpc {
    /// Starts a server.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) fn start(start: &Start) -> Result<Self, Trouble> {
        let server = serve(start)?;
        let empty = anonymous(server.pid()).unwrap_or_default();
        let time = Arc::new(FleetTime::new(1));
        let (start, server, drivers) = (start.clone(), Some(server), AtomicU32::new(0));
        Ok(Self { start, server, time, drivers, empty })
    }
}

impl System for HansomGrpc {
    fn about(&self) -> About {
        About {
            name: "hansom",
            version: env!("CARGO_PKG_VERSION").to_owned(),
            access: "gRPC over TCP",
            usage: format!(
                "Ingest in columns of 1,024 rows; NearestStream with up to 1,024 questions \
                    under way; turns: an Ingest of one row and its acknowledgement, a NearestStream with one \
                    question under way; a server of its own with one thread a core and --busy-poll-us {}",
                self.start.busy_poll_us
            ),
        }
    }

    fn updates(&self) -> &'static [Call] {
        &[Call::Bulk, Call::Unary, Call::Turns]
    }

    fn questions(&self) -> &'static [Call] {
        &[Call::Stream, Call::Unary, Call::Turns]
    }

    fn filters(&self) -> Filters {
        Filters::Can
    }

    fn rounding(&self) -> Rounding {
        Rounding::EXACT
    }

    fn most_drivers(&self) -> u32 {
        limits::MAX_HANDLES
    }

    fn load(&mut self, world: &World) -> Result<(), Trouble> {
        if self.drivers.load(Ordering::Relaxed) > 0 {
            // An index forgets drivers by silence only: another world, another server.
            self.server = None;
            self.server = Some(serve(&self.start)?);
        }
        self.time = Arc::new(FleetTime::new(world.drivers()));
        self.drivers.store(world.drivers(), Ordering::Relaxed);
        let mut client = self.client(Some(Call::Bulk), None)?;
        let all = (0..).zip(&world.positions).map(|(driver, &to)| Move { driver, to });
        let all: Vec<Move> = all.collect();
        client.update(Call::Bulk, &all)?;
        client.settle()
    }

    fn client(&self, update: Option<Call>, ask: Option<Call>) -> Result<Box<dyn Client>, Trouble> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Trouble::failed)?;
        let server = self.server.as_ref().ok_or_else(|| closed("the server"))?;
        let target = format!("http://{}", server.grpc);
        let drivers = self.drivers.load(Ordering::Relaxed);
        let doors = runtime.block_on(async {
            let mut doors = Doors::default();
            match update {
                Some(Call::Bulk) => {
                    let mut ingestor = Ingestor::open(connect(&target).await?, BATCHES).await?;
                    bind(&mut ingestor, 0..drivers).await?;
                    doors.bulk = Some(ingestor);
                }
                // Its drivers are bound once it is known who they are.
                Some(Call::Turns) => {
                    doors.bulk = Some(Ingestor::open(connect(&target).await?, BATCHES).await?);
                }
                Some(_) => doors.report = Some(driver_client(connect(&target).await?)),
                None => (),
            }
            match ask {
                Some(Call::Stream | Call::Turns) => {
                    let channel = connect(&target).await?;
                    let window = limits::MAX_UNANSWERED_QUESTIONS;
                    doors.stream = Some(PipelinedAsker::open(channel, window).await?);
                }
                Some(_) => doors.unary = Some(Asker::new(connect(&target).await?)),
                None => (),
            }
            Ok::<_, crate::client::ClientError>(doors)
        });
        let doors = doors.map_err(Trouble::failed)?;
        Ok(Box::new(Caller {
            doors,
            time: Arc::clone(&self.time),
            found: Vec::new(),
            handles: HashMap::new(),
            runtime,
        }))
    }

    fn memory(&mut self) -> Result<Option<u64>, Trouble> {
        let occupied = self.server.as_ref().and_then(|server| anonymous(server.pid()));
        Ok(occupied.map(|bytes| bytes.saturating_sub(self.empty)))
    }
}

/// Binds handles from 0 on to these drivers, in their order.
async fn bind(
    ingestor: &mut Ingestor,
    drivers: impl Iterator<Item = u32>,
) -> Result<(), crate::client::ClientError> {
    let mut drivers = (0..).zip(drivers).peekable();
    while drivers.peek().is_some() {
        let binding = |(handle, driver)| HandleBinding {
            handle,
            driver_id: text(driver),
            profile: Some(Profile {
                vehicle_types: Some(types_of(driver).into()),
                ..Profile::default()
            }),
            status: 0,
        };
        ingestor.bind(drivers.by_ref().take(BINDINGS).map(binding).collect()).await?;
    }
    ingestor.settle().await
}

fn text(driver: u32) -> String {
    name(driver).map(char::from).iter().collect()
}

/// What a client has open.
#[derive(Default)]
struct Doors {
    bulk: Option<Ingestor>,
    report: Option<Driver>,
    stream: Option<PipelinedAsker>,
    unary: Option<Asker>,
}

/// The doors are dropped before the runtime that serves them.
struct Caller {
    doors: Doors,
    time: Arc<FleetTime>,
    /// Of a client that has bound only some drivers, their handles; else each has its number.
    handles: HashMap<u32, u32>,
    found: Vec<Found>,
    runtime: Runtime,
}

fn batch(moves: &[Move], span: Span) -> ReportBatch {
    // As a gateway sends it: a column of times only where they differ.
    let moments = if span.is_moment() { 0 } else { moves.len() };
    ReportBatch {
        handle: moves.iter().map(|m| m.driver).collect(),
        lat_e7: moves.iter().map(|m| m.to.lat_e7()).collect(),
        lng_e7: moves.iter().map(|m| m.to.lng_e7()).collect(),
        base_device_time_ms: span.end().as_millis(),
        device_time_delta_ms: (0..moments)
            .map(|i| span.before_end_ms(i).cast_signed().saturating_neg())
            .collect(),
        ..ReportBatch::default()
    }
}

fn question(ask: &Ask, place: LatLng) -> NearestRequest {
    let vehicle_types = types_for(ask.passing).into();
    NearestRequest {
        position: Some(position(place)),
        k: ask.k,
        radius_m: Some(f64::from(ask.radius_m)),
        filter: (vehicle_types != 0).then(|| Filter { vehicle_types, ..Filter::default() }),
    }
}

fn position(place: LatLng) -> Position {
    let degrees = place.degrees();
    Position { lat: degrees.lat, lng: degrees.lng }
}

/// Reads an answer.
fn read(answer: &NearestResponse, found: &mut Vec<Found>) -> Result<(), Trouble> {
    found.clear();
    for hit in &answer.hits {
        let driver = number(hit.driver_id.as_bytes())?;
        found.push(Found { driver, distance_m: hit.distance_m });
    }
    Ok(())
}

fn closed(what: &str) -> Trouble {
    Trouble::Failed(format!("{what} was not opened"))
}

impl Client for Caller {
    fn prepare(&mut self, call: Call, moves: &[Move]) -> Result<(), Trouble> {
        let Some(ingestor) = self.doors.bulk.as_mut().filter(|_| call == Call::Turns) else {
            return Ok(());
        };
        // A million for each of several callers would be another workload.
        let drivers: BTreeSet<u32> = moves.iter().map(|m| m.driver).collect();
        self.handles = (0..).zip(&drivers).map(|(handle, &driver)| (driver, handle)).collect();
        let bound = self.runtime.block_on(bind(ingestor, drivers.into_iter()));
        bound.map_err(Trouble::failed)
    }

    fn update(&mut self, call: Call, moves: &[Move]) -> Result<(), Trouble> {
        let Self { doors, time, handles, runtime, .. } = self;
        if call == Call::Unary {
            let client = doors.report.as_mut().ok_or_else(|| closed("Report"))?;
            return runtime.block_on(async {
                for m in moves {
                    let report = PositionReport {
                        position: Some(position(m.to)),
                        device_time_ms: time.pass(1).end().as_millis(),
                        ..PositionReport::default()
                    };
                    let (driver_id, report) = (text(m.driver), Some(report));
                    let request = ReportRequest { driver_id, report, profile: None };
                    let told = client.report(request).await.map_err(Trouble::failed)?.into_inner();
                    if !told.applied {
                        return Err(Trouble::Failed(format!("rejected: {}", told.detail)));
                    }
                }
                Ok(())
            });
        }
        let ingestor = doors.bulk.as_mut().ok_or_else(|| closed("Ingest"))?;
        let alone = call == Call::Turns;
        runtime.block_on(async {
            for rows in moves.chunks(if alone { 1 } else { ROWS }) {
                let mut batch = batch(rows, time.pass(rows.len()));
                if alone {
                    let handles = rows.iter().map(|m| handles.get(&m.driver).copied());
                    let handles: Option<Vec<u32>> = handles.collect();
                    batch.handle = handles.ok_or_else(|| closed("a driver's handle"))?;
                }
                let sent = ingestor.report(batch).await;
                sent.map_err(Trouble::failed)?;
                if alone {
                    ingestor.settle().await.map_err(Trouble::failed)?;
                }
            }
            Ok(())
        })
    }

    fn settle(&mut self) -> Result<(), Trouble> {
        let Some(ingestor) = &mut self.doors.bulk else { return Ok(()) };
        self.runtime.block_on(ingestor.settle()).map_err(Trouble::failed)?;
        let totals = ingestor.totals();
        let rejected = totals.received - totals.applied;
        if rejected > totals.received / 100 {
            let received = totals.received;
            return Err(Trouble::Failed(format!("{rejected} of {received} moves were rejected")));
        }
        Ok(())
    }

    fn ask(
        &mut self,
        call: Call,
        ask: &Ask,
        places: &[LatLng],
        sink: Sink<'_>,
    ) -> Result<(), Trouble> {
        let Self { doors, found, runtime, .. } = self;
        if call == Call::Unary {
            let asker = doors.unary.as_mut().ok_or_else(|| closed("Nearest"))?;
            return runtime.block_on(async {
                for (i, &place) in places.iter().enumerate() {
                    let answer = asker.nearest(question(ask, place)).await;
                    read(&answer.map_err(Trouble::failed)?, found)?;
                    sink(i, found);
                }
                Ok(())
            });
        }
        let asker = doors.stream.as_mut().ok_or_else(|| closed("NearestStream"))?;
        let most = if call == Call::Turns { 1 } else { usize::MAX };
        runtime.block_on(async {
            let mut asked = 0;
            for i in 0..places.len() {
                while asked < places.len() && asked - i < most && asker.has_room() {
                    asker.ask(question(ask, places[asked])).await.map_err(Trouble::failed)?;
                    asked += 1;
                }
                read(&asker.answer().await.map_err(Trouble::failed)?, found)?;
                sink(i, found);
            }
            Ok(())
        })
    }
}
