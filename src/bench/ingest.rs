//! Updates a second over bulk streams: in columns, and one a message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_stream::StreamExt as _;

use super::fleet::Fleet;
use super::meter::Meter;
use super::stage::{self, BATCH_ROWS, BenchError, Done, Figure, Stage};
use crate::api::proto::{BindHandles, HandleReport, IngestRequest, ingest_request::Kind};
use crate::client::{ClientError, connect, driver_client};
use crate::clock;
use crate::limits;

/// How many single updates share one look at the clock.
const UPDATES_A_LOOK: u32 = 256;

/// Columnar batches, a bounded number of them unacknowledged.
///
/// # Errors
/// [`BenchError`].
pub fn bulk(stage: &Stage) -> Result<Figure, BenchError> {
    let window = stage.options.in_flight.min(limits::MAX_UNACKED_MESSAGES);
    let done = stage.clients(async |thread| {
        let mut fleet = stage.fleet(thread);
        let channel = connect(&stage.address()).await?;
        let mut ingestor = stage::open(channel, &fleet, window).await?;
        let (meter, deadline) = (Meter::begin(thread), stage.deadline());
        while clock::stopwatch() < deadline {
            fleet.pass_moves(BATCH_ROWS);
            ingestor.report(fleet.moves(BATCH_ROWS)).await?;
        }
        ingestor.settle().await?;
        let mut done = Done::new();
        meter.end(&mut done);
        let totals = ingestor.finish().await?;
        done.count = accepted(totals.received, totals.applied)?;
        Ok(done)
    })?;
    let setup = format!("{BATCH_ROWS} rows a batch, {window} batches unacknowledged");
    Ok(Figure::new("bulk ingest, columns", "updates", &done, setup))
}

/// One update a message on one stream a client thread.
///
/// # Errors
/// [`BenchError`].
pub fn singles(stage: &Stage) -> Result<Figure, BenchError> {
    let done = stage.clients(async |thread| {
        let over = Arc::new(AtomicBool::new(false));
        let messages = single_messages(stage.fleet(thread), Arc::clone(&over));
        let mut client = driver_client(connect(&stage.address()).await?);
        let refused = ClientError::refused("Ingest");
        let response = client.ingest(tokio_stream::iter(messages)).await.map_err(&refused)?;
        let mut acks = response.into_inner();
        // It begins when each handle is bound.
        let mut before = None;
        let mut done = Done::new();
        while let Some(ack) = acks.next().await {
            let ack = ack.map_err(&refused)?;
            if ack.bound_handles < u64::from(stage.options.drivers) {
                continue;
            }
            let (received, applied, meter, deadline) = before.get_or_insert_with(|| {
                (ack.received_rows, ack.applied_rows, Meter::begin(thread), stage.deadline())
            });
            if clock::stopwatch() >= *deadline && !over.swap(true, Ordering::Relaxed) {
                meter.end(&mut done);
                done.count = accepted(ack.received_rows - *received, ack.applied_rows - *applied)?;
            }
        }
        Ok(done)
    })?;
    Ok(Figure::new("ingest, one update a message", "updates", &done, "one stream a thread".into()))
}

/// Bindings for all, then updates until it is over.
fn single_messages(
    mut fleet: Fleet,
    over: Arc<AtomicBool>,
) -> impl Iterator<Item = IngestRequest> + Send + 'static {
    let all: Vec<u32> = (0..fleet.len()).collect();
    let chunks: Vec<Vec<u32>> =
        all.chunks(limits::MAX_BINDINGS_PER_MESSAGE / 4).map(<[u32]>::to_vec).collect();
    let bind = |drivers: Vec<u32>| {
        let bindings = drivers.into_iter().map(Fleet::binding).collect();
        IngestRequest { kind: Some(Kind::Bind(BindHandles { bindings })) }
    };
    let mut look = 0;
    let updates = std::iter::from_fn(move || {
        if look == 0 {
            if over.load(Ordering::Relaxed) {
                return None;
            }
            fleet.pass_moves(UPDATES_A_LOOK as usize);
            look = UPDATES_A_LOOK;
        }
        look -= 1;
        let (handle, position) = fleet.step();
        let update = HandleReport {
            handle,
            lat_e7: position.lat,
            lng_e7: position.lng,
            device_time_ms: fleet.now().as_millis(),
            ..HandleReport::default()
        };
        Some(IngestRequest { kind: Some(Kind::Update(update)) })
    });
    chunks.into_iter().map(bind).chain(updates)
}

/// The applied ones, if nearly all were: some draws repeat a position within a millisecond.
pub(super) fn accepted(received: u64, applied: u64) -> Result<u64, BenchError> {
    let rejected = received - applied;
    if rejected > received / 100 {
        return Err(BenchError::Rejected { rejected, received });
    }
    Ok(applied)
}
