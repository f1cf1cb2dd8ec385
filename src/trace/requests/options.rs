//! How a caller wants logs read: the local time, the region, the room to sort.

use std::path::PathBuf;

use super::RegionRule;
use crate::limits;
use crate::trace::civil::LocalTime;

/// How to read logs of requests.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// Whose clock shows the times that name no offset; the formats that have such times are New
    /// York's.
    pub local_time: LocalTime,
    /// Where trips must begin and end to count.
    pub region: RegionRule,
    /// Requests sorted in memory; more go to a temporary file.
    pub sort_rows: usize,
    /// Where the temporary file goes; `None` is the system's place.
    pub temp_dir: Option<PathBuf>,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            local_time: LocalTime::NewYork,
            region: RegionRule::Nearby,
            sort_rows: limits::MAX_SORT_ROWS,
            temp_dir: None,
        }
    }
}
