//! What links over TCP have in common: how their sockets are set up, read, written and let go.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pointsman_outbox::pipe::Pipe;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::close::CloseReason;

/// What one read takes at most. One buffer per thread; a link that does not read holds none.
const READ_BYTES: usize = 128 * 1024;
/// Unsent bytes that the kernel takes of one link: beyond it what waits stays in the outbox, where policies see it.
const UNSENT_BYTES_MAX: u32 = 128 * 1024;

thread_local! {
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// Sets the options that matter for latency and for bounded memory; a kernel that lacks one goes without.
pub fn prepare(socket: &TcpStream) {
    let raw = socket2::SockRef::from(socket);
    let set = [socket.set_nodelay(true), raw.set_tcp_notsent_lowat(UNSENT_BYTES_MAX)];
    for error in set.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "a socket option could not be set");
    }
}

/// The writing half.
#[derive(Debug)]
struct Writing(OwnedWriteHalf);

impl Pipe for Writing {
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            // The plain call is the cheaper one.
            [slice] => self.0.try_write(slice),
            slices => self.0.try_write_vectored(slices),
        }
    }
}

/// The socket of a link.
#[derive(Debug)]
pub struct LinkSocket {
    reading: OwnedReadHalf,
    writing: Arc<Writing>,
    /// Whether the link has ended: what still comes is thrown away, so that the socket is closed with nothing unread, which would take back the close.
    ended: bool,
}

impl LinkSocket {
    /// The socket of a connection.
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        let (reading, writing) = stream.into_split();
        Self { reading, writing: Arc::new(Writing(writing)), ended: false }
    }

    /// Where the link writes.
    #[must_use]
    pub fn pipe(&self) -> Arc<dyn Pipe> {
        Arc::<Writing>::clone(&self.writing)
    }

    /// Notes what came of taking bytes: after an end nothing more is taken.
    ///
    /// # Errors
    /// What came of it, unchanged.
    pub fn took(&mut self, taken: Result<(), CloseReason>) -> Result<(), CloseReason> {
        self.ended |= taken.is_err();
        taken
    }

    /// Reads once and has `take` take what came.
    ///
    /// # Errors
    /// What `take` says, or that the link is lost.
    pub fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut [u8]) -> Result<(), CloseReason>,
    ) -> Poll<Result<(), CloseReason>> {
        READ.with(|cell| {
            let Ok(mut buffer) = cell.try_borrow_mut() else { return Poll::Ready(Err(CloseReason::Lost)) };
            let mut read = ReadBuf::new(&mut buffer);
            match ready!(Pin::new(&mut self.reading).poll_read(cx, &mut read)) {
                Ok(()) if read.filled().is_empty() => Poll::Ready(Err(CloseReason::Lost)),
                Ok(()) if self.ended => Poll::Ready(Ok(())),
                Ok(()) => Poll::Ready(self.took(take(read.filled_mut()))),
                Err(_) => Poll::Ready(Err(CloseReason::Lost)),
            }
        })
    }

    /// Ready when the socket takes bytes again.
    ///
    /// # Errors
    /// When it is lost.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.reading.as_ref().poll_write_ready(cx)
    }

    /// Says that nothing more will be written.
    pub fn shutdown_write(&self) {
        let socket = socket2::SockRef::from(self.reading.as_ref());
        // A socket that is gone needs no goodbye.
        let _gone = socket.shutdown(std::net::Shutdown::Write);
    }
}
