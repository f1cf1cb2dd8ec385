//! The metrics of the mirror in Redis.

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

/// The histogram of lags.
pub(super) const LAG: &str = "hansom_mirror_lag_seconds";

/// Upper ends of its buckets, in seconds.
pub(super) const LAG_BUCKETS: [f64; 12] =
    [0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0];

/// The handles.
#[derive(Debug)]
pub struct MirrorMetrics {
    /// For how long, at most, a change had not been in Redis when it was.
    pub lag: Histogram,
    /// Drivers whose changes wait.
    pub backlog: Gauge,
    /// Drivers written or removed.
    pub written: Counter,
    /// Entries removed.
    pub removed: Counter,
    /// Entries that Redis had newer.
    pub late: Counter,
    /// Short moves put off because the mirror was behind.
    pub put_off: Counter,
    /// Rounds that failed, and regions that Redis did not take.
    pub failures: Counter,
    /// Entries found missing, wrong or too many when compared.
    pub differences: Counter,
    /// Drivers that the map learnt from Redis.
    pub warmed: Counter,
    open: Gauge,
}

impl MirrorMetrics {
    /// Made where a recorder is in place.
    pub(super) fn new() -> Self {
        describe();
        Self {
            lag: histogram!(LAG),
            backlog: gauge!("hansom_mirror_backlog"),
            written: counter!("hansom_mirror_written_total"),
            removed: counter!("hansom_mirror_removed_total"),
            late: counter!("hansom_mirror_late_total"),
            put_off: counter!("hansom_mirror_put_off_total"),
            failures: counter!("hansom_mirror_failures_total"),
            differences: counter!("hansom_mirror_differences_total"),
            warmed: counter!("hansom_mirror_warmed_total"),
            open: gauge!("hansom_mirror_open"),
        }
    }

    /// Tells whether Redis is left alone.
    pub fn set_open(&self, open: bool) {
        self.open.set(f64::from(u8::from(open)));
    }
}

fn describe() {
    describe_histogram!(
        LAG,
        Unit::Seconds,
        "For how long a change had not been in Redis when Redis had it: an upper bound."
    );
    describe_gauge!(
        "hansom_mirror_backlog",
        Unit::Count,
        "Drivers whose changes are not in Redis yet; one a driver, however often it changed."
    );
    let count = |name: &'static str, what: &'static str| describe_counter!(name, Unit::Count, what);
    count("hansom_mirror_written_total", "Changes of drivers written to Redis.");
    count("hansom_mirror_removed_total", "Entries removed from Redis.");
    count("hansom_mirror_late_total", "Entries not written because Redis had newer ones.");
    count("hansom_mirror_put_off_total", "Short moves put off because the mirror was behind.");
    count("hansom_mirror_failures_total", "Rounds of the mirror that Redis did not let end.");
    count("hansom_mirror_differences_total", "Entries made right after Redis had failed.");
    count("hansom_mirror_warmed_total", "Drivers that the map learnt from Redis.");
    describe_gauge!("hansom_mirror_open", Unit::Count, "1 while Redis is left alone.");
}
