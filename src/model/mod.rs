//! What the service speaks about: drivers, their reports, and questions about them.
//!
//! Plain values, already parsed: a filter, a profile or a report that exists is in range.

mod driver;
mod query;
mod report;

pub use driver::{
    Attributes, Capacity, DriverStatus, Profile, Rating, StatusSet, ValueError, VehicleTypes,
};
pub use query::{Filter, K, KError, Nearest, Page, Within};
pub use report::{DriverKey, Motion, Reason, Report};
