//! Those who speak Redis's protocol: how such a server is started, filled, moved and asked in pipelines, so
//! that the file of each says only what is its own.

use std::marker::PhantomData;
use std::path::Path;
use std::process::Command;

use redis::Value;

use super::Start;
use super::resp::Pipe;
use crate::geo::LatLng;
use crate::suite::launch::{Launched, command, find, folder, free_port};
use crate::suite::system::{Call, Client, Found, Sink, Trouble};
use crate::suite::workload::{Ask, Move, World};

/// Questions that are sent before the answers of those before are read.
pub(super) const TOGETHER: usize = 64;

/// What a system says.
pub(super) trait Dialect: Send + 'static {
    /// Forgets all drivers.
    const FORGET: &'static [&'static [u8]];
    /// Moves that are sent together when drivers are taken in.
    const LOADED: usize;

    /// Writes moves.
    fn moves(pipe: &mut Pipe, moves: &[Move]);

    /// Writes a question with a radius that need not be the one wanted.
    fn question(pipe: &mut Pipe, ask: &Ask, place: LatLng, radius_m: u32);

    /// Reads an answer into `found`, which is empty.
    ///
    /// # Errors
    /// [`Trouble`] if it is none.
    fn answer(reply: &Value, found: &mut Vec<Found>) -> Result<(), Trouble>;
}

/// A server, ours or somebody's.
pub(super) struct Server {
    pub(super) url: String,
    /// Ours; ends when it is dropped.
    launched: Option<Launched>,
}

impl Server {
    /// Connects to one that runs, or starts `program` as `arguments` say for a port and a folder.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) fn start(
        start: &Start,
        [program, install]: [&'static str; 2],
        arguments: impl FnOnce(&mut Command, &str, &Path),
    ) -> Result<Self, Trouble> {
        if let Some(url) = &start.url {
            return Ok(Self { url: url.clone(), launched: None });
        }
        let (port, folder) = (free_port()?.to_string(), folder()?);
        let url = format!("redis://127.0.0.1:{port}/");
        let mut command = command(&find(program, install)?, None);
        arguments(&mut command, &port, folder.path());
        let answers = || Pipe::open(&url)?.call(&[b"PING"]);
        let (launched, _) = Launched::start(program, command, folder, answers)?;
        Ok(Self { url, launched: Some(launched) })
    }

    /// What it occupies of the machine's memory for itself, in bytes, if it is ours.
    pub(super) fn anonymous(&self) -> Option<u64> {
        self.launched.as_ref().and_then(Launched::anonymous)
    }
}

/// A connection on which one dialect is spoken.
pub(super) struct Speaker<D> {
    pub(super) pipe: Pipe,
    pub(super) found: Vec<Found>,
    dialect: PhantomData<D>,
}

impl<D: Dialect> Speaker<D> {
    /// Connects.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) fn open(url: &str) -> Result<Self, Trouble> {
        Ok(Self { pipe: Pipe::open(url)?, found: Vec::new(), dialect: PhantomData })
    }

    /// Has all drivers forgotten and those of a world taken in.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) fn load(&mut self, world: &World) -> Result<(), Trouble> {
        self.pipe.call(D::FORGET)?;
        let all = (0..).zip(&world.positions).map(|(driver, &to)| Move { driver, to });
        let all: Vec<Move> = all.collect();
        for chunk in all.chunks(D::LOADED) {
            self.update(Call::Pipeline, chunk)?;
        }
        self.settle()
    }

    /// Takes the next answer.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) fn answer(&mut self) -> Result<(), Trouble> {
        let reply = self.pipe.reply()?;
        self.found.clear();
        D::answer(&reply, &mut self.found)
    }
}

impl<D: Dialect> Client for Speaker<D> {
    fn update(&mut self, call: Call, moves: &[Move]) -> Result<(), Trouble> {
        if call.waits() {
            for m in moves {
                D::moves(&mut self.pipe, std::slice::from_ref(m));
                self.pipe.send()?;
                self.pipe.drain(0)?;
            }
            return Ok(());
        }
        D::moves(&mut self.pipe, moves);
        let sent = self.pipe.send()?;
        // Replies of the piece before: the server works at this one meanwhile.
        self.pipe.drain(sent)
    }

    fn settle(&mut self) -> Result<(), Trouble> {
        self.pipe.drain(0)
    }

    /// The next questions are sent before the last answers are read, unless each waits for the one before.
    fn ask(
        &mut self,
        call: Call,
        ask: &Ask,
        places: &[LatLng],
        sink: Sink<'_>,
    ) -> Result<(), Trouble> {
        self.pipe.drain(0)?;
        let mut answered = 0;
        let mut take = |speaker: &mut Self, until: usize| {
            while speaker.pipe.waiting() > until {
                speaker.answer()?;
                sink(answered, &speaker.found);
                answered += 1;
            }
            Ok(())
        };
        for together in places.chunks(if call.waits() { 1 } else { TOGETHER }) {
            for &place in together {
                D::question(&mut self.pipe, ask, place, ask.radius_m);
            }
            let sent = self.pipe.send()?;
            take(self, if call.waits() { 0 } else { sent })?;
        }
        take(self, 0)
    }
}
