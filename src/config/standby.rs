//! The settings of who runs the market, where several processes could.

use super::Problem;
use super::parse::{Reader, span, whole};
use crate::limits;
use crate::mirror::{RedisAddress, Topology};
use crate::succession::{Ack, Terms};

/// Who runs the market, and what that takes. It counts where there is a Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandbySettings {
    /// Which lease of the market is wanted.
    pub lease: Terms,
    /// What a command waits for before it is acknowledged.
    pub ack: Ack,
    /// Where clients of this process can go, if it is not where it listens.
    pub advertise: Option<String>,
}

/// The settings; none if they have problems, which the reader keeps.
pub(super) fn read(
    reader: &mut Reader,
    redis: Option<&Option<RedisAddress>>,
) -> Option<StandbySettings> {
    let lease = reader.read("market_lease", |v| match v {
        "none" => Ok(Terms::Sole),
        _ => span(v, limits::MIN_MARKET_LEASE_MS, limits::MAX_MARKET_LEASE_MS).map(Terms::For),
    });
    let ack = reader.read("ack", ack);
    let advertise = reader.read("advertise", |v| {
        let fits = v.len() <= limits::MAX_ADVERTISED_BYTES
            && !v.contains(|c: char| c.is_control() || c.is_whitespace());
        match v {
            "" => Ok(None),
            _ if fits => Ok(Some(v.to_owned())),
            _ => {
                Err(format!("{v:?} is no address of up to {} bytes", limits::MAX_ADVERTISED_BYTES))
            }
        }
    });
    let (lease, ack, advertise) = (lease?, ack?, advertise?);
    let problem = match (redis?, ack) {
        (None, Ack::Redis | Ack::Replicas(_)) => "without --redis only `local` can be waited for",
        (Some(address), Ack::Replicas(_)) if matches!(address.topology(), Topology::Cluster(_)) => {
            "replicas of a cluster cannot be waited for; `redis` can"
        }
        _ => return Some(StandbySettings { lease, ack, advertise }),
    };
    let origin = reader.origin("ack");
    reader.layers.problems.push(Problem { origin, message: problem.to_owned() });
    None
}

fn ack(text: &str) -> Result<Ack, String> {
    match text.split_once(':') {
        None if text == "local" => Ok(Ack::Local),
        None if text == "redis" => Ok(Ack::Redis),
        None if text == "replica" => Ok(Ack::Replicas(1)),
        Some(("replica", count)) => {
            let count = whole(count, 1, u64::from(limits::MAX_CONFIRMING_REPLICAS))?;
            Ok(Ack::Replicas(u32::try_from(count).unwrap_or(u32::MAX)))
        }
        _ => Err(format!("{text:?} is none of local, redis, replica, replica:N")),
    }
}
