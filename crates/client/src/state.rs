//! What the client is doing, for those who want to show it.

use std::time::Duration;

use crate::error::{CloseCause, LinkError, Refusal};

/// The state of the client's connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ConnectionState {
    /// A link is being opened.
    Connecting,
    /// There is a link.
    #[non_exhaustive]
    Connected {
        /// The session's id. It stays the same when a lost link is replaced in time.
        session: String,
        /// Name and version of the server.
        server: String,
        /// Whether this link took up the session of the one before.
        resumed: bool,
    },
    /// The link was lost; another one is opened after a pause. What is published meanwhile waits in the queue.
    #[non_exhaustive]
    Reconnecting {
        /// Which attempt comes next, from 1.
        attempt: u32,
        /// The pause before it.
        next_delay: Duration,
        /// Why the link, or the last attempt, ended.
        cause: LinkError,
    },
    /// The client is closed for good.
    #[non_exhaustive]
    Closed {
        /// Why.
        cause: CloseCause,
    },
}

impl ConnectionState {
    /// Whether there is a link.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected { .. })
    }

    /// Whether the client is closed for good.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }
}

/// Refusals that belong to no call: of publications that asked for no answer.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Refusals {
    /// How many were told, by the server, or by the client of what is too large for a new server.
    ///
    /// The server tells one for a batch of publications (protocol.md#P9.2), so more may have been refused.
    pub count: u64,
    /// The last one.
    pub last: Option<Refusal>,
}
