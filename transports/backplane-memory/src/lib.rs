//! The memory backplane: nodes of one process, and the reference for the conformance suite.
