//! Bounds of sessions and links.

use std::time::Duration;

use pointsman_outbox::outbox::Limits;

/// Limits and times of every session. A change holds for sessions made afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionConfig {
    /// From the opening of the link to its connect frame.
    pub handshake_timeout: Duration,
    /// The server pings a link on which it sent nothing for so long. Whole seconds, at least 2.
    pub heartbeat: Duration,
    /// How long a session without a link is kept. 0 ends it with its link.
    pub keep: Duration,
    /// Subscriptions of one session.
    pub subscriptions_max: u32,
    /// Unanswered requests of one session.
    pub requests_max: u32,
    /// The longest time a request may wait.
    pub request_timeout_max: Duration,
    /// Bytes of one frame of the client; told in `ready`, enforced by the link.
    pub frame_bytes_max: u32,
    /// Bytes of one payload; told in `ready`, enforced by the router.
    pub payload_bytes_max: u32,
    /// Unreadable frames before the link is closed.
    pub bad_frames_max: u32,
    /// How long a closing link may take to write out what waits.
    pub close_timeout: Duration,
    /// The outbox.
    pub outbox: Limits,
}

/// Reads before a link lets others go on.
pub(crate) const READS_PER_POLL: u32 = 4;
/// A request without a timeout waits so long.
pub(crate) const REQUEST_TIMEOUT_MS: u32 = 5_000;
