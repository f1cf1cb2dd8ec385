//! What the process tells about itself: metrics and logs.

mod logs;
mod market;
mod metrics;
mod mirror;
mod process;
mod rpc;
mod seldom;
mod succession;

pub use logs::{LogFormat, init_logs};
pub use market::MarketMetrics;
pub use metrics::{Method, Metrics};
pub use mirror::MirrorMetrics;
pub use rpc::Rpc;
pub use seldom::Seldom;
pub use succession::SuccessionMetrics;
