//! A connection without a network: the test decides which bytes pass, and when it breaks.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use pointsman_contract::client::LinkKind;
use pointsman_contract::codec::Codec;
use pointsman_outbox::pipe::Pipe;
use pointsman_session::close::CloseReason;
use pointsman_session::link::{Link, Peer, Receive};
use tokio::sync::Notify;

use crate::wire::{Unit, Wire};

/// What the "socket" holds. Bytes that were written are on their way; where the link is cut decides which of them arrive.
#[derive(Default)]
struct State {
    to_server: VecDeque<u8>,
    /// Bytes from the client that the server may still see; `None` for all.
    to_server_left: Option<usize>,
    /// The client will send no more.
    finished: bool,
    to_client: Vec<u8>,
    /// Bytes from the server that the client may still see; `None` for all.
    to_client_left: Option<usize>,
    /// Bytes that the socket takes before it says that it is full; `None` for all.
    room: Option<usize>,
    /// Whether the end of `to_client_left` goes unnoticed.
    swallows: bool,
    broken: bool,
    /// Writing fails, reading does not: the peer has gone away behind what it sent.
    deaf: bool,
    /// The server has said that it will write no more.
    shut: bool,
    /// The server has let go of the link.
    gone: bool,
    /// Bytes that passed, towards the server and towards the client.
    passed: (usize, usize),
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Told whenever the client's end may see something new.
    changed: Notify,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Pipe for Shared {
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.state.lock();
        if state.broken || state.deaf {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if state.shut {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let wanted: usize = slices.iter().map(|slice| slice.len()).sum();
        let taken = state.room.map_or(wanted, |room| room.min(wanted));
        if taken == 0 && wanted > 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if let Some(room) = state.room.as_mut() {
            *room -= taken;
        }
        let mut rest = taken;
        for slice in slices {
            let part = &slice[..slice.len().min(rest)];
            rest -= part.len();
            // What is past the cut was taken by the socket and never arrives.
            let arrives = state.to_client_left.map_or(part.len(), |left| left.min(part.len()));
            state.to_client.extend_from_slice(&part[..arrives]);
            state.passed.1 += arrives;
            if let Some(left) = state.to_client_left.as_mut() {
                *left -= arrives;
                state.broken |= *left == 0 && !state.swallows;
            }
        }
        if state.broken {
            state.wake();
        }
        drop(state);
        self.changed.notify_waiters();
        Ok(taken)
    }
}

/// The server's end, to be given to `drive`.
#[derive(Debug)]
pub struct TestLink {
    wire: Arc<dyn Wire>,
    peer: Peer,
    shared: Arc<Shared>,
    partial: Vec<u8>,
}

/// The client's end.
#[derive(Debug, Clone)]
pub struct Remote {
    shared: Arc<Shared>,
}

/// Both ends of a new link.
#[must_use]
pub fn pair(wire: Arc<dyn Wire>) -> (TestLink, Remote) {
    let shared = Arc::<Shared>::default();
    let peer = Peer { kind: LinkKind::Local, address: None };
    (TestLink { wire, peer, shared: Arc::clone(&shared), partial: Vec::new() }, Remote { shared })
}

impl TestLink {
    /// Hands over the whole units that have arrived.
    fn take(&mut self, into: &mut dyn Receive) -> Result<(), CloseReason> {
        while let Some((unit, len)) = self.wire.first(&self.partial) {
            self.partial.drain(..len);
            match unit {
                Unit::Data(payload) => into.message(&payload),
                Unit::Ping(payload) => {
                    let mut pong = Vec::new();
                    self.wire.put(&Unit::Pong(payload), &mut pong);
                    into.answer(&pong);
                }
                Unit::Pong(_) => {}
                Unit::Close { code, .. } => return Err(CloseReason::Peer { code }),
            }
        }
        Ok(())
    }
}

impl Link for TestLink {
    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn pipe(&self) -> Arc<dyn Pipe> {
        Arc::<Shared>::clone(&self.shared)
    }

    fn codec(&self) -> Arc<dyn Codec> {
        self.wire.codec()
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, into: &mut dyn Receive) -> Poll<Result<(), CloseReason>> {
        let mut state = self.shared.state.lock();
        let arrived = state.to_server_left.map_or(state.to_server.len(), |left| left.min(state.to_server.len()));
        if arrived == 0 {
            if state.broken || state.finished && state.to_server.is_empty() {
                return Poll::Ready(Err(CloseReason::Lost));
            }
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        self.partial.extend(state.to_server.drain(..arrived));
        state.passed.0 += arrived;
        if let Some(left) = state.to_server_left.as_mut() {
            *left -= arrived;
            if *left == 0 {
                state.broken = true;
                state.wake();
            }
        }
        drop(state);
        Poll::Ready(self.take(into))
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.shared.state.lock();
        if state.broken || state.deaf {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if state.room == Some(0) {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn encode_close(&self, code: u16, message: &str, out: &mut Vec<u8>) {
        self.wire.put(&Unit::Close { code: Some(code), message: message.to_owned() }, out);
    }

    fn shutdown_write(&mut self) {
        self.shared.state.lock().shut = true;
        self.shared.changed.notify_waiters();
    }
}

impl Drop for TestLink {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.gone = true;
        state.shut = true;
        drop(state);
        self.shared.changed.notify_waiters();
    }
}

impl Remote {
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.shared.state.lock();
        change(&mut state);
        state.wake();
        drop(state);
        self.shared.changed.notify_waiters();
    }

    /// Sends bytes towards the server.
    pub fn send(&self, bytes: &[u8]) {
        let mut state = self.shared.state.lock();
        state.to_server.extend(bytes);
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }

    /// Lets the socket take `bytes` more bytes of the server and then say that it is full.
    pub fn set_room(&self, bytes: Option<usize>) {
        let mut state = self.shared.state.lock();
        state.room = bytes;
        // Only who waits for it: a task that was not told that it has to write must not be helped by this.
        let writer = state.writer.take();
        drop(state);
        writer.into_iter().for_each(Waker::wake);
    }

    /// Lets the server see `bytes` more bytes and breaks the link then.
    pub fn cut_to_server(&self, bytes: usize) {
        self.change(|state| {
            state.to_server_left = Some(bytes);
            state.broken |= bytes == 0;
        });
    }

    /// Lets the client see `bytes` more bytes and breaks the link then; what the server writes beyond is taken and lost.
    pub fn cut_to_client(&self, bytes: usize) {
        self.change(|state| {
            state.to_client_left = Some(bytes);
            state.broken |= bytes == 0;
        });
    }

    /// Lets the client see `bytes` more bytes; what the server writes beyond is taken, as by a network that is gone and has not been missed yet.
    pub fn swallow_after(&self, bytes: usize) {
        self.change(|state| {
            state.to_client_left = Some(bytes);
            state.swallows = true;
        });
    }

    /// Breaks the link now. What the client has sent and the server has not read is lost.
    pub fn cut(&self) {
        self.change(|state| {
            state.to_server.clear();
            state.broken = true;
        });
    }

    /// Lets every write fail from now on; what the client has sent can still be read.
    pub fn break_writing(&self) {
        self.change(|state| state.deaf = true);
    }

    /// Says that the client will send no more.
    pub fn finish(&self) {
        self.change(|state| state.finished = true);
    }

    /// What has arrived from the server since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.shared.state.lock().to_client)
    }

    /// How many bytes have passed, towards the server and towards the client.
    #[must_use]
    pub fn passed(&self) -> (usize, usize) {
        self.shared.state.lock().passed
    }

    /// Whether something has arrived.
    #[must_use]
    pub fn has_bytes(&self) -> bool {
        !self.shared.state.lock().to_client.is_empty()
    }

    /// Bytes sent that the server has not read.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.shared.state.lock().to_server.len()
    }

    /// Whether nothing more will arrive: the server has shut its half down, let go, or the link is broken.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let state = self.shared.state.lock();
        state.broken || state.shut
    }

    /// Whether the server has let go of the link.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.shared.state.lock().gone
    }

    /// Waits until `done`, asked after each change, says so.
    pub async fn until(&self, mut done: impl FnMut(&Self) -> bool) {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if done(self) {
                return;
            }
            changed.await;
        }
    }
}
