//! An upgraded connection.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use pointsman_contract::codec::Codec;
use pointsman_outbox::pipe::Pipe;
use pointsman_session::close::CloseReason;
use pointsman_session::link::{Link, Peer, Receive};
use pointsman_session::tcp::LinkSocket;
use tokio::net::TcpStream;

use crate::codec::WebSocketCodec;
use crate::config::WebSocketConfig;
use crate::framing;
use crate::reader::MessageReader;

/// A WebSocket link.
pub(crate) struct WebSocketLink {
    peer: Peer,
    socket: LinkSocket,
    messages: MessageReader,
    /// Whether bytes that came with the upgrade are still to be looked at.
    fresh: bool,
}

impl WebSocketLink {
    pub(crate) fn new(
        stream: TcpStream,
        already_read: Vec<u8>,
        peer: Peer,
        codec: WebSocketCodec,
        config: &WebSocketConfig,
    ) -> Self {
        Self {
            peer,
            socket: LinkSocket::new(stream),
            messages: MessageReader::new(already_read, codec, config),
            fresh: true,
        }
    }
}

impl Link for WebSocketLink {
    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn pipe(&self) -> Arc<dyn Pipe> {
        self.socket.pipe()
    }

    fn codec(&self) -> Arc<dyn Codec> {
        Arc::new(self.messages.codec())
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, into: &mut dyn Receive) -> Poll<Result<(), CloseReason>> {
        if std::mem::take(&mut self.fresh) {
            return Poll::Ready(self.socket.took(self.messages.take(&mut [], into)));
        }
        let messages = &mut self.messages;
        self.socket.poll_take(cx, |bytes| messages.take(bytes, into))
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_writable(cx)
    }

    fn encode_close(&self, code: u16, message: &str, out: &mut Vec<u8>) {
        framing::close(code, message, out);
    }

    fn shutdown_write(&mut self) {
        self.socket.shutdown_write();
    }
}
