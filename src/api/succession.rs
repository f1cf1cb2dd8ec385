//! `SuccessionService`: what the processes of one market ask each other.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::convert::FieldError;
use super::proto::{
    HoldRequest, HoldResponse, RunningRequest, RunningResponse, succession_service_server,
};
use super::status::Failure;
use crate::clock;
use crate::limits;
use crate::succession::{Heard, Held, Peer, Tenure};
use crate::units::Millis;

/// The service.
#[derive(Clone, Debug)]
pub struct SuccessionService {
    tenure: Option<Arc<Tenure>>,
}

impl SuccessionService {
    /// The service of a process that wants this lease, if any.
    pub fn new(tenure: Option<Arc<Tenure>>) -> Self {
        Self { tenure }
    }

    fn tenure(&self, market: &str) -> Result<&Tenure, Failure> {
        let tenure = self.tenure.as_deref();
        tenure.filter(|tenure| tenure.market().as_str() == market).ok_or(Failure::NoMarket)
    }
}

/// A text that is kept, and stands in logs and in Redis.
fn text(field: &str, value: &str) -> Result<String, FieldError> {
    let fits = (1..=limits::MAX_ADVERTISED_BYTES).contains(&value.len());
    if !fits || value.contains(|c: char| c.is_control() || c.is_whitespace()) {
        let allowed = format!("1..={} bytes without spaces", limits::MAX_ADVERTISED_BYTES);
        return Err(FieldError::range(field, format!("{value:?}"), allowed));
    }
    Ok(value.to_owned())
}

#[tonic::async_trait]
impl succession_service_server::SuccessionService for SuccessionService {
    async fn hold(&self, request: Request<HoldRequest>) -> Result<Response<HoldResponse>, Status> {
        let HoldRequest { market, token, span_ms } = request.into_inner();
        let tenure = self.tenure(&market)?;
        if span_ms > limits::MAX_MARKET_LEASE_MS {
            let allowed = format!("0..={}", limits::MAX_MARKET_LEASE_MS);
            return Err(FieldError::range("span_ms", span_ms, allowed).into());
        }
        let answer = tenure.promise(clock::stopwatch(), token, Millis(span_ms));
        let (granted_ms, later_token) = match answer.said {
            Held::Granted => (span_ms, None),
            Held::Refused => (0, None),
            Held::Later { token } => (0, Some(token)),
        };
        Ok(Response::new(HoldResponse { owner: answer.owner, granted_ms, later_token }))
    }

    async fn running(
        &self,
        request: Request<RunningRequest>,
    ) -> Result<Response<RunningResponse>, Status> {
        let RunningRequest { market, token: _, owner, address } = request.into_inner();
        let tenure = self.tenure(&market)?;
        let by = Peer { owner: text("owner", &owner)?, address: text("address", &address)? };
        let answer = tenure.asked(clock::stopwatch(), by);
        let wait_ms = match answer.said {
            Heard::Nobody => 0,
            Heard::Somebody { wait } => wait.get(),
        };
        Ok(Response::new(RunningResponse { owner: answer.owner, wait_ms }))
    }
}
