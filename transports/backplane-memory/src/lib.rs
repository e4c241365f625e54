//! The memory backplane: nodes of one process, and the reference for the conformance suite.
//!
//! A [`hub::Hub`] joins the nodes that were started on it. A run is copied once per receiving node into its bounded inbox, and handed over by that
//! node's own task. A node alone on its hub has no peers, and its publications are not copied at all.
//!
//! # Ordering
//! Per origin, in the order published.
//! # Limits
//! An inbox holds 1,024 runs; beyond that a run is dropped and told as a gap.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests state their expectations"))]

pub mod hub;
pub mod memory;
