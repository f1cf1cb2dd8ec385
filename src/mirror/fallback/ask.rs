//! The primary is asked; if it is slow or fails, a replica too, and who answers first is believed.
//!
//! Once a replica was first, replicas are asked first for a while, so that a primary that hangs costs the
//! wait for it once and not at each step of a question.
//!
//! What takes several answers is asked of one of them from beginning to end: where a page of a hash ends
//! means something to its own server alone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::{Cmd, Value};

use crate::clock;
use crate::limits;
use crate::mirror::address::RedisAddress;
use crate::mirror::keys::Scripts;
use crate::mirror::link::{Link, LinkOptions, Role};
use crate::mirror::read::{self, Ask, Piece, Row};
use crate::mirror::verdict::LinkError;
use crate::units::Timestamp;

/// What became of each of several commands.
type Answers = Vec<Result<Value, LinkError>>;

/// Regions that are read together.
const TOGETHER: usize = 16;

/// Two ways to ask, and how long nothing may come from the first before the second is asked too.
#[derive(Debug)]
pub(super) struct Hedge<A = Link> {
    primary: A,
    replica: A,
    after: Duration,
    /// Until when replicas are asked first.
    outrun: Mutex<Option<Instant>>,
}

/// Which of two was first.
enum First<A, B> {
    One(A),
    Other(B),
}

impl Hedge {
    pub(super) fn new(
        address: RedisAddress,
        options: LinkOptions,
        after: Duration,
        seed: u64,
    ) -> Self {
        let primary = Link::new(address, Role::Primary, options, seed);
        let replica = primary.replica_of(seed.wrapping_add(1));
        Self { primary, replica, after, outrun: Mutex::default() }
    }

    /// Finds out which replicas there are while the primary answers.
    pub(super) async fn look_around(&self) {
        if Box::pin(self.primary.check()).await.is_ok() {
            self.replica.set_replicas(self.primary.replicas());
        }
    }
}

impl<A> Hedge<A> {
    /// Who is asked first now.
    fn favourite(&self) -> Role {
        let outrun = self.outrun.lock().is_some_and(|until| clock::stopwatch() < until);
        if outrun { Role::Replica } else { Role::Primary }
    }

    /// Who is first; the second begins when the first has failed, or when nothing has come from it for a
    /// while. `heard` counts what has.
    async fn first_of<T, U>(
        &self,
        mut first: impl Future<Output = Result<T, LinkError>> + Unpin,
        mut second: impl Future<Output = Result<U, LinkError>> + Unpin,
        heard: &AtomicU64,
    ) -> Result<First<T, U>, LinkError> {
        let mut before = heard.load(Ordering::Relaxed);
        loop {
            tokio::select! {
                biased;
                answer = &mut first => match answer {
                    Ok(answer) => return Ok(First::One(answer)),
                    Err(error) => return second.await.map(First::Other).map_err(|_| error),
                },
                () = tokio::time::sleep(self.after) => {}
            }
            let now = heard.load(Ordering::Relaxed);
            if now == before {
                break;
            }
            before = now;
        }
        tokio::select! {
                biased;
            answer = &mut first => match answer {
                Ok(answer) => Ok(First::One(answer)),
                Err(error) => second.await.map(First::Other).map_err(|_| error),
            },
            answer = &mut second => match answer {
                Ok(answer) => Ok(First::Other(answer)),
                Err(_) => first.await.map(First::One),
            },
        }
    }
}

/// Who is asked about one question.
#[derive(Debug)]
pub(super) struct Asking<'a, A = Link> {
    hedge: &'a Hedge<A>,
    whence: Mutex<Whence>,
    /// Who is asked first.
    favourite: Mutex<Role>,
}

/// How many answers have come from each.
#[derive(Debug, Default)]
struct Heard {
    primary: AtomicU64,
    replica: AtomicU64,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug)]
enum Whence {
    /// The primary, all of it.
    Primary,
    /// In part a replica, in which all is that had changed up to this; unknown if nothing says so.
    Replica(Option<Timestamp>),
}

impl<'a, A: Ask> Asking<'a, A> {
    pub(super) fn new(hedge: &'a Hedge<A>) -> Self {
        let favourite = Mutex::new(hedge.favourite());
        Self { hedge, whence: Mutex::new(Whence::Primary), favourite }
    }

    /// The first answer; both tell the same, a replica also up to when all that had changed was there.
    async fn race<T>(
        &self,
        primary: impl Future<Output = Result<T, LinkError>> + Unpin,
        replica: impl Future<Output = Result<(T, Option<Timestamp>), LinkError>> + Unpin,
        heard: &Heard,
    ) -> Result<T, LinkError> {
        let favourite = *self.favourite.lock();
        let won = match favourite {
            Role::Primary => self.hedge.first_of(primary, replica, &heard.primary).await?,
            Role::Replica => match self.hedge.first_of(replica, primary, &heard.replica).await? {
                First::One(answer) => First::Other(answer),
                First::Other(answer) => First::One(answer),
            },
        };
        match won {
            First::One(answer) => {
                if favourite == Role::Replica {
                    self.favour(Role::Primary);
                }
                Ok(answer)
            }
            First::Other((answer, complete)) => {
                if favourite == Role::Primary {
                    self.favour(Role::Replica);
                }
                self.came_from_replica(complete);
                Ok(answer)
            }
        }
    }

    /// Who was asked first was outrun: the other is, for the rest of the question and a while.
    fn favour(&self, role: Role) {
        *self.favourite.lock() = role;
        let while_favoured = Duration::from_millis(limits::FALLBACK_REPLICA_FIRST_MS);
        *self.hedge.outrun.lock() =
            (role == Role::Replica).then(|| clock::stopwatch() + while_favoured);
    }

    fn came_from_replica(&self, complete: Option<Timestamp>) {
        let mut whence = self.whence.lock();
        *whence = Whence::Replica(match *whence {
            Whence::Primary => complete,
            // What is not known is older than anything.
            Whence::Replica(known) => known.min(complete),
        });
    }

    /// Up to when all that had changed is in the answer, if the primary says this.
    pub(super) fn complete(&self, primary: Option<Timestamp>) -> Option<Timestamp> {
        match *self.whence.lock() {
            Whence::Primary => primary,
            Whence::Replica(complete) => complete.min(primary),
        }
    }

    /// Reads whole regions.
    pub(super) async fn scan(
        &self,
        scripts: &Scripts,
        pieces: Vec<Piece>,
    ) -> Result<Vec<Row>, LinkError> {
        if pieces.is_empty() {
            return Ok(Vec::new());
        }
        let Hedge { primary, replica, .. } = self.hedge;
        let heard = Heard::default();
        let by_primary = Box::pin(all(primary, scripts, pieces.clone(), &heard.primary));
        let by_replica = Box::pin(async {
            let complete = read::complete(replica).await?;
            Ok((all(replica, scripts, pieces, &heard.replica).await?, complete))
        });
        self.race(by_primary, by_replica, &heard).await
    }
}

impl<A: Ask> Ask for Asking<'_, A> {
    async fn ask(&self, commands: Vec<Cmd>) -> Result<Answers, LinkError> {
        let Hedge { primary, replica, .. } = self.hedge;
        let again = commands.clone();
        let by_replica = Box::pin(async {
            let complete = read::complete(replica).await?;
            Ok((replica.ask(again).await?, complete))
        });
        let by_primary = Box::pin(primary.ask(commands));
        self.race(by_primary, by_replica, &Heard::default()).await
    }
}

/// Reads whole regions from one server, some of them at a time.
async fn all(
    asked: &impl Ask,
    scripts: &Scripts,
    mut pieces: Vec<Piece>,
    heard: &AtomicU64,
) -> Result<Vec<Row>, LinkError> {
    let mut rows = Vec::new();
    while !pieces.is_empty() {
        let rest = pieces.split_off(pieces.len().min(TOGETHER));
        rows.extend(read::pages(asked, &scripts.page, &mut pieces).await?);
        heard.fetch_add(1, Ordering::Relaxed);
        pieces.extend(rest);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: u64 = 0x0842_8309_ffff_ffff;

    /// A server that has three pages of one driver each, and knows its own cursors alone.
    #[derive(Debug)]
    struct Pages {
        name: &'static str,
        /// So many of its answers come, and then none.
        answers: u64,
        asked: AtomicU64,
        complete: i64,
    }

    impl Pages {
        fn new(name: &'static str, answers: u64, complete: i64) -> Self {
            Self { name, answers, asked: AtomicU64::new(0), complete }
        }
    }

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    impl Ask for Pages {
        async fn ask(&self, commands: Vec<Cmd>) -> Result<Answers, LinkError> {
            if self.asked.fetch_add(1, Ordering::Relaxed) >= self.answers {
                return std::future::pending().await;
            }
            let answer = |command: &Cmd| {
                let words: Vec<Vec<u8>> = command
                    .args_iter()
                    .map(|word| match word {
                        redis::Arg::Simple(bytes) => bytes.to_vec(),
                        _ => Vec::new(),
                    })
                    .collect();
                let last = |from_end: usize| {
                    String::from_utf8(words[words.len() - from_end].clone()).unwrap()
                };
                if words[0] == b"HGET" {
                    return text(&self.complete.to_string());
                }
                let page = match last(2).split_once(' ') {
                    None => 1,
                    Some((name, page)) if name == self.name => page.parse().unwrap(),
                    // A place in another's table: beyond the end of this one.
                    Some(_) => 3,
                };
                let next = format!("{} {}", self.name, page + 1);
                let next = if page == 3 { "0" } else { &next };
                Value::Array([next, &format!("cab-{page}"), "line"].map(text).to_vec())
            };
            Ok(commands.iter().map(|command| Ok(answer(command))).collect())
        }
    }

    async fn scanned(primary: Pages) -> (Vec<String>, Option<i64>) {
        let (replica, after) = (Pages::new("replica", 9, 5_000), Duration::from_millis(20));
        let hedge = Hedge { primary, replica, after, outrun: Mutex::default() };
        let asking = Asking::new(&hedge);
        let rows = asking.scan(&Scripts::new(), vec![Piece::first(REGION)]).await.unwrap();
        let ids = rows.into_iter().map(|(id, _)| String::from_utf8(id).unwrap()).collect();
        let complete = asking.complete(Some(Timestamp::from_millis(9_000)));
        (ids, complete.map(Timestamp::as_millis))
    }

    #[tokio::test]
    async fn a_region_is_read_from_one_server_whoever_is_slow() {
        let all = ["cab-1", "cab-2", "cab-3"];
        let (ids, complete) = scanned(Pages::new("primary", 9, 9_000)).await;
        assert_eq!((&ids[..], complete), (&all.map(str::to_owned)[..], Some(9_000)));
        for answers in 0..3 {
            // As old as who has answered says it is.
            let (ids, complete) = scanned(Pages::new("primary", answers, 9_000)).await;
            assert_eq!((&ids[..], complete), (&all.map(str::to_owned)[..], Some(5_000)));
        }
    }

    #[tokio::test]
    async fn a_primary_that_hangs_is_waited_for_once() {
        let (primary, replica) =
            (Pages::new("primary", 0, 9_000), Pages::new("replica", 41, 5_000));
        let after = Duration::from_millis(20);
        let hedge = Hedge { primary, replica, after, outrun: Mutex::default() };
        let begun = clock::stopwatch();
        let step = || vec![redis::cmd("HGET")];
        for _ in 0..2 {
            let asking = Asking::new(&hedge);
            for _ in 0..10 {
                asking.ask(step()).await.unwrap();
            }
            let complete = asking.complete(Some(Timestamp::from_millis(9_000)));
            assert_eq!(complete, Some(Timestamp::from_millis(5_000)));
        }
        // Unless the second question came late.
        let asked = || hedge.primary.asked.load(Ordering::Relaxed);
        assert!(asked() <= 1 || begun.elapsed() > Duration::from_secs(1), "{} times", asked());
        // A replica that hangs is left for the primary again, which answers from now on.
        let hedge = Hedge { primary: Pages::new("primary", 99, 9_000), ..hedge };
        *hedge.outrun.lock() = Some(clock::stopwatch() + Duration::from_mins(1));
        let asking = Asking::new(&hedge);
        for _ in 0..10 {
            asking.ask(step()).await.unwrap();
        }
        assert_eq!(hedge.favourite(), Role::Primary);
        assert_eq!(hedge.primary.asked.load(Ordering::Relaxed), 10);
    }

    #[tokio::test]
    async fn a_cursor_of_another_server_misses_somebody() {
        let mut pieces = vec![Piece::first(REGION)];
        let scripts = Scripts::new();
        let (one, other) = (Pages::new("primary", 9, 0), Pages::new("replica", 9, 0));
        let mut rows = read::pages(&one, &scripts.page, &mut pieces).await.unwrap();
        while !pieces.is_empty() {
            rows.extend(read::pages(&other, &scripts.page, &mut pieces).await.unwrap());
        }
        assert_eq!(rows.len(), 2, "what a page here and a page there would come to");
    }
}
