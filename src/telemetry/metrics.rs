//! The server's metrics: handles made once, changed per batch, rendered for Prometheus.
//!
//! Each server has its own set, so that several can live in one process. No metric is labelled
//! by driver, stream or place: the number of series is fixed when the program is written.

use std::sync::Arc;

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::market::{self, MarketMetrics};
use super::mirror::{self, MirrorMetrics};
use super::process;
use super::rpc::Rpc;
use super::succession::SuccessionMetrics;
use crate::model::DriverStatus;

/// Upper ends of the buckets of request durations, in seconds: 10 µs to 1 s.
const DURATION_BUCKETS: [f64; 13] =
    [1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 5e-2, 0.25, 1.0];

/// The timed methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `DriverService.Report`
    Report,
    /// `DriverService.SetStatus`
    SetStatus,
    /// `DriverService.GetDriver`
    GetDriver,
    /// `ProximityService.Nearest`
    Nearest,
    /// `ProximityService.Within`
    Within,
    /// `ProximityService.Count`
    Count,
}

impl Method {
    const ALL: [Self; 6] =
        [Self::Report, Self::SetStatus, Self::GetDriver, Self::Nearest, Self::Within, Self::Count];

    const fn service(self) -> &'static str {
        match self {
            Self::Report | Self::SetStatus | Self::GetDriver => "hansom.v1.DriverService",
            Self::Nearest | Self::Within | Self::Count => "hansom.v1.ProximityService",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Report => "Report",
            Self::SetStatus => "SetStatus",
            Self::GetDriver => "GetDriver",
            Self::Nearest => "Nearest",
            Self::Within => "Within",
            Self::Count => "Count",
        }
    }
}

/// The handles of one server's metrics.
#[derive(Debug)]
pub struct Metrics {
    handle: PrometheusHandle,
    /// Reports applied.
    pub updates: Counter,
    /// Reports applied although faster than a vehicle can be.
    pub implausible: Counter,
    rejected: Vec<Counter>,
    /// Questions answered on streams.
    pub stream_questions: Counter,
    /// Drivers known.
    pub drivers: Gauge,
    supply: [Gauge; 6],
    /// Drivers that left the supply because they were silent.
    pub drivers_gone_stale: Counter,
    /// Drivers that were removed because they were silent for long.
    pub drivers_forgotten: Counter,
    /// Long-lived streams open.
    pub streams: Gauge,
    /// Connections open.
    pub connections: Gauge,
    /// Connections closed at once because a limit was reached.
    pub connections_refused: Counter,
    /// Connections of the HTTP port open.
    pub http_connections: Gauge,
    /// Connections of the HTTP port closed at once because a limit was reached.
    pub http_connections_refused: Counter,
    /// Rows missing from the recording.
    pub trace_rows_dropped: Counter,
    /// 1 once the recording has ended early.
    pub trace_failed: Gauge,
    /// Those of the market, if there is one.
    pub market: Arc<MarketMetrics>,
    /// Those of its lease and of its copy in Redis.
    pub succession: Arc<SuccessionMetrics>,
    /// Those of the mirror, if there is one.
    pub mirror: Arc<MirrorMetrics>,
    durations: [Histogram; 6],
    errors: Vec<Counter>,
}

impl Metrics {
    /// A fresh set, all at zero; `reasons` are the labels under which rejections are counted.
    pub fn new(reasons: &[&'static str]) -> Self {
        let buckets = [("hansom_grpc_request_duration_seconds", &DURATION_BUCKETS[..])]
            .into_iter()
            .chain(market::WAITS.map(|name| (name, &market::WAIT_BUCKETS[..])))
            .chain(market::WORKS.map(|name| (name, &DURATION_BUCKETS[..])))
            .chain([(mirror::LAG, &mirror::LAG_BUCKETS[..])])
            .chain(market::COUNTS.map(|name| (name, &market::COUNT_BUCKETS[..])));
        let builder = buckets.fold(PrometheusBuilder::new(), |builder, (name, buckets)| {
            // Fails only for an empty list of buckets.
            let matcher = Matcher::Full(name.to_owned());
            builder.set_buckets_for_metric(matcher, buckets).unwrap_or_default()
        });
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            gauge!("hansom_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
            Self {
                handle,
                updates: counter!("hansom_location_updates_total"),
                implausible: counter!("hansom_location_updates_implausible_total"),
                rejected: reasons
                    .iter()
                    .map(|&reason| {
                        counter!("hansom_location_updates_rejected_total", "reason" => reason)
                    })
                    .collect(),
                stream_questions: counter!("hansom_stream_questions_total"),
                drivers: gauge!("hansom_drivers"),
                supply: DriverStatus::ALL
                    .map(|status| gauge!("hansom_supply", "status" => status.name())),
                drivers_gone_stale: counter!("hansom_drivers_gone_stale_total"),
                drivers_forgotten: counter!("hansom_drivers_forgotten_total"),
                streams: gauge!("hansom_streams"),
                connections: gauge!("hansom_connections"),
                connections_refused: counter!("hansom_connections_refused_total"),
                http_connections: gauge!("hansom_http_connections"),
                http_connections_refused: counter!("hansom_http_connections_refused_total"),
                trace_rows_dropped: counter!("hansom_trace_rows_dropped_total"),
                trace_failed: gauge!("hansom_trace_failed"),
                market: Arc::new(MarketMetrics::new()),
                succession: Arc::new(SuccessionMetrics::new()),
                mirror: Arc::new(MirrorMetrics::new()),
                errors: Rpc::each(|service, method, code| {
                    counter!(
                        "hansom_grpc_errors_total",
                        "grpc_service" => service, "method" => method, "code" => code
                    )
                }),
                durations: Method::ALL.map(|method| {
                    histogram!(
                        "hansom_grpc_request_duration_seconds",
                        "grpc_service" => method.service(), "method" => method.name()
                    )
                }),
            }
        })
    }

    /// Counts rejections under the `place`-th of the reasons given to [`Self::new`].
    pub fn rejected(&self, place: usize, count: u64) {
        if let Some(counter) = self.rejected.get(place) {
            counter.increment(count);
        }
    }

    /// Tells the supply, by status number.
    pub fn set_supply(&self, by_status: [u64; 6]) {
        for (gauge, count) in self.supply.iter().zip(by_status) {
            gauge.set(count as f64);
        }
    }

    /// The histogram of a method's durations.
    pub fn duration(&self, method: Method) -> &Histogram {
        &self.durations[method as usize]
    }

    /// Counts a call that ended with this gRPC code; 0 is none.
    pub fn failed(&self, rpc: Rpc, code: usize) {
        if let Some(counter) = rpc.place(code).and_then(|place| self.errors.get(place)) {
            counter.increment(1);
        }
    }

    /// The text that Prometheus reads.
    pub fn render(&self) -> String {
        let mut text = self.handle.render();
        process::render(&mut text);
        text
    }

    /// Folds what was recorded since the last call; call it about once a second, or memory grows.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

fn describe() {
    describe_counter!(
        "hansom_grpc_errors_total",
        Unit::Count,
        "Calls and streams that ended with an error, by method and gRPC code."
    );
    describe_gauge!("hansom_build_info", Unit::Count, "Always 1; the version is the label.");
    describe_counter!(
        "hansom_drivers_gone_stale_total",
        Unit::Count,
        "Drivers that left the supply because they were silent for --stale-after."
    );
    describe_counter!(
        "hansom_drivers_forgotten_total",
        Unit::Count,
        "Drivers removed because they were silent for --forget-after."
    );
    describe_counter!("hansom_location_updates_total", Unit::Count, "Reports applied.");
    describe_counter!(
        "hansom_location_updates_implausible_total",
        Unit::Count,
        "Reports applied although they moved faster than a vehicle can."
    );
    describe_counter!(
        "hansom_location_updates_rejected_total",
        Unit::Count,
        "Reports not applied, by reason."
    );
    describe_counter!(
        "hansom_stream_questions_total",
        Unit::Count,
        "Questions answered on NearestStream."
    );
    describe_gauge!("hansom_drivers", Unit::Count, "Drivers known, with a position or without.");
    describe_gauge!("hansom_supply", Unit::Count, "Drivers that are not stale, by status.");
    describe_gauge!("hansom_streams", Unit::Count, "Long-lived streams open.");
    describe_gauge!("hansom_connections", Unit::Count, "Connections open.");
    describe_counter!(
        "hansom_connections_refused_total",
        Unit::Count,
        "Connections closed at once because a limit was reached."
    );
    describe_gauge!("hansom_http_connections", Unit::Count, "Connections of the HTTP port open.");
    describe_counter!(
        "hansom_http_connections_refused_total",
        Unit::Count,
        "Connections of the HTTP port closed at once because a limit was reached."
    );
    describe_counter!(
        "hansom_trace_rows_dropped_total",
        Unit::Count,
        "Applied rows that the recording lacks: the recorder was behind, or has failed."
    );
    describe_gauge!(
        "hansom_trace_failed",
        Unit::Count,
        "1 once the recording has ended early, as on a full disk; else 0."
    );
    describe_histogram!(
        "hansom_grpc_request_duration_seconds",
        Unit::Seconds,
        "Time from the parsed request to the answer, by method."
    );
}
