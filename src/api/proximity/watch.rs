//! Who enters, moves in, or leaves an area: the area is looked at in intervals, and what
//! differs from what the client was told before is sent.
//!
//! Driven by the client's reading: the next look happens only after the last difference was
//! taken, so that a slow reader costs nothing but what it was told.

use std::cmp::Ordering;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;
use tokio_stream::Stream;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::ANSWER;
use crate::api::convert;
use crate::api::door::{Door, time_ms};
use crate::api::life::{StreamLife, arm, fired};
use crate::api::proto::{Source, WatchAreaRequest, WatchAreaResponse};
use crate::api::status::Failure;
use crate::ids::DriverId;
use crate::index::Hit;
use crate::limits;
use crate::model::{Page, Within};
use crate::units::{Millis, Timestamp};

/// The differences of one `WatchArea`.
pub struct AreaWatch {
    door: Arc<Door>,
    life: StreamLife,
    look: Look,
    interval: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

/// What is watched, and what was told of it, in the order of ids.
struct Look {
    question: Within,
    told: Option<Vec<(DriverId, Hit)>>,
}

impl AreaWatch {
    pub(super) fn new(
        door: &Arc<Door>,
        request: &WatchAreaRequest,
        headers: &MetadataMap,
    ) -> Result<Self, Failure> {
        let question = Within {
            area: convert::area(request.area.as_ref())?,
            filter: convert::filter(request.filter.as_ref(), door.stale_after)?,
            page: Page { after: None, size: limits::MAX_WATCHED },
        };
        let Millis(interval) = convert::watch_interval(request.interval_ms)?;
        Ok(Self {
            door: Arc::clone(door),
            life: StreamLife::begin(door, headers)?,
            look: Look { question, told: None },
            interval: Duration::from_millis(interval),
            timer: None,
            ended: false,
        })
    }
}

impl Stream for AreaWatch {
    type Item = Result<WatchAreaResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        if let Some(failure) = this.life.poll_end(cx) {
            this.ended = true;
            return Poll::Ready(Some(Err(failure.into())));
        }
        loop {
            if this.timer.is_some() && !fired(&mut this.timer, cx) {
                return Poll::Pending;
            }
            arm(&mut this.timer, this.interval);
            match this.look.difference(&this.door) {
                Ok(Some(difference)) => return Poll::Ready(Some(Ok(difference))),
                Ok(None) => {}
                Err(failure) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(failure.into())));
                }
            }
        }
    }
}

impl Look {
    /// What has changed since the last look; `None` if nothing has.
    fn difference(&mut self, door: &Door) -> Result<Option<WatchAreaResponse>, Failure> {
        let now = door.now();
        let seen = ANSWER.with_borrow_mut(|answer| {
            door.map.within(now, &self.question, answer);
            if answer.more {
                return Err(Failure::WatchTooLarge { max: limits::MAX_WATCHED });
            }
            let named = answer.hits.iter().filter_map(|&hit| Some((door.map.id(hit.driver)?, hit)));
            Ok(named.collect::<Vec<_>>())
        })?;
        let first = self.told.is_none();
        let told = self.told.take().unwrap_or_default();
        let mut message = compare(now, &told, &seen);
        self.told = Some(seen);
        message.first = first;
        let empty = message.entered.is_empty()
            && message.moved.is_empty()
            && message.left_driver_ids.is_empty();
        Ok((first || !empty).then_some(message))
    }
}

/// The difference of two looks, both in the order of ids.
fn compare(
    now: Timestamp,
    told: &[(DriverId, Hit)],
    seen: &[(DriverId, Hit)],
) -> WatchAreaResponse {
    let mut message = WatchAreaResponse {
        source: Source::Index.into(),
        time_ms: time_ms(now),
        ..Default::default()
    };
    let (mut told, mut seen) = (told.iter().peekable(), seen.iter().peekable());
    loop {
        let order = match (told.peek(), seen.peek()) {
            (None, None) => return message,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((before, _)), Some((after, _))) => before.cmp(after),
        };
        let before = if order.is_le() { told.next() } else { None };
        let after = if order.is_ge() { seen.next() } else { None };
        match (before, after) {
            (Some((_, old)), Some((id, new))) if differs(old, new) => {
                message.moved.push(convert::hit(now, id, new));
            }
            (None, Some((id, new))) => message.entered.push(convert::hit(now, id, new)),
            (Some((id, _)), None) => message.left_driver_ids.push(id.as_str().to_owned()),
            _ => {}
        }
    }
}

/// Whether the client has to hear of it: a newer report of the same is none.
fn differs(old: &Hit, new: &Hit) -> bool {
    old.position != new.position || old.status != new.status || old.profile != new.profile
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::{E7, LatLng, haversine};
    use crate::model::{DriverKey, DriverStatus, Profile};

    fn at(id: &str, lng: i32) -> (DriverId, Hit) {
        let position = LatLng::try_from(E7 { lat: 0, lng }).unwrap();
        let hit = Hit {
            driver: DriverKey(0),
            position,
            distance: haversine(position, position),
            at: Timestamp::from_millis(0),
            status: DriverStatus::Available,
            profile: Profile::default(),
        };
        (id.parse().unwrap(), hit)
    }

    #[test]
    fn a_difference_names_each_driver_once() {
        let told = [at("a", 1), at("b", 1), at("c", 1)];
        let seen = [at("b", 1), at("c", 2), at("d", 1)];
        let message = compare(Timestamp::from_millis(5), &told, &seen);
        let ids = |hits: &[crate::api::proto::DriverHit]| -> Vec<String> {
            hits.iter().map(|hit| hit.driver_id.clone()).collect()
        };
        assert_eq!(ids(&message.entered), ["d"]);
        assert_eq!(ids(&message.moved), ["c"]);
        assert_eq!(message.left_driver_ids, ["a"]);
        let same = compare(Timestamp::from_millis(6), &seen, &seen);
        assert!(same.entered.is_empty() && same.moved.is_empty());
        assert!(same.left_driver_ids.is_empty());
    }
}
