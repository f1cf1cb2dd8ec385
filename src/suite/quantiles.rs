//! How long operations took, from a histogram of nanoseconds.

use hdrhistogram::Histogram;

use super::result::Quantiles;

/// A minute: what takes longer is recorded as that.
const MINUTE_NS: u64 = 60_000_000_000;

/// For times in nanoseconds.
pub(super) fn nanos() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MINUTE_NS, 3).expect("a minute in three digits is allowed")
}

/// In microseconds.
pub(super) fn quantiles(nanos: &Histogram<u64>) -> Quantiles {
    let micros = |nanos: u64| nanos as f64 / 1e3;
    let at = |quantile| micros(nanos.value_at_quantile(quantile));
    Quantiles {
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: micros(nanos.max()),
    }
}
