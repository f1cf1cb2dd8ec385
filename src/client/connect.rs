//! Connections, with each limit passed explicitly.

use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tonic::codegen::http::Uri;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::ClientError;
use super::gathered::Gathered;
use crate::api::proto::admin_service_client::AdminServiceClient;
use crate::api::proto::driver_service_client::DriverServiceClient;
use crate::api::proto::proximity_service_client::ProximityServiceClient;
use crate::api::proto::rider_service_client::RiderServiceClient;
use crate::limits;

/// The client of `DriverService`.
pub type Driver = DriverServiceClient<Channel>;

/// The client of `ProximityService`.
pub type Proximity = ProximityServiceClient<Channel>;

/// The client of `RiderService`.
pub type Rider = RiderServiceClient<Channel>;

/// Connects to a server, as in `http://127.0.0.1:7400`.
///
/// The connection lives on the runtime that this is called on.
///
/// # Errors
/// [`ClientError::Target`] and [`ClientError::Connect`].
pub async fn connect(target: &str) -> Result<Channel, ClientError> {
    let bad = || ClientError::Target { target: target.to_owned() };
    // Without a scheme the transport would fail later and say less.
    if !target.starts_with("http://") {
        return Err(bad());
    }
    Endpoint::from_shared(target.to_owned())
        .map_err(|_| bad())?
        .buffer_size(limits::CLIENT_WAITING_CALLS)
        .initial_stream_window_size(limits::CLIENT_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CLIENT_CONNECTION_WINDOW_BYTES)
        .http2_max_header_list_size(limits::MAX_HEADER_BYTES)
        .http2_keep_alive_interval(Duration::from_secs(limits::KEEPALIVE_INTERVAL_SECONDS))
        .keep_alive_timeout(Duration::from_secs(limits::KEEPALIVE_TIMEOUT_SECONDS))
        .connect_with_connector(service_fn(dial))
        .await
        .map_err(|source| ClientError::Connect { target: target.to_owned(), source })
}

/// Opens the connection to a server, again and again if it is lost.
async fn dial(target: Uri) -> std::io::Result<TokioIo<Gathered<TcpStream>>> {
    let host = target.host().unwrap_or_default();
    let address = format!("{host}:{}", target.port_u16().unwrap_or(80));
    let patience = Duration::from_secs(limits::CLIENT_CONNECT_SECONDS);
    let socket = tokio::time::timeout(patience, TcpStream::connect(address)).await??;
    // What leaves together is decided by `Gathered`.
    socket.set_nodelay(true)?;
    Ok(TokioIo::new(Gathered::new(socket)))
}

/// The client of `DriverService` over a connection.
pub fn driver_client(channel: Channel) -> Driver {
    DriverServiceClient::new(channel)
        .max_decoding_message_size(limits::CLIENT_MESSAGE_BYTES)
        .max_encoding_message_size(limits::CLIENT_MESSAGE_BYTES)
}

/// The client of `ProximityService` over a connection.
pub fn proximity_client(channel: Channel) -> Proximity {
    ProximityServiceClient::new(channel)
        .max_decoding_message_size(limits::CLIENT_MESSAGE_BYTES)
        .max_encoding_message_size(limits::CLIENT_MESSAGE_BYTES)
}

/// The client of `RiderService` over a connection.
pub fn rider_client(channel: Channel) -> Rider {
    RiderServiceClient::new(channel)
        .max_decoding_message_size(limits::CLIENT_MESSAGE_BYTES)
        .max_encoding_message_size(limits::CLIENT_MESSAGE_BYTES)
}

/// The client of `AdminService` over a connection.
pub fn admin_client(channel: Channel) -> AdminServiceClient<Channel> {
    AdminServiceClient::new(channel)
        .max_decoding_message_size(limits::CLIENT_MESSAGE_BYTES)
        .max_encoding_message_size(limits::CLIENT_MESSAGE_BYTES)
}
