//! Matching and fan-out: which sessions a publication is for, and how its bytes get into their outboxes.
//!
//! Synchronous and without sockets, so that the same code runs in the server, in a simulator and under an instruction counter. It knows
//! sessions only as members with an outbox and a codec, and other nodes only as a backplane.
//!
//! The unit of work is a *run*: consecutive publications of one batch with the same destinations. A run is encoded once per encoding and
//! pushed once per receiver.
//!
//! # Invariants
//! - A publication submitted after `subscribe` returned is matched against that subscription.
//! - A receiver gets a publication once, however many of its subscriptions match, with all their numbers (protocol.md#P5.7).
//! - No lock of the matcher is held while anything is delivered.
//! - The cost of a publication does not grow with subscriptions that do not match.
//!
//! # Ordering
//! Per publishing session and subject, in the order submitted.
//!
//! # Limits
//! Sessions, subscriptions in all and per session, requests in flight per session; see [`router::RouterConfig`].
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests state their expectations"))]

mod cache;
mod deliver;
mod destination;
mod generations;
mod literals;
pub mod matcher;
mod member;
mod members;
mod plans;
mod requests;
pub mod router;
mod sorted;
pub mod stats;
mod wildcards;
