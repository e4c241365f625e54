//! What an adapter implements per connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use pointsman_contract::client::LinkKind;
use pointsman_contract::codec::Codec;
use pointsman_outbox::outbox::Limits;
use pointsman_outbox::pipe::Pipe;
use pointsman_protocol::frame::{ClientFrame, Connect, FrameError};

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
    /// A frame of a link whose bytes are not cut into wire messages.
    fn frame(&mut self, frame: Result<ClientFrame<'_>, FrameError>);
}

/// What the protocol of a link can say, where links differ in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// Whether another link can take a session up: then it is kept, and what was sent stays in the ring.
    pub resumable: bool,
    /// Whether publications are reported on as a whole: accepted ones where the peer wants it, and those whose reply subject nobody can answer.
    pub reports: Option<Reports>,
    /// The outbox, where it is not as configured for all sessions.
    pub outbox: Option<Limits>,
}

/// What a peer wants to hear of its publications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reports {
    /// That nobody is there to answer, as a status on the reply subject.
    pub unheard: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self { resumable: true, reports: None, outbox: None }
    }
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
    /// What its protocol can say; asked once the peer has connected.
    fn manner(&self) -> Manner {
        Manner::default()
    }
    /// What the server says before anything is read.
    fn greeting(&self) -> Option<Vec<u8>> {
        None
    }
    /// What a peer is taken to have said whose first frame is not `connect`; `None` where it must be.
    fn implied_connect(&self) -> Option<Connect<'static>> {
        None
    }
    /// The name that the peer gave itself beside its secret.
    fn user(&self) -> Option<&str> {
        None
    }
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
