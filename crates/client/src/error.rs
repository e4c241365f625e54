//! What can go wrong, by operation.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use pointsman_protocol::codes::{CloseCode, ErrorCode, Retry};
use pointsman_protocol::frame::{CloseFrame, ErrorFrame, Refused};
use pointsman_protocol::subject::SubjectError;

use crate::message::Message;

/// The server's no to one request (protocol.md#P9.2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({reason}, {code})")]
#[non_exhaustive]
pub struct Refusal {
    /// The number of the code (protocol.md#P10).
    pub code: u16,
    /// Its name.
    pub reason: String,
    /// What happened, why, what to do.
    pub message: String,
    /// When to try again, where waiting helps.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// The code, where this version of the client knows it.
    #[must_use]
    pub fn error_code(&self) -> Option<ErrorCode> {
        ErrorCode::from_code(self.code)
    }

    /// Whether the same request may be carried out at another time.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.error_code().map_or((200..400).contains(&self.code), |code| code.retry() != Retry::Stop)
    }

    pub(crate) fn is_no_responders(&self) -> bool {
        self.code == ErrorCode::NoResponders.code()
    }

    pub(crate) fn is_sid_in_use(&self) -> bool {
        self.code == ErrorCode::SidInUse.code()
    }

    pub(crate) fn is_timeout(&self) -> bool {
        self.code == ErrorCode::Timeout.code()
    }

    /// What was queued for one server and does not fit into a frame of the next.
    pub(crate) fn too_large(frame_bytes: usize) -> Self {
        let code = ErrorCode::PayloadTooLarge;
        Self {
            code: code.code(),
            reason: code.name().to_owned(),
            message: format!(
                "it was queued while there was no link, and the server that was then found takes {frame_bytes} bytes a frame"
            ),
            retry_after: None,
        }
    }

    pub(crate) fn from_refused(refused: &Refused<'_>) -> Self {
        Self {
            code: refused.code,
            reason: refused.reason.to_string(),
            message: refused.message.to_string(),
            retry_after: None,
        }
    }

    pub(crate) fn from_frame(frame: &ErrorFrame<'_>) -> Self {
        Self {
            code: frame.code,
            reason: frame.reason.to_string(),
            message: frame.message.to_string(),
            retry_after: frame.retry_after_ms.map(|wait| Duration::from_millis(wait.into())),
        }
    }
}

/// Why the server closed the link (protocol.md#P9.3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server closed the link: {message} ({reason}, {code})")]
#[non_exhaustive]
pub struct Close {
    /// The number of the code (protocol.md#P10).
    pub code: u16,
    /// Its name.
    pub reason: String,
    /// What happened and what to do.
    pub message: String,
    /// When to come back.
    pub retry_after: Option<Duration>,
}

impl Close {
    /// The code, where this version of the client knows it.
    #[must_use]
    pub fn close_code(&self) -> Option<CloseCode> {
        CloseCode::from_code(self.code)
    }

    /// What the range of the code says. Codes of WebSocket itself (below 3000) mean: come back now.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self.code {
            3300..3500 => Retry::Later,
            3500..4000 => Retry::Stop,
            _ => Retry::Now,
        }
    }

    pub(crate) fn from_frame(frame: &CloseFrame<'_>) -> Self {
        Self {
            code: frame.code,
            reason: frame.reason.to_string(),
            message: frame.message.to_string(),
            retry_after: frame.retry_after_ms.map(|wait| Duration::from_millis(wait.into())),
        }
    }

    /// Of a close that the link told without a `close` frame.
    pub(crate) fn bare(code: u16, message: &str) -> Self {
        let reason = CloseCode::from_code(code).map_or("closed", CloseCode::name).to_owned();
        Self { code, reason, message: message.to_owned(), retry_after: None }
    }
}

/// Why a link could not be opened, or why it ended.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// No connection could be made.
    #[error("no connection to {address}: {source}; is the server running, and is the address right?")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Somebody answered, but not with a link.
    #[error("{address} did not open a link: {message}; is the path right, and is it a Pointsman server?")]
    NotOpened {
        /// Host, port and path.
        address: String,
        /// What was answered.
        message: String,
    },
    /// Opening took too long.
    #[error("no link was ready within {after:?}; the server is not reachable or overloaded")]
    Timeout {
        /// How long was waited.
        after: Duration,
    },
    /// The server closed it.
    #[error(transparent)]
    Closed(Close),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Lost(#[source] Arc<io::Error>),
    /// Nothing was heard for twice the heartbeat.
    #[error("nothing was heard from the server for {after:?}")]
    Silent {
        /// How long.
        after: Duration,
    },
    /// The server does not speak as the protocol says.
    #[error("the server broke the protocol: {message}")]
    Protocol {
        /// What was wrong.
        message: String,
    },
}

impl LinkError {
    pub(crate) fn lost(error: io::Error) -> Self {
        Self::Lost(Arc::new(error))
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::Protocol { message: message.into() }
    }

    /// What to do about it.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Closed(close) => close.retry(),
            _ => Retry::Now,
        }
    }
}

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// TLS.
    #[error(
        "`{url}`: this build of the client has no TLS, so `wss` and `https` cannot be used; use `ws://` behind a proxy that ends TLS"
    )]
    Tls {
        /// The address.
        url: String,
    },
    /// Another scheme.
    #[error("`{url}`: the scheme `{scheme}` is not known; use `ws://host:port` or `host:port`")]
    Scheme {
        /// The address.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// No host, no port that is a number, or characters that may not be there.
    #[error("`{url}` is no address: {why}; use `ws://host:port` or `host:port`")]
    Malformed {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Why [`Client::connect`](crate::Client::connect) failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The link. [`LinkError::Closed`] is the server's refusal.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// Why the client is closed for good.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CloseCause {
    /// The application closed or dropped it.
    #[error("the client was closed")]
    ByClient,
    /// The server closed the link with a code that says not to come back.
    #[error(transparent)]
    ByServer(Close),
    /// Reconnecting was given up.
    #[error("{attempts} attempts to connect again failed; the last: {last}")]
    GaveUp {
        /// How many attempts were made.
        attempts: u32,
        /// The last one's end.
        #[source]
        last: LinkError,
    },
}

/// Why a message cannot be sent at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMessage {
    /// Its subject.
    #[error("`{subject}` is not a subject: {source}")]
    Subject {
        /// The subject.
        subject: String,
        /// What is wrong with it.
        source: SubjectError,
    },
    /// Its reply subject.
    #[error("`{subject}` is not a reply subject: {source}")]
    Reply {
        /// The subject.
        subject: String,
        /// What is wrong with it.
        source: SubjectError,
    },
    /// Its message id.
    #[error("a message id is 1 to 128 printable ASCII characters")]
    MessageId,
    /// Its payload.
    #[error("the payload has {bytes} bytes, the server takes {max}")]
    PayloadTooLarge {
        /// Bytes it has.
        bytes: usize,
        /// Bytes it may have.
        max: usize,
    },
    /// All of it, as it would go over the wire.
    #[error("the message takes {bytes} bytes on the wire, the server takes {max}")]
    FrameTooLarge {
        /// Bytes it takes.
        bytes: usize,
        /// Bytes it may take.
        max: usize,
    },
}

/// Why a message was not queued. It comes back.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The queue to the server is full: publish slower, wait with [`Client::writable`](crate::Client::writable), or allow more with
    /// [`ClientBuilder::outgoing_max`](crate::ClientBuilder::outgoing_max).
    #[error(
        "the queue to the server is full ({messages} messages, {bytes} bytes wait); publish slower or wait until it is writable"
    )]
    Full {
        /// Messages that wait.
        messages: usize,
        /// Bytes that wait.
        bytes: usize,
        /// The message.
        message: Box<Message>,
    },
    /// The client is closed.
    #[error("the message was not sent: {cause}")]
    Closed {
        /// Why it is closed.
        #[source]
        cause: CloseCause,
        /// The message.
        message: Box<Message>,
    },
    /// It cannot be sent.
    #[error("the message was not sent: {cause}")]
    Invalid {
        /// What is wrong with it.
        #[source]
        cause: InvalidMessage,
        /// The message.
        message: Box<Message>,
    },
}

impl PublishError {
    /// The message that was not sent.
    #[must_use]
    pub fn into_message(self) -> Message {
        match self {
            Self::Full { message, .. } | Self::Closed { message, .. } | Self::Invalid { message, .. } => *message,
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}

/// Why an acknowledged publish was not acknowledged.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AcknowledgeError {
    /// The message cannot be sent.
    #[error(transparent)]
    Invalid(#[from] InvalidMessage),
    /// The client is closed; nothing was sent.
    #[error("the message was not sent: {0}")]
    Closed(#[source] CloseCause),
    /// The server refused it.
    #[error(transparent)]
    Refused(Refusal),
    /// It names a reply subject, and nobody is there to answer.
    #[error("nobody is subscribed to the subject, so nobody can answer")]
    NoResponders,
    /// There was no room in the queue within the request timeout; nothing was sent.
    #[error("the queue to the server had no room within {after:?}; nothing was sent")]
    NotSent {
        /// How long was waited.
        after: Duration,
    },
    /// No answer came within the request timeout. It may have been accepted.
    #[error("no answer came within {after:?}; whether the message was accepted is not known")]
    Timeout {
        /// How long was waited.
        after: Duration,
    },
    /// The session ended before the answer came. It may have been accepted; it is not sent again.
    #[error("the session ended before the answer came; whether the message was accepted is not known")]
    OutcomeUnknown,
}

/// Why a request has no reply.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The message cannot be sent.
    #[error(transparent)]
    Invalid(#[from] InvalidMessage),
    /// The client is closed; nothing was sent.
    #[error("the request was not sent: {0}")]
    Closed(#[source] CloseCause),
    /// Nobody is subscribed to the subject.
    #[error("nobody is subscribed to the subject, so nobody can answer")]
    NoResponders,
    /// No reply came in time. The request may have been handled.
    #[error("no reply came within {after:?}")]
    Timeout {
        /// How long was waited.
        after: Duration,
    },
    /// The server refused it.
    #[error(transparent)]
    Refused(Refusal),
    /// The session ended before the reply came. The request may have been handled; it is not sent again.
    #[error("the session ended before the reply came; whether the request was handled is not known")]
    OutcomeUnknown,
}

/// Why [`Client::respond`](crate::Client::respond) sent nothing.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RespondError {
    /// The message names no reply subject.
    #[error("the message on `{subject}` names no reply subject: it was published, not requested")]
    NoReply {
        /// Where it was published.
        subject: String,
    },
    /// The response was not queued.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Why a value was not published as JSON.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishJsonError {
    /// The value has no JSON form.
    #[error("the value cannot be written as JSON: {0}")]
    Serialize(#[from] serde_json::Error),
    /// The message was not queued.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Why a subscription was not made.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The pattern is not valid.
    #[error("`{pattern}` is not a pattern: {source}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        source: SubjectError,
    },
    /// The queue group's name is not valid.
    #[error("`{queue}` is not the name of a queue group: {source}")]
    Queue {
        /// The name.
        queue: String,
        /// What is wrong with it.
        source: SubjectError,
    },
    /// It does not fit into a frame that the server takes.
    #[error(transparent)]
    Invalid(#[from] InvalidMessage),
    /// The client is closed.
    #[error("the subscription was not made: {0}")]
    Closed(#[source] CloseCause),
    /// The server refused it.
    #[error(transparent)]
    Refused(Refusal),
}

/// Why an operation that only needs the server to go on did not come to its end.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FlushError {
    /// The client is closed.
    #[error("the server did not confirm: {0}")]
    Closed(#[source] CloseCause),
    /// The session ended first: what the server handled of it is not known.
    #[error("the session ended before the server had confirmed everything; what it handled is not known")]
    OutcomeUnknown,
}
