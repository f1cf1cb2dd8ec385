//! The server's side, page by page.

use tonic::transport::Channel;

use super::AuditError;
use super::judge::Known;
use crate::api::convert;
use crate::api::proto::admin_service_client::AdminServiceClient;
use crate::api::proto::{
    KnownDriver, ListDriversRequest, ListOpenTripsRequest, StatusRequest, Trip,
};
use crate::client::{ClientError, admin_client, connect};
use crate::geo::{E7, LatLng};
use crate::ids::{DriverId, MarketId};
use crate::index::region_of;
use crate::limits;
use crate::mirror::Entry;
use crate::model::Motion;
use crate::units::Timestamp;

/// A server that is asked for all that it holds.
pub(super) struct Server {
    client: AdminServiceClient<Channel>,
}

impl Server {
    pub(super) async fn connect(target: &str) -> Result<Self, AuditError> {
        Ok(Self { client: admin_client(connect(target).await?) })
    }

    /// The market that it is the active process of; otherwise why there is none.
    pub(super) async fn market(&mut self) -> Result<Result<MarketId, String>, AuditError> {
        match self.client.status(StatusRequest {}).await {
            Ok(status) => {
                let name = status.into_inner().market;
                name.parse().map(Ok).map_err(|error| odd(&format!("market {name:?}: {error}")))
            }
            Err(status) => match status.code() {
                tonic::Code::Unimplemented | tonic::Code::Unavailable => {
                    Ok(Err(status.message().to_owned()))
                }
                _ => Err(ClientError::refused("Status")(status).into()),
            },
        }
    }

    /// Gives `take` everybody who has a position.
    pub(super) async fn drivers(
        &mut self,
        mut take: impl FnMut(DriverId, Known),
    ) -> Result<(), AuditError> {
        let page_size = u32::try_from(limits::MAX_PAGE).unwrap_or(u32::MAX);
        let mut request = ListDriversRequest { page_size, ..ListDriversRequest::default() };
        loop {
            let page = self.client.list_drivers(request.clone()).await;
            let page = page.map_err(ClientError::refused("ListDrivers"))?.into_inner();
            for message in &page.drivers {
                let (id, known) = driver(message)?;
                take(id, known);
            }
            if page.next_cursor == 0 {
                return Ok(());
            }
            request.cursor = page.next_cursor;
        }
    }

    /// Gives `take` those of these who have a position.
    pub(super) async fn these(
        &mut self,
        ids: &[DriverId],
        mut take: impl FnMut(DriverId, Known),
    ) -> Result<(), AuditError> {
        for part in ids.chunks(limits::MAX_LISTED_IDS) {
            let driver_ids = part.iter().map(ToString::to_string).collect();
            let request = ListDriversRequest { driver_ids, ..ListDriversRequest::default() };
            let page = self.client.list_drivers(request).await;
            let page = page.map_err(ClientError::refused("ListDrivers"))?.into_inner();
            for message in &page.drivers {
                let (id, known) = driver(message)?;
                take(id, known);
            }
        }
        Ok(())
    }

    /// All open trips.
    pub(super) async fn open_trips(&mut self) -> Result<Vec<Trip>, AuditError> {
        let mut all: Vec<Trip> = Vec::new();
        loop {
            let after_trip_id = all.last().map_or_else(String::new, |trip| trip.trip_id.clone());
            let request = ListOpenTripsRequest { page_size: 0, after_trip_id };
            let page = self.client.list_open_trips(request).await;
            let mut page = page.map_err(ClientError::refused("ListOpenTrips"))?.into_inner();
            let more = page.more && !page.trips.is_empty();
            all.append(&mut page.trips);
            if !more {
                return Ok(all);
            }
        }
    }
}

fn odd(what: &str) -> AuditError {
    AuditError::Server { what: what.to_owned() }
}

/// What a message says.
fn driver(message: &KnownDriver) -> Result<(DriverId, Known), AuditError> {
    let wrong = |error: &dyn std::fmt::Display| odd(&format!("{:?}: {error}", message.driver_id));
    let id = convert::driver_id(&message.driver_id).map_err(|error| wrong(&error))?;
    let e7 = E7 { lat: message.lat_e7, lng: message.lng_e7 };
    let position = LatLng::try_from(e7).map_err(|error| wrong(&error))?;
    let status = convert::required_status("status", message.status);
    let profile = message.profile.as_ref().map(convert::profile).transpose();
    let small = |value: Option<u32>| value.and_then(|value| u16::try_from(value).ok());
    let entry = Entry {
        position,
        at: Timestamp::from_millis(message.device_time_ms),
        motion: Motion {
            heading_cdeg: small(message.heading_cdeg),
            speed_cm_s: small(message.speed_cm_s),
            accuracy_dm: small(message.accuracy_dm),
        },
        status: status.map_err(|error| wrong(&error))?,
        profile: profile.map_err(|error| wrong(&error))?.unwrap_or_default(),
    };
    Ok((id, Known { entry, region: region_of(position) }))
}
