//! The metrics of a market's lease and of its copy in Redis.

use metrics::{Counter, Gauge, Unit, counter, describe_counter, describe_gauge, gauge};

/// Their handles.
#[derive(Debug)]
pub struct SuccessionMetrics {
    /// 1 while this process holds the lease of its market and relies upon it.
    pub lease_held: Gauge,
    /// The token of the lease; 0 without one.
    pub lease_token: Gauge,
    /// Events that Redis is not known to have.
    pub backlog: Gauge,
    /// How long the first of them has waited, in seconds.
    pub lag: Gauge,
    /// Events shipped.
    pub shipped: Counter,
    /// Whole copies shipped.
    pub copies: Counter,
    /// Times that Redis was found to lack what it had confirmed.
    pub rewinds: Counter,
    /// Writes that Redis refused because a later token had been given out.
    pub fenced: Counter,
    /// Times that the market was opened under a lease.
    pub takeovers: Counter,
}

impl SuccessionMetrics {
    /// Made where a recorder is in place.
    pub(super) fn new() -> Self {
        describe();
        Self {
            lease_held: gauge!("hansom_lease_held"),
            lease_token: gauge!("hansom_lease_token"),
            backlog: gauge!("hansom_trips_backlog_events"),
            lag: gauge!("hansom_trips_lag_seconds"),
            shipped: counter!("hansom_trips_shipped_events_total"),
            copies: counter!("hansom_trips_copies_total"),
            rewinds: counter!("hansom_trips_rewinds_total"),
            fenced: counter!("hansom_trips_fenced_writes_total"),
            takeovers: counter!("hansom_lease_takeovers_total"),
        }
    }
}

fn describe() {
    let count = Unit::Count;
    describe_gauge!(
        "hansom_lease_held",
        count,
        "1 while this process holds the lease of its market and relies upon it; else 0."
    );
    describe_gauge!("hansom_lease_token", count, "The token of that lease; 0 without one.");
    describe_gauge!(
        "hansom_trips_backlog_events",
        count,
        "Events of trips that Redis is not known to have."
    );
    describe_gauge!(
        "hansom_trips_lag_seconds",
        Unit::Seconds,
        "How long the first of them has waited; 0 if there are none."
    );
    describe_counter!("hansom_trips_shipped_events_total", count, "Events shipped to Redis.");
    describe_counter!(
        "hansom_trips_copies_total",
        count,
        "Whole copies of a market shipped to Redis: at a takeover, and where it lacked too much."
    );
    describe_counter!(
        "hansom_trips_rewinds_total",
        count,
        "Times that Redis lacked events it had confirmed, as after a failover, and got them again."
    );
    describe_counter!(
        "hansom_trips_fenced_writes_total",
        count,
        "Writes that Redis refused because the market's lease had been given to another process."
    );
    describe_counter!(
        "hansom_lease_takeovers_total",
        count,
        "Times that this process opened its market under a lease."
    );
}
