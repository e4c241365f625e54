//! The NATS client protocol over TCP: existing NATS programs connect without a changed line, and talk to every other link through the same subjects.
//!
//! An operation is read in place from the buffer of the thread and becomes a frame of the session driver; a delivery becomes one `MSG` or `HMSG` per
//! subscription number. Sessions of this link are not kept and nothing is resent: the protocol has no way to take a session up again.
//!
//! # Ordering
//! As everywhere: per publishing session and subject. `PONG` stands behind everything that was asked before its `PING`.
//!
//! # Limits
//! Control line and payload ([`config::NatsConfig`]); what waits for a socket is bounded by the session's outbox, at whose limit the link is closed.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests state their expectations"))]

pub mod codec;
pub mod config;
mod info;
mod link;
pub mod listener;
pub mod op;
pub mod options;
pub mod parser;
pub mod sids;
