//! The keys in Redis, and the scripts that change and read them: `docs/redis-keys.md`.
//!
//! A region's keys share a hash tag, so that they lie on one node of a cluster and one script can
//! hold them together. Nothing is written but by these scripts, which judge by device time: what
//! arrives late, from whomever, changes nothing.

use super::link::Script;

/// The set of regions that have keys, as hexadecimal H3 cells.
pub const REGIONS: &str = "hansom:1:regions";

/// How far the mirror has come: a hash of `at_ms` and `complete_ms`.
pub const PULSE: &str = "hansom:1:pulse";

/// The keys of one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionKeys {
    /// A geo set of driver ids.
    pub geo: String,
    /// A hash from driver id to [`super::Entry::to_line`].
    pub meta: String,
    /// A sorted set of driver ids by device time.
    pub seen: String,
}

impl RegionKeys {
    /// Those of the region with this H3 cell index.
    ///
    /// # Examples
    /// ```
    /// let keys = hansom::mirror::RegionKeys::of(0x0842_8309_ffff_ffff);
    /// assert_eq!(keys.geo, "hansom:1:{r:8428309ffffffff}:geo");
    /// ```
    pub fn of(region: u64) -> Self {
        let name = region_name(region);
        let key = |what: &str| format!("hansom:1:{{r:{name}}}:{what}");
        Self { geo: key("geo"), meta: key("meta"), seen: key("seen") }
    }

    /// All three, in the order in which the scripts take them.
    pub fn all(&self) -> [&str; 3] {
        [&self.geo, &self.meta, &self.seen]
    }
}

/// A region as keys and sets name it: as H3 writes cells.
pub fn region_name(region: u64) -> String {
    format!("{region:x}")
}

/// The inverse of [`region_name`].
pub fn region_named(name: &str) -> Option<u64> {
    u64::from_str_radix(name, 16).ok()
}

/// The scripts.
#[derive(Clone, Debug)]
pub(super) struct Scripts {
    /// Writes drivers: five arguments each, id, device time, longitude and latitude in degrees
    /// (empty where a geo set cannot hold them), line. Returns how many came too late.
    pub(super) put: Script,
    /// Removes drivers: id and device time each; those of whom something newer is known stay.
    /// Returns how many were removed.
    pub(super) drop: Script,
    /// How many drivers, positions and times there are, and the sum of the drivers' prints.
    pub(super) digest: Script,
    /// Everybody, in pieces: a cursor. Returns the next, then ids and lines in turn.
    pub(super) page: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            put: Script::new(PUT),
            drop: Script::new(DROP),
            digest: Script::new(DIGEST),
            page: Script::new(PAGE),
        }
    }
}

const PUT: &str = "
local ids, n = {}, #ARGV / 5
for i = 1, n do ids[i] = ARGV[i * 5 - 4] end
local known = redis.call('ZMSCORE', KEYS[3], unpack(ids))
local geo, meta, seen, beyond, late = {}, {}, {}, {}, 0
for i = 1, n do
  local a = i * 5
  if known[i] and tonumber(known[i]) > tonumber(ARGV[a - 3]) then
    late = late + 1
  else
    seen[#seen + 1] = ARGV[a - 3]
    seen[#seen + 1] = ids[i]
    meta[#meta + 1] = ids[i]
    meta[#meta + 1] = ARGV[a]
    if ARGV[a - 2] == '' then
      beyond[#beyond + 1] = ids[i]
    else
      geo[#geo + 1] = ARGV[a - 2]
      geo[#geo + 1] = ARGV[a - 1]
      geo[#geo + 1] = ids[i]
    end
  end
end
if #seen > 0 then
  redis.call('ZADD', KEYS[3], unpack(seen))
  redis.call('HSET', KEYS[2], unpack(meta))
end
if #geo > 0 then redis.call('GEOADD', KEYS[1], unpack(geo)) end
if #beyond > 0 then redis.call('ZREM', KEYS[1], unpack(beyond)) end
return late";

const DROP: &str = "
local gone = 0
for i = 1, #ARGV, 2 do
  local known = redis.call('ZSCORE', KEYS[3], ARGV[i])
  if not known or tonumber(known) <= tonumber(ARGV[i + 1]) then
    redis.call('ZREM', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[3], ARGV[i])
    gone = gone + redis.call('HDEL', KEYS[2], ARGV[i])
  end
end
return gone";

// The same number of each line as `print_of`.
const DIGEST: &str = "
local flat, sum = redis.call('HGETALL', KEYS[2]), 0
for i = 1, #flat, 2 do
  local hex = redis.sha1hex(flat[i] .. '\\n' .. flat[i + 1])
  sum = sum + tonumber(string.sub(hex, 1, 8), 16)
end
return {#flat / 2, redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', KEYS[3]), string.format('%.0f', sum)}";

const PAGE: &str = "
local page = redis.call('HSCAN', KEYS[2], ARGV[1], 'COUNT', ARGV[2])
table.insert(page[2], 1, page[1])
return page[2]";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_names() {
        let region = 0x0842_8309_ffff_ffff;
        assert_eq!(region_named(&region_name(region)), Some(region));
        assert_eq!(region_named("x"), None);
        let keys = RegionKeys::of(region);
        assert!(keys.all().iter().all(|key| key.starts_with("hansom:1:{r:8428309ffffffff}:")));
    }
}
