//! Positions on the sphere and the areas that a question can name.
//!
//! One way to make a position, one Earth radius, one great-circle formula. Positions are
//! fixed-point: what was reported is what is stored and what is answered, to the digit.

mod area;
mod bam;
mod distance;
mod polygon;
mod position;
#[cfg(test)]
mod tests;

pub use area::{Area, AreaError, BoundingBox, Circle, WrapBox};
pub use bam::Bam;
pub use distance::{EARTH_RADIUS_M, Haversine, Origin, haversine, sin_quarter};
pub use polygon::{Polygon, PolygonError, Ring};
pub use position::{Degrees, DegreesError, E7, LatLng};
