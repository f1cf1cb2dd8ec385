//! What the processes of one market ask each other, over gRPC. A connection for each question: there are
//! a few a second, while Redis is gone, and none that has gone stale is in the way.

use std::error::Error as _;
use std::io;

use tonic::Code;
use tonic::transport::Channel;

use super::{ClientError, connect};
use crate::api::proto::succession_service_client::SuccessionServiceClient;
use crate::api::proto::{HoldRequest, RunningRequest};
use crate::ids::MarketId;
use crate::succession::{Asked, Heard, Held, Peer, PeerAnswer, PeerError, Peers};
use crate::units::Millis;

/// The other processes of a market, at the addresses that they say.
#[derive(Clone, Copy, Debug, Default)]
pub struct GrpcPeers;

async fn client(address: &str) -> Result<SuccessionServiceClient<Channel>, PeerError> {
    let target = if address.starts_with("http://") {
        address.to_owned()
    } else {
        format!("http://{address}")
    };
    let channel = connect(&target)
        .await
        .map_err(|error| if is_refused(&error) { PeerError::Gone } else { PeerError::Silent })?;
    Ok(SuccessionServiceClient::new(channel))
}

/// Whether somebody is there who says that nobody listens.
fn is_refused(error: &ClientError) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = error.source();
    }
    false
}

impl Peers for GrpcPeers {
    fn hold(&self, standby: &Peer, market: MarketId, token: u64, span: Millis) -> Asked<Held> {
        let (address, market, span_ms) = (standby.address.clone(), market.to_string(), span.get());
        Box::pin(async move {
            let asked = client(&address).await?.hold(HoldRequest { market, token, span_ms }).await;
            let answer = asked.map_err(|_| PeerError::Silent)?.into_inner();
            let said = match answer.later_token {
                Some(token) => Held::Later { token },
                None if answer.granted_ms >= span_ms => Held::Granted,
                None => Held::Refused,
            };
            Ok(PeerAnswer { owner: answer.owner, said })
        })
    }

    fn running(&self, whom: &Peer, market: MarketId, token: u64, by: &Peer) -> Asked<Heard> {
        let asked = RunningRequest {
            market: market.to_string(),
            token,
            owner: by.owner.clone(),
            address: by.address.clone(),
        };
        let whom = whom.clone();
        Box::pin(async move {
            match client(&whom.address).await?.running(asked).await {
                Ok(answer) => {
                    let answer = answer.into_inner();
                    let said = match answer.wait_ms {
                        0 => Heard::Nobody,
                        wait => Heard::Somebody { wait: Millis(wait) },
                    };
                    Ok(PeerAnswer { owner: answer.owner, said })
                }
                // A process without this market is at its address.
                Err(status) if status.code() == Code::Unimplemented => {
                    Ok(PeerAnswer { owner: whom.owner, said: Heard::Nobody })
                }
                Err(_) => Err(PeerError::Silent),
            }
        })
    }
}
