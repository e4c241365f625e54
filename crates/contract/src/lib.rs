//! The traits that join the router to transports, policies and stores, and the values that pass between them.
//!
//! This is the crate that an extension author depends on. It holds contracts and plain values; it routes nothing and opens no socket.
//!
//! # Invariants
//! - The data plane ([`port::Port::submit`], [`backplane::Backplane::publish`], [`policy::PublishRule::check`]) is synchronous, takes batches and never waits.
//!   Only the control plane is async.
//! - Views borrow; an owned form is made where a message outlives its batch.
//! - Capabilities are declared as values and proved by the conformance suites.
//!
//! # Backpressure
//! A bounded queue that is full gives the value back ([`backplane::Full`]), or records a loss that is told as a gap.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests state their expectations"))]

pub mod auth;
pub mod backplane;
pub mod batch;
pub mod client;
pub mod codec;
pub mod component;
pub mod health;
pub mod identity;
pub mod outcome;
pub mod policy;
pub mod port;
pub mod problem;
pub mod refusal;
pub mod store;
pub mod worker;
