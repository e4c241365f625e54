//! Sessions and their links, from the outside: a node without sockets, clients that speak the protocol.
#![allow(clippy::unwrap_used, reason = "tests state their expectations")]

#[path = "session/support.rs"]
mod support;

#[path = "session/attach.rs"]
mod attach;
#[path = "session/closing.rs"]
mod closing;
#[path = "session/cuts.rs"]
mod cuts;
#[path = "session/frames.rs"]
mod frames;
#[path = "session/handshake.rs"]
mod handshake;
#[path = "session/heartbeat.rs"]
mod heartbeat;
#[path = "session/slow.rs"]
mod slow;
