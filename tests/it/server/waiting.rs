//! Calls below the typed clients, many at once: requests that never end, answers that are read
//! only when somebody asks for it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use hansom::api::proto::WithinResponse;
use hyper::body::{Body as HttpBody, Bytes, Frame};
use prost::Message as _;
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::codegen::Service as _;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::support::soon;

pub(super) type Request = hyper::Request<Body>;
pub(super) type Response = hyper::Response<Body>;
pub(super) type Calls = JoinSet<Result<Response, tonic::transport::Error>>;

/// A request's body of these parts; then it ends, or never does.
struct Parts {
    parts: VecDeque<Bytes>,
    ends: bool,
}

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.parts.pop_front() {
            Some(part) => Poll::Ready(Some(Ok(Frame::data(part)))),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

/// A call of a method, as gRPC has it.
pub(super) fn request(method: &str, parts: impl IntoIterator<Item = Bytes>, ends: bool) -> Request {
    let body = Body::new(Parts { parts: parts.into_iter().collect(), ends });
    let request = hyper::Request::post(format!("http://x/hansom.v1.{method}"));
    let request = request.header("content-type", "application/grpc").header("te", "trailers");
    request.body(body).unwrap()
}

/// A message in its frame.
pub(super) fn framed(compressed: bool, message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[u8::from(compressed)], &length[..], message].concat().into()
}

/// Makes a call many times at once. What it yields has a body that nobody reads.
pub(super) fn calls(connection: &Channel, count: usize, make: fn() -> Request) -> Calls {
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let connection = connection.clone();
        calls.spawn(async move { call(connection, make()).await });
    }
    calls
}

/// One of them.
pub(super) async fn call(
    mut connection: Channel,
    request: Request,
) -> Result<Response, tonic::transport::Error> {
    std::future::poll_fn(|cx| connection.poll_ready(cx)).await?;
    connection.call(request).await
}

/// The head of the next answer to come.
pub(super) async fn next(calls: &mut Calls) -> Response {
    soon(calls.join_next()).await.expect("a call").unwrap().unwrap()
}

/// The page that was answered, or why there is none.
pub(super) async fn read(answer: Response) -> Result<WithinResponse, Status> {
    let (mut body, mut page) = (answer.into_body(), Vec::new());
    while let Some(frame) =
        soon(std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))).await
    {
        match frame.unwrap().into_data() {
            Ok(data) => page.extend_from_slice(&data),
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap();
                let status = Status::from_header_map(&trailers).unwrap();
                if status.code() != Code::Ok {
                    return Err(status);
                }
            }
        }
    }
    Ok(WithinResponse::decode(&page[5..]).unwrap())
}
