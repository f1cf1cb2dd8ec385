//! Riders who ask and watch, and the other calls that are made one at a time.

use tokio::sync::mpsc;
use tonic::Code;
use tonic::transport::Channel;

use super::{AGAIN, Said, heard};
use crate::api::proto::{
    CancelTripRequest, DriverStatus, Journey, Position, RequestTripRequest, RiderReason,
    SetStatusRequest, WatchTripRequest,
};
use crate::client::{ClientError, driver_client, rider_client};
use crate::geo::LatLng;
use crate::sim::day::{Heard, News, Rider};

/// How often a watch is begun anew that brought nothing, before the rider gives up.
const WATCHES: u32 = 30;

/// The name of a rider in this run.
pub(super) fn name(tag: &str, rider: u32) -> String {
    format!("{tag}-rider-{:08}", u64::from(rider) + 1)
}

/// Whether the same may succeed a moment later.
pub(super) fn passes(code: u32) -> bool {
    [Code::ResourceExhausted, Code::Unavailable].iter().any(|passing| *passing as u32 == code)
}

/// What a rider asks for.
pub(super) fn request(tag: &str, rider: Rider, number: u32) -> RequestTripRequest {
    let place = |place: LatLng| {
        let degrees = |e7: i32| f64::from(e7) / 1e7;
        Some(Position { lat: degrees(place.lat_e7()), lng: degrees(place.lng_e7()) })
    };
    RequestTripRequest {
        rider_id: name(tag, number),
        request_key: "1".to_owned(),
        journey: Some(Journey {
            pickup: place(rider.pickup),
            dropoff: place(rider.dropoff),
            passengers: rider.seats.get().into(),
            needs: None,
        }),
        quote_id: String::new(),
        immediate: false,
    }
}

/// Calls until the answer is neither that there is no room nor that the server is away.
async fn call<T, F>(name: &'static str, mut ask: impl FnMut() -> F) -> Result<T, ClientError>
where
    F: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
{
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if passes(status.code() as u32) => tokio::time::sleep(AGAIN).await,
            Err(status) => return Err(ClientError::refused(name)(status)),
        }
    }
}

/// Tells whoever waits, if anybody still does.
async fn tell(news: &mpsc::Sender<Said>, said: Said) {
    drop(news.send(said).await);
}

/// A rider asks, and watches the trip to its end.
pub(super) async fn ride(
    channel: Channel,
    rider: u32,
    request: RequestTripRequest,
    news: mpsc::Sender<Said>,
) {
    let mut client = rider_client(channel);
    let asked = call("RequestTrip", || {
        let (mut client, request) = (client.clone(), request.clone());
        async move { client.request_trip(request).await }
    })
    .await;
    let (id, trip) = match asked.map(|answer| (answer.trip_id.parse(), answer.trip_id)) {
        Ok((Ok(trip), id)) => (id, trip),
        Ok((Err(_), id)) => {
            tell(&news, Said::Refusal(format!("no trip's name: {id}"))).await;
            return tell(&news, Said::News(News::Refused { rider })).await;
        }
        Err(error) => {
            tell(&news, Said::Refusal(error.reason())).await;
            return tell(&news, Said::News(News::Refused { rider })).await;
        }
    };
    tell(&news, Said::News(News::Taken { rider, trip })).await;
    let (mut last, mut vain) = (0, 0);
    while vain < WATCHES {
        let before = last;
        let watch = WatchTripRequest { trip_id: id.clone(), after_ordinal: last };
        if let Ok(events) = client.watch_trip(watch).await {
            let mut events = events.into_inner();
            while let Ok(Some(told)) = events.message().await {
                let Some(event) = told.event else { continue };
                last = event.ordinal;
                let what = heard::rider(&event);
                if let Some(what) = what {
                    tell(&news, Said::News(News::Rider { rider, what })).await;
                }
                if matches!(what, Some(Heard::Ended(_))) {
                    return;
                }
            }
        }
        vain = if last == before { vain + 1 } else { 0 };
        tokio::time::sleep(AGAIN).await;
    }
    tell(&news, Said::Refusal("watch_lost".to_owned())).await;
    tell(&news, Said::News(News::Lost { rider })).await;
}

/// A rider calls a trip off.
pub(super) async fn cancel(
    channel: Channel,
    rider_id: String,
    trip_id: String,
    news: mpsc::Sender<Said>,
) {
    let client = rider_client(channel);
    let reason = RiderReason::WaitedTooLong.into();
    let request = CancelTripRequest { trip_id, rider_id, reason };
    let answer = call("CancelTrip", || {
        let (mut client, request) = (client.clone(), request.clone());
        async move { client.cancel_trip(request).await }
    })
    .await;
    if let Err(error) = answer {
        tell(&news, Said::Refusal(error.reason())).await;
    }
}

/// A driver's shift is over.
pub(super) async fn leave(channel: Channel, cab: u32, driver_id: String, news: mpsc::Sender<Said>) {
    let client = driver_client(channel);
    let request = SetStatusRequest { driver_id, status: DriverStatus::Offline.into() };
    let after = match call("SetStatus", || {
        let (mut client, request) = (client.clone(), request.clone());
        async move { client.set_status(request).await }
    })
    .await
    {
        Ok(answer) => answer.offline_after_trip_id.parse().ok(),
        Err(error) => {
            tell(&news, Said::Refusal(error.reason())).await;
            None
        }
    };
    tell(&news, Said::News(News::Leaves { cab, after })).await;
}
