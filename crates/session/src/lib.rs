//! The one driver of every link: handshake, heartbeat, budgets, flush, attach and resend, slow consumers, drain.
//!
//! A client adapter brings a [`link::Link`] (how to read, where to write, how to close) and calls [`drive::drive`]. Everything else about a link
//! happens here and nowhere else, so no link kind has rules of its own.
//!
//! # Invariants
//! - One task per link. It reads; it writes only when the socket was full.
//! - What a link has read is handled under the session's ingest lock, so a session that moves to another link is counted exactly.
//! - Every session ends exactly once: detached from the router, its outbox closed, its memory freed.
//!
//! # Cancel safety
//! [`drive::drive`] ends by itself when its session is told to. Dropped before its end it leaves the session as a lost link does.
//!
//! # Limits
//! All in [`config::SessionConfig`].
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests state their expectations"))]

pub mod close;
pub mod config;
pub mod context;
pub mod drive;
mod early;
mod handshake;
pub mod heartbeat;
mod held;
mod ingest;
pub mod link;
pub mod session;
pub mod sessions;
pub mod tcp;
mod wheel;
pub mod worker;
