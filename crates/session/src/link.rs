//! What an adapter implements per connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use pointsman_contract::client::LinkKind;
use pointsman_contract::codec::Codec;
use pointsman_outbox::pipe::Pipe;

use crate::close::CloseReason;

/// Who is on the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The kind of link.
    pub kind: LinkKind,
    /// Its address, or that of the client a trusted proxy named.
    pub address: Option<SocketAddr>,
}

/// What a link hands over while it reads.
pub trait Receive {
    /// A whole wire message.
    fn message(&mut self, bytes: &[u8]);
    /// Bytes the link itself answers with (a WebSocket pong): written in order with everything else, not counted.
    fn answer(&mut self, bytes: &[u8]);
}

/// One connection.
///
/// Implementers must not write to the socket except through [`pipe`](Self::pipe), and must hold no read buffer of size while idle.
pub trait Link: Send + Unpin + 'static {
    /// Who is there.
    fn peer(&self) -> &Peer;
    /// The writing half.
    fn pipe(&self) -> Arc<dyn Pipe>;
    /// The codec the peer asked for.
    fn codec(&self) -> Arc<dyn Codec>;
    /// Reads once and hands over what became whole. `Ready(Ok(()))` means that there may be more.
    ///
    /// # Errors
    /// How the link ends.
    fn poll_receive(&mut self, cx: &mut Context<'_>, into: &mut dyn Receive) -> Poll<Result<(), CloseReason>>;
    /// Ready when the socket takes bytes again.
    ///
    /// # Errors
    /// When the link is lost.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Appends the link's own close with `code` (none for a link that just ends).
    fn encode_close(&self, code: u16, message: &str, out: &mut Vec<u8>);
    /// Says that nothing more will be written.
    fn shutdown_write(&mut self);
}
