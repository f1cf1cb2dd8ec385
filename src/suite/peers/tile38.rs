//! Tile38: an R-tree of objects, by `SET` and `NEARBY`.
//!
//! It speaks Redis's protocol. `NEARBY … LIMIT k … POINT lat lon metres` walks from the nearest
//! on; `WHERE` looks at a field of each object on the way. With `IDS` it tells no distances over
//! this protocol, so that `POINTS` with `DISTANCE` is asked for, without the fields.

use redis::Value;

use super::Start;
use super::pipelined::{Dialect, Server, Speaker};
use super::resp::{Pipe, metres, odd};
use crate::geo::LatLng;
use crate::suite::system::{
    About, Call, Client, Filters, Found, Rounding, System, Trouble, name, number,
};
use crate::suite::workload::{Ask, Move, Passing, World, class};

/// The collection of the drivers: the only one that is touched.
const KEY: &[u8] = b"hansom-suite";

/// A server.
pub(super) struct Tile38 {
    server: Server,
    version: String,
    /// Memory before the first drivers came.
    empty: u64,
}

impl Tile38 {
    /// Starts a server, or connects to one that runs.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) fn start(start: &Start) -> Result<Self, Trouble> {
        let install = "download tile38-server from https://github.com/tidwall/tile38/releases";
        let server = Server::start(start, ["tile38-server", install], |command, port, folder| {
            command.args(["-h", "127.0.0.1", "-p", port, "--appendonly", "no", "-d"]).arg(folder);
        })?;
        let mut pipe = Pipe::open(&server.url)?;
        let version = pipe.info("server", "tile38_version")?.unwrap_or_default();
        pipe.call(Words::FORGET)?;
        let empty = server.anonymous().unwrap_or_default();
        Ok(Self { server, version, empty })
    }
}

impl System for Tile38 {
    fn about(&self) -> About {
        About {
            name: "tile38",
            version: self.version.clone(),
            access: "RESP over TCP",
            usage: "SET … FIELD … POINT in pipelines; NEARBY … LIMIT k DISTANCE POINTS POINT … in \
                    pipelines, with WHERE for filters; no append-only file"
                .to_owned(),
        }
    }

    fn updates(&self) -> &'static [Call] {
        &[Call::Pipeline, Call::Unary]
    }

    fn questions(&self) -> &'static [Call] {
        &[Call::Pipeline, Call::Unary]
    }

    fn filters(&self) -> Filters {
        Filters::Can
    }

    fn rounding(&self) -> Rounding {
        // Degrees as they were sent; a globe of 6,371.0 km.
        Rounding { position_m: 0.01, share: 3e-5 }
    }

    fn most_drivers(&self) -> u32 {
        1_000_000
    }

    fn load(&mut self, world: &World) -> Result<(), Trouble> {
        Speaker::<Words>::open(&self.server.url)?.load(world)
    }

    fn client(&self, _: Option<Call>, _: Option<Call>) -> Result<Box<dyn Client>, Trouble> {
        Ok(Box::new(Speaker::<Words>::open(&self.server.url)?))
    }

    fn memory(&mut self) -> Result<Option<u64>, Trouble> {
        Ok(self.server.anonymous().map(|bytes| bytes.saturating_sub(self.empty)))
    }
}

/// What Tile38 is told.
struct Words;

impl Dialect for Words {
    const FORGET: &'static [&'static [u8]] = &[b"DROP", KEY];
    const LOADED: usize = 4_096;

    fn moves(pipe: &mut Pipe, moves: &[Move]) {
        for m in moves {
            pipe.begin(9);
            pipe.word(b"SET");
            pipe.word(KEY);
            pipe.word(&name(m.driver));
            pipe.word(b"FIELD");
            pipe.word(b"class");
            pipe.number(class(m.driver));
            pipe.word(b"POINT");
            pipe.degrees(m.to.lat_e7());
            pipe.degrees(m.to.lng_e7());
        }
    }

    fn question(pipe: &mut Pipe, ask: &Ask, place: LatLng, radius_m: u32) {
        let filtered = ask.passing != Passing::All;
        pipe.begin(if filtered { 15 } else { 11 });
        pipe.word(b"NEARBY");
        pipe.word(KEY);
        pipe.word(b"LIMIT");
        pipe.number(ask.k);
        if filtered {
            pipe.word(b"WHERE");
            pipe.word(b"class");
            pipe.number(0);
            pipe.number(ask.passing.percent() - 1);
        }
        for word in [&b"NOFIELDS"[..], b"DISTANCE", b"POINTS", b"POINT"] {
            pipe.word(word);
        }
        pipe.degrees(place.lat_e7());
        pipe.degrees(place.lng_e7());
        pipe.number(radius_m);
    }

    /// `[cursor, [[id, [lat, lon], distance], …]]`.
    fn answer(reply: &Value, found: &mut Vec<Found>) -> Result<(), Trouble> {
        let Value::Array(parts) = reply else { return Err(odd(reply)) };
        let [_, Value::Array(objects)] = &parts[..] else { return Err(odd(reply)) };
        for object in objects {
            let Value::Array(fields) = object else { return Err(odd(object)) };
            let [id, .., distance] = &fields[..] else { return Err(odd(object)) };
            let driver = match id {
                Value::BulkString(name) => number(name)?,
                Value::SimpleString(name) => number(name.as_bytes())?,
                other => return Err(odd(other)),
            };
            found.push(Found { driver, distance_m: metres(distance)? });
        }
        Ok(())
    }
}
