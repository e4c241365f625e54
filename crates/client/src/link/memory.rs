//! A link inside one process, for tests on a controlled clock.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use pointsman_protocol::binary;
use pointsman_protocol::frame::{ClientFrame, Limits, Ready, ServerFrame};
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;

use crate::error::LinkError;
use crate::link::{Dial, Link, Opening};

/// What the client's end says.
#[derive(Debug)]
enum Said {
    Message(Bytes),
    Goodbye(u16),
}

/// Opens links to a test, which takes the other ends.
#[derive(Debug)]
pub(crate) struct MemoryDial {
    peers: mpsc::Sender<Peer>,
    /// So many attempts fail first.
    pub(crate) failures: AtomicUsize,
    /// Attempts made.
    pub(crate) attempts: AtomicUsize,
}

impl MemoryDial {
    pub(crate) fn new() -> (Arc<Self>, mpsc::Receiver<Peer>) {
        let (peers, receiver) = mpsc::channel(16);
        (Arc::new(Self { peers, failures: AtomicUsize::new(0), attempts: AtomicUsize::new(0) }), receiver)
    }

    async fn open(&self) -> Result<Box<dyn Link>, LinkError> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let failures = self.failures.load(Ordering::Relaxed);
        if failures > 0 {
            self.failures.store(failures - 1, Ordering::Relaxed);
            return Err(LinkError::lost(io::ErrorKind::ConnectionRefused.into()));
        }
        let (to_client, from_server) = mpsc::channel(4096);
        let (to_server, from_client) = mpsc::channel(4096);
        let peer = Peer { incoming: from_client, outgoing: to_client };
        self.peers.send(peer).await.map_err(|_| LinkError::lost(io::ErrorKind::ConnectionRefused.into()))?;
        Ok(Box::new(MemoryLink { incoming: from_server, outgoing: PollSender::new(to_server), goodbye: false }))
    }
}

impl Dial for MemoryDial {
    fn dial(&self) -> Opening<'_> {
        Box::pin(self.open())
    }
}

#[derive(Debug)]
struct MemoryLink {
    incoming: mpsc::Receiver<Bytes>,
    outgoing: PollSender<Said>,
    goodbye: bool,
}

fn lost() -> LinkError {
    LinkError::lost(io::ErrorKind::ConnectionReset.into())
}

impl Link for MemoryLink {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, LinkError>> {
        self.incoming.poll_recv(cx).map(|message| message.ok_or_else(lost))
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        self.outgoing.poll_reserve(cx).map_err(|_| lost())
    }

    fn send(&mut self, message: Bytes) -> Result<(), LinkError> {
        self.outgoing.send_item(Said::Message(message)).map_err(|_| lost())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, code: u16, cx: &mut Context<'_>) -> Poll<()> {
        if !self.goodbye && ready!(self.poll_ready(cx)).is_ok() {
            self.goodbye = self.outgoing.send_item(Said::Goodbye(code)).is_ok();
        }
        while ready!(self.incoming.poll_recv(cx)).is_some() {}
        Poll::Ready(())
    }
}

/// The server's end of a link. Dropped, the link is lost.
#[derive(Debug)]
pub(crate) struct Peer {
    incoming: mpsc::Receiver<Said>,
    outgoing: mpsc::Sender<Bytes>,
}

impl Peer {
    /// The frames of the next wire message; `None` when the client has dropped the link.
    pub(crate) async fn receive(&mut self) -> Option<Vec<ClientFrame<'static>>> {
        match self.incoming.recv().await? {
            Said::Message(message) => Some(frames(&message)),
            Said::Goodbye(code) => panic!("the client said goodbye with {code}"),
        }
    }

    /// The frames of the wire messages that are there.
    pub(crate) fn received(&mut self) -> Vec<Vec<ClientFrame<'static>>> {
        let mut messages = Vec::new();
        while let Ok(Said::Message(message)) = self.incoming.try_recv() {
            messages.push(frames(&message));
        }
        messages
    }

    /// The code of the goodbye, when nothing else comes before.
    pub(crate) async fn goodbye(&mut self) -> Option<u16> {
        match self.incoming.recv().await? {
            Said::Goodbye(code) => Some(code),
            Said::Message(message) => panic!("before the goodbye came {:?}", frames(&message)),
        }
    }

    /// Sends one wire message.
    pub(crate) async fn send(&self, frames: &[ServerFrame<'_>]) {
        let mut message = Vec::new();
        for frame in frames {
            binary::encode_server(frame, &mut message);
        }
        self.raw(message).await;
    }

    pub(crate) async fn raw(&self, message: Vec<u8>) {
        self.outgoing.send(message.into()).await.unwrap();
    }

    /// Takes the connect frame.
    pub(crate) async fn connect(&mut self) -> pointsman_protocol::frame::Connect<'static> {
        let mut frames = self.receive().await.unwrap();
        match (frames.pop(), frames.pop()) {
            (Some(ClientFrame::Connect(connect)), None) => connect,
            other => panic!("instead of `connect` alone came {other:?}"),
        }
    }

    /// Takes the connect frame and answers it.
    pub(crate) async fn welcome(&mut self, ready: Ready<'_>) -> pointsman_protocol::frame::Connect<'static> {
        let connect = self.connect().await;
        self.send(&[ServerFrame::Ready(ready)]).await;
        connect
    }
}

fn frames(message: &[u8]) -> Vec<ClientFrame<'static>> {
    let mut frames = Vec::new();
    binary::decode_client(message, &mut |frame| {
        frames.push(frame.unwrap().into_owned());
        ControlFlow::Continue(())
    });
    frames
}

/// A new session.
pub(crate) fn new_session(session: &str) -> Ready<'_> {
    Ready {
        version: 1,
        session: session.into(),
        secret: "secret".into(),
        generation: 1,
        resumed: false,
        received: 0,
        skipped: 0,
        reason: None,
        node: "node".into(),
        server: "pointsman/test".into(),
        user: None,
        heartbeat_ms: 25_000,
        keep_ms: 30_000,
        limits: Limits {
            frame_bytes: 64 * 1024,
            payload_bytes: 32 * 1024,
            subject_bytes: 256,
            subscriptions: 100,
            requests: 100,
            resend_frames: 256,
            resend_bytes: 256 * 1024,
        },
        features: Vec::new(),
        refused: Vec::new(),
    }
}

/// A session that goes on.
pub(crate) fn resumed(session: &str, generation: u32, received: u64) -> Ready<'_> {
    Ready { generation, resumed: true, received, ..new_session(session) }
}
