//! What the process tells about itself: metrics and logs.

mod logs;
mod metrics;
mod process;
mod rpc;

pub use logs::{LogFormat, init_logs};
pub use metrics::{Method, Metrics};
pub use rpc::Rpc;
