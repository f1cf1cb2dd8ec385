//! What a trial is told.

use std::path::PathBuf;
use std::sync::Arc;

use crate::dispatch::MarketConfig;
use crate::sim::day::Habits;
use crate::trace::ReadOptions;
use crate::trace::requests::LogOptions;
use crate::travel::TravelTime;
use crate::units::{Millis, Timestamp};

/// How far a trial has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The input is read and sorted; so many bytes of so many.
    Reading {
        /// Bytes read.
        bytes: u64,
        /// Bytes of all files.
        of: u64,
    },
    /// Days are lived through.
    Running {
        /// Requests so far, of all policies together.
        requests: u64,
        /// All requests, of all policies together.
        of: u64,
        /// How late it is for the policy that is furthest back.
        now: Timestamp,
    },
}

/// Who is told how far it has come; called on any thread, often.
pub type Watcher = Arc<dyn Fn(Progress) + Send + Sync>;

/// A trial to hold.
#[derive(Clone)]
pub struct TrialOptions {
    /// The logs of requests, merged in time order.
    pub logs: Vec<PathBuf>,
    /// How to read them.
    pub read: LogOptions,
    /// Only requests within so long after the first.
    pub only_first: Option<Millis>,
    /// How many drivers.
    pub fleet: u32,
    /// Traces of positions in which drivers are placed, each where one of their vehicles was first
    /// seen; if there are none, at pickups of the log.
    pub fleet_from: Vec<PathBuf>,
    /// How to read those.
    pub read_fleet: ReadOptions,
    /// The policies, by name, in the order of the report.
    pub policies: Vec<String>,
    /// How the market works.
    pub market: MarketConfig,
    /// How people behave.
    pub habits: Habits,
    /// How long drives take.
    pub travel: Arc<dyn TravelTime>,
    /// How that was told, for the report: metres a second, and the detour factor.
    pub driving: (f64, f64),
    /// A folder for a log of each policy's decisions, `<policy>.hdecisions`; files that exist are an
    /// error.
    pub decisions: Option<PathBuf>,
    /// What all draws depend on.
    pub seed: u64,
    /// The most threads.
    pub threads: usize,
    /// Who is told how far it has come.
    pub watcher: Watcher,
    /// Whether to end it now, with a report of what was done.
    pub stop: Arc<dyn Fn() -> bool + Send + Sync>,
}
