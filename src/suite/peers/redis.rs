//! Redis and Valkey: a sorted set of geohashes, by `GEOADD` and `GEOSEARCH`.
//!
//! Both look at everybody within the radius whatever `COUNT` says, so that the radius is what a
//! question costs. `pipeline` asks for the radius that is wanted; `adaptive` begins with what
//! sufficed lately and doubles it until enough are found, which is exact, and what their users do.
//! Neither knows anything of a driver but its position: filters are not measured.

use redis::Value;

use super::Start;
use super::resp::{Pipe, metres, odd};
use crate::geo::LatLng;
use crate::suite::launch::{Launched, command, find, folder, free_port};
use crate::suite::system::{
    About, Call, Client, Filters, Found, Rounding, Sink, System, Trouble, name, number,
};
use crate::suite::workload::{Ask, Move, World};

/// The key of the drivers: the only one that is touched.
const KEY: &[u8] = b"hansom-suite";

/// The key of what is known of them beside their positions, where memory is looked at.
const STATE: &[u8] = b"hansom-suite-state";

/// Drivers in one `GEOADD` of a pipeline.
const MEMBERS: usize = 64;

/// Questions that are sent before the answers of those before are read.
const TOGETHER: usize = 64;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// Redis.
    Redis,
    /// Valkey.
    Valkey,
}

/// A server.
pub(super) struct Geo {
    flavour: Flavour,
    url: String,
    version: String,
    server: Option<Launched>,
    /// Memory before the first drivers came.
    empty: u64,
}

impl Geo {
    /// Starts a server, or connects to one that runs.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) fn start(flavour: Flavour, start: &Start) -> Result<Self, Trouble> {
        let (program, install) = match flavour {
            Flavour::Redis => ("redis-server", "apt-get install redis-server"),
            Flavour::Valkey => ("valkey-server", "apt-get install valkey-server"),
        };
        let (url, server) = if let Some(url) = &start.url {
            (url.clone(), None)
        } else {
            let (port, folder) = (free_port()?.to_string(), folder()?);
            let url = format!("redis://127.0.0.1:{port}/");
            let mut command = command(&find(program, install)?, None);
            command.args(["--bind", "127.0.0.1", "--port", &port, "--save", ""]);
            command.args(["--appendonly", "no", "--daemonize", "no", "--protected-mode", "no"]);
            command.arg("--dir").arg(folder.path());
            let answers = || Pipe::open(&url)?.call(&[b"PING"]);
            let (server, _) = Launched::start(program, command, folder, answers)?;
            (url, Some(server))
        };
        let mut pipe = Pipe::open(&url)?;
        let field = match flavour {
            Flavour::Redis => "redis_version",
            Flavour::Valkey => "valkey_version",
        };
        let version = pipe.info("server", field)?.unwrap_or_default();
        pipe.call(&[b"DEL", KEY])?;
        let mut geo = Self { flavour, url, version, server, empty: 0 };
        geo.empty = geo.occupied()?;
        Ok(geo)
    }

    /// What the whole server occupies, in bytes: of the machine if it is ours, else as it says.
    fn occupied(&self) -> Result<u64, Trouble> {
        if let Some(bytes) = self.server.as_ref().and_then(Launched::resident) {
            return Ok(bytes);
        }
        let used = Pipe::open(&self.url)?.info("memory", "used_memory")?;
        used.and_then(|used| used.parse().ok())
            .ok_or_else(|| Trouble::Failed("used_memory is not told".to_owned()))
    }
}

impl System for Geo {
    fn about(&self) -> About {
        About {
            name: match self.flavour {
                Flavour::Redis => "redis",
                Flavour::Valkey => "valkey",
            },
            version: self.version.clone(),
            access: "RESP over TCP",
            usage: "GEOADD of 64 drivers each in pipelines; GEOSEARCH … BYRADIUS … ASC COUNT k \
                    WITHDIST in pipelines, with the radius that is wanted and (adaptive) with one \
                    that is doubled until k are found; nothing is kept on disk",
        }
    }

    fn updates(&self) -> &'static [Call] {
        &[Call::Pipeline, Call::Unary]
    }

    fn questions(&self) -> &'static [Call] {
        &[Call::Pipeline, Call::Adaptive, Call::Unary, Call::AdaptiveUnary]
    }

    fn filters(&self) -> Filters {
        Filters::Cannot
    }

    fn rounding(&self) -> Rounding {
        // 52 bits of geohash, and a globe of 6,372.8 km.
        Rounding { position_m: 0.65, share: 3e-4 }
    }

    fn most_drivers(&self) -> u32 {
        1_000_000
    }

    fn load(&mut self, world: &World) -> Result<(), Trouble> {
        let mut client = Adapting::open(&self.url)?;
        client.pipe.call(&[b"DEL", KEY])?;
        let all = (0..).zip(&world.positions).map(|(driver, &to)| Move { driver, to });
        let all: Vec<Move> = all.collect();
        for chunk in all.chunks(8_192) {
            client.update(Call::Pipeline, chunk)?;
        }
        client.settle()
    }

    fn client(&self, _: Option<Call>, _: Option<Call>) -> Result<Box<dyn Client>, Trouble> {
        Ok(Box::new(Adapting::open(&self.url)?))
    }

    fn memory(&mut self) -> Result<Option<u64>, Trouble> {
        Ok(Some(self.occupied()?.saturating_sub(self.empty)))
    }

    /// With a hash of sixteen bytes a driver, as small as status, vehicle types, rating, attributes,
    /// capacity and time can be packed: a hash for each driver would take more.
    fn memory_with_state(&mut self, world: &World) -> Result<Option<u64>, Trouble> {
        let mut pipe = Pipe::open(&self.url)?;
        for first in (0..world.drivers()).step_by(1_024) {
            let last = first.saturating_add(1_024).min(world.drivers());
            pipe.begin(2 + 2 * (last - first) as usize);
            pipe.word(b"HSET");
            pipe.word(STATE);
            for driver in first..last {
                pipe.word(&name(driver));
                pipe.word(&(u128::from(driver) << 64 | u128::MAX >> 64).to_le_bytes());
            }
            pipe.send()?;
            pipe.drain(16)?;
        }
        pipe.drain(0)?;
        let bytes = self.memory()?;
        pipe.call(&[b"UNLINK", STATE])?;
        Ok(bytes)
    }
}

/// A client that remembers which radius sufficed.
struct Adapting {
    pipe: Pipe,
    radius_m: f64,
    found: Vec<Found>,
}

/// Where a client that knows nothing begins, in metres.
const FIRST_RADIUS_M: f64 = 250.0;

/// How much further than the last of the k lately a client reaches.
const MARGIN: f64 = 1.4;

impl Adapting {
    fn open(url: &str) -> Result<Self, Trouble> {
        Ok(Self { pipe: Pipe::open(url)?, radius_m: FIRST_RADIUS_M, found: Vec::new() })
    }

    fn add(&mut self, moves: &[Move]) {
        self.pipe.begin(2 + 3 * moves.len());
        self.pipe.word(b"GEOADD");
        self.pipe.word(KEY);
        for m in moves {
            self.pipe.degrees(m.to.lng_e7());
            self.pipe.degrees(m.to.lat_e7());
            self.pipe.word(&name(m.driver));
        }
    }

    fn search(&mut self, ask: &Ask, place: LatLng, radius_m: u32) {
        self.pipe.begin(12);
        for word in [&b"GEOSEARCH"[..], KEY, b"FROMLONLAT"] {
            self.pipe.word(word);
        }
        self.pipe.degrees(place.lng_e7());
        self.pipe.degrees(place.lat_e7());
        self.pipe.word(b"BYRADIUS");
        self.pipe.number(radius_m);
        for word in [&b"m"[..], b"ASC", b"COUNT"] {
            self.pipe.word(word);
        }
        self.pipe.number(ask.k);
        self.pipe.word(b"WITHDIST");
    }

    /// Takes the next answer.
    fn answer(&mut self) -> Result<(), Trouble> {
        let Value::Array(members) = self.pipe.reply()? else {
            return Err(Trouble::Failed("GEOSEARCH did not answer with a list".to_owned()));
        };
        self.found.clear();
        for member in &members {
            match member {
                Value::Array(pair) if pair.len() == 2 => {
                    let Value::BulkString(name) = &pair[0] else { return Err(odd(&pair[0])) };
                    let distance_m = metres(&pair[1])?;
                    self.found.push(Found { driver: number(name)?, distance_m });
                }
                other => return Err(odd(other)),
            }
        }
        Ok(())
    }

    /// The radius to begin with.
    fn guess(&self, ask: &Ask) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
        let radius_m = self.radius_m.ceil() as u32;
        radius_m.clamp(1, ask.radius_m)
    }

    /// Whether what was found at a radius is the answer; learns from it.
    fn suffices(&mut self, ask: &Ask, radius_m: u32) -> bool {
        let enough = self.found.len() >= ask.k as usize;
        if let Some(last) = self.found.last().filter(|_| enough) {
            self.radius_m += (last.distance_m * MARGIN - self.radius_m) / 16.0;
        } else {
            self.radius_m = (self.radius_m * 1.05).min(f64::from(ask.radius_m));
        }
        enough || radius_m >= ask.radius_m
    }

    /// All places at the radius that is guessed, then those that found too few at twice that.
    fn adapt(&mut self, ask: &Ask, places: &[LatLng], sink: Sink<'_>) -> Result<(), Trouble> {
        for (first, together) in places.chunks(TOGETHER).enumerate() {
            let first = first * TOGETHER;
            let guess = self.guess(ask);
            let mut open: Vec<(usize, u32)> = (0..together.len()).map(|i| (i, guess)).collect();
            while !open.is_empty() {
                for &(i, radius_m) in &open {
                    self.search(ask, together[i], radius_m);
                }
                self.pipe.send()?;
                let mut again = Vec::new();
                for (i, radius_m) in open {
                    self.answer()?;
                    if self.suffices(ask, radius_m) {
                        sink(first + i, &self.found);
                    } else {
                        again.push((i, radius_m.saturating_mul(2).min(ask.radius_m)));
                    }
                }
                open = again;
            }
        }
        Ok(())
    }

    /// All places at the whole radius; the next are sent before the last are read.
    fn plain(&mut self, ask: &Ask, places: &[LatLng], sink: Sink<'_>) -> Result<(), Trouble> {
        let mut answered = 0;
        for together in places.chunks(TOGETHER) {
            for &place in together {
                self.search(ask, place, ask.radius_m);
            }
            self.pipe.send()?;
            while self.pipe.waiting() > together.len() {
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

impl Client for Adapting {
    fn update(&mut self, call: Call, moves: &[Move]) -> Result<(), Trouble> {
        if call.waits() {
            for m in moves {
                self.add(std::slice::from_ref(m));
                self.pipe.send()?;
                self.pipe.drain(0)?;
            }
            return Ok(());
        }
        let commands = moves.chunks(MEMBERS);
        let sent = commands.len();
        commands.for_each(|members| self.add(members));
        self.pipe.send()?;
        // Replies of the piece before: the server works at this one meanwhile.
        self.pipe.drain(sent)
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
        match call {
            Call::Adaptive => self.adapt(ask, places, sink),
            Call::Unary | Call::AdaptiveUnary => {
                for (i, place) in places.iter().enumerate() {
                    let mut one = |_: usize, found: &[Found]| sink(i, found);
                    let place = std::slice::from_ref(place);
                    match call {
                        Call::AdaptiveUnary => self.adapt(ask, place, &mut one)?,
                        _ => self.plain(ask, place, &mut one)?,
                    }
                }
                Ok(())
            }
            _ => self.plain(ask, places, sink),
        }
    }
}
