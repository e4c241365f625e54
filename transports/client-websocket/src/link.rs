//! An upgraded connection.

use std::cell::RefCell;
use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pointsman_contract::codec::Codec;
use pointsman_outbox::pipe::Pipe;
use pointsman_protocol::codes::CloseCode;
use pointsman_session::close::CloseReason;
use pointsman_session::link::{Link, Peer, Receive};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tungstenite::protocol::{Role, WebSocketConfig as Settings, WebSocketContext};
use tungstenite::{Error, Message};

use crate::codec::WebSocketCodec;
use crate::config::WebSocketConfig;
use crate::framing;

/// What one read takes at most. One buffer per thread; a link that does not read holds none.
const READ_BYTES: usize = 128 * 1024;
/// What the context keeps per link. Reads go through the thread's buffer, so a small one costs no system calls.
const CONTEXT_BYTES: usize = 1024;

thread_local! {
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// The writing half of the socket.
#[derive(Debug)]
struct Socket(OwnedWriteHalf);

impl Pipe for Socket {
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }
}

/// A WebSocket link.
pub(crate) struct WebSocketLink {
    peer: Peer,
    codec: WebSocketCodec,
    reading: OwnedReadHalf,
    socket: Arc<Socket>,
    context: WebSocketContext,
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
        let (reading, writing) = stream.into_split();
        let settings = Settings::default()
            .read_buffer_size(CONTEXT_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(64 * 1024)
            .max_frame_size(Some(config.frame_bytes_max))
            .max_message_size(Some(config.message_bytes_max));
        Self {
            peer,
            codec,
            reading,
            socket: Arc::new(Socket(writing)),
            context: WebSocketContext::from_partially_read(already_read, Role::Server, Some(settings)),
            fresh: true,
        }
    }

    /// Takes every whole message out of `bytes`.
    fn take(&mut self, bytes: &[u8], into: &mut dyn Receive) -> Result<(), CloseReason> {
        let mut tap = Tap { bytes, answers: Vec::new() };
        let end = loop {
            match self.context.read(&mut tap) {
                Ok(Message::Text(text)) if self.codec == WebSocketCodec::Json => into.message(text.as_bytes()),
                Ok(Message::Binary(bytes)) if self.codec == WebSocketCodec::Postcard => into.message(&bytes),
                Ok(Message::Text(_) | Message::Binary(_)) => {
                    break Some(CloseReason::server(
                        CloseCode::Protocol,
                        format!(
                            "the subprotocol {} takes {} messages only",
                            self.codec.subprotocol(),
                            if self.codec == WebSocketCodec::Json { "text" } else { "binary" }
                        ),
                    ));
                }
                Ok(Message::Close(frame)) => {
                    break Some(CloseReason::Peer { code: frame.map(|frame| u16::from(frame.code)) });
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break None,
                Err(error) => break Some(end_of(&error)),
            }
        };
        if let Some(end) = end {
            return Err(end);
        }
        // A pong that waits goes the way of everything else: through the outbox.
        let _nothing_to_write = self.context.flush(&mut tap);
        if !tap.answers.is_empty() {
            into.answer(&tap.answers);
        }
        Ok(())
    }
}

/// How a link ends that broke the rules (RFC 6455, 7.4.1).
fn end_of(error: &Error) -> CloseReason {
    let code = match error {
        Error::ConnectionClosed | Error::AlreadyClosed => return CloseReason::Peer { code: None },
        Error::Io(_) => return CloseReason::Lost,
        Error::Capacity(_) => 1009,
        Error::Utf8(_) => 1007,
        _ => 1002,
    };
    CloseReason::Violation { code, message: error.to_string() }
}

/// Stands for the socket: reads from a slice, writes to a list.
struct Tap<'a> {
    bytes: &'a [u8],
    answers: Vec<u8>,
}

impl Read for Tap<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.bytes.read(out)
    }
}

impl Write for Tap<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.answers.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Link for WebSocketLink {
    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn pipe(&self) -> Arc<dyn Pipe> {
        Arc::<Socket>::clone(&self.socket)
    }

    fn codec(&self) -> Arc<dyn Codec> {
        Arc::new(self.codec)
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, into: &mut dyn Receive) -> Poll<Result<(), CloseReason>> {
        if std::mem::take(&mut self.fresh) {
            return Poll::Ready(self.take(&[], into));
        }
        READ.with(|cell| {
            let Ok(mut buffer) = cell.try_borrow_mut() else { return Poll::Ready(Err(CloseReason::Lost)) };
            let mut read = ReadBuf::new(&mut buffer);
            match ready!(Pin::new(&mut self.reading).poll_read(cx, &mut read)) {
                Ok(()) if read.filled().is_empty() => Poll::Ready(Err(CloseReason::Lost)),
                Ok(()) => Poll::Ready(self.take(read.filled(), into)),
                Err(_) => Poll::Ready(Err(CloseReason::Lost)),
            }
        })
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.reading.as_ref().poll_write_ready(cx)
    }

    fn encode_close(&self, code: u16, message: &str, out: &mut Vec<u8>) {
        framing::close(code, message, out);
    }

    fn shutdown_write(&mut self) {
        let socket = socket2::SockRef::from(self.reading.as_ref());
        // A socket that is gone needs no goodbye.
        let _gone = socket.shutdown(std::net::Shutdown::Write);
    }
}
