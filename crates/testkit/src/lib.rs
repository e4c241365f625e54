//! What the tests of several crates share: conformance suites of the contracts, and a link, a client and a history under a test's control.
//!
//! It is a dependency of tests only. Whoever implements a contract enrols with one line in its `tests/conformance.rs`:
//! `pointsman_testkit::backplane::suite!(factory);`
//!
//! # Invariants
//! - Everything here waits for conditions, never for a time: a deadline only ends a test that would hang.
//! - A [`history`] has been seen to fail for each of its predicates.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test double that meets what it does not expect fails the test"
)]

pub mod backplane;
pub mod client;
pub mod history;
pub mod link;
pub mod node;
pub mod policy;
pub mod wire;
