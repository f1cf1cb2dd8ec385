//! The one way to talk to Redis: a supervisor of one connection.
//!
//! The library's own connection manager is not used: it keeps a connection on which answers no
//! longer come, and hands out a failed handshake for ever. Here every error that the server did
//! not say drops the connection, and so does a server that says it is the wrong one; the next
//! use looks for the right one anew, when the [`Breaker`] lets it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::aio::ConnectionLike;
use redis::{Cmd, FromRedisValue, Pipeline, Value};
use tokio::task::JoinSet;

use super::address::{Place, RedisAddress, Topology};
use super::breaker::{Admission, Backoff, Breaker};
use super::resolve::{self, Wire, within};
use super::verdict::{LinkError, Verdict};
use crate::clock;
use crate::units::Millis;

/// Who is talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Who takes writes.
    Primary,
    /// Who has a copy; for reads that may be a little behind.
    Replica,
}

impl Role {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Replica => "replica",
        }
    }

    /// As `ROLE` says it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Primary => "master",
            Self::Replica => "slave",
        }
    }
}

/// How long a link waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkOptions {
    /// For a connection, its handshake included.
    pub connect_timeout: Duration,
    /// For an answer, or all answers of what was sent together.
    pub response_timeout: Duration,
    /// After failures.
    pub backoff: Backoff,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_millis(500),
            backoff: Backoff { first: Millis(50), cap: Millis(1_000) },
        }
    }
}

/// A connection that lives, and which it is.
#[derive(Clone)]
struct Live {
    wire: Wire,
    generation: u64,
    place: Option<Place>,
}

struct State {
    breaker: Breaker,
    live: Option<Live>,
    /// Replicas that the primary named when it was last asked.
    replicas: Vec<Place>,
    chance: u64,
}

/// A supervised connection. Cheap to share; used from one or several tasks.
///
/// # Guarantees
/// No call takes longer than a connection and an answer may; nothing is sent twice by itself. A
/// write that ends in [`LinkError::Broken`] may have been done, or may still be: whoever writes
/// writes absolute values, and again.
pub struct Link {
    address: RedisAddress,
    role: Role,
    options: LinkOptions,
    epoch: Instant,
    state: Mutex<State>,
    /// One connects, the others wait for it.
    connecting: tokio::sync::Mutex<()>,
    generations: AtomicU64,
}

impl Link {
    /// A link that connects when it is first used; the seed moves the ends of pauses.
    pub fn new(address: RedisAddress, role: Role, options: LinkOptions, seed: u64) -> Self {
        let breaker = Breaker::new(options.backoff);
        let state = State { breaker, live: None, replicas: Vec::new(), chance: seed };
        Self {
            address,
            role,
            options,
            epoch: clock::stopwatch(),
            state: Mutex::new(state),
            connecting: tokio::sync::Mutex::default(),
            generations: AtomicU64::new(0),
        }
    }

    /// A link to a replica, which the primary's link has to have named unless sentinels do.
    pub fn replica_of(&self, seed: u64) -> Self {
        Self::new(self.address.clone(), Role::Replica, self.options, seed)
    }

    /// Where Redis is.
    pub const fn address(&self) -> &RedisAddress {
        &self.address
    }

    /// How many connections there have been: a change means that what the last one wrote at its
    /// end may not be there.
    pub fn generation(&self) -> u64 {
        self.generations.load(Ordering::Acquire)
    }

    /// Whether nothing is sent at the moment but probes.
    pub fn is_open(&self) -> bool {
        self.state.lock().breaker.is_open()
    }

    /// Whether it talks to a cluster, where each key has its own server.
    pub fn is_cluster(&self) -> bool {
        matches!(self.address.topology(), Topology::Cluster(_))
    }

    /// Sends one command.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, LinkError> {
        let live = self.admit().await?;
        let asking = async {
            match &live.wire {
                Wire::One(connection) => connection.clone().req_packed_command(command).await,
                Wire::Cluster(connection) => connection.clone().req_packed_command(command).await,
            }
        };
        let answer = self.judge(&live, within(self.patience(), "an answer", asking).await)?;
        T::from_redis_value(answer).map_err(|error| LinkError::from(redis::RedisError::from(error)))
    }

    /// Sends commands together, in their order on each server, and tells what became of each.
    ///
    /// # Errors
    /// [`LinkError`] if it is unknown what became of some, or if one says that nothing more is to
    /// be sent now: then all count as not done.
    pub async fn many(
        &self,
        commands: Vec<Cmd>,
    ) -> Result<Vec<Result<Value, LinkError>>, LinkError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let live = self.admit().await?;
        let answers = match &live.wire {
            Wire::One(connection) => {
                let mut pipeline = Pipeline::with_capacity(commands.len());
                pipeline.ignore_errors();
                for command in commands {
                    pipeline.add_command(command);
                }
                let mut connection = connection.clone();
                let asking = pipeline.query_async::<Vec<Value>>(&mut connection);
                within(self.patience(), "an answer", asking).await
            }
            Wire::Cluster(connection) => self.scatter(connection, commands).await,
        };
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) => return Err(self.failed(&live, error)),
        };
        let errors = answers.iter().filter_map(|answer| match answer {
            Value::ServerError(error) => Some(LinkError::from(error)),
            _ => None,
        });
        // The gravest decides what becomes of the connection, and of the rest.
        let stops = |error: &LinkError| self.meaning(error) != Verdict::Answer;
        if let Some(error) = errors.into_iter().find(stops) {
            return Err(self.failed(&live, error));
        }
        self.state.lock().breaker.succeeded();
        let each = |answer| match answer {
            Value::ServerError(error) => Err(LinkError::from(&error)),
            answer => Ok(answer),
        };
        Ok(answers.into_iter().map(each).collect())
    }

    /// Sends each command to its own server, all at once.
    async fn scatter(
        &self,
        connection: &redis::cluster_async::ClusterConnection,
        commands: Vec<Cmd>,
    ) -> Result<Vec<Value>, LinkError> {
        let (count, most) = (commands.len(), self.patience());
        let mut under_way = JoinSet::new();
        for (i, command) in commands.into_iter().enumerate() {
            let mut connection = connection.clone();
            under_way.spawn(async move {
                let asking = connection.req_packed_command(&command);
                (i, within(most, "an answer", asking).await)
            });
        }
        let mut answers = vec![Value::Nil; count];
        let mut failed = None;
        while let Some(done) = under_way.join_next().await {
            match done {
                Ok((i, Ok(answer))) => answers[i] = answer,
                Ok((i, Err(LinkError::Refused { code, detail })))
                    if Verdict::of_code(&code) == Verdict::Answer =>
                {
                    answers[i] = refusal(&code, &detail);
                }
                Ok((_, Err(error))) => failed = Some(error),
                Err(error) => failed = Some(LinkError::Broken { detail: error.to_string() }),
            }
        }
        failed.map_or(Ok(answers), Err)
    }

    /// Looks whether the sentinels still name the server that it is connected to, and asks a
    /// primary for its replicas. Call it about once a second.
    ///
    /// # Errors
    /// [`LinkError`] if nobody could be asked.
    pub async fn check(&self) -> Result<(), LinkError> {
        let Some(live) = self.state.lock().live.clone() else { return Ok(()) };
        if let Topology::Sentinel { .. } = self.address.topology() {
            let named = resolve::ask_sentinels(&self.address, self.role, &self.options).await?;
            if self.role == Role::Primary && !live.place.iter().all(|at| named.contains(at)) {
                tracing::info!(redis = %self.address, "the sentinels name another primary");
                self.drop_connection(live.generation);
            }
        } else if self.role == Role::Primary {
            let replicas = resolve::ask_for_replicas(&live.wire, &self.options).await?;
            self.state.lock().replicas = replicas;
        }
        Ok(())
    }

    /// The replicas that the primary named; none for sentinels and clusters, which know their own.
    pub fn replicas(&self) -> Vec<Place> {
        self.state.lock().replicas.clone()
    }

    /// Tells a link to replicas which there are.
    pub fn set_replicas(&self, replicas: Vec<Place>) {
        self.state.lock().replicas = replicas;
    }

    fn now(&self) -> Millis {
        Millis(u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// A little longer than the library waits by itself, as it was seen not to.
    fn patience(&self) -> Duration {
        let retries = if self.is_cluster() { 3 } else { 1 };
        self.options.response_timeout * retries + Duration::from_millis(100)
    }

    /// A connection, made if there is none, if the breaker lets it.
    async fn admit(&self) -> Result<Live, LinkError> {
        let now = self.now();
        let admission = {
            let mut state = self.state.lock();
            let admission = state.breaker.admit(now);
            if let (Admission::Go, Some(live)) = (admission, &state.live) {
                return Ok(live.clone());
            }
            admission
        };
        if let Admission::Refused { retry_in } = admission {
            return Err(LinkError::Open { retry_in });
        }
        let _one = self.connecting.lock().await;
        let known = {
            let mut state = self.state.lock();
            if let Some(live) = &state.live {
                return Ok(live.clone());
            }
            // Whoever has waited while another tried in vain does not try again at once.
            if admission == Admission::Go
                && let Admission::Refused { retry_in } = state.breaker.admit(self.now())
            {
                return Err(LinkError::Open { retry_in });
            }
            state.replicas.clone()
        };
        match resolve::connect(&self.address, self.role, &self.options, &known).await {
            Ok((wire, place)) => {
                let generation = self.generations.fetch_add(1, Ordering::AcqRel) + 1;
                let live = Live { wire, generation, place };
                self.state.lock().live = Some(live.clone());
                tracing::info!(
                    redis = %self.address,
                    role = self.role.name(),
                    at = live.place.as_ref().map(tracing::field::display),
                    generation,
                    "connected"
                );
                Ok(live)
            }
            Err(error) => {
                let first = self.open();
                if first {
                    tracing::warn!(redis = %self.address, role = self.role.name(), %error, "cannot connect");
                }
                Err(error)
            }
        }
    }

    /// What an answer means for the connection and the breaker.
    fn judge(&self, live: &Live, answer: Result<Value, LinkError>) -> Result<Value, LinkError> {
        let answer = match answer {
            Ok(Value::ServerError(error)) => Err(LinkError::from(&error)),
            answer => answer,
        };
        match answer {
            Err(error) if self.meaning(&error) != Verdict::Answer => Err(self.failed(live, error)),
            answer => {
                self.state.lock().breaker.succeeded();
                answer
            }
        }
    }

    fn meaning(&self, error: &LinkError) -> Verdict {
        // Replicas refuse writes: whoever writes to one asks the wrong link.
        if self.role == Role::Replica && error.has_code("READONLY") {
            return Verdict::Answer;
        }
        Verdict::of(error)
    }

    /// Opens the breaker, and drops the connection unless the server is only busy.
    fn failed(&self, live: &Live, error: LinkError) -> LinkError {
        if self.meaning(&error) != Verdict::Busy {
            self.drop_connection(live.generation);
        }
        if self.open() {
            tracing::warn!(redis = %self.address, role = self.role.name(), %error, "redis fails");
        }
        error
    }

    /// Opens the breaker; tells whether it was closed.
    fn open(&self) -> bool {
        let now = self.now();
        let mut state = self.state.lock();
        let first = !state.breaker.is_open();
        // A step of SplitMix64: enough that a fleet of servers does not come back as one.
        state.chance = state.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state.chance ^ state.chance >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let chance = u32::try_from(mixed >> 32).unwrap_or(0);
        state.breaker.failed(now, chance);
        first
    }

    fn drop_connection(&self, generation: u64) {
        let mut state = self.state.lock();
        state.live.take_if(|live| live.generation == generation);
    }
}

/// An error of the server as an answer, put together again.
fn refusal(code: &str, detail: &str) -> Value {
    let error = redis::parse_redis_value(format!("-{code} {detail}\r\n").as_bytes());
    error.unwrap_or(Value::Nil)
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A script that runs in Redis: sent by its digest, in whole where it is not known yet.
#[derive(Clone, Debug)]
pub struct Script {
    text: &'static str,
    digest: Arc<str>,
    /// How it is run by its digest, and in full.
    how: [&'static str; 2],
}

impl Script {
    /// The script with this text.
    pub fn new(text: &'static str) -> Self {
        let digest = redis::Script::new(text).get_hash().into();
        Self { text, digest, how: ["EVALSHA", "EVAL"] }
    }

    /// The script with this text, which writes nothing: replicas run it too.
    pub fn reading(text: &'static str) -> Self {
        Self { how: ["EVALSHA_RO", "EVAL_RO"], ..Self::new(text) }
    }

    /// The command that runs it on these keys, which share a hash tag; arguments follow.
    pub fn call(&self, keys: &[impl AsRef<str>]) -> Cmd {
        Self::with(self.how[0], &self.digest, keys)
    }

    /// The same with the whole text, for a server that answered `NOSCRIPT`.
    pub fn call_in_full(&self, keys: &[impl AsRef<str>]) -> Cmd {
        Self::with(self.how[1], self.text, keys)
    }

    fn with(how: &str, what: &str, keys: &[impl AsRef<str>]) -> Cmd {
        let mut command = redis::cmd(how);
        command.arg(what).arg(keys.len());
        for key in keys {
            command.arg(key.as_ref());
        }
        command
    }
}
