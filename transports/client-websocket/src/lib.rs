//! The WebSocket adapter (RFC 6455): `/v1/ws` on the HTTP port.
//!
//! It upgrades an HTTP request, checks origin and subprotocol, and hands the bare TCP stream to the session driver as a
//! [`Link`](pointsman_session::link::Link). Frames are read with tungstenite's sans-IO context from a buffer of the thread; what is sent is framed
//! before it is queued, so one encoding serves all receivers.
//!
//! # Limits
//! Frame and message size ([`config::WebSocketConfig`]); a larger one is refused before it is buffered. Compression at the WebSocket layer is never negotiated.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests state their expectations"))]

pub mod codec;
pub mod config;
mod frames;
pub mod framing;
mod link;
mod origin;
pub mod reader;
pub mod upgrade;
