//! The copy as others look at it: who audits it, and who measures how far behind it is.

use redis::Value;

use super::address::RedisAddress;
use super::entry::{Entry, id_of};
use super::keys::{RegionKeys, Scripts};
use super::link::{Link, LinkOptions, Role};
use super::read::{self, Piece};
use super::resolve::text;
use super::verdict::LinkError;
use crate::ids::DriverId;
use crate::limits;

/// A driver as a region's keys have it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Copied {
    /// Who.
    pub id: DriverId,
    /// What the line says; `None` if it is no line of this program.
    pub entry: Option<Entry>,
    /// The score in the geo set; `None` if the driver is not in it.
    pub score: Option<u64>,
}

/// Reads the primary's copy, entry by entry.
#[derive(Debug)]
pub struct CopyReader {
    link: Link,
    scripts: Scripts,
}

impl CopyReader {
    /// A reader that connects when it is first used.
    pub fn new(address: RedisAddress, options: LinkOptions, seed: u64) -> Self {
        let link = Link::new(address, Role::Primary, options, seed);
        Self { link, scripts: Scripts::new() }
    }

    /// The regions that have or had keys, in the order of their cells.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn regions(&self) -> Result<Vec<u64>, LinkError> {
        let mut regions = read::regions(&self.link).await?;
        regions.sort_unstable();
        Ok(regions)
    }

    /// Gives `take` everybody in a region, page by page; who is written meanwhile may come twice.
    /// Members of the geo set alone are among them, without a line.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn region(&self, region: u64, mut take: impl FnMut(Copied)) -> Result<(), LinkError> {
        let keys = RegionKeys::of(region);
        let mut pieces = vec![Piece::first(region)];
        while !pieces.is_empty() {
            let rows = read::pages(&self.link, &self.scripts.page, &mut pieces).await?;
            if rows.is_empty() {
                continue;
            }
            let mut command = redis::cmd("ZMSCORE");
            command.arg(&keys.geo);
            for (id, _) in &rows {
                command.arg(id.as_slice());
            }
            let scores = self.link.query::<Vec<Value>>(&command).await?;
            for ((id, line), score) in rows.iter().zip(&scores) {
                if let Some(id) = id_of(id) {
                    let entry = str::from_utf8(line).ok().and_then(Entry::parse);
                    take(Copied { id, entry, score: number(score) });
                }
            }
        }
        self.strays(&keys, take).await
    }

    /// Members of the geo set who have no line.
    async fn strays(
        &self,
        keys: &RegionKeys,
        mut take: impl FnMut(Copied),
    ) -> Result<(), LinkError> {
        let mut cursor = "0".to_owned();
        loop {
            let mut command = redis::cmd("ZSCAN");
            command.arg(&keys.geo).arg(&cursor).arg("COUNT").arg(limits::MIRROR_PAGE);
            let (next, pairs) = self.link.query::<(String, Vec<Value>)>(&command).await?;
            let members: Vec<_> = read::pairs(pairs.into_iter()).collect();
            if !members.is_empty() {
                let mut command = redis::cmd("HMGET");
                command.arg(&keys.meta);
                for (id, _) in &members {
                    command.arg(id.as_slice());
                }
                let lines = self.link.query::<Vec<Value>>(&command).await?;
                for ((id, score), line) in members.iter().zip(&lines) {
                    if let (Value::Nil, Some(id)) = (line, id_of(id)) {
                        let score = str::from_utf8(score).ok().and_then(|text| text.parse().ok());
                        take(Copied { id, entry: None, score });
                    }
                }
            }
            if next == "0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// What the lines of these drivers say, each in a region; `None` where there is none.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn entries(
        &self,
        drivers: impl Iterator<Item = (u64, DriverId)>,
    ) -> Result<Vec<Option<Entry>>, LinkError> {
        let commands = drivers.map(|(region, id)| {
            let mut command = redis::cmd("HGET");
            command.arg(RegionKeys::of(region).meta).arg(id.as_bytes());
            command
        });
        let answers = self.link.many(commands.collect()).await?;
        answers
            .into_iter()
            .map(|answer| Ok(text(&answer?).and_then(|line| Entry::parse(&line))))
            .collect()
    }

    /// All of the entries of these drivers, each in a region: at most a thousand.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn copies(
        &self,
        drivers: &[(u64, DriverId)],
    ) -> Result<Vec<Option<Copied>>, LinkError> {
        let commands = drivers.iter().flat_map(|(region, id)| {
            let keys = RegionKeys::of(*region);
            let (mut line, mut score) = (redis::cmd("HGET"), redis::cmd("ZSCORE"));
            line.arg(keys.meta).arg(id.as_bytes());
            score.arg(keys.geo).arg(id.as_bytes());
            [line, score]
        });
        let answers: Vec<Value> =
            self.link.many(commands.collect()).await?.into_iter().collect::<Result<_, _>>()?;
        let copied = |(pair, (_, id)): (&[Value], &(u64, DriverId))| {
            let (line, score) = (text(&pair[0]), number(&pair[1]));
            (line.is_some() || score.is_some()).then(|| Copied {
                id: *id,
                entry: line.and_then(|line| Entry::parse(&line)),
                score,
            })
        };
        Ok(answers.chunks_exact(2).zip(drivers).map(copied).collect())
    }

    /// Gives `take` all fields of a hash with their values; some may come twice.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn hash(
        &self,
        key: &str,
        mut take: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), LinkError> {
        let mut cursor = "0".to_owned();
        loop {
            let mut command = redis::cmd("HSCAN");
            command.arg(key).arg(&cursor).arg("COUNT").arg(limits::MIRROR_PAGE);
            let (next, pairs) = self.link.query::<(String, Vec<Value>)>(&command).await?;
            read::pairs(pairs.into_iter()).for_each(|(field, value)| take(&field, &value));
            if next == "0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// The connection.
    pub const fn link(&self) -> &Link {
        &self.link
    }
}

/// A score: an integer, as long as it is one of ours.
fn number(value: &Value) -> Option<u64> {
    match value {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a geohash has 52 bits"
        )]
        Value::Double(score) if (0.0..4.6e15).contains(score) => Some(*score as u64),
        value => text(value)?.parse::<u64>().ok(),
    }
}
