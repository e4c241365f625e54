//! The conformance suite of backplanes.
