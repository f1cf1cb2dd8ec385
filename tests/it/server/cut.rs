//! A connection that is gone in the middle of a stream, without a word.

use std::net::SocketAddr;

use hansom::api::proto::{CountRequest, GetDriverRequest};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::proximity::world;
use super::support::{Fixture, Ingest, batch, bind, channel, eventually, soon};

/// A wire to the server that can be cut: both ends are closed where they stand.
struct Wire {
    address: SocketAddr,
    carrying: JoinHandle<()>,
}

impl Wire {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let carrying = tokio::spawn(async move {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = TcpStream::connect(server).await.unwrap();
            // Ends with the test's client or by being cut: either way nobody asks how.
            drop(copy_bidirectional(&mut near, &mut far).await);
        });
        Self { address, carrying }
    }

    async fn cut(self) {
        self.carrying.abort();
        assert!(self.carrying.await.is_err(), "the wire was cut already");
    }
}

/// Row `i` of a batch: its own place for each driver and batch.
fn rows(drivers: u32, batch: u32) -> Vec<(u32, f64, f64)> {
    (0..drivers).map(|i| (i, f64::from(batch) * 0.001, f64::from(i) * 0.001)).collect()
}

#[tokio::test]
async fn what_was_acknowledged_before_a_connection_is_lost_is_on_the_map() {
    const DRIVERS: u32 = 100;
    const BATCHES: u32 = 20;
    let fixture = Fixture::start().await;
    let metric = |line: &str| {
        let rendered = fixture.running.door().metrics.render();
        let found = rendered.contains(line);
        async move { found }
    };
    let wire = Wire::to(fixture.running.grpc_addr()).await;
    let mut ingest = Ingest::over(channel(wire.address).await).await;
    ingest.send(bind(&(0..DRIVERS).collect::<Vec<_>>())).await;
    for number in 1..=BATCHES {
        ingest.send(batch(number.into(), &rows(DRIVERS, number))).await;
    }
    let ack = ingest.acked(u64::from(BATCHES) + 1).await;
    assert_eq!(ack.applied_rows, u64::from(DRIVERS * BATCHES));
    eventually("both connections are counted", || metric("hansom_connections 2\n")).await;

    wire.cut().await;
    let gone = soon(ingest.responses.message()).await;
    assert!(gone.is_err(), "the client takes a cut for an end: {gone:?}");
    eventually("the stream is gone", || metric("hansom_streams 0\n")).await;
    eventually("the connection is gone", || metric("hansom_connections 1\n")).await;

    let everybody = CountRequest { area: Some(world()), filter: None };
    let count = soon(fixture.proximity().count(everybody)).await.unwrap().into_inner().count;
    assert_eq!(count, u64::from(DRIVERS));
    let mut again = Ingest::open(&fixture).await;
    for (i, lat, lng) in rows(DRIVERS, BATCHES) {
        let request = GetDriverRequest { driver_id: format!("d{i}") };
        let driver = soon(fixture.driver().get_driver(request)).await.unwrap().into_inner();
        let position = driver.position.unwrap();
        let moved = (position.lat - lat).abs().max((position.lng - lng).abs());
        assert!(moved < 1e-7, "d{i} is at {position:?}, not at {lat}, {lng}");
    }
    // The same drivers go on by another stream.
    again.send(bind(&(0..DRIVERS).collect::<Vec<_>>())).await;
    again.send(batch(1, &rows(DRIVERS, BATCHES + 1))).await;
    assert_eq!(again.acked(2).await.applied_rows, u64::from(DRIVERS));
}
