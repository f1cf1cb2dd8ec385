//! Drivers: all of the server, all of Redis, and what differs again and again.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::FixedState;

use super::judge::{Judged, Kind, Known, judge};
use super::server::Server;
use super::{AuditError, AuditOptions, Compared, Difference, Pace};
use crate::ids::DriverId;
use crate::mirror::{Copied, CopyReader};
use crate::model::DriverStatus;
use crate::units::Timestamp;

/// Drivers by name.
type ByName<T> = HashMap<DriverId, T, FixedState>;

/// The entries of a driver, each in a region.
type Copies = Vec<(u64, Copied)>;

/// Somebody who differs.
#[derive(Debug)]
struct Doubt {
    /// The device time that Redis has to reach.
    target: Option<Timestamp>,
    /// Where there were entries, or should be.
    regions: BTreeSet<u64>,
    kind: Kind,
    server: Option<Known>,
    redis: Copies,
}

/// Compares all drivers.
pub(super) async fn compare(
    options: &AuditOptions,
    server: &mut Server,
    reader: &CopyReader,
) -> Result<Compared, AuditError> {
    let mut compared = Compared::default();
    let mut doubts = first_look(server, reader, &mut compared).await?;
    compared.looked_again = doubts.len() as u64;
    let mut pace = Pace::begin(options.settle);
    while !doubts.is_empty() && pace.again().await {
        compared.rounds += 1;
        look_again(server, reader, &mut doubts, &mut compared).await?;
    }
    let mut all: Vec<(DriverId, Doubt)> = doubts.into_iter().collect();
    all.sort_unstable_by_key(|(id, _)| *id);
    for (id, doubt) in all {
        compared.differences.add(doubt.kind);
        if compared.examples.len() < options.show {
            compared.examples.push(example(&id, &doubt));
        }
    }
    Ok(compared)
}

/// All of the server, then all of Redis.
async fn first_look(
    server: &mut Server,
    reader: &CopyReader,
    compared: &mut Compared,
) -> Result<ByName<Doubt>, AuditError> {
    let mut known: ByName<Known> = HashMap::default();
    server.drivers(|id, driver| known.extend([(id, driver)])).await?;
    // Who has been found, so that each is judged once and who is in two regions is noticed.
    let mut found: ByName<u64> = HashMap::default();
    let mut doubts: ByName<Doubt> = HashMap::default();
    let mut regions: BTreeSet<u64> = reader.regions().await?.into_iter().collect();
    // Keys that are not in the set of regions are there all the same.
    regions.extend(known.values().map(|known| known.region));
    for region in regions {
        reader
            .region(region, |copied| {
                compared.entries += 1;
                let (id, driver) = (copied.id, known.get(&copied.id));
                let twice = found.insert(id, region).is_some_and(|before| before != region);
                match judge(driver, &[(region, copied)], None) {
                    Judged::Differs(kind) => doubt(&mut doubts, id, driver, region, copied, kind),
                    _ if twice => {
                        doubt(&mut doubts, id, driver, region, copied, Kind::Haunting);
                    }
                    Judged::Same => compared.same += 1,
                    Judged::Newer => compared.newer += 1,
                }
            })
            .await?;
    }
    for (id, driver) in &known {
        compared.compared += u64::from(driver.entry.status != DriverStatus::Offline);
        if !found.contains_key(id)
            && let Judged::Differs(kind) = judge(Some(driver), &[], None)
        {
            doubts.insert(*id, Doubt::of(Some(driver), Vec::new(), kind));
        }
    }
    Ok(doubts)
}

impl Doubt {
    fn of(server: Option<&Known>, redis: Copies, kind: Kind) -> Self {
        let regions = redis.iter().map(|(region, _)| *region);
        Self {
            target: server.map(|known| known.entry.at),
            regions: regions.chain(server.map(|known| known.region)).collect(),
            kind,
            server: server.copied(),
            redis,
        }
    }
}

fn doubt(
    doubts: &mut ByName<Doubt>,
    id: DriverId,
    known: Option<&Known>,
    region: u64,
    copied: Copied,
    kind: Kind,
) {
    let doubt = doubts.entry(id).or_insert_with(|| Doubt::of(known, Vec::new(), kind));
    doubt.regions.insert(region);
    doubt.redis.push((region, copied));
}

/// Looks at those who differ, on both sides; who does not differ any more is left out.
async fn look_again(
    server: &mut Server,
    reader: &CopyReader,
    doubts: &mut ByName<Doubt>,
    compared: &mut Compared,
) -> Result<(), AuditError> {
    let ids: Vec<DriverId> = doubts.keys().copied().collect();
    let mut known: ByName<Known> = HashMap::default();
    server.these(&ids, |id, driver| known.extend([(id, driver)])).await?;
    let mut asked: Vec<(u64, DriverId)> = Vec::new();
    for (id, doubt) in doubts.iter_mut() {
        doubt.regions.extend(known.get(id).map(|known| known.region));
        doubt.redis.clear();
        asked.extend(doubt.regions.iter().map(|region| (*region, *id)));
    }
    for part in asked.chunks(crate::limits::MIRROR_PAGE) {
        let copies = reader.copies(part).await?;
        for ((region, id), copied) in part.iter().zip(copies) {
            if let (Some(copied), Some(doubt)) = (copied, doubts.get_mut(id)) {
                doubt.redis.push((*region, copied));
            }
        }
    }
    doubts.retain(|id, doubt| {
        doubt.server = known.get(id).copied();
        match judge(doubt.server.as_ref(), &doubt.redis, doubt.target) {
            Judged::Same => compared.same += 1,
            Judged::Newer => compared.newer += 1,
            Judged::Differs(kind) => {
                doubt.kind = kind;
                return true;
            }
        }
        false
    });
    Ok(())
}

fn example(id: &DriverId, doubt: &Doubt) -> Difference {
    let server = doubt.server.map_or_else(
        || "not known".to_owned(),
        |known| format!("{} in {:x}", known.entry.to_line(), known.region),
    );
    let one = |(region, copied): &(u64, Copied)| {
        let line = copied.entry.map_or_else(|| "no line".to_owned(), |entry| entry.to_line());
        let score = copied.score.map_or_else(|| "none".to_owned(), |score| score.to_string());
        format!("{line} in {region:x}, score {score}")
    };
    let redis: Vec<String> = doubt.redis.iter().map(one).collect();
    let redis = if redis.is_empty() { "nothing".to_owned() } else { redis.join("; ") };
    Difference { kind: doubt.kind, name: id.to_string(), server, redis }
}
