//! The `pointsman.v1` protocol: subjects, frames, codes, and their JSON and postcard forms.
//!
//! Pure: bytes in, frames out, and back. No socket, no state, no clock. The clauses are those of `docs/protocol.md`.
//!
//! # Invariants
//! - No input makes a function of this crate panic, or allocate more than a small multiple of the input's size.
//! - Decoding borrows from the input wherever the form allows it.
//! - JSON bodies pass through byte for byte.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests state their expectations"))]

pub mod binary;
pub mod codes;
mod error;
pub mod frame;
pub mod headers;
pub mod json;
#[cfg(test)]
mod strategies;
pub mod subject;
