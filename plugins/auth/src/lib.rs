//! Who may connect, publish and subscribe: static tokens with permissions, and anonymous sessions where they are switched on.
//!
//! # Invariants
//! - Tokens are compared in constant time, and neither logged nor shown.
//! - Deny wins over allow; what a pattern would let through in part is cut at delivery.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests state their expectations"))]

pub mod permissions;
pub mod tokens;
