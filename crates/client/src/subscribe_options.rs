//! What to subscribe to, and how.

use crate::inbox::InboxLimits;

/// Messages that a subscription holds for the application unless told otherwise.
const BUFFER_MESSAGES: usize = 65_536;
/// Bytes that a subscription holds for the application unless told otherwise.
const BUFFER_BYTES: usize = 64 * 1024 * 1024;

/// What to subscribe to, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscribeOptions {
    /// The pattern (protocol.md#P2.2).
    pub pattern: String,
    /// The queue group: of all subscriptions of this name that match, one gets each message.
    pub queue: Option<String>,
    /// Ends after so many deliveries. What a gap hides may or may not have been counted by the server.
    pub max: Option<u64>,
    /// Messages held for the application; default 65,536. What arrives beyond is dropped and told as a gap `client_slow`.
    pub buffer_messages: usize,
    /// Bytes held for the application, with what a message takes besides its payload; default 64 MiB. One message is held however large it is.
    pub buffer_bytes: usize,
}

impl SubscribeOptions {
    /// A plain subscription to a pattern.
    #[must_use]
    pub fn new(pattern: impl Into<String>) -> Self {
        Self {
            pattern: pattern.into(),
            queue: None,
            max: None,
            buffer_messages: BUFFER_MESSAGES,
            buffer_bytes: BUFFER_BYTES,
        }
    }

    /// In a queue group.
    #[must_use]
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// Ends after so many deliveries.
    #[must_use]
    pub fn max(mut self, max: u64) -> Self {
        self.max = Some(max);
        self
    }

    /// Holds at most so much for the application.
    #[must_use]
    pub fn buffer(mut self, messages: usize, bytes: usize) -> Self {
        self.buffer_messages = messages;
        self.buffer_bytes = bytes;
        self
    }

    pub(crate) fn limits(&self) -> InboxLimits {
        InboxLimits { messages: self.buffer_messages, bytes: self.buffer_bytes }
    }
}

impl From<&str> for SubscribeOptions {
    fn from(pattern: &str) -> Self {
        Self::new(pattern)
    }
}

impl From<String> for SubscribeOptions {
    fn from(pattern: String) -> Self {
        Self::new(pattern)
    }
}
