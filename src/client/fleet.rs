//! A gateway's stream from the client's side: who is attended, what drivers do, what they are told.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use super::{ClientError, driver_client};
use crate::api::proto::connect_fleet_request::Kind as Asked;
use crate::api::proto::connect_fleet_response::Kind;
use crate::api::proto::driver_command::What;
use crate::api::proto::{
    AttendDrivers, ConnectFleetRequest, ConnectFleetResponse, DriverAttended, DriverCommand,
    FleetCommand,
};
use crate::limits;

const CALL: &str = "ConnectFleet";

/// Opens a gateway's stream and attends drivers; returns when the server has told how things stand
/// with each.
///
/// # Errors
/// [`ClientError`] if the server refuses the stream or a driver, or ends it.
pub async fn attend(
    channel: Channel,
    drivers: Vec<String>,
) -> Result<(FleetCommands, FleetTold, Vec<DriverAttended>), ClientError> {
    let (sender, receiver) = mpsc::channel(limits::CLIENT_WAITING_COMMANDS);
    let response = driver_client(channel).connect_fleet(ReceiverStream::new(receiver)).await;
    let responses = response.map_err(ClientError::refused(CALL))?.into_inner();
    let mut told = FleetTold { responses };
    let mut all = Vec::with_capacity(drivers.len());
    for part in drivers.chunks(limits::MAX_ATTENDED_PER_MESSAGE) {
        let kind = Asked::Attend(AttendDrivers { driver_ids: part.to_vec() });
        let sent = sender.send(ConnectFleetRequest { kind: Some(kind) }).await;
        // If it fails, the stream is gone, and says why.
        drop(sent);
        let until = all.len() + part.len();
        while all.len() < until {
            if let Kind::Attended(attended) = told.next().await? {
                all.extend(attended.drivers);
            }
        }
    }
    if let Some((driver, refused)) = all.iter().find_map(|one| Some((one, one.refused.as_ref()?))) {
        let what = format!("driver {:?}: {}", driver.driver_id, refused.message);
        return Err(ClientError::Protocol { call: CALL, what });
    }
    Ok((FleetCommands { sender, last: 0 }, told, all))
}

/// What drivers do.
#[derive(Debug)]
pub struct FleetCommands {
    sender: mpsc::Sender<ConnectFleetRequest>,
    last: u64,
}

impl FleetCommands {
    /// Sends a driver's command and returns its number, by which it is answered; none if
    /// [`limits::CLIENT_WAITING_COMMANDS`] wait to be sent, or the stream is gone, as
    /// [`FleetTold::next`] says.
    pub fn send(&mut self, driver_id: String, what: What) -> Option<u64> {
        let command = Some(DriverCommand { number: self.last + 1, what: Some(what) });
        let kind = Some(Asked::Command(FleetCommand { driver_id, command }));
        self.sender.try_send(ConnectFleetRequest { kind }).ok()?;
        self.last += 1;
        Some(self.last)
    }
}

/// What a gateway is told.
#[derive(Debug)]
pub struct FleetTold {
    responses: Streaming<ConnectFleetResponse>,
}

impl FleetTold {
    /// What it is told next. Nothing is lost if the wait is given up.
    ///
    /// # Errors
    /// [`ClientError`] once the stream has ended.
    pub async fn next(&mut self) -> Result<Kind, ClientError> {
        loop {
            let message = self.responses.message().await.map_err(ClientError::refused(CALL))?;
            let message = message.ok_or(ClientError::Ended { call: CALL })?;
            if let Some(kind) = message.kind {
                return Ok(kind);
            }
        }
    }
}
