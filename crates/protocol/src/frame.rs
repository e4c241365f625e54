//! The frames (protocol.md#P3 to P9), borrowed from the bytes they came in.

use std::borrow::Cow;

pub use crate::error::FrameError;

type Text<'a> = Cow<'a, str>;
type Bytes<'a> = Cow<'a, [u8]>;

/// What is known of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyKind {
    /// It is valid JSON.
    Json,
    /// It may be anything.
    #[default]
    Unknown,
}

/// The first frame of a link (protocol.md#P3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect<'a> {
    /// Of the protocol.
    pub version: u32,
    /// Who it is.
    pub token: Option<Text<'a>>,
    /// For operators.
    pub name: Option<Text<'a>>,
    /// Whether the session hears its own publications.
    pub echo: bool,
    /// Subscriptions to begin with.
    pub subscribe: Vec<Subscription<'a>>,
    /// The session to take up.
    pub attach: Option<Attach<'a>>,
}

/// A session to take up (protocol.md#P8.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attach<'a> {
    /// Which.
    pub session: Text<'a>,
    /// Its secret.
    pub secret: Text<'a>,
    /// The last known generation + 1.
    pub generation: u32,
    /// Wire messages received.
    pub received: u64,
}

/// A subscription (protocol.md#P4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The client's number for it.
    pub sid: u64,
    /// What to receive.
    pub pattern: Text<'a>,
    /// The queue group.
    pub queue: Option<Text<'a>>,
    /// Ends after so many deliveries.
    pub max: Option<u64>,
}

/// A publication (protocol.md#P5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Asks for an answer.
    pub id: Option<u64>,
    /// Where to.
    pub subject: Text<'a>,
    /// Where an answer goes.
    pub reply: Option<Text<'a>>,
    /// The idempotency key.
    pub message_id: Option<Text<'a>>,
    /// The header block.
    pub headers: Bytes<'a>,
    /// The body.
    pub payload: Bytes<'a>,
    /// What is known of the body.
    pub body: BodyKind,
}

/// A request (protocol.md#P6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// Its number.
    pub id: u64,
    /// Where to.
    pub subject: Text<'a>,
    /// How long to wait.
    pub timeout_ms: Option<u32>,
    /// The header block.
    pub headers: Bytes<'a>,
    /// The body.
    pub payload: Bytes<'a>,
    /// What is known of the body.
    pub body: BodyKind,
}

/// A frame of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "frames live on the stack for the length of one call")]
pub enum ClientFrame<'a> {
    /// The first one.
    Connect(Connect<'a>),
    /// Begin a subscription.
    Subscribe {
        /// Asks for an answer.
        id: Option<u64>,
        /// Which.
        subscription: Subscription<'a>,
    },
    /// End one.
    Unsubscribe {
        /// Asks for an answer.
        id: Option<u64>,
        /// Which.
        sid: u64,
        /// End after so many deliveries.
        max: Option<u64>,
    },
    /// Publish.
    Publish(Publish<'a>),
    /// Publish and wait for one reply.
    Request(Request<'a>),
    /// Asks for a pong.
    Ping {
        /// Wire messages received.
        received: u64,
    },
    /// Answers a ping, or confirms.
    Pong {
        /// Wire messages received.
        received: u64,
    },
}

/// Limits told to a client (protocol.md#P3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Bytes of a frame.
    pub frame_bytes: u32,
    /// Bytes of a payload.
    pub payload_bytes: u32,
    /// Bytes of a subject.
    pub subject_bytes: u32,
    /// Subscriptions of a session.
    pub subscriptions: u32,
    /// Unanswered requests of a session.
    pub requests: u32,
    /// Wire messages kept for a resend.
    pub resend_frames: u32,
    /// Bytes kept for a resend.
    pub resend_bytes: u32,
}

/// A subscription of `connect` that was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused<'a> {
    /// Which.
    pub sid: u64,
    /// Why, as a number.
    pub code: u16,
    /// Why, as a name.
    pub reason: Text<'a>,
    /// Why, as a sentence.
    pub message: Text<'a>,
}

/// The answer to `connect` (protocol.md#P3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready<'a> {
    /// Of the protocol.
    pub version: u32,
    /// The session's name.
    pub session: Text<'a>,
    /// What proves that a link may attach to it.
    pub secret: Text<'a>,
    /// Which link of the session this is.
    pub generation: u32,
    /// Whether an attach was granted.
    pub resumed: bool,
    /// Wire messages of the client that the server has handled.
    pub received: u64,
    /// Wire messages that are lost to the client.
    pub skipped: u64,
    /// Why an attach was not granted.
    pub reason: Option<Text<'a>>,
    /// Boot id of the node.
    pub node: Text<'a>,
    /// Name and version of the server.
    pub server: Text<'a>,
    /// The user.
    pub user: Option<Text<'a>>,
    /// The server sends something at least this often.
    pub heartbeat_ms: u32,
    /// How long a session without a link is kept.
    pub keep_ms: u32,
    /// Limits.
    pub limits: Limits,
    /// Optional capabilities.
    pub features: Vec<Text<'a>>,
    /// Subscriptions that were not made.
    pub refused: Vec<Refused<'a>>,
}

/// A request that was not carried out (protocol.md#P9.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorFrame<'a> {
    /// Of the request.
    pub id: Option<u64>,
    /// Of the subscription.
    pub sid: Option<u64>,
    /// The code.
    pub code: u16,
    /// Its name.
    pub reason: Text<'a>,
    /// What happened, why, what to do.
    pub message: Text<'a>,
    /// When to try again.
    pub retry_after_ms: Option<u32>,
}

/// The end of a link (protocol.md#P9.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseFrame<'a> {
    /// The code.
    pub code: u16,
    /// Its name.
    pub reason: Text<'a>,
    /// What happened and what to do.
    pub message: Text<'a>,
    /// When to come back.
    pub retry_after_ms: Option<u32>,
}

/// One message of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery<'a> {
    /// Where it was published.
    pub subject: Text<'a>,
    /// Where an answer goes.
    pub reply: Option<Text<'a>>,
    /// The header block.
    pub headers: Bytes<'a>,
    /// The body.
    pub payload: Bytes<'a>,
    /// What is known of the body.
    pub body: BodyKind,
}

/// The same, as the encoder takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryView<'a> {
    /// Where it was published.
    pub subject: &'a str,
    /// Where an answer goes.
    pub reply: Option<&'a str>,
    /// The header block.
    pub headers: &'a [u8],
    /// The body.
    pub payload: &'a [u8],
    /// What is known of the body.
    pub body: BodyKind,
}

impl Delivery<'_> {
    /// A view of it.
    #[must_use]
    pub fn view(&self) -> DeliveryView<'_> {
        DeliveryView {
            subject: &self.subject,
            reply: self.reply.as_deref(),
            headers: &self.headers,
            payload: &self.payload,
            body: self.body,
        }
    }
}

/// A frame of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "frames live on the stack for the length of one call")]
pub enum ServerFrame<'a> {
    /// Answers `connect`.
    Ready(Ready<'a>),
    /// It was done.
    Ok {
        /// Of the request.
        id: u64,
    },
    /// It was not done.
    Error(ErrorFrame<'a>),
    /// Messages for some of the client's subscriptions.
    Message {
        /// Which, ascending.
        sids: Vec<u64>,
        /// The messages.
        messages: Vec<Delivery<'a>>,
    },
    /// Answers a request.
    Reply {
        /// Of the request.
        id: u64,
        /// The header block.
        headers: Bytes<'a>,
        /// The body.
        payload: Bytes<'a>,
        /// What is known of the body.
        body: BodyKind,
    },
    /// Messages were lost (protocol.md#P9.1).
    Gap {
        /// For which subscriptions.
        sids: Vec<u64>,
        /// How many, where it is known.
        lost: Option<u64>,
        /// Why.
        reason: Text<'a>,
    },
    /// Asks for a pong.
    Ping {
        /// Wire messages received.
        received: u64,
    },
    /// Answers a ping.
    Pong {
        /// Wire messages received.
        received: u64,
    },
    /// The last frame.
    Close(CloseFrame<'a>),
}

fn text(text: Text<'_>) -> Text<'static> {
    Cow::Owned(text.into_owned())
}

fn bytes(bytes: Bytes<'_>) -> Bytes<'static> {
    Cow::Owned(bytes.into_owned())
}

impl Subscription<'_> {
    /// The same, owned.
    #[must_use]
    pub fn into_owned(self) -> Subscription<'static> {
        Subscription { sid: self.sid, pattern: text(self.pattern), queue: self.queue.map(text), max: self.max }
    }
}

impl ClientFrame<'_> {
    /// The same, owned.
    #[must_use]
    pub fn into_owned(self) -> ClientFrame<'static> {
        match self {
            Self::Connect(connect) => ClientFrame::Connect(Connect {
                version: connect.version,
                token: connect.token.map(text),
                name: connect.name.map(text),
                echo: connect.echo,
                subscribe: connect.subscribe.into_iter().map(Subscription::into_owned).collect(),
                attach: connect.attach.map(|attach| Attach {
                    session: text(attach.session),
                    secret: text(attach.secret),
                    generation: attach.generation,
                    received: attach.received,
                }),
            }),
            Self::Subscribe { id, subscription } => {
                ClientFrame::Subscribe { id, subscription: subscription.into_owned() }
            }
            Self::Unsubscribe { id, sid, max } => ClientFrame::Unsubscribe { id, sid, max },
            Self::Publish(publish) => ClientFrame::Publish(Publish {
                id: publish.id,
                subject: text(publish.subject),
                reply: publish.reply.map(text),
                message_id: publish.message_id.map(text),
                headers: bytes(publish.headers),
                payload: bytes(publish.payload),
                body: publish.body,
            }),
            Self::Request(request) => ClientFrame::Request(Request {
                id: request.id,
                subject: text(request.subject),
                timeout_ms: request.timeout_ms,
                headers: bytes(request.headers),
                payload: bytes(request.payload),
                body: request.body,
            }),
            Self::Ping { received } => ClientFrame::Ping { received },
            Self::Pong { received } => ClientFrame::Pong { received },
        }
    }
}

impl ServerFrame<'_> {
    /// The same, owned.
    #[must_use]
    pub fn into_owned(self) -> ServerFrame<'static> {
        match self {
            Self::Ready(ready) => ServerFrame::Ready(Ready {
                version: ready.version,
                session: text(ready.session),
                secret: text(ready.secret),
                generation: ready.generation,
                resumed: ready.resumed,
                received: ready.received,
                skipped: ready.skipped,
                reason: ready.reason.map(text),
                node: text(ready.node),
                server: text(ready.server),
                user: ready.user.map(text),
                heartbeat_ms: ready.heartbeat_ms,
                keep_ms: ready.keep_ms,
                limits: ready.limits,
                features: ready.features.into_iter().map(text).collect(),
                refused: ready
                    .refused
                    .into_iter()
                    .map(|refused| Refused {
                        sid: refused.sid,
                        code: refused.code,
                        reason: text(refused.reason),
                        message: text(refused.message),
                    })
                    .collect(),
            }),
            Self::Ok { id } => ServerFrame::Ok { id },
            Self::Error(error) => ServerFrame::Error(ErrorFrame {
                id: error.id,
                sid: error.sid,
                code: error.code,
                reason: text(error.reason),
                message: text(error.message),
                retry_after_ms: error.retry_after_ms,
            }),
            Self::Message { sids, messages } => ServerFrame::Message {
                sids,
                messages: messages
                    .into_iter()
                    .map(|message| Delivery {
                        subject: text(message.subject),
                        reply: message.reply.map(text),
                        headers: bytes(message.headers),
                        payload: bytes(message.payload),
                        body: message.body,
                    })
                    .collect(),
            },
            Self::Reply { id, headers, payload, body } => {
                ServerFrame::Reply { id, headers: bytes(headers), payload: bytes(payload), body }
            }
            Self::Gap { sids, lost, reason } => ServerFrame::Gap { sids, lost, reason: text(reason) },
            Self::Ping { received } => ServerFrame::Ping { received },
            Self::Pong { received } => ServerFrame::Pong { received },
            Self::Close(close) => ServerFrame::Close(CloseFrame {
                code: close.code,
                reason: text(close.reason),
                message: text(close.message),
                retry_after_ms: close.retry_after_ms,
            }),
        }
    }
}

/// What an encoded delivery carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageInfo {
    /// For which subscriptions.
    pub sids: Vec<u64>,
    /// How many messages.
    pub messages: u32,
}
