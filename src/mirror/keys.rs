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
        Self { geo: key("geo"), meta: key("meta") }
    }

    /// Both, in the order in which the scripts take them.
    pub fn all(&self) -> [&str; 2] {
        [&self.geo, &self.meta]
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
    /// Writes drivers: one argument with three lines each, id, line and the score in the geo set,
    /// empty where that cannot hold the position. Returns how many came too late.
    pub(super) put: Script,
    /// Removes drivers: id and device time each; those of whom something newer is known stay.
    /// Returns how many were removed.
    pub(super) drop: Script,
    /// A piece of a region in short: a cursor and how many drivers. Returns the next cursor, how many drivers
    /// this was about and the sum of their prints, and how many positions there are in all.
    pub(super) digest: Script,
    /// The nearest: longitude, latitude, metres, count. Returns ids and lines in turn.
    pub(super) near: Script,
    /// Everybody, in pieces: a cursor. Returns the next, then ids and lines in turn.
    pub(super) page: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            put: Script::new(PUT),
            drop: Script::new(DROP),
            digest: Script::reading(DIGEST),
            near: Script::reading(NEAR),
            page: Script::reading(PAGE),
        }
    }
}

// All in one argument, and few calls: each argument and each call costs as much as the work itself.
const PUT: &str = "
local match = string.match
local ids, lines, times, scores, n = {}, {}, {}, {}, 0
for id, line, at, score in string.gmatch(ARGV[1], '([^\\n]+)\\n([^,\\n]*,[^,\\n]*,(%-?%d+)[^\\n]*)\\n([^\\n]*)\\n') do
  n = n + 1
  ids[n], lines[n], times[n], scores[n] = id, line, at, score
end
local known = redis.call('HMGET', KEYS[2], unpack(ids))
local geo, meta, beyond, late, g, m = {}, {}, {}, 0, 0, 0
for i = 1, n do
  local id, old = ids[i], known[i]
  local at = old and match(old, '^[^,]*,[^,]*,(%-?%d+)')
  if at and tonumber(at) > tonumber(times[i]) then
    late = late + 1
  else
    meta[m + 1], meta[m + 2] = id, lines[i]
    m = m + 2
    if scores[i] == '' then
      beyond[#beyond + 1] = id
    else
      geo[g + 1], geo[g + 2] = scores[i], id
      g = g + 2
    end
  end
end
if m > 0 then redis.call('HSET', KEYS[2], unpack(meta)) end
if g > 0 then redis.call('ZADD', KEYS[1], unpack(geo)) end
if #beyond > 0 then redis.call('ZREM', KEYS[1], unpack(beyond)) end
return late";

const DROP: &str = "
local gone = 0
for i = 1, #ARGV, 2 do
  local line = redis.call('HGET', KEYS[2], ARGV[i])
  local at = line and string.match(line, '^[^,]*,[^,]*,(%-?%d+)')
  if not at or tonumber(at) <= tonumber(ARGV[i + 1]) then
    redis.call('ZREM', KEYS[1], ARGV[i])
    gone = gone + redis.call('HDEL', KEYS[2], ARGV[i])
  end
end
return gone";

// The same number of each line as `print_of`.
const DIGEST: &str = "
local page, sum = redis.call('HSCAN', KEYS[2], ARGV[1], 'COUNT', ARGV[2]), 0
local flat = page[2]
for i = 1, #flat, 2 do
  local hex = redis.sha1hex(flat[i] .. '\\n' .. flat[i + 1])
  sum = sum + tonumber(string.sub(hex, 1, 8), 16)
end
return {page[1], #flat / 2, string.format('%.0f', sum), redis.call('ZCARD', KEYS[1])}";

const NEAR: &str = "
local ids = redis.call('GEOSEARCH', KEYS[1], 'FROMLONLAT', ARGV[1], ARGV[2], 'BYRADIUS', ARGV[3], 'm', 'ASC', 'COUNT', ARGV[4])
local flat = {}
for first = 1, #ids, 2000 do
  local last = math.min(first + 1999, #ids)
  local lines = redis.call('HMGET', KEYS[2], unpack(ids, first, last))
  for i = first, last do
    flat[#flat + 1] = ids[i]
    flat[#flat + 1] = lines[i - first + 1] or ''
  end
end
return flat";

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
