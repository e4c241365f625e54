//! An upgraded connection.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pointsman_contract::codec::Codec;
use pointsman_outbox::pipe::Pipe;
use pointsman_session::close::CloseReason;
use pointsman_session::link::{Link, Peer, Receive};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::codec::WebSocketCodec;
use crate::config::WebSocketConfig;
use crate::framing;
use crate::reader::MessageReader;

/// What one read takes at most. One buffer per thread; a link that does not read holds none.
const READ_BYTES: usize = 128 * 1024;

thread_local! {
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// The writing half of the socket.
#[derive(Debug)]
struct Socket(OwnedWriteHalf);

impl Pipe for Socket {
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            // The plain call is the cheaper one.
            [slice] => self.0.try_write(slice),
            slices => self.0.try_write_vectored(slices),
        }
    }
}

/// A WebSocket link.
pub(crate) struct WebSocketLink {
    peer: Peer,
    reading: OwnedReadHalf,
    socket: Arc<Socket>,
    messages: MessageReader,
    /// Whether bytes that came with the upgrade are still to be looked at.
    fresh: bool,
    /// Whether the link has ended: what still comes is thrown away, so that the socket is closed with nothing unread, which would take back the close.
    ended: bool,
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
        Self {
            peer,
            reading,
            socket: Arc::new(Socket(writing)),
            messages: MessageReader::new(already_read, codec, config),
            fresh: true,
            ended: false,
        }
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
        Arc::new(self.messages.codec())
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, into: &mut dyn Receive) -> Poll<Result<(), CloseReason>> {
        if std::mem::take(&mut self.fresh) {
            let taken = self.messages.take(&mut [], into);
            self.ended = taken.is_err();
            return Poll::Ready(taken);
        }
        READ.with(|cell| {
            let Ok(mut buffer) = cell.try_borrow_mut() else { return Poll::Ready(Err(CloseReason::Lost)) };
            let mut read = ReadBuf::new(&mut buffer);
            match ready!(Pin::new(&mut self.reading).poll_read(cx, &mut read)) {
                Ok(()) if read.filled().is_empty() => Poll::Ready(Err(CloseReason::Lost)),
                Ok(()) if self.ended => Poll::Ready(Ok(())),
                Ok(()) => {
                    let taken = self.messages.take(read.filled_mut(), into);
                    self.ended = taken.is_err();
                    Poll::Ready(taken)
                }
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
