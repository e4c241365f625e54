//! The seam between the client and what carries its wire messages. The client's task knows nothing below it.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::error::LinkError;

#[cfg(test)]
pub(crate) mod memory;
pub(crate) mod websocket;

/// One live connection that carries wire messages in both directions (protocol.md#P1.1). Polled by one task only.
pub(crate) trait Link: Debug + Send {
    /// The next wire message. After an error the link is over.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, LinkError>>;

    /// Whether a message can be given to [`send`](Self::send).
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>>;

    /// Takes a message; only after [`poll_ready`](Self::poll_ready) said so. It is on its way after the next completed flush.
    fn send(&mut self, message: Bytes) -> Result<(), LinkError>;

    /// Writes out what was taken.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>>;

    /// Says goodbye with a code, after what was sent, and waits for the peer to agree.
    fn poll_close(&mut self, code: u16, cx: &mut Context<'_>) -> Poll<()>;
}

/// An opened link.
pub(crate) type Opening<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Link>, LinkError>> + Send + 'a>>;

/// Knows how to open links to one address.
pub(crate) trait Dial: Debug + Send + Sync {
    /// Opens one. Nothing is left behind when the future is dropped.
    fn dial(&self) -> Opening<'_>;
}
