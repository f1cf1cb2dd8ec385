//! A batch on its way: grouped by region, what is to be there before what is to go.
//!
//! A driver who moved to another region is written there first and then removed here, so that it
//! is always somewhere; a reader who sees both takes the newer. A batch owns all that it needs, so
//! that several can be under way while the next is gathered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use redis::{Cmd, Value};

use super::Courier;
use super::flight::Sent;
use crate::limits;
use crate::mirror::entry::write_number;
use crate::mirror::geohash::geo_score;
use crate::mirror::keys::{REGIONS, RegionKeys, Scripts, region_name};
use crate::mirror::link::{Link, Script};
use crate::mirror::read::Refused;
use crate::mirror::shadow::{Held, Plan};
use crate::mirror::verdict::LinkError;
use crate::telemetry::MirrorMetrics;

/// One driver's change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op {
    pub(super) slot: u32,
    pub(super) plan: Plan,
    /// Not before this did it change.
    pub(super) since: Instant,
}

/// A call of a script on the keys of a region.
struct Call {
    region: u64,
    keys: RegionKeys,
    arguments: Vec<Vec<u8>>,
}

/// Who carries batches.
#[derive(Clone)]
pub(super) struct Carrier {
    pub(super) link: Arc<Link>,
    pub(super) metrics: Arc<MirrorMetrics>,
    pub(super) scripts: Scripts,
}

impl Courier {
    /// Makes sure that regions are in the set of regions.
    pub(super) async fn list(
        &mut self,
        regions: impl Iterator<Item = u64>,
    ) -> Result<(), LinkError> {
        let new: Vec<u64> = regions.filter(|region| !self.listed.contains(region)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut command = redis::cmd("SADD");
        command.arg(REGIONS);
        for &region in &new {
            command.arg(region_name(region));
        }
        self.carrier.link.query::<Value>(&command).await?;
        self.listed.extend(new);
        Ok(())
    }
}

impl Carrier {
    /// Sends what a batch plans.
    pub(super) async fn send(&self, batch: &[Op]) -> Sent {
        let mut puts = by_region(batch.iter().filter_map(|op| op.plan.put.as_ref()));
        for held in puts.values_mut() {
            // Neighbours on the globe are neighbours in the geo set.
            held.sort_by_cached_key(|held| geo_score(held.entry.position));
        }
        let mut refused = Refused::new();
        let late = self.call(&self.scripts.put, &calls(&puts, put_arguments), &mut refused).await?;
        self.metrics.late.increment(late);
        let drops = by_region(batch.iter().filter_map(|op| op.plan.drop.as_ref()));
        self.drop_all(&drops, &mut refused).await?;
        Ok(refused)
    }

    /// Removes entries of one region, unless something newer is there.
    pub(super) async fn remove(&self, gone: &[Held]) -> Result<(), LinkError> {
        let mut refused = Refused::new();
        self.drop_all(&by_region(gone.iter()), &mut refused).await?;
        self.tell(&refused);
        Ok(())
    }

    async fn drop_all(
        &self,
        drops: &BTreeMap<u64, Vec<&Held>>,
        refused: &mut Refused,
    ) -> Result<(), LinkError> {
        let gone = self.call(&self.scripts.drop, &calls(drops, drop_arguments), refused).await?;
        self.metrics.removed.increment(gone);
        Ok(())
    }

    /// Runs calls of a script, and adds up what they return; notes regions that do not take one, as when
    /// somebody has put something else under one of our keys.
    async fn call(
        &self,
        script: &Script,
        calls: &[Call],
        refused: &mut Refused,
    ) -> Result<u64, LinkError> {
        let short = calls.iter().map(|call| with(script.call(&call.keys.all()), call)).collect();
        let (mut sum, mut again) = (0, Vec::new());
        for (answer, call) in self.link.many(short).await?.into_iter().zip(calls) {
            match answer {
                Ok(value) => sum += count(&value),
                Err(error) if error.has_code("NOSCRIPT") => again.push(call),
                Err(error) => drop(refused.entry(call.region).or_insert(error)),
            }
        }
        let full = again.iter().map(|call| with(script.call_in_full(&call.keys.all()), call));
        let full = full.collect();
        for (answer, call) in self.link.many(full).await?.into_iter().zip(again) {
            match answer {
                Ok(value) => sum += count(&value),
                Err(error) => drop(refused.entry(call.region).or_insert(error)),
            }
        }
        Ok(sum)
    }

    /// Tells which regions are not taken, or not read.
    pub(super) fn tell(&self, refused: &Refused) {
        for (&region, error) in refused {
            self.metrics.failures.increment(1);
            tracing::warn!(key = RegionKeys::of(region).geo, %error, "a region is left out: redis refuses it");
        }
    }
}

fn with(mut command: Cmd, call: &Call) -> Cmd {
    command.arg(call.arguments.as_slice());
    command
}

fn count(value: &Value) -> u64 {
    match value {
        Value::Int(number) => u64::try_from(*number).unwrap_or(0),
        _ => 0,
    }
}

fn by_region<'a>(held: impl Iterator<Item = &'a Held>) -> BTreeMap<u64, Vec<&'a Held>> {
    let mut regions: BTreeMap<u64, Vec<&Held>> = BTreeMap::new();
    for held in held {
        regions.entry(held.region).or_default().push(held);
    }
    regions
}

fn calls(
    regions: &BTreeMap<u64, Vec<&Held>>,
    arguments: impl Fn(&[&Held]) -> Vec<Vec<u8>>,
) -> Vec<Call> {
    let parts = regions.iter().flat_map(|(&region, held)| {
        held.chunks(limits::MIRROR_CALL).map(move |part| (region, part))
    });
    let call = |(region, part): (u64, &[&Held])| {
        let (keys, arguments) = (RegionKeys::of(region), arguments(part));
        Call { region, keys, arguments }
    };
    parts.map(call).collect()
}

/// One argument with three lines a driver: ids and lines have no line breaks in them.
fn put_arguments(part: &[&Held]) -> Vec<Vec<u8>> {
    let mut lines = Vec::with_capacity(part.len() * 128);
    for Held { id, entry, .. } in part {
        lines.extend_from_slice(id.as_bytes());
        lines.push(b'\n');
        entry.write_line(&mut lines);
        lines.push(b'\n');
        if let Some(score) = geo_score(entry.position) {
            write_number(i64::try_from(score).unwrap_or(i64::MAX), &mut lines);
        }
        lines.push(b'\n');
    }
    vec![lines]
}

fn drop_arguments(part: &[&Held]) -> Vec<Vec<u8>> {
    let one = |held: &&Held| {
        [held.id.as_bytes().to_vec(), held.entry.at.as_millis().to_string().into_bytes()]
    };
    part.iter().flat_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirror::entry::Entry;

    #[test]
    fn what_is_under_way_is_within_its_bound() {
        // A batch, and the same once more as bytes, in calls and in the connection.
        let batch = limits::MIRROR_BATCH + 64;
        let (line, id) = (100, 64);
        let each = size_of::<Op>() + 3 * (id + line + 20);
        let batches = limits::MIRROR_UNDER_WAY + 1;
        assert!((batches * batch * each) as u64 <= limits::MIRROR_OUTAGE_BYTES);
    }

    #[test]
    fn a_call_names_each_driver_on_three_lines() {
        let entry = |line: &str| Entry::parse(line).unwrap();
        let held =
            |id: &str, line: &str| Held { id: id.parse().unwrap(), region: 1, entry: entry(line) };
        let one = held("a", "381155560,133613890,5,1,1,4,500,0,,,");
        let other = held("b", "880000000,-10,-5,2,1,4,500,0,1,2,3");
        let [text] = &put_arguments(&[&one, &other])[..] else { panic!("one argument") };
        assert_eq!(
            str::from_utf8(text).unwrap(),
            "a\n381155560,133613890,5,1,1,4,500,0,,,\n3479099956230698\n\
             b\n880000000,-10,-5,2,1,4,500,0,1,2,3\n\n"
        );
        assert_eq!(drop_arguments(&[&other]), [b"b".to_vec(), b"-5".to_vec()]);
        let many = vec![&one; limits::MIRROR_CALL + 1];
        assert_eq!(calls(&BTreeMap::from([(1, many)]), put_arguments).len(), 2);
    }
}
