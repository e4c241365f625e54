//! Settings of the adapter.

/// What the adapter accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketConfig {
    /// Origins that a browser may come from: exact origins, `same` (the host the request is for), `*` (any).
    pub allowed_origins: Vec<String>,
    /// Whether a request without an `Origin` (anything but a browser) is let in.
    pub allow_missing_origin: bool,
    /// Bytes of one frame's payload.
    pub frame_bytes_max: usize,
    /// Bytes of one message, all fragments together.
    pub message_bytes_max: usize,
}
