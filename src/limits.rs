//! Each limit of the service, in one place, with what happens when it is reached.

/// The most drivers one `Nearest` may ask for. More: `INVALID_ARGUMENT`.
pub const MAX_K: u16 = 1_000;

/// The most drivers in one page of `Within`. More: `INVALID_ARGUMENT`.
pub const MAX_PAGE: usize = 10_000;

/// The most ids a filter may exclude. More: `INVALID_ARGUMENT`.
pub const MAX_EXCLUDED: usize = 1_000;

/// The default of `--max-drivers`: several countries at once. One more driver:
/// `RESOURCE_EXHAUSTED`. Reserves 17 GB of addresses, and no memory until there are drivers.
pub const DEFAULT_MAX_DRIVERS: usize = 10_000_000;

/// The most that `--max-drivers` can be: what 26 bits of a [`crate::model::DriverKey`] can name.
pub const MAX_DRIVERS: usize = 1 << 26;

/// The longest a driver can be remembered in silence: seven days. It keeps the 32-bit
/// millisecond clock of the index, which wraps after 49 days, unambiguous.
pub const MAX_FORGET_AFTER_MS: u64 = 7 * 24 * 3_600 * 1_000;

/// The furthest a device clock may be allowed to run ahead: one day.
pub const MAX_CLOCK_SKEW_MS: u64 = 24 * 3_600 * 1_000;

/// The most vertices a polygon may have, all rings together: a detailed country outline. More:
/// `INVALID_ARGUMENT`.
pub const MAX_POLYGON_VERTICES: usize = 10_000;
