//! The adapter over TCP, by a client that may break every rule.
#![allow(clippy::unwrap_used, reason = "tests state their expectations")]

#[path = "websocket/support.rs"]
mod support;

#[path = "websocket/cases.rs"]
mod cases;
#[path = "websocket/closing.rs"]
mod closing;
#[path = "websocket/framing.rs"]
mod framing;
#[path = "websocket/upgrade.rs"]
mod upgrade;
