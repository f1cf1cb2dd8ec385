//! Redis and Valkey: a sorted set of geohashes, by `GEOADD` and `GEOSEARCH`.
//!
//! Both look at everybody within the radius whatever `COUNT` says, so that the radius is what a
//! question costs. `pipeline` asks for the radius that is wanted; `adaptive` begins with what
//! sufficed lately and doubles it until enough are found, which is exact, and what their users do.
//! Neither knows anything of a driver but its position: filters are not measured.

use redis::Value;

use super::Start;
use super::pipelined::{Dialect, Server, Speaker, TOGETHER};
use super::redis_async::Mover;
use super::resp::{Pipe, metres, odd};
use crate::geo::LatLng;
use crate::suite::system::{
    About, Call, Client, Filters, Found, Rounding, Sink, System, Trouble, name, number,
};
use crate::suite::workload::{Ask, Move, World};

/// The key of the drivers: the only one that is touched.
pub(super) const KEY: &[u8] = b"hansom-suite";

/// The key of what is known of them beside their positions, where memory is looked at.
const STATE: &[u8] = b"hansom-suite-state";

/// Drivers in one `GEOADD` of a pipeline.
const MEMBERS: usize = 64;

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
    server: Server,
    version: String,
    /// Memory before the first drivers came.
    empty: u64,
}

impl Geo {
    /// Starts a server, or connects to one that runs.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) fn start(flavour: Flavour, start: &Start) -> Result<Self, Trouble> {
        let (program, field) = match flavour {
            Flavour::Redis => (["redis-server", "apt-get install redis-server"], "redis_version"),
            Flavour::Valkey => {
                (["valkey-server", "apt-get install valkey-server"], "valkey_version")
            }
        };
        let server = Server::start(start, program, |command, port, folder| {
            command.args(["--bind", "127.0.0.1", "--port", port, "--save", ""]);
            command.args(["--appendonly", "no", "--daemonize", "no", "--protected-mode", "no"]);
            command.arg("--dir").arg(folder);
        })?;
        let mut pipe = Pipe::open(&server.url)?;
        let version = pipe.info("server", field)?.unwrap_or_default();
        pipe.call(Words::FORGET)?;
        let mut geo = Self { flavour, server, version, empty: 0 };
        geo.empty = geo.occupied()?;
        Ok(geo)
    }

    /// What the whole server occupies, in bytes: of the machine if it is ours, else as it says.
    fn occupied(&self) -> Result<u64, Trouble> {
        if let Some(bytes) = self.server.anonymous() {
            return Ok(bytes);
        }
        let used = Pipe::open(&self.server.url)?.info("memory", "used_memory")?;
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
                    that is doubled until k are found; async-unary by the multiplexed connection of the \
                    redis crate; nothing is kept on disk"
                .to_owned(),
        }
    }

    fn updates(&self) -> &'static [Call] {
        &[Call::Pipeline, Call::Unary, Call::AsyncUnary]
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
        Speaker::<Words>::open(&self.server.url)?.load(world)
    }

    fn client(&self, update: Option<Call>, _: Option<Call>) -> Result<Box<dyn Client>, Trouble> {
        if update == Some(Call::AsyncUnary) {
            return Ok(Box::new(Mover::open(&self.server.url)?));
        }
        Ok(Box::new(Adapting::open(&self.server.url)?))
    }

    fn memory(&mut self) -> Result<Option<u64>, Trouble> {
        Ok(Some(self.occupied()?.saturating_sub(self.empty)))
    }

    /// With a hash of sixteen bytes a driver, as small as status, vehicle types, rating, attributes,
    /// capacity and time can be packed: a hash for each driver would take more.
    fn memory_with_state(&mut self, world: &World) -> Result<Option<u64>, Trouble> {
        let mut pipe = Pipe::open(&self.server.url)?;
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

/// What both are told.
struct Words;

impl Dialect for Words {
    const FORGET: &'static [&'static [u8]] = &[b"DEL", KEY];
    const LOADED: usize = 8_192;

    fn moves(pipe: &mut Pipe, moves: &[Move]) {
        for members in moves.chunks(MEMBERS) {
            pipe.begin(2 + 3 * members.len());
            pipe.word(b"GEOADD");
            pipe.word(KEY);
            for m in members {
                pipe.degrees(m.to.lng_e7());
                pipe.degrees(m.to.lat_e7());
                pipe.word(&name(m.driver));
            }
        }
    }

    fn question(pipe: &mut Pipe, ask: &Ask, place: LatLng, radius_m: u32) {
        pipe.begin(12);
        for word in [&b"GEOSEARCH"[..], KEY, b"FROMLONLAT"] {
            pipe.word(word);
        }
        pipe.degrees(place.lng_e7());
        pipe.degrees(place.lat_e7());
        pipe.word(b"BYRADIUS");
        pipe.number(radius_m);
        for word in [&b"m"[..], b"ASC", b"COUNT"] {
            pipe.word(word);
        }
        pipe.number(ask.k);
        pipe.word(b"WITHDIST");
    }

    fn answer(reply: &Value, found: &mut Vec<Found>) -> Result<(), Trouble> {
        let Value::Array(members) = reply else { return Err(odd(reply)) };
        for member in members {
            let Value::Array(pair) = member else { return Err(odd(member)) };
            let [Value::BulkString(name), distance] = &pair[..] else { return Err(odd(member)) };
            found.push(Found { driver: number(name)?, distance_m: metres(distance)? });
        }
        Ok(())
    }
}

/// A client that remembers which radius sufficed.
struct Adapting {
    speaker: Speaker<Words>,
    radius_m: f64,
}

/// Where a client that knows nothing begins, in metres.
const FIRST_RADIUS_M: f64 = 250.0;

/// How much further than the last of the k lately a client reaches.
const MARGIN: f64 = 1.4;

impl Adapting {
    fn open(url: &str) -> Result<Self, Trouble> {
        Ok(Self { speaker: Speaker::open(url)?, radius_m: FIRST_RADIUS_M })
    }

    /// The radius to begin with.
    fn guess(&self, ask: &Ask) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
        let radius_m = self.radius_m.ceil() as u32;
        radius_m.clamp(1, ask.radius_m)
    }

    /// Whether what was found at a radius is the answer; learns from it.
    fn suffices(&mut self, ask: &Ask, radius_m: u32) -> bool {
        let found = &self.speaker.found;
        let enough = found.len() >= ask.k as usize;
        if let Some(last) = found.last().filter(|_| enough) {
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
                    Words::question(&mut self.speaker.pipe, ask, together[i], radius_m);
                }
                self.speaker.pipe.send()?;
                let mut again = Vec::new();
                for (i, radius_m) in open {
                    self.speaker.answer()?;
                    if self.suffices(ask, radius_m) {
                        sink(first + i, &self.speaker.found);
                    } else {
                        again.push((i, radius_m.saturating_mul(2).min(ask.radius_m)));
                    }
                }
                open = again;
            }
        }
        Ok(())
    }
}

impl Client for Adapting {
    fn update(&mut self, call: Call, moves: &[Move]) -> Result<(), Trouble> {
        self.speaker.update(call, moves)
    }

    fn settle(&mut self) -> Result<(), Trouble> {
        self.speaker.settle()
    }

    fn ask(
        &mut self,
        call: Call,
        ask: &Ask,
        places: &[LatLng],
        sink: Sink<'_>,
    ) -> Result<(), Trouble> {
        match call {
            Call::Adaptive => {
                self.speaker.settle()?;
                self.adapt(ask, places, sink)
            }
            Call::AdaptiveUnary => {
                self.speaker.settle()?;
                places.iter().enumerate().try_for_each(|(i, place)| {
                    let mut one = |_: usize, found: &[Found]| sink(i, found);
                    self.adapt(ask, std::slice::from_ref(place), &mut one)
                })
            }
            _ => self.speaker.ask(call, ask, places, sink),
        }
    }
}
