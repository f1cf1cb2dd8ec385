//! Open trips: those of the market, and the records in Redis.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::Kind;
use super::server::Server;
use super::{AuditError, AuditOptions, Compared, Difference, Pace};
use crate::api::convert;
use crate::api::proto::Trip;
use crate::ids::MarketId;
use crate::mirror::CopyReader;
use crate::records;
use crate::succession::Keys;

/// A trip in Redis; what is wrong with a record that cannot be read.
type Copied = Result<Trip, String>;

/// Both sides, by the trip's name.
struct Sides {
    server: BTreeMap<String, Trip>,
    redis: BTreeMap<String, Copied>,
}

/// Compares all open trips.
pub(super) async fn compare(
    options: &AuditOptions,
    market: MarketId,
    server: &mut Server,
    reader: &CopyReader,
) -> Result<Compared, AuditError> {
    let mut sides = look(market, server, reader).await?;
    let mut compared = Compared {
        compared: sides.server.len() as u64,
        entries: sides.redis.len() as u64,
        ..Compared::default()
    };
    let targets: BTreeMap<String, u32> =
        sides.server.iter().map(|(name, trip)| (name.clone(), trip.ordinal)).collect();
    let names: BTreeSet<&String> = sides.server.keys().chain(sides.redis.keys()).collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let mut doubts = judge_all(names, &sides, &targets, &mut compared);
    compared.looked_again = doubts.len() as u64;
    let mut pace = Pace::begin(options.settle);
    while !doubts.is_empty() && pace.again().await {
        compared.rounds += 1;
        sides = look(market, server, reader).await?;
        let names = doubts.into_keys().collect();
        doubts = judge_all(names, &sides, &targets, &mut compared);
    }
    for (name, kind) in doubts {
        compared.differences.add(kind);
        if compared.examples.len() < options.show {
            let server = sides.server.get(&name).map_or("not open".to_owned(), told);
            let redis = match sides.redis.get(&name) {
                None => "not open".to_owned(),
                Some(Ok(trip)) => told(trip),
                Some(Err(why)) => why.clone(),
            };
            compared.examples.push(Difference { kind, name, server, redis });
        }
    }
    Ok(compared)
}

fn told(trip: &Trip) -> String {
    format!("{} after {} events", trip.state().as_str_name(), trip.ordinal)
}

async fn look(
    market: MarketId,
    server: &mut Server,
    reader: &CopyReader,
) -> Result<Sides, AuditError> {
    let open = server.open_trips().await?;
    let server = open.into_iter().map(|trip| (trip.trip_id.clone(), trip)).collect();
    let mut redis = BTreeMap::new();
    reader
        .hash(&Keys::of(market).open(), |number, record| {
            let name = format!("{market}-{}", String::from_utf8_lossy(number));
            let trip = records::decode_trip(record).map(|trip| convert::trip_message(&trip));
            redis.insert(name, trip.map_err(|error| error.to_string()));
        })
        .await?;
    Ok(Sides { server, redis })
}

/// Those that differ, of these.
fn judge_all(
    names: Vec<String>,
    sides: &Sides,
    targets: &BTreeMap<String, u32>,
    compared: &mut Compared,
) -> BTreeMap<String, Kind> {
    let mut doubts = BTreeMap::new();
    for name in names {
        let (server, redis) = (sides.server.get(&name), sides.redis.get(&name));
        let target = targets.get(&name).copied().unwrap_or(0);
        match judge(server, redis, target) {
            Ok(true) => compared.same += 1,
            Ok(false) => compared.newer += 1,
            Err(kind) => drop(doubts.insert(name, kind)),
        }
    }
    doubts
}

/// Whether both are equal, or Redis has something newer than what was first seen.
fn judge(server: Option<&Trip>, redis: Option<&Copied>, target: u32) -> Result<bool, Kind> {
    match (server, redis) {
        (None, None) => Ok(true),
        (Some(_), None) => Err(Kind::Missing),
        (None, Some(_)) => Err(Kind::Haunting),
        (Some(_), Some(Err(_))) => Err(Kind::Content),
        (Some(server), Some(Ok(redis))) if server.ordinal == redis.ordinal => {
            if server == redis {
                Ok(true)
            } else {
                Err(Kind::Content)
            }
        }
        (Some(server), Some(Ok(redis))) => {
            let reached = redis.ordinal >= target.min(server.ordinal);
            if reached { Ok(false) } else { Err(Kind::Behind) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_of_a_trip_has_its_kind() {
        let trip = |ordinal: u32, offers: u32| Trip { ordinal, offers, ..Trip::default() };
        let on = |redis: Trip| judge(Some(&trip(5, 1)), Some(&Ok(redis)), 5);
        assert_eq!(on(trip(5, 1)), Ok(true));
        assert_eq!(on(trip(5, 2)), Err(Kind::Content));
        assert_eq!(on(trip(6, 2)), Ok(false));
        assert_eq!(on(trip(4, 1)), Err(Kind::Behind));
        let moved_on = judge(Some(&trip(9, 1)), Some(&Ok(trip(6, 1))), 5);
        assert_eq!(moved_on, Ok(false));
        assert_eq!(judge(Some(&trip(5, 1)), None, 5), Err(Kind::Missing));
        assert_eq!(judge(None, Some(&Ok(trip(5, 1))), 0), Err(Kind::Haunting));
        assert_eq!(judge(Some(&trip(5, 1)), Some(&Err("x".into())), 5), Err(Kind::Content));
        assert_eq!(judge(None, None, 5), Ok(true));
    }
}
