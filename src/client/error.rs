//! What can go wrong between the client and a server.

use tonic::Status;
use tonic_types::StatusExt as _;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The text is no address of a server.
    #[error("{target:?} is not an address like http://127.0.0.1:7400")]
    Target {
        /// The text.
        target: String,
    },
    /// There is no connection to the server.
    #[error("cannot connect to {target}: {}", root(source))]
    Connect {
        /// Its address.
        target: String,
        /// Why not.
        source: tonic::transport::Error,
    },
    /// The server refused a call.
    #[error("{call}: {} ({:?})", status.message(), status.code())]
    Refused {
        /// Which call.
        call: &'static str,
        /// What the server said.
        status: Box<Status>,
    },
    /// The server ended a stream that should have gone on.
    #[error("{call}: the server ended the stream")]
    Ended {
        /// Which call.
        call: &'static str,
    },
    /// The server answered something that the protocol does not allow.
    #[error("{call}: {what}")]
    Protocol {
        /// Which call.
        call: &'static str,
        /// What is wrong.
        what: String,
    },
}

impl ClientError {
    /// The machine-readable name that the server gave a refusal, else the name of its code.
    pub fn reason(&self) -> String {
        let Self::Refused { status, .. } = self else { return "failed".to_owned() };
        let named = status.get_error_details().error_info().map(|info| info.reason.clone());
        named.unwrap_or_else(|| format!("{:?}", status.code()))
    }

    /// Turns the status of a failed call into an error that names the call.
    pub fn refused(call: &'static str) -> impl Fn(Status) -> Self {
        move |status| Self::Refused { call, status: Box::new(status) }
    }
}

/// The innermost cause: the transport's own text says only "transport error".
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
