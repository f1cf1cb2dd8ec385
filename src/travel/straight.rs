//! Travel time by straight line: what is there when no roads are.

use super::{Eta, TravelSource, TravelTime};
use crate::geo::{LatLng, haversine};
use crate::units::{Meters, Millis};

/// The great-circle distance, times a detour factor, at one speed.
///
/// # Examples
/// ```
/// use hansom::geo::{Degrees, LatLng};
/// use hansom::travel::{StraightLine, TravelTime};
/// let from = LatLng::try_from(Degrees { lat: 37.7955, lng: -122.3937 })?;
/// let to = LatLng::try_from(Degrees { lat: 37.7955, lng: -122.4050 })?;
/// let eta = StraightLine::default().time(from, to);
/// assert_eq!((eta.distance.get().round(), eta.duration.get() / 1_000), (1_291.0, 198));
/// assert_eq!(eta.source.name(), "straight_line");
/// # Ok::<(), hansom::geo::DegreesError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StraightLine {
    speed_m_s: f64,
    detour: f64,
}

/// A speed or a factor with which nobody drives.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{what} {value} is not in {min}..={max}")]
pub struct StraightLineError {
    /// Which value.
    pub what: &'static str,
    /// What was given.
    pub value: f64,
    /// The least allowed.
    pub min: f64,
    /// The most allowed.
    pub max: f64,
}

impl Default for StraightLine {
    /// 6.5 m/s on roads 1.3 times as long as the straight line, which is 5 m/s along it.
    ///
    /// Between two cities in which taxi trips were recorded: the median trip moved at 4.2 m/s along
    /// the straight line in New York on 2013-01-01 (44,199 trips, stops included; all distance over
    /// all time 4.6 m/s) and at 4.5 m/s in San Francisco on 2008-06-06 (21,707 trips; 6.3 m/s).
    fn default() -> Self {
        Self { speed_m_s: 6.5, detour: 1.3 }
    }
}

impl StraightLine {
    /// Drives at `speed_m_s`, in 0.1..=70, on ways `detour` times as long as the straight line,
    /// in 1..=10.
    ///
    /// # Errors
    /// [`StraightLineError`] for values outside their range.
    pub fn new(speed_m_s: f64, detour: f64) -> Result<Self, StraightLineError> {
        let check = |what, value, min, max| {
            if (min..=max).contains(&value) {
                Ok(value)
            } else {
                Err(StraightLineError { what, value, min, max })
            }
        };
        Ok(Self {
            speed_m_s: check("speed in m/s", speed_m_s, 0.1, 70.0)?,
            detour: check("detour factor", detour, 1.0, 10.0)?,
        })
    }

    /// Milliseconds for a straight line of so many metres.
    fn millis(&self, straight_m: f64) -> f64 {
        straight_m * (1_000.0 * self.detour / self.speed_m_s)
    }
}

impl TravelTime for StraightLine {
    fn time(&self, from: LatLng, to: LatLng) -> Eta {
        let straight_m = haversine(from, to).meters();
        let distance = Meters::new(straight_m * self.detour).unwrap_or(Meters::HALF_GLOBE);
        // Rounded up, so that it is never below the bound, which is rounded down.
        let duration = whole(self.millis(straight_m).ceil());
        Eta { duration, distance, source: TravelSource::StraightLine }
    }

    fn lower_bound(&self, distance: Meters) -> Millis {
        // One millisecond less pays for what rounding does to a distance.
        Millis(whole(self.millis(distance.get()).floor()).get().saturating_sub(1))
    }

    fn source(&self) -> TravelSource {
        TravelSource::StraightLine
    }
}

fn whole(millis: f64) -> Millis {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and at most ten times half the globe at 0.1 m/s: under 2^41"
    )]
    Millis(millis as u64)
}
