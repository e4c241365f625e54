//! The conformance suite of policies.
