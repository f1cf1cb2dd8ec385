//! Tile38: an R-tree of objects, by `SET` and `NEARBY`.
//!
//! It speaks Redis's protocol. `NEARBY … LIMIT k … POINT lat lon metres` walks from the nearest
//! on; `WHERE` looks at a field of each object on the way. With `IDS` it tells no distances over
//! this protocol, so that `POINTS` with `DISTANCE` is asked for, without the fields.

use redis::Value;

use super::Start;
use super::resp::{Pipe, metres, odd};
use crate::geo::LatLng;
use crate::suite::launch::{Launched, command, find, folder, free_port};
use crate::suite::system::{
    About, Call, Client, Filters, Found, Rounding, Sink, System, Trouble, name, number,
};
use crate::suite::workload::{Ask, Move, Passing, World, class};

/// The collection of the drivers: the only one that is touched.
const KEY: &[u8] = b"hansom-suite";

/// Questions that are sent before the answers of those before are read.
const TOGETHER: usize = 64;

/// A server.
pub(super) struct Tile38 {
    url: String,
    version: String,
    server: Option<Launched>,
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
        let (url, server) = if let Some(url) = &start.url {
            (url.clone(), None)
        } else {
            let (port, folder) = (free_port()?.to_string(), folder()?);
            let url = format!("redis://127.0.0.1:{port}/");
            let mut command = command(&find("tile38-server", install)?, None);
            command.args(["-h", "127.0.0.1", "-p", &port, "--appendonly", "no", "-d"]);
            command.arg(folder.path());
            let answers = || Pipe::open(&url)?.call(&[b"PING"]);
            let (server, _) = Launched::start("tile38-server", command, folder, answers)?;
            (url, Some(server))
        };
        let mut pipe = Pipe::open(&url)?;
        let version = pipe.info("server", "tile38_version")?.unwrap_or_default();
        pipe.call(&[b"DROP", KEY])?;
        let empty = server.as_ref().and_then(Launched::resident).unwrap_or_default();
        Ok(Self { url, version, server, empty })
    }
}

impl System for Tile38 {
    fn about(&self) -> About {
        About {
            name: "tile38",
            version: self.version.clone(),
            access: "RESP over TCP",
            usage: "SET … FIELD … POINT in pipelines; NEARBY … LIMIT k DISTANCE POINTS POINT … in \
                    pipelines, with WHERE for filters; no append-only file",
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
        let mut client = Walker { pipe: Pipe::open(&self.url)?, found: Vec::new() };
        client.pipe.call(&[b"DROP", KEY])?;
        let all = (0..).zip(&world.positions).map(|(driver, &to)| Move { driver, to });
        let all: Vec<Move> = all.collect();
        for chunk in all.chunks(4_096) {
            client.update(Call::Pipeline, chunk)?;
        }
        client.settle()
    }

    fn client(&self, _: Option<Call>, _: Option<Call>) -> Result<Box<dyn Client>, Trouble> {
        Ok(Box::new(Walker { pipe: Pipe::open(&self.url)?, found: Vec::new() }))
    }

    fn memory(&mut self) -> Result<Option<u64>, Trouble> {
        let resident = self.server.as_ref().and_then(Launched::resident);
        Ok(resident.map(|bytes| bytes.saturating_sub(self.empty)))
    }
}

struct Walker {
    pipe: Pipe,
    found: Vec<Found>,
}

impl Walker {
    fn set(&mut self, m: &Move) {
        self.pipe.begin(9);
        self.pipe.word(b"SET");
        self.pipe.word(KEY);
        self.pipe.word(&name(m.driver));
        self.pipe.word(b"FIELD");
        self.pipe.word(b"class");
        self.pipe.number(class(m.driver));
        self.pipe.word(b"POINT");
        self.pipe.degrees(m.to.lat_e7());
        self.pipe.degrees(m.to.lng_e7());
    }

    fn nearby(&mut self, ask: &Ask, place: LatLng) {
        let filtered = ask.passing != Passing::All;
        self.pipe.begin(if filtered { 15 } else { 11 });
        self.pipe.word(b"NEARBY");
        self.pipe.word(KEY);
        self.pipe.word(b"LIMIT");
        self.pipe.number(ask.k);
        if filtered {
            self.pipe.word(b"WHERE");
            self.pipe.word(b"class");
            self.pipe.number(0);
            self.pipe.number(ask.passing.percent() - 1);
        }
        for word in [&b"NOFIELDS"[..], b"DISTANCE", b"POINTS", b"POINT"] {
            self.pipe.word(word);
        }
        self.pipe.degrees(place.lat_e7());
        self.pipe.degrees(place.lng_e7());
        self.pipe.number(ask.radius_m);
    }

    /// Takes the next answer: `[cursor, [[id, [lat, lon], distance], …]]`.
    fn answer(&mut self) -> Result<(), Trouble> {
        let reply = self.pipe.reply()?;
        let Value::Array(parts) = &reply else { return Err(odd(&reply)) };
        let [_, Value::Array(objects)] = &parts[..] else { return Err(odd(&reply)) };
        self.found.clear();
        for object in objects {
            let Value::Array(fields) = object else { return Err(odd(object)) };
            let [id, .., distance] = &fields[..] else { return Err(odd(object)) };
            let driver = match id {
                Value::BulkString(name) => number(name)?,
                Value::SimpleString(name) => number(name.as_bytes())?,
                other => return Err(odd(other)),
            };
            self.found.push(Found { driver, distance_m: metres(distance)? });
        }
        Ok(())
    }
}

impl Client for Walker {
    fn update(&mut self, call: Call, moves: &[Move]) -> Result<(), Trouble> {
        if call.waits() {
            for m in moves {
                self.set(m);
                self.pipe.send()?;
                self.pipe.drain(0)?;
            }
            return Ok(());
        }
        for m in moves {
            self.set(m);
        }
        self.pipe.send()?;
        // Replies of the piece before: the server works at this one meanwhile.
        self.pipe.drain(moves.len())
    }

    fn settle(&mut self) -> Result<(), Trouble> {
        self.pipe.drain(0)
    }

    fn ask(
        &mut self,
        call: Call,
        ask: &Ask,
        places: &[LatLng],
        sink: Sink<'_>,
    ) -> Result<(), Trouble> {
        self.pipe.drain(0)?;
        let mut answered = 0;
        let together = if call.waits() { 1 } else { TOGETHER };
        for chunk in places.chunks(together) {
            for &place in chunk {
                self.nearby(ask, place);
            }
            self.pipe.send()?;
            let keep = if call.waits() { 0 } else { chunk.len() };
            while self.pipe.waiting() > keep {
                self.answer()?;
                sink(answered, &self.found);
                answered += 1;
            }
        }
        while self.pipe.waiting() > 0 {
            self.answer()?;
            sink(answered, &self.found);
            answered += 1;
        }
        Ok(())
    }
}
