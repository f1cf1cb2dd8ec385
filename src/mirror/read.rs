//! Whole regions read from Redis, in pieces: for a warm start, for comparison, for an audit.

use redis::Value;

use super::keys::{REGIONS, RegionKeys, region_named};
use super::link::{Link, Script};
use super::resolve::text;
use super::shadow::Digest;
use super::verdict::LinkError;
use crate::limits;

/// An id and a line.
pub(super) type Row = (Vec<u8>, Vec<u8>);

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

/// The regions that have keys.
pub(super) async fn regions(link: &Link) -> Result<Vec<u64>, LinkError> {
    let mut command = redis::cmd("SMEMBERS");
    command.arg(REGIONS);
    let names: Vec<String> = link.query(&command).await?;
    Ok(names.iter().filter_map(|name| region_named(name)).collect())
}

/// Runs a script on each region; answers in their order.
pub(super) async fn each(
    link: &Link,
    script: &Script,
    regions: &[u64],
    arguments: impl Fn(usize) -> Vec<String>,
) -> Result<Vec<Value>, LinkError> {
    let keys: Vec<RegionKeys> = regions.iter().map(|&region| RegionKeys::of(region)).collect();
    let short = keys.iter().enumerate().map(|(i, keys)| {
        let mut command = script.call(&keys.all());
        command.arg(arguments(i));
        command
    });
    let mut answers = link.many(short.collect()).await?;
    let unknown: Vec<usize> = (0..answers.len())
        .filter(|&i| answers[i].as_ref().is_err_and(|error| error.has_code("NOSCRIPT")))
        .collect();
    let full = unknown.iter().map(|&i| {
        let mut command = script.call_in_full(&keys[i].all());
        command.arg(arguments(i));
        command
    });
    let again = link.many(full.collect()).await?;
    for (i, answer) in unknown.into_iter().zip(again) {
        answers[i] = answer;
    }
    answers.into_iter().collect()
}

/// Reads a page of each of these pieces; leaves in them what is not read yet.
pub(super) async fn pages(
    link: &Link,
    script: &Script,
    pieces: &mut Vec<Piece>,
) -> Result<Vec<Row>, LinkError> {
    let regions: Vec<u64> = pieces.iter().map(|piece| piece.region).collect();
    let arguments = |i: usize| vec![pieces[i].cursor.clone(), limits::MIRROR_PAGE.to_string()];
    let answers = each(link, script, &regions, arguments).await?;
    let mut rows = Vec::new();
    let mut rest = Vec::new();
    for (region, answer) in regions.into_iter().zip(answers) {
        let Value::Array(parts) = answer else { continue };
        let mut parts = parts.into_iter();
        let cursor = parts.next().as_ref().and_then(text).unwrap_or_else(|| "0".to_owned());
        if cursor != "0" {
            rest.push(Piece { region, cursor });
        }
        rows.extend(pairs(parts));
    }
    *pieces = rest;
    Ok(rows)
}

/// What the digest script says of regions; `None` where it says what it never should.
pub(super) async fn digests(
    link: &Link,
    script: &Script,
    regions: &[u64],
) -> Result<Vec<Option<Digest>>, LinkError> {
    let answers = each(link, script, regions, |_| Vec::new()).await?;
    let digest = |answer: Value| {
        let Value::Array(parts) = answer else { return None };
        let number = |i: usize| text(parts.get(i)?)?.parse::<u64>().ok();
        let (drivers, positions, times) = (number(0)?, number(1)?, number(2)?);
        (times == drivers).then_some(Digest { drivers, positions, sum: number(3)? })
    };
    Ok(answers.into_iter().map(digest).collect())
}

/// Ids and lines in turn.
pub(super) fn pairs(values: impl Iterator<Item = Value>) -> impl Iterator<Item = Row> {
    let mut bytes = values.map(|value| match value {
        Value::BulkString(bytes) => bytes,
        other => text(&other).unwrap_or_default().into_bytes(),
    });
    std::iter::from_fn(move || Some((bytes.next()?, bytes.next()?)))
}
