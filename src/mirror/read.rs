//! Whole regions read from Redis, in pieces: for a warm start, for comparison, for an audit.

use std::collections::BTreeMap;

use redis::{Cmd, Value};

use super::keys::{PULSE, REGIONS, RegionKeys, region_named};
use super::link::{Link, Script};
use super::resolve::text;
use super::shadow::{Digest, Digests};
use super::verdict::LinkError;
use crate::geo::{Circle, Degrees};
use crate::limits;
use crate::units::Timestamp;

/// An id and a line.
pub(super) type Row = (Vec<u8>, Vec<u8>);

/// The regions that did not take or give something, and why: as when somebody has put something else
/// under one of their keys.
pub(super) type Refused = BTreeMap<u64, LinkError>;

/// A region, and how far it has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    region: u64,
    cursor: String,
}

impl Piece {
    pub(super) fn first(region: u64) -> Self {
        Self { region, cursor: "0".to_owned() }
    }
}

/// Who can be asked several things together.
pub(super) trait Ask: Sync {
    /// What became of each command.
    fn ask(
        &self,
        commands: Vec<Cmd>,
    ) -> impl Future<Output = Result<Vec<Result<Value, LinkError>>, LinkError>> + Send;
}

impl Ask for Link {
    async fn ask(&self, commands: Vec<Cmd>) -> Result<Vec<Result<Value, LinkError>>, LinkError> {
        self.many(commands).await
    }
}

/// The regions that have keys.
pub(super) async fn regions(asked: &impl Ask) -> Result<Vec<u64>, LinkError> {
    world(asked).await.map(|(regions, _)| regions)
}

/// The regions that have keys, and up to when all that changed is in them.
pub(super) async fn world(asked: &impl Ask) -> Result<(Vec<u64>, Option<Timestamp>), LinkError> {
    let mut members = redis::cmd("SMEMBERS");
    members.arg(REGIONS);
    let mut answers = asked.ask(vec![members, pulse()]).await?.into_iter();
    let mut next = || answers.next().unwrap_or(Ok(Value::Nil));
    let (members, pulse) = (next()?, next()?);
    let names = match members {
        Value::Array(names) | Value::Set(names) => names,
        _ => Vec::new(),
    };
    let regions = names.iter().filter_map(|name| region_named(&text(name)?)).collect();
    Ok((regions, moment(&pulse)))
}

/// Up to when all that changed is there.
pub(super) async fn complete(asked: &impl Ask) -> Result<Option<Timestamp>, LinkError> {
    let answer = asked.ask(vec![pulse()]).await?.pop();
    Ok(moment(&answer.unwrap_or(Ok(Value::Nil))?))
}

fn pulse() -> Cmd {
    let mut command = redis::cmd("HGET");
    command.arg(PULSE).arg("complete_ms");
    command
}

fn moment(value: &Value) -> Option<Timestamp> {
    text(value).and_then(|ms| ms.parse().ok()).map(Timestamp::from_millis)
}

/// Who is near the centre of a circle, in each of these regions: up to `count`, and surely all who
/// are inside if there are fewer. A region that refuses is an error: who is in it is unknown.
pub(super) async fn near(
    asked: &impl Ask,
    script: &Script,
    regions: &[u64],
    circle: &Circle,
    count: usize,
) -> Result<Vec<Vec<Row>>, LinkError> {
    let Degrees { lat, lng } = circle.origin().position().degrees();
    // Redis's Earth is larger by three parts in ten thousand, and its positions are rounded.
    let reach = circle.radius().get() * 1.001 + 5.0;
    let count = count.min(1 << 30);
    let arguments = [lng.to_string(), lat.to_string(), reach.to_string(), count.to_string()];
    let answers = each(asked, script, regions, |_| arguments.to_vec()).await?;
    let rows = |answer: Value| match answer {
        Value::Array(parts) => pairs(parts.into_iter()).collect(),
        _ => Vec::new(),
    };
    answers.into_iter().map(|answer| answer.map(rows)).collect()
}

/// Runs a script on each region; what each answers, in their order.
pub(super) async fn each(
    asked: &impl Ask,
    script: &Script,
    regions: &[u64],
    arguments: impl Fn(usize) -> Vec<String>,
) -> Result<Vec<Result<Value, LinkError>>, LinkError> {
    let keys: Vec<RegionKeys> = regions.iter().map(|&region| RegionKeys::of(region)).collect();
    let short = keys.iter().enumerate().map(|(i, keys)| {
        let mut command = script.call(&keys.all());
        command.arg(arguments(i));
        command
    });
    let mut answers = asked.ask(short.collect()).await?;
    let unknown: Vec<usize> = (0..answers.len())
        .filter(|&i| answers[i].as_ref().is_err_and(|error| error.has_code("NOSCRIPT")))
        .collect();
    let full = unknown.iter().map(|&i| {
        let mut command = script.call_in_full(&keys[i].all());
        command.arg(arguments(i));
        command
    });
    let again = asked.ask(full.collect()).await?;
    for (i, answer) in unknown.into_iter().zip(again) {
        answers[i] = answer;
    }
    Ok(answers)
}

/// Reads a page of each of these pieces; leaves in them what is not read yet. A region that refuses is
/// an error, and read no further by whoever gives up.
pub(super) async fn pages(
    asked: &impl Ask,
    script: &Script,
    pieces: &mut Vec<Piece>,
) -> Result<Vec<Row>, LinkError> {
    let (pages, mut refused) = pages_of(asked, script, pieces).await?;
    refused.pop_first().map_or(Ok(pages), |(_, error)| Err(error))
}

/// The same, and which regions refused: they are read no further.
pub(super) async fn pages_of(
    asked: &impl Ask,
    script: &Script,
    pieces: &mut Vec<Piece>,
) -> Result<(Vec<Row>, Refused), LinkError> {
    let regions: Vec<u64> = pieces.iter().map(|piece| piece.region).collect();
    let arguments = |i: usize| vec![pieces[i].cursor.clone(), limits::MIRROR_PAGE.to_string()];
    let answers = each(asked, script, &regions, arguments).await?;
    let (mut rows, mut refused) = (Vec::new(), Refused::new());
    let mut rest = Vec::new();
    for (region, answer) in regions.into_iter().zip(answers) {
        let parts = match answer {
            Ok(Value::Array(parts)) => parts,
            Ok(_) => continue,
            Err(error) => {
                refused.insert(region, error);
                continue;
            }
        };
        let mut parts = parts.into_iter();
        let cursor = parts.next().as_ref().and_then(text).unwrap_or_else(|| "0".to_owned());
        if cursor != "0" {
            rest.push(Piece { region, cursor });
        }
        rows.extend(pairs(parts));
    }
    *pieces = rest;
    Ok((rows, refused))
}

/// Pieces of regions of which digests are asked for together.
const TOGETHER: usize = 16;

/// The digests of regions, taken piece by piece, so that no question is about more than
/// [`TOGETHER`] times [`limits::MIRROR_COMPARED`] drivers; and which regions refused. Those of whom the script
/// says what it never should are in neither.
///
/// Nobody may write meanwhile. Somebody may be counted twice all the same, as where a hash has just
/// shrunk: then a digest is wrong.
pub(super) async fn digests(
    asked: &impl Ask,
    script: &Script,
    regions: &[u64],
) -> Result<(Digests, Refused), LinkError> {
    let (mut digests, mut refused) = (Digests::default(), Refused::new());
    let mut pieces: Vec<Piece> = regions.iter().rev().map(|&region| Piece::first(region)).collect();
    while !pieces.is_empty() {
        let part = pieces.split_off(pieces.len().saturating_sub(TOGETHER));
        let about: Vec<u64> = part.iter().map(|piece| piece.region).collect();
        let arguments =
            |i: usize| vec![part[i].cursor.clone(), limits::MIRROR_COMPARED.to_string()];
        let answers = each(asked, script, &about, arguments).await?;
        for (region, answer) in about.into_iter().zip(answers) {
            match answer.map(|answer| piece_of_digest(&answer)) {
                Ok(Some((cursor, piece))) => {
                    let digest = digests.entry(region).or_default();
                    digest.drivers += piece.drivers;
                    digest.positions = piece.positions;
                    digest.sum += piece.sum;
                    if cursor != "0" {
                        pieces.push(Piece { region, cursor });
                    }
                }
                Ok(None) => drop(digests.remove(&region)),
                Err(error) => {
                    digests.remove(&region);
                    refused.insert(region, error);
                }
            }
        }
    }
    Ok((digests, refused))
}

/// Where the next piece begins, and what this one adds.
fn piece_of_digest(answer: &Value) -> Option<(String, Digest)> {
    let Value::Array(parts) = answer else { return None };
    let part = |i: usize| text(parts.get(i)?);
    let number = |i: usize| part(i)?.parse::<u64>().ok();
    let (drivers, sum, positions) = (number(1)?, number(2)?, number(3)?);
    Some((part(0)?, Digest { drivers, positions, sum }))
}

/// Ids and lines in turn.
pub(super) fn pairs(values: impl Iterator<Item = Value>) -> impl Iterator<Item = Row> {
    let mut bytes = values.map(|value| match value {
        Value::BulkString(bytes) => bytes,
        other => text(&other).unwrap_or_default().into_bytes(),
    });
    std::iter::from_fn(move || Some((bytes.next()?, bytes.next()?)))
}
