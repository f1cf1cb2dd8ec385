//! From which pages browsers may call by gRPC-Web.
//!
//! A browser sends what a page asks of another origin, but keeps the answer from the page unless
//! the server allows it, and asks before it sends a content type such as gRPC-Web's. Other clients
//! do not care: this protects those who sit at a browser, not the server.

use std::str::FromStr;
use std::time::Duration;

use tonic::codegen::http::header::CONTENT_TYPE;
use tonic::codegen::http::{HeaderName, HeaderValue, Method, Uri};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::limits;

/// What a page may read of an answer besides its body.
const EXPOSED: [HeaderName; 4] = [
    CONTENT_TYPE,
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
];

/// The pages whose browsers may call.
///
/// # Examples
/// ```
/// use hansom::server::WebOrigins;
///
/// let origins: WebOrigins = "https://dispatch.example.com,http://localhost:3000".parse()?;
/// assert!(matches!(origins, WebOrigins::These(two) if two.len() == 2));
/// assert!("dispatch.example.com".parse::<WebOrigins>().is_err());
/// # Ok::<_, String>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WebOrigins {
    /// None but the server's own, of which there are none.
    #[default]
    Nobody,
    /// Whatever page somebody opens.
    Anybody,
    /// Those of these origins.
    These(Vec<HeaderValue>),
}

impl FromStr for WebOrigins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Ok(Self::Nobody),
            "*" => Ok(Self::Anybody),
            _ => {
                let origins: Vec<_> = text.split(',').map(origin).collect::<Result<_, _>>()?;
                let (most, count) = (limits::MAX_WEB_ORIGINS, origins.len());
                let few = (count <= most).then_some(Self::These(origins));
                few.ok_or_else(|| format!("{count} origins are more than {most}"))
            }
        }
    }
}

/// A scheme, a host and perhaps a port, as browsers write them: nothing else would ever match.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let text = text.trim();
    let bad = || format!("{text:?} is no origin such as https://dispatch.example.com, nor *");
    let uri: Uri = text.parse().map_err(|_| bad())?;
    let (scheme, authority) = (uri.scheme_str(), uri.authority());
    let (scheme, authority) = scheme.zip(authority).ok_or_else(bad)?;
    let written = format!("{scheme}://{authority}");
    if text == written && text == text.to_lowercase() && !text.contains('@') {
        HeaderValue::from_str(text).map_err(|_| bad())
    } else {
        Err(bad())
    }
}

impl WebOrigins {
    /// What answers for them; none where nobody is allowed, so that calls cost nothing more.
    pub(super) fn layer(&self) -> Option<CorsLayer> {
        let allowed = match self {
            Self::Nobody => return None,
            Self::Anybody => AllowOrigin::any(),
            Self::These(origins) => AllowOrigin::list(origins.iter().cloned()),
        };
        let layer = CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::POST])
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(EXPOSED)
            .max_age(Duration::from_secs(limits::PREFLIGHT_SECONDS));
        Some(layer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        assert_eq!("".parse(), Ok(WebOrigins::Nobody));
        assert_eq!("*".parse(), Ok(WebOrigins::Anybody));
        let two = ["https://a.example", "http://localhost:3000"].map(HeaderValue::from_static);
        let read = "https://a.example, http://localhost:3000".parse();
        assert_eq!(read, Ok(WebOrigins::These(two.to_vec())));
        for bad in [
            "a.example",
            "https://",
            "https://a.example/",
            "https://a.example/app",
            "https://A.example",
            "https://me@a.example",
            "https://a.example,",
            "null",
        ] {
            let error = bad.parse::<WebOrigins>().unwrap_err();
            assert!(error.contains("is no origin"), "{bad}: {error}");
        }
        let many = vec!["https://a.example"; limits::MAX_WEB_ORIGINS + 1].join(",");
        assert!(many.parse::<WebOrigins>().unwrap_err().contains("more than"));
    }
}
