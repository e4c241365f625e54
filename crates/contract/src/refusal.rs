//! A typed no to one request.

use std::time::Duration;

use pointsman_protocol::codes::ErrorCode;
use pointsman_protocol::frame::ErrorFrame;

/// Why one request was not carried out. The link goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The code; its range says whether to try again (protocol.md#P10).
    pub code: ErrorCode,
    /// What happened, why, and what to do.
    pub message: String,
    /// When to try again, where waiting helps.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal that waiting does not cure.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// The same with a time to wait.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asked<'a> {
    /// To publish.
    Publish {
        /// Where to.
        subject: &'a str,
    },
    /// To subscribe.
    Subscribe {
        /// To what.
        pattern: &'a str,
        /// In which queue group.
        queue: Option<&'a str>,
    },
    /// To end a subscription.
    Unsubscribe,
}

/// A refusal on its way to the peer that asked.
#[derive(Debug, Clone, Copy)]
pub struct Refused<'a> {
    /// The id of the request, where the peer wants an answer in any case.
    pub id: Option<u64>,
    /// The subscription it is about.
    pub sid: Option<u64>,
    /// What was asked for.
    pub asked: Asked<'a>,
    /// The no.
    pub refusal: &'a Refusal,
}

impl<'a> Refused<'a> {
    /// The frame that says it (protocol.md#P9.2).
    #[must_use]
    pub fn frame(&self) -> ErrorFrame<'a> {
        ErrorFrame {
            id: self.id,
            // The subscription is named where no id says which request it was.
            sid: if self.id.is_none() { self.sid } else { None },
            code: self.refusal.code.code(),
            reason: self.refusal.code.name().into(),
            message: self.refusal.message.as_str().into(),
            retry_after_ms: self.refusal.retry_after.map(|wait| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX)),
        }
    }
}
