//! The Rust client of Pointsman: publish, subscribe, request and reply over one session.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use pointsman_client::{Client, Received};
//!
//! let client = Client::connect("ws://127.0.0.1:7422").await?;
//! let mut metrics = client.subscribe("metrics.>").await?;
//! client.publish("metrics.cpu", "0.5")?;
//! while let Some(received) = metrics.next().await {
//!     match received {
//!         Received::Message(message) => println!("{}: {:?}", message.subject, message.payload),
//!         Received::Gap(gap) => println!("messages were lost here: {}", gap.reason),
//!         _ => {}
//!     }
//! }
//! client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! It speaks `pointsman.v1` (`docs/protocol.md`) over WebSocket. It is not a NATS client, has no TLS of its own, and stores nothing: what was
//! published live and not accepted when the session was lost is lost, and told.
//!
//! # Invariants
//! - A subscription yields each message that the server delivered to it once, or a [`Gap`] in its place.
//! - A lost link is replaced and the session taken up again; wire messages that the server has not received are sent again, and no others.
//! - When the session itself is lost, every subscription is made again and yields a gap [`SessionGone`](GapReason::SessionGone); calls
//!   that were not answered end as `OutcomeUnknown`. Nothing is published a second time by the client itself.
//!
//! # Ordering
//! Everything goes to the server in the order of the calls. A subscription yields messages and gaps in the order in which the server
//! told them; there is no order between two subscriptions.
//!
//! # Backpressure
//! The queue to the server is bounded ([`ClientBuilder::outgoing_max`]): [`Client::publish`] gives the message back when it is full, calls that
//! wait for an answer wait for room too. The buffer of a subscription is bounded ([`SubscribeOptions::buffer`]): what does not fit is dropped and
//! told as a gap [`ClientSlow`](GapReason::ClientSlow).
//!
//! # Cancel safety
//! Said of each async method. Dropping a future never loses a message that was delivered, and never leaves a task behind.
//!
//! # Limits
//! One task a client. Sent and not yet confirmed: 1,024 wire messages or 4 MiB (and one message more), then sending waits for the server. A received wire
//! message has at most 64 MiB.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests state their expectations"))]

mod address;
mod backoff;
mod builder;
mod chunks;
mod client;
mod driver;
mod encoding;
mod error;
mod headers;
mod inbox;
mod link;
mod message;
mod outgoing;
mod owner;
mod pending;
mod publication;
mod receive;
mod registered;
mod serve;
mod session;
mod settings;
mod shared;
mod state;
mod subscribe_options;
mod subscription;
mod subscriptions;

pub use bytes::Bytes;
pub use pointsman_protocol::codes::{CloseCode, ErrorCode, Retry};
pub use pointsman_protocol::headers::HeaderError;
pub use pointsman_protocol::subject::SubjectError;

pub use crate::backoff::ReconnectPolicy;
pub use crate::builder::ClientBuilder;
pub use crate::client::Client;
pub use crate::encoding::Encoding;
pub use crate::error::{
    AcknowledgeError, Close, CloseCause, ConnectError, FlushError, InvalidMessage, LinkError, PublishError,
    PublishJsonError, Refusal, RequestError, RespondError, SubscribeError, UrlError,
};
pub use crate::headers::Headers;
pub use crate::inbox::{Gap, GapReason, Received, SubscriptionEnd};
pub use crate::message::Message;
pub use crate::state::{ConnectionState, Refusals};
pub use crate::subscribe_options::SubscribeOptions;
pub use crate::subscription::Subscription;
