//! The scripts as functions: what is asked of Redis for one market, and what it may answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use redis::{Cmd, FromRedisValue as _, Value};

use super::backlog::Parcel;
use super::keys::Keys;
use super::lease::{Answer, Standing, Terms};
use super::{Holder, Peer, Snapshot};
use crate::ids::MarketId;
use crate::journal::{Change, Seq, StreamId};
use crate::limits;
use crate::mirror::{Link, LinkError, Script};
use crate::units::Millis;

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is there, and so many replicas are known to have it.
    Done {
        /// Replicas; 0 if nobody asked.
        replicas: u32,
    },
    /// It was refused: a later token has been given out.
    Fenced {
        /// Which.
        token: u64,
    },
    /// Nothing is known of any token, as after a flush: the lease has to be renewed first.
    Bare,
    /// The copy is elsewhere.
    Elsewhere {
        /// In which term, if there is a copy.
        term: Option<u64>,
        /// After which event.
        seq: Seq,
    },
    /// What was staged is not all there.
    Incomplete,
}

/// What Redis has of a market, for a successor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copy {
    /// The token of whoever wrote it last.
    pub term: u64,
    /// The last event in it.
    pub seq: Seq,
    /// The market's head.
    pub head: Vec<u8>,
    /// Open trips by number.
    pub open: BTreeMap<u64, Vec<u8>>,
    /// Ended trips by number.
    pub ended: BTreeMap<u64, Vec<u8>>,
    /// Events by trip and ordinal.
    pub events: BTreeMap<(u64, u32), Vec<u8>>,
}

/// Asks for one market, as one process.
#[derive(Debug)]
pub struct Desk {
    link: Arc<Link>,
    keys: Keys,
    owner: String,
    address: String,
    scripts: Scripts,
}

#[derive(Debug)]
struct Scripts {
    claim: Script,
    renew: Script,
    release: Script,
    position: Script,
    adopt: Script,
    ship: Script,
    stage: Script,
    install: Script,
}

/// A token and how many replicas are to be waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hand {
    pub(super) token: u64,
    pub(super) replicas: u32,
}

impl Desk {
    /// A desk for a market. `owner` is a name that no other process has, `address` where clients
    /// of this one can go.
    pub fn new(link: Arc<Link>, market: MarketId, owner: String, address: String) -> Self {
        let scripts = Scripts {
            claim: Script::new(include_str!("lua/claim.lua")),
            renew: Script::new(include_str!("lua/renew.lua")),
            release: Script::new(include_str!("lua/release.lua")),
            position: Script::new(include_str!("lua/position.lua")),
            adopt: Script::new(include_str!("lua/adopt.lua")),
            ship: Script::new(include_str!("lua/ship.lua")),
            stage: Script::new(include_str!("lua/stage.lua")),
            install: Script::new(include_str!("lua/install.lua")),
        };
        Self { link, keys: Keys::of(market), owner, address, scripts }
    }

    /// Looks whether the primary is still the one that is talked to.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn check(&self) -> Result<(), LinkError> {
        self.link.check().await
    }

    /// Looks for the lease, or takes it with a token above `floor`.
    ///
    /// # Errors
    /// [`LinkError`]; then it may have been taken.
    pub async fn claim(&self, terms: Terms, floor: u64, how: How) -> Result<Answer, LinkError> {
        let [lease, fence, standbys] = self.lease_keys();
        let keys = [lease, fence, self.keys.waiting(), standbys];
        let mut told = self
            .run(&self.scripts.claim, &keys, 0, |command| {
                command.arg(&self.owner).arg(&self.address).arg(terms.ttl().get()).arg(floor);
                match how {
                    How::Look => command.arg("look").arg(0),
                    How::Claim { after } => command.arg("claim").arg(after),
                    How::Seize => command.arg("seize").arg(0),
                };
            })
            .await?;
        match told.word().as_str() {
            "CLAIMED" => Ok(Answer::Claimed { token: told.number()?, standbys: told.peers()? }),
            "HELD" => {
                let mut holder = told.holder()?;
                if holder.owner == self.owner {
                    // By a claim that was taken for lost: nobody has to ask us.
                    holder.address.clear();
                }
                Ok(Answer::Held { holder, left: Millis(told.number().unwrap_or(0)) })
            }
            "FREE" => {
                let Holder { owner, token, address } = told.holder()?;
                let mut whom = told.peers()?;
                // Who gave it back has no address any more, and whom we have been need not be asked.
                if owner != self.owner && !address.is_empty() {
                    whom.retain(|peer| peer.owner != owner);
                    whom.push(Peer { owner, address });
                }
                Ok(Answer::Free { token, whom })
            }
            "BARE" => Ok(Answer::Bare),
            "AGAIN" => Ok(Answer::Again),
            _ => Err(told.odd()),
        }
    }

    fn lease_keys(&self) -> [String; 3] {
        [self.keys.lease(), self.keys.fence(), self.keys.standbys()]
    }

    /// Renews the lease.
    ///
    /// # Errors
    /// [`LinkError`]; then it may have been renewed.
    pub async fn renew(
        &self,
        terms: Terms,
        token: u64,
        standing: Standing,
    ) -> Result<Answer, LinkError> {
        let mut told = self
            .run(&self.scripts.renew, &self.lease_keys(), 0, |command| {
                command.arg(&self.owner).arg(token).arg(&self.address).arg(terms.ttl().get());
                command.arg(match standing {
                    Standing::Valid => "valid",
                    Standing::Over => "over",
                });
            })
            .await?;
        match told.word().as_str() {
            "RENEWED" => Ok(Answer::Renewed { standbys: told.peers()? }),
            "RESTORED" => Ok(Answer::Restored { standbys: told.peers()? }),
            "LOST" => Ok(Answer::Lost { holder: told.holder()? }),
            "BARE" => Ok(Answer::Bare),
            _ => Err(told.odd()),
        }
    }

    /// Gives the lease back, if there is one, and waits for none any more.
    ///
    /// # Errors
    /// [`LinkError`]; then it ends by itself.
    pub async fn release(&self, token: Option<u64>) -> Result<(), LinkError> {
        let release = &self.scripts.release;
        self.run(release, &self.lease_keys(), 0, |command| {
            command.arg(&self.owner).arg(token.unwrap_or(0)).arg(&self.address);
        })
        .await
        .map(drop)
    }

    /// Where the copy is: [`Put::Elsewhere`] with its place, if the token is the last.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn position(&self, token: u64) -> Result<Put, LinkError> {
        let keys = [self.keys.fence(), self.keys.cursor()];
        let told = self.run(&self.scripts.position, &keys, 0, |command| {
            command.arg(token).arg(&self.owner);
        });
        told.await?.put()
    }

    /// Makes a copy of another term one of ours, if it is where it is said to be.
    pub(super) async fn adopt(&self, hand: Hand, term: u64, seq: Seq) -> Result<Put, LinkError> {
        let keys = [self.keys.fence(), self.keys.cursor()];
        let told = self.run(&self.scripts.adopt, &keys, hand.replicas, |command| {
            command.arg(hand.token).arg(&self.owner).arg(term).arg(seq.0);
        });
        told.await?.put()
    }

    /// Ships what was committed after an event.
    pub(super) async fn ship(&self, hand: Hand, parcels: &[Arc<Parcel>]) -> Result<Put, LinkError> {
        let (Some(first), Some(last)) = (parcels.first(), parcels.last()) else {
            return Ok(Put::Done { replicas: 0 });
        };
        let keys = [
            self.keys.fence(),
            self.keys.cursor(),
            self.keys.open(),
            self.keys.ended(),
            self.keys.order(),
            self.keys.events(),
            self.keys.feed(),
        ];
        let events: usize = parcels.iter().map(|parcel| parcel.batch.events().len()).sum();
        let told = self.run(&self.scripts.ship, &keys, hand.replicas, |command| {
            command.arg(hand.token).arg(&self.owner).arg(first.after.0).arg(last.last.0);
            command.arg(last.batch.head().unwrap_or_default());
            command.arg(limits::MAX_SHIPPED_ENDED_TRIPS).arg(limits::MAX_FEED_EVENTS).arg(events);
            for event in parcels.iter().flat_map(|parcel| parcel.batch.events()) {
                command.arg(event.stream.0).arg(event.ordinal.0).arg(event.seq.0);
                command.arg(&*event.bytes);
            }
            for (stream, change) in parcels.iter().flat_map(|parcel| parcel.batch.changes()) {
                let (kind, at) = match change {
                    Change::Put { .. } => ("O", 0),
                    Change::Ended { at, .. } => ("E", at.as_millis()),
                    Change::Amended { .. } => ("A", 0),
                };
                command.arg(kind).arg(stream.0).arg(at).arg(change.state());
            }
        });
        told.await?.put()
    }

    /// Adds trips to a copy that is made beside the one in place.
    pub(super) async fn stage(
        &self,
        hand: Hand,
        first: First,
        trips: &[Staged],
    ) -> Result<Put, LinkError> {
        let [open, ended, order, events] = self.keys.new_copy();
        let keys = [self.keys.fence(), open, ended, order, events];
        let told = self.run(&self.scripts.stage, &keys, 0, |command| {
            command.arg(hand.token).arg(&self.owner).arg(match first {
                First::Yes => "first",
                First::No => "next",
            });
            for trip in trips {
                command.arg(if trip.ended_at.is_some() { "E" } else { "O" }).arg(trip.stream.0);
                command.arg(trip.ended_at.unwrap_or(0)).arg(&*trip.state).arg(trip.events.len());
                for event in &trip.events {
                    command.arg(&**event);
                }
            }
        });
        told.await?.put()
    }

    /// Puts the staged copy into its place.
    pub(super) async fn install(
        &self,
        hand: Hand,
        snapshot: &Snapshot,
        ended: usize,
    ) -> Result<Put, LinkError> {
        let mut keys = vec![self.keys.fence(), self.keys.cursor(), self.keys.feed()];
        keys.extend([self.keys.open(), self.keys.ended(), self.keys.order(), self.keys.events()]);
        keys.extend(self.keys.new_copy());
        let told = self.run(&self.scripts.install, &keys, hand.replicas, |command| {
            command.arg(hand.token).arg(&self.owner).arg(snapshot.last.0).arg(&*snapshot.head);
            command.arg(snapshot.open.len()).arg(ended);
        });
        told.await?.put()
    }

    /// Where the copy is, and in whose term, whoever asks; none if there is none.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn place(&self) -> Result<Option<(u64, Seq)>, LinkError> {
        let cursor = self.cursor().await?;
        Ok(cursor.number(0).zip(cursor.number(1).map(Seq)))
    }

    async fn cursor(&self) -> Result<Cursor, LinkError> {
        let mut ask = redis::cmd("HMGET");
        ask.arg(self.keys.cursor()).arg(&["term", "seq", "head", "open", "ended", "events"]);
        Ok(Cursor(self.link.query(&ask).await?))
    }

    /// Reads the copy, which nobody else writes once the lease is ours; none if there is none.
    ///
    /// # Errors
    /// [`LinkError`]; also if a part of it is missing, as where Redis evicts keys.
    pub async fn load(&self) -> Result<Option<Copy>, LinkError> {
        let cursor = self.cursor().await?;
        let place = cursor.number(0).zip(cursor.number(1));
        let Some((term, seq)) = place else { return Ok(None) };
        let head = cursor.0.get(2).cloned().flatten().unwrap_or_default();
        let mut copy = Copy { term, seq: Seq(seq), head, ..Copy::default() };
        self.scan(&self.keys.open(), |field, value| {
            copy.open.insert(field.parse().ok()?, value);
            Some(())
        })
        .await?;
        self.scan(&self.keys.ended(), |field, value| {
            copy.ended.insert(field.parse().ok()?, value);
            Some(())
        })
        .await?;
        self.scan(&self.keys.events(), |field, value| {
            let (trip, ordinal) = field.split_once('/')?;
            copy.events.insert((trip.parse().ok()?, ordinal.parse().ok()?), value);
            Some(())
        })
        .await?;
        let found = [copy.open.len(), copy.ended.len(), copy.events.len()];
        for (place, found) in (3..).zip(found) {
            let written = cursor.number(place);
            if written != Some(found as u64) {
                let what = ["open trips", "ended trips", "events"][place - 3];
                let written = written.map_or_else(|| "?".to_owned(), |count| count.to_string());
                let detail = format!("{found} {what} where {written} were written");
                return Err(LinkError::Broken { detail });
            }
        }
        Ok(Some(copy))
    }

    async fn scan(
        &self,
        key: &str,
        mut take: impl FnMut(&str, Vec<u8>) -> Option<()>,
    ) -> Result<(), LinkError> {
        let mut at = 0_u64;
        loop {
            let mut ask = redis::cmd("HSCAN");
            ask.arg(key).arg(at).arg("COUNT").arg(SCANNED_AT_ONCE);
            let (next, rows): (u64, Vec<(String, Vec<u8>)>) = self.link.query(&ask).await?;
            for (field, value) in rows {
                take(&field, value).ok_or_else(|| LinkError::Broken {
                    detail: format!("{key} has the field {field:?}"),
                })?;
            }
            if next == 0 {
                return Ok(());
            }
            at = next;
        }
    }

    /// Runs a script, and waits for replicas on the same connection, since it is that one's writes
    /// that a `WAIT` waits for.
    async fn run(
        &self,
        script: &Script,
        keys: &[String],
        replicas: u32,
        arguments: impl Fn(&mut Cmd),
    ) -> Result<Told, LinkError> {
        let mut command = script.call(keys);
        arguments(&mut command);
        match self.send(command, replicas).await {
            Err(error) if error.has_code("NOSCRIPT") => {
                let mut command = script.call_in_full(keys);
                arguments(&mut command);
                self.send(command, replicas).await
            }
            told => told,
        }
    }

    async fn send(&self, command: Cmd, replicas: u32) -> Result<Told, LinkError> {
        if replicas == 0 {
            let words: Vec<Vec<u8>> = self.link.query(&command).await?;
            return Ok(Told { words, at: 0, replicas });
        }
        let mut wait = redis::cmd("WAIT");
        wait.arg(replicas).arg(limits::REPLICA_WAIT_MS);
        let mut answers = self.link.many(vec![command, wait]).await?.into_iter();
        let odd = || LinkError::Broken { detail: "an answer is missing".to_owned() };
        let first = answers.next().ok_or_else(odd)??;
        let words = Vec::<Vec<u8>>::from_redis_value(first)
            .map_err(|error| LinkError::from(redis::RedisError::from(error)))?;
        let confirmed = match answers.next().ok_or_else(odd)?? {
            Value::Int(count) => u32::try_from(count).unwrap_or(0),
            _ => 0,
        };
        Ok(Told { words, at: 0, replicas: confirmed })
    }
}

/// The fields of the cursor.
struct Cursor(Vec<Option<Vec<u8>>>);

impl Cursor {
    fn number(&self, place: usize) -> Option<u64> {
        let text = self.0.get(place)?.as_deref()?;
        std::str::from_utf8(text).ok()?.parse().ok()
    }
}

/// Rows asked for at once when the copy is read.
const SCANNED_AT_ONCE: usize = 1_000;

/// How a lease is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Not at all: it is looked for.
    Look,
    /// If nobody has it, and this is still the last token.
    Claim {
        /// Which.
        after: u64,
    },
    /// From whoever has it.
    Seize,
}

/// Whether a copy is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// What was staged before goes.
    Yes,
    /// It is added to.
    No,
}

/// A trip on its way into a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Staged {
    pub(super) stream: StreamId,
    pub(super) ended_at: Option<i64>,
    pub(super) state: Vec<u8>,
    pub(super) events: Vec<Vec<u8>>,
}

impl Staged {
    pub(super) fn bytes(&self) -> usize {
        self.state.len() + self.events.iter().map(Vec::len).sum::<usize>()
    }
}

/// The words of a script's answer.
struct Told {
    words: Vec<Vec<u8>>,
    at: usize,
    replicas: u32,
}

impl Told {
    fn word(&mut self) -> String {
        let word = self.words.get(self.at);
        self.at += 1;
        String::from_utf8_lossy(word.map_or(&[], Vec::as_slice)).into_owned()
    }

    fn number(&mut self) -> Result<u64, LinkError> {
        self.word().parse().map_err(|_| self.odd())
    }

    fn holder(&mut self) -> Result<Holder, LinkError> {
        Ok(Holder { owner: self.word(), token: self.number()?, address: self.word() })
    }

    /// All that are left.
    fn peers(&mut self) -> Result<Vec<Peer>, LinkError> {
        let mut peers = Vec::new();
        while self.at < self.words.len() {
            let word = self.word();
            let (owner, address) = word.split_once(' ').ok_or_else(|| self.odd())?;
            peers.push(Peer { owner: owner.to_owned(), address: address.to_owned() });
        }
        Ok(peers)
    }

    fn put(mut self) -> Result<Put, LinkError> {
        match self.word().as_str() {
            "OK" => Ok(Put::Done { replicas: self.replicas }),
            "FENCED" => Ok(Put::Fenced { token: self.number()? }),
            "BARE" => Ok(Put::Bare),
            "CURSOR" => {
                let (term, seq) = (self.word(), self.word());
                Ok(Put::Elsewhere { term: term.parse().ok(), seq: Seq(seq.parse().unwrap_or(0)) })
            }
            "STAGED" => Ok(Put::Incomplete),
            _ => Err(self.odd()),
        }
    }

    fn odd(&self) -> LinkError {
        let words: Vec<_> = self.words.iter().map(|word| String::from_utf8_lossy(word)).collect();
        LinkError::Broken { detail: format!("the script answered {words:?}") }
    }
}
