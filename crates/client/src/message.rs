//! A message, as it is published and as it arrives.

use bytes::Bytes;
use pointsman_protocol::frame::BodyKind;
use pointsman_protocol::headers::HeaderError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::headers::Headers;

/// Payload and headers with a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Where it is, or was, published. On the reply to a request: the subject that was asked.
    pub subject: String,
    /// Where an answer goes.
    pub reply: Option<String>,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub payload: Bytes,
    /// The idempotency key, on messages to publish; `None` on received ones.
    pub message_id: Option<String>,
    pub(crate) body: BodyMark,
}

/// What is known of the payload. Not part of a message's identity.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BodyMark(pub(crate) BodyKind);

impl PartialEq for BodyMark {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for BodyMark {}

impl Message {
    /// A message without headers.
    #[must_use]
    pub fn new(subject: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self {
            subject: subject.into(),
            reply: None,
            headers: Headers::new(),
            payload: payload.into(),
            message_id: None,
            body: BodyMark::default(),
        }
    }

    /// A message whose payload is the value as JSON.
    ///
    /// # Errors
    /// The value has no JSON form.
    pub fn from_json<T: Serialize + ?Sized>(subject: impl Into<String>, value: &T) -> Result<Self, serde_json::Error> {
        let mut message = Self::new(subject, serde_json::to_vec(value)?);
        message.body = BodyMark(BodyKind::Json);
        Ok(message)
    }

    /// With a subject for answers.
    #[must_use]
    pub fn with_reply(mut self, reply: impl Into<String>) -> Self {
        self.reply = Some(reply.into());
        self
    }

    /// With an idempotency key (at most 128 printable ASCII characters).
    #[must_use]
    pub fn with_message_id(mut self, message_id: impl Into<String>) -> Self {
        self.message_id = Some(message_id.into());
        self
    }

    /// With one more header.
    ///
    /// # Errors
    /// The name is no HTTP token, the value holds a control character, or the headers would take more than 4 KiB.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, HeaderError> {
        self.headers.push(name, value)?;
        Ok(self)
    }

    /// The payload read as JSON.
    ///
    /// # Errors
    /// It is not JSON, or not of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.payload)
    }

    /// What it takes of a bounded buffer.
    pub(crate) fn cost(&self) -> usize {
        size_of::<Self>()
            + self.subject.len()
            + self.reply.as_ref().map_or(0, String::len)
            + self.headers.as_block().len()
            + self.payload.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_message_is_read_back() {
        let message = Message::from_json("a.b", &vec![1, 2, 3]).unwrap();
        assert_eq!(message.payload, "[1,2,3]");
        assert_eq!(message.json::<Vec<u8>>().unwrap(), [1, 2, 3]);
        assert!(message.json::<String>().is_err());
        // What is known of the body is no part of the message.
        assert_eq!(message, Message::new("a.b", "[1,2,3]"));
    }
}
