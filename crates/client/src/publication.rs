//! A message on its way into the queue.

use pointsman_protocol::frame::{BodyKind, ClientFrame, Publish, Request};
use pointsman_protocol::subject::validate_subject;

use crate::error::InvalidMessage;
use crate::message::Message;

/// What a frame takes besides its strings and bytes, at most, in postcard. JSON that takes more is moved to a wire message of its own.
pub(crate) const FRAME_OVERHEAD: usize = 48;
const MESSAGE_ID_BYTES_MAX: usize = 128;

/// A message to publish, borrowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Publication<'a> {
    pub(crate) subject: &'a str,
    pub(crate) reply: Option<&'a str>,
    pub(crate) message_id: Option<&'a str>,
    pub(crate) headers: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) body: BodyKind,
}

impl<'a> Publication<'a> {
    pub(crate) fn plain(subject: &'a str, payload: &'a [u8]) -> Self {
        Self { subject, reply: None, message_id: None, headers: &[], payload, body: BodyKind::Unknown }
    }

    pub(crate) fn of(message: &'a Message) -> Self {
        Self {
            subject: &message.subject,
            reply: message.reply.as_deref(),
            message_id: message.message_id.as_deref(),
            headers: message.headers.as_block(),
            payload: &message.payload,
            body: message.body.0,
        }
    }

    pub(crate) fn check(&self) -> Result<(), InvalidMessage> {
        validate_subject(self.subject)
            .map_err(|source| InvalidMessage::Subject { subject: self.subject.to_owned(), source })?;
        if let Some(reply) = self.reply {
            validate_subject(reply).map_err(|source| InvalidMessage::Reply { subject: reply.to_owned(), source })?;
        }
        if let Some(id) = self.message_id
            && (id.is_empty()
                || id.len() > MESSAGE_ID_BYTES_MAX
                || !id.bytes().all(|byte| (b' '..=b'~').contains(&byte)))
        {
            return Err(InvalidMessage::MessageId);
        }
        Ok(())
    }

    /// Bytes it takes on the wire, about.
    pub(crate) fn estimate(&self) -> usize {
        FRAME_OVERHEAD
            + self.subject.len()
            + self.reply.map_or(0, str::len)
            + self.message_id.map_or(0, str::len)
            + self.headers.len()
            + self.payload.len()
    }

    /// As a `publish` frame.
    pub(crate) fn frame(&self, id: Option<u64>) -> ClientFrame<'a> {
        ClientFrame::Publish(Publish {
            id,
            subject: self.subject.into(),
            reply: self.reply.map(Into::into),
            message_id: self.message_id.map(Into::into),
            headers: self.headers.into(),
            payload: self.payload.into(),
            body: self.body,
        })
    }

    /// As a `request` frame.
    pub(crate) fn request(&self, id: u64, timeout_ms: u32) -> ClientFrame<'a> {
        ClientFrame::Request(Request {
            id,
            subject: self.subject.into(),
            timeout_ms: Some(timeout_ms),
            headers: self.headers.into(),
            payload: self.payload.into(),
            body: self.body,
        })
    }
}
