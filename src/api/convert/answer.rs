//! Answers.

use crate::api::proto;
use crate::geo::LatLng;
use crate::ids::DriverId;
use crate::index::Hit;
use crate::model::{DriverStatus, Motion, Profile};
use crate::units::Timestamp;

/// A driver in an answer given at `now`.
pub fn hit(now: Timestamp, id: &DriverId, hit: &Hit) -> proto::DriverHit {
    proto::DriverHit {
        driver_id: id.as_str().to_owned(),
        position: Some(position_message(hit.position)),
        distance_m: hit.distance.meters(),
        age_ms: now.since(hit.at).get(),
        status: status_message(hit.status).into(),
        profile: Some(profile_message(hit.profile)),
    }
}

/// A position in degrees.
pub fn position_message(position: LatLng) -> proto::Position {
    let degrees = position.degrees();
    proto::Position { lat: degrees.lat, lng: degrees.lng }
}

/// A status.
pub fn status_message(status: DriverStatus) -> proto::DriverStatus {
    match status {
        DriverStatus::Offline => proto::DriverStatus::Offline,
        DriverStatus::Available => proto::DriverStatus::Available,
        DriverStatus::OfferPending => proto::DriverStatus::OfferPending,
        DriverStatus::EnRoute => proto::DriverStatus::EnRoute,
        DriverStatus::Waiting => proto::DriverStatus::Waiting,
        DriverStatus::OnTrip => proto::DriverStatus::OnTrip,
    }
}

/// A profile, each field set.
pub fn profile_message(profile: Profile) -> proto::Profile {
    proto::Profile {
        vehicle_types: Some(u32::from(profile.vehicle_types.bits())),
        capacity: Some(u32::from(profile.capacity.get())),
        rating: Some(profile.rating.stars()),
        attributes: Some(profile.attributes.bits()),
    }
}

/// A motion; `None` if nothing of it is known.
pub fn motion_message(motion: Motion) -> Option<proto::Motion> {
    (motion != Motion::default()).then(|| proto::Motion {
        heading_deg: motion.heading_cdeg.map(|v| f64::from(v) / 100.0),
        speed_m_s: motion.speed_cm_s.map(|v| f64::from(v) / 100.0),
        accuracy_m: motion.accuracy_dm.map(|v| f64::from(v) / 10.0),
    })
}
