//! Why a link ends.

use std::time::Duration;

use pointsman_protocol::codes::CloseCode;

/// The end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// The server ends it: a `close` frame and the link's own close with the code.
    Server {
        /// The code.
        code: CloseCode,
        /// What happened and what to do.
        message: String,
        /// When to come back.
        retry_after: Option<Duration>,
    },
    /// The peer said goodbye. 1000 and 1001 end the session.
    Peer {
        /// Its code, where it gave one.
        code: Option<u16>,
    },
    /// The link broke.
    Lost,
    /// The peer broke the rules of the link itself; ended with a code of the link's own (WebSocket 1002, 1007, 1009).
    Violation {
        /// The link's code.
        code: u16,
        /// What was wrong.
        message: String,
    },
}

impl CloseReason {
    /// An end by the server.
    #[must_use]
    pub fn server(code: CloseCode, message: impl Into<String>) -> Self {
        Self::Server { code, message: message.into(), retry_after: None }
    }

    /// Whether the session may be taken up by another link (protocol.md#P8.1).
    #[must_use]
    pub fn keeps_session(&self) -> bool {
        match self {
            Self::Server { code, .. } => *code == CloseCode::Heartbeat,
            Self::Peer { code } => !matches!(code, Some(1000 | 1001)),
            Self::Lost => true,
            Self::Violation { .. } => false,
        }
    }

    /// A short name for metrics and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Server { code, .. } => code.name(),
            Self::Peer { .. } => "peer",
            Self::Lost => "lost",
            Self::Violation { .. } => "violation",
        }
    }
}
