//! What a server is told when it starts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::WebOrigins;
use crate::api::{CopyUse, ReportSink};
use crate::host::MarketSlot;
use crate::limits;
use crate::mirror::Fallback;
use crate::succession::Tenure;
use crate::telemetry::Metrics;
use crate::units::Millis;
use crate::web::HttpLimits;

/// What a server needs to be told.
#[derive(Clone)]
pub struct ServerConfig {
    /// Where gRPC is served; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where HTTP is served, if at all; port 0 takes a free one.
    pub http: Option<SocketAddr>,
    /// What clients of HTTP may take.
    pub http_limits: HttpLimits,
    /// How long a gRPC connection may take to say its first bytes.
    pub greeting: Duration,
    /// From which pages browsers may call by gRPC-Web.
    pub web_origins: WebOrigins,
    /// How many threads serve gRPC, 1..=[`limits::MAX_THREADS`].
    pub threads: usize,
    /// For how long each of them looks for more before it sleeps, at most
    /// [`limits::MAX_BUSY_POLL_US`]. Answers a caller who waits for each sooner, for processor
    /// time that an idle core would not have used; zero is right where cores are shared.
    pub busy_poll: Duration,
    /// The maximum age of a position in an answer if the question does not say.
    pub stale_after: Millis,
    /// How long a drain may take before what is left is cut.
    pub drain_timeout: Duration,
    /// The market that is served, if any, and where it counts.
    pub market: Option<(Arc<MarketSlot>, Arc<Metrics>)>,
    /// What is known of the market's lease, if it has one, for the other processes that want it.
    pub tenure: Option<Arc<Tenure>>,
    /// Where to count, unless the market says.
    pub metrics: Option<Arc<Metrics>>,
    /// A copy of the map, and when it is asked instead.
    pub copy: Option<(Arc<Fallback>, CopyUse)>,
    /// Has the allocator return to the system what the thread that calls it has freed. Called by each
    /// worker once it has nothing to do: most allocators keep it for what comes next, and
    /// after a gateway's stream of a million drivers that is a lot, for good.
    pub give_back: fn(),
    /// Who else wants to know what was applied.
    pub sink: Option<Arc<dyn ReportSink>>,
}

impl Default for ServerConfig {
    /// Free ports on the loopback, a thread a core.
    fn default() -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            listen: loopback,
            http: Some(loopback),
            http_limits: HttpLimits::default(),
            greeting: Duration::from_secs(limits::GREETING_SECONDS),
            web_origins: WebOrigins::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            busy_poll: Duration::ZERO,
            stale_after: Millis::from_secs(60),
            drain_timeout: Duration::from_secs(10),
            market: None,
            tenure: None,
            metrics: None,
            copy: None,
            give_back: || {},
            sink: None,
        }
    }
}
