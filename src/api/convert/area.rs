//! Areas.

use std::fmt::Display;

use super::{FieldError, position};
use crate::api::proto::{self, area::Shape};
use crate::geo::{Area, AreaError, BoundingBox, Circle, Degrees, LatLng, Polygon, PolygonError};
use crate::limits;
use crate::units::Meters;

/// The area that a request must have, in its field `area`.
pub fn area(message: Option<&proto::Area>) -> Result<Area, FieldError> {
    let message = message.ok_or_else(|| FieldError::missing("area"))?;
    let shape = message.shape.as_ref().ok_or_else(|| FieldError::missing("area.shape"))?;
    match shape {
        Shape::Circle(circle) => {
            let center = position(&"area.circle.center", circle.center.as_ref())?;
            let radius = radius(&"area.circle.radius_m", circle.radius_m)?;
            Ok(Area::Circle(Circle::new(center, radius)))
        }
        Shape::Box(bbox) => bounding_box(bbox).map(Area::Box),
        Shape::Polygon(polygon) => self::polygon(polygon).map(Area::Polygon),
    }
}

/// A radius at `field`.
pub(super) fn radius(field: &dyn Display, value: f64) -> Result<Meters, FieldError> {
    Meters::new(value).map_err(|_| {
        let max = Meters::HALF_GLOBE.get();
        FieldError::range(field.to_string(), value, format_args!("0..={max}"))
    })
}

fn bounding_box(message: &proto::BoundingBox) -> Result<BoundingBox, FieldError> {
    let degrees = |field: &dyn Display, corner: Option<&proto::Position>| {
        position(field, corner)?;
        // Kept in degrees: -180 and 180 are one meridian, but not one edge.
        corner
            .map(|p| Degrees { lat: p.lat, lng: p.lng })
            .ok_or_else(|| FieldError::missing(field.to_string()))
    };
    let south_west = degrees(&"area.box.south_west", message.south_west.as_ref())?;
    let north_east = degrees(&"area.box.north_east", message.north_east.as_ref())?;
    BoundingBox::from_degrees(south_west, north_east).map_err(|error| match error {
        AreaError::Upside { .. } => FieldError::because("area.box.south_west.lat", error),
        _ => FieldError::because("area.box", error),
    })
}

fn polygon(message: &proto::Polygon) -> Result<Polygon, FieldError> {
    let Some(outer) = &message.outer else {
        return Err(FieldError::missing("area.polygon.outer"));
    };
    // Before anything is copied: a message may hold more than is allowed.
    let vertices =
        outer.vertices.len() + message.holes.iter().map(|hole| hole.vertices.len()).sum::<usize>();
    if vertices > limits::MAX_POLYGON_VERTICES {
        let error = PolygonError::TooMany { vertices };
        return Err(FieldError::because("area.polygon", error));
    }
    let mut rings = Vec::with_capacity(1 + message.holes.len().min(vertices));
    rings.push(ring(&"area.polygon.outer", outer)?);
    for (i, hole) in message.holes.iter().enumerate() {
        rings.push(ring(&format_args!("area.polygon.holes[{i}]"), hole)?);
        if rings.len() > limits::MAX_POLYGON_VERTICES {
            return Err(FieldError::range(
                "area.polygon.holes",
                message.holes.len(),
                format_args!("0..{}", limits::MAX_POLYGON_VERTICES),
            ));
        }
    }
    Polygon::new(&rings).map_err(|error| FieldError::because("area.polygon", error))
}

fn ring(field: &dyn Display, message: &proto::Ring) -> Result<Vec<LatLng>, FieldError> {
    let vertex = |(i, vertex): (usize, &proto::Position)| {
        position(&format_args!("{field}.vertices[{i}]"), Some(vertex))
    };
    message.vertices.iter().enumerate().map(vertex).collect()
}
