//! Settings of the adapter.

use crate::parser::ParserLimits;

/// What the adapter accepts and says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsConfig {
    /// Bytes of the arguments of an operation.
    pub control_line_max: usize,
    /// Bytes of a payload, headers included; told in `INFO`.
    pub payload_bytes_max: usize,
    /// Connections at the same time.
    pub connections_max: usize,
    /// Bytes that may wait for one client's socket; more closes it.
    pub pending_bytes_max: u32,
    /// Whether a client must show a secret; told in `INFO`.
    pub auth_required: bool,
}

impl NatsConfig {
    pub(crate) fn parser(&self) -> ParserLimits {
        ParserLimits { control_line: self.control_line_max, payload: self.payload_bytes_max }
    }
}
