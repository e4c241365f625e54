//! What the HTTP port wraps its sockets in.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::heads::Heads;

/// Whether a request on this connection gave its body two lengths, as an extension of its requests.
#[derive(Debug, Clone, Default)]
pub(super) struct TwoLengths(Arc<AtomicBool>);

impl TwoLengths {
    pub(super) fn seen(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A socket that looks over the heads of requests as they come in, and gives up a peer that reads nothing.
///
/// hyper drops a `Content-Length` that stands beside `Transfer-Encoding` before anybody sees it, so the bytes themselves are looked at.
#[derive(Debug)]
pub(super) struct HttpStream {
    socket: TcpStream,
    heads: Heads,
    two_lengths: TwoLengths,
    write_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl HttpStream {
    pub(super) fn new(socket: TcpStream, two_lengths: TwoLengths, write_timeout: Duration) -> Self {
        Self { socket, heads: Heads::default(), two_lengths, write_timeout, stalled: None }
    }

    /// Passes on what a write came to; one that has been waiting for too long is an error.
    fn within_deadline<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.write_timeout)));
        stalled.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// The socket of an upgraded connection, with what had already been read of it.
pub(crate) fn take_over(upgraded: Upgraded) -> Result<(TcpStream, Bytes), Upgraded> {
    let parts = upgraded.downcast::<TokioIo<HttpStream>>()?;
    Ok((parts.io.into_inner().socket, parts.read_buf))
}

impl AsyncRead for HttpStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.socket).poll_read(cx, buf);
        if matches!(polled, Poll::Ready(Ok(()))) {
            self.heads.read(buf.filled().get(before..).unwrap_or_default());
            if self.heads.two_lengths() {
                self.two_lengths.0.store(true, Ordering::Relaxed);
            }
        }
        polled
    }
}

impl AsyncWrite for HttpStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.within_deadline(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.within_deadline(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
