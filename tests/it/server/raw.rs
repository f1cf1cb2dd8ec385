//! Calls without the typed client: any bytes for a request, and an answer that is not read.

use std::future::poll_fn;
use std::io::{Read as _, repeat};
use std::pin::Pin;
use std::task::{Context, Poll};

use hansom::limits;
use hyper::body::{Body as HttpBody, Bytes, Frame};
use prost::Message;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service as _;
use tonic::transport::{Channel, Endpoint};

use super::serve::Served;
use super::support::soon;

/// A connection whose client takes only 1 KiB of each answer before it reads.
pub(super) async fn narrow(served: &Served) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", served.grpc)).unwrap();
    soon(endpoint.initial_stream_window_size(1_024).connect()).await.unwrap()
}

/// A request's body: a head, then the same part so many times.
#[derive(Clone)]
pub(super) struct Parts(Option<Bytes>, Bytes, usize);

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let part = self.0.take().or_else(|| {
            self.2 = self.2.checked_sub(1)?;
            Some(self.1.clone())
        });
        Poll::Ready(part.map(|part| Ok(Frame::data(part))))
    }
}

/// What precedes a message of gRPC.
fn head(packed: bool, length: usize) -> Bytes {
    let length = u32::try_from(length).unwrap().to_be_bytes();
    [u8::from(packed)].into_iter().chain(length).collect()
}

/// One message.
pub(super) fn message(message: &impl Message) -> Parts {
    Parts(Some(head(false, message.encoded_len())), message.encode_to_vec().into(), 1)
}

/// A message of zeros, so long.
pub(super) fn large(length: usize) -> Parts {
    let part = Bytes::from(vec![0; 64 << 10]);
    Parts(Some(head(false, length)), part.clone(), length / part.len())
}

/// A packed message that is so long when unpacked.
pub(super) fn bomb(length: usize) -> Parts {
    let zeros = repeat(0).take(length as u64);
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(zeros, flate2::Compression::best())
        .read_to_end(&mut packed)
        .unwrap();
    assert!(packed.len() < limits::MAX_MESSAGE_BYTES / 4, "{} is no bomb", packed.len());
    Parts(Some(head(true, packed.len())), packed.into(), 1)
}

/// Calls a method without the typed client, which would read the answer.
pub(super) async fn call(
    mut connection: Channel,
    method: &str,
    body: Parts,
) -> hyper::Response<Body> {
    let request = hyper::Request::post(format!("http://x/hansom.v1.{method}"))
        .header("content-type", "application/grpc")
        .header("grpc-encoding", "gzip")
        .header("te", "trailers");
    let request = request.body(Body::new(body)).unwrap();
    soon(poll_fn(|cx| connection.poll_ready(cx))).await.unwrap();
    soon(connection.call(request)).await.unwrap()
}
