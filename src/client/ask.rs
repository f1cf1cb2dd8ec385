//! Questions: one call each, or many in flight on one stream.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use super::{ClientError, Proximity, proximity_client};
use crate::api::proto::{
    NearestRequest, NearestResponse, NearestStreamRequest, NearestStreamResponse,
    nearest_stream_response::Kind,
};
use crate::limits;

const NEAREST: &str = "Nearest";
const STREAM: &str = "NearestStream";

/// Asks with one call a question. Cheap to clone; clones share the connection.
#[derive(Clone, Debug)]
pub struct Asker {
    client: Proximity,
}

impl Asker {
    /// Asks over this connection.
    pub fn new(channel: Channel) -> Self {
        Self { client: proximity_client(channel) }
    }

    /// The k nearest.
    ///
    /// # Errors
    /// [`ClientError::Refused`].
    pub async fn nearest(
        &mut self,
        question: NearestRequest,
    ) -> Result<NearestResponse, ClientError> {
        let answer = self.client.nearest(question).await;
        answer.map(tonic::Response::into_inner).map_err(ClientError::refused(NEAREST))
    }
}

/// Asks with many questions in flight on one stream.
///
/// # Invariants
/// A1: at most `window` questions are unanswered; one more waits for an answer.
/// A2: answers come in the order of the questions.
#[derive(Debug)]
pub struct PipelinedAsker {
    sender: mpsc::Sender<NearestStreamRequest>,
    answers: Streaming<NearestStreamResponse>,
    window: u64,
    asked: u64,
    answered: u64,
}

impl PipelinedAsker {
    /// Opens a stream on which at most `window` questions are unanswered,
    /// 1..=[`limits::MAX_UNANSWERED_QUESTIONS`].
    ///
    /// # Errors
    /// [`ClientError`] if the server refuses.
    pub async fn open(channel: Channel, window: usize) -> Result<Self, ClientError> {
        let window = window.clamp(1, limits::MAX_UNANSWERED_QUESTIONS);
        let (sender, receiver) = mpsc::channel(window);
        let response = proximity_client(channel)
            .nearest_stream(ReceiverStream::new(receiver))
            .await
            .map_err(ClientError::refused(STREAM))?;
        let answers = response.into_inner();
        Ok(Self { sender, answers, window: window as u64, asked: 0, answered: 0 })
    }

    /// Whether another question may be asked before an answer is taken.
    pub const fn has_room(&self) -> bool {
        self.asked - self.answered < self.window
    }

    /// Questions without an answer.
    pub const fn unanswered(&self) -> u64 {
        self.asked - self.answered
    }

    /// Asks, and returns the question's number, from 0. Call [`Self::answer`] when there is no
    /// [room](Self::has_room): otherwise this waits for ever.
    ///
    /// # Errors
    /// [`ClientError::Ended`] if the stream has ended; [`Self::answer`] says why.
    pub async fn ask(&mut self, nearest: NearestRequest) -> Result<u64, ClientError> {
        let question = self.asked;
        let message = NearestStreamRequest { question, nearest: Some(nearest) };
        let sent = self.sender.send(message).await;
        sent.map_err(|_| ClientError::Ended { call: STREAM })?;
        self.asked += 1;
        Ok(question)
    }

    /// The next answer.
    ///
    /// # Errors
    /// [`ClientError`] if the stream ended, the question was refused, or another one answered.
    pub async fn answer(&mut self) -> Result<NearestResponse, ClientError> {
        let message = self.answers.message().await.map_err(ClientError::refused(STREAM))?;
        let message = message.ok_or(ClientError::Ended { call: STREAM })?;
        let wrong = |what: String| ClientError::Protocol { call: STREAM, what };
        if message.question != self.answered {
            let (got, due) = (message.question, self.answered);
            return Err(wrong(format!("answer to question {got} where {due} was due")));
        }
        self.answered += 1;
        match message.kind {
            Some(Kind::Answer(answer)) => Ok(answer),
            Some(Kind::Refusal(refusal)) => Err(wrong(refusal.detail)),
            None => Err(wrong("an answer without content".to_owned())),
        }
    }
}
