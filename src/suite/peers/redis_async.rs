//! One move at a time through the client library that a service in Rust has: the `redis` crate's multiplexed
//! connection, on a runtime of one thread, as our own client is.

use redis::aio::MultiplexedConnection;
use tokio::runtime::Runtime;

use super::redis::KEY;
use crate::geo::LatLng;
use crate::suite::system::{Call, Client, Sink, Trouble, name};
use crate::suite::workload::{Ask, Move};

/// A client. The connection is dropped before the runtime that serves it.
pub(super) struct Mover {
    connection: MultiplexedConnection,
    runtime: Runtime,
}

impl Mover {
    /// Connects.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) fn open(url: &str) -> Result<Self, Trouble> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Trouble::failed)?;
        let client = redis::Client::open(url).map_err(Trouble::failed)?;
        let connection = runtime.block_on(client.get_multiplexed_async_connection());
        Ok(Self { connection: connection.map_err(Trouble::failed)?, runtime })
    }
}

impl Client for Mover {
    fn update(&mut self, _: Call, moves: &[Move]) -> Result<(), Trouble> {
        let Self { connection, runtime } = self;
        runtime.block_on(async {
            for m in moves {
                let degrees = m.to.degrees();
                let mut command = redis::cmd("GEOADD");
                command.arg(KEY).arg(degrees.lng).arg(degrees.lat).arg(&name(m.driver)[..]);
                let added: redis::RedisResult<u32> = command.query_async(connection).await;
                added.map_err(Trouble::failed)?;
            }
            Ok(())
        })
    }

    fn ask(&mut self, _: Call, _: &Ask, _: &[LatLng], _: Sink<'_>) -> Result<(), Trouble> {
        Err(Trouble::Failed("this client asks nothing".to_owned()))
    }
}
