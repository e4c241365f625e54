//! A typed no to one request.

use std::time::Duration;

use pointsman_protocol::codes::ErrorCode;

/// Why one request was not carried out. The link goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The code; its range says whether to try again (protocol.md#P10).
    pub code: ErrorCode,
    /// What happened, why, and what to do.
    pub message: String,
    /// When to try again, where waiting helps.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal that waiting does not cure.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// The same with a time to wait.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}
