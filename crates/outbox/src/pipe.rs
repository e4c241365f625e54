//! What an outbox writes to, and how it finds wire messages in its own bytes.

use std::fmt;
use std::io::{self, IoSlice};

/// The writing half of a link.
///
/// Implementers must write without blocking: `WouldBlock` says that the link's task has to wait for the socket. A short write is
/// allowed. Any other error means that the link is lost; its task learns it by being woken.
pub trait Pipe: fmt::Debug + Send + Sync + 'static {
    /// Writes as much as the socket takes now.
    ///
    /// # Errors
    /// `WouldBlock` when the socket takes nothing now, anything else when the link is lost.
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
}

/// One wire message found in queued bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireMessage<'a> {
    /// Bytes it takes on the wire, framing included.
    pub wire_len: usize,
    /// Whether it counts for the session's sequence (protocol.md#P7.2).
    pub counted: bool,
    /// The message without its framing.
    pub payload: &'a [u8],
}

/// What a wire message delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The subscriptions it names.
    pub sids: Vec<u64>,
    /// How many messages it carries.
    pub messages: u32,
}

/// Finds wire messages in bytes that an encoder of the same link produced, and writes the one frame that an outbox makes itself.
///
/// All of it is for the cold paths (resend, overflow); nothing here is called per message.
pub trait Framing: fmt::Debug + Send + Sync + 'static {
    /// The first wire message of `bytes`; `None` when there is no whole one.
    fn next_message<'a>(&self, bytes: &'a [u8]) -> Option<WireMessage<'a>>;
    /// What `payload` (as found by [`next_message`](Self::next_message)) delivers; `None` when it is not a delivery and must not be dropped.
    fn delivered(&self, payload: &[u8]) -> Option<Delivered>;
    /// Appends a framed gap notice (protocol.md#P9.1) for `sids`, each of which lost `lost` messages. A protocol that has no such
    /// notice appends nothing.
    fn encode_gap(&self, sids: &[u64], lost: u64, reason: &str, out: &mut Vec<u8>);
}
