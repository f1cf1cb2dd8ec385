//! A loss that no error tells of: somebody emptied Redis between two looks, or one node of a cluster.
//!
//! Each region has a number of lines, which Redis knows without counting. Fewer than were written is a
//! loss; more is the affair of a comparison.

use std::time::Duration;

use redis::Value;

use super::Courier;
use crate::clock;
use crate::mirror::keys::{REGIONS, RegionKeys};
use crate::mirror::verdict::LinkError;

/// Regions that are asked together.
const TOGETHER: usize = 256;

/// How long nothing is counted after a loss: what cannot be made right is not compared all the time.
const PAUSE: Duration = Duration::from_secs(10);

impl Courier {
    /// Whether Redis holds at least as many as it is believed to, region by region. Nothing may be under
    /// way.
    pub(super) async fn is_whole(&mut self) -> Result<bool, LinkError> {
        let now = clock::stopwatch();
        if self.count_from.is_some_and(|from| now < from) {
            return Ok(true);
        }
        let whole = self.are_listed().await? && self.are_there().await?;
        if !whole {
            self.count_from = Some(now + PAUSE);
            let redis = self.carrier.link.address();
            tracing::warn!(%redis, "redis holds less than was written: it is compared");
        }
        Ok(whole)
    }

    async fn are_listed(&self) -> Result<bool, LinkError> {
        let mut command = redis::cmd("SCARD");
        command.arg(REGIONS);
        let there: u64 = self.carrier.link.query(&command).await?;
        Ok(there >= self.listed.len() as u64)
    }

    async fn are_there(&self) -> Result<bool, LinkError> {
        let regions: Vec<(u64, u64)> = self.shadow.counts().collect();
        for part in regions.chunks(TOGETHER) {
            let commands = part.iter().map(|&(region, _)| {
                let mut command = redis::cmd("HLEN");
                command.arg(RegionKeys::of(region).meta);
                command
            });
            let answers = self.carrier.link.many(commands.collect()).await?;
            let lacks = |(answer, &(_, count)): (Result<Value, LinkError>, &(u64, u64))| {
                // What is no hash takes nothing from us either, which is told where it is written.
                matches!(answer, Ok(Value::Int(there)) if u64::try_from(there).is_ok_and(|n| n < count))
            };
            if answers.into_iter().zip(part).any(lacks) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
