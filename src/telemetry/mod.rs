//! What the process tells about itself: metrics and logs.

mod logs;
mod metrics;
mod process;

pub use logs::{LogFormat, init_logs};
pub use metrics::{Method, Metrics};
