//! A client that counts what it receives instead of reading it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use memchr::memmem::Finder;
use pointsman_protocol::frame::{BodyKind, ClientFrame, Connect, Publish, Subscription};
use pointsman_protocol::{binary, json};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::frames::{self, Scanner};

/// What is published, and what receivers subscribe to. It stands exactly once in each message of a delivery.
pub const SUBJECT: &str = "load.figures.updated";
/// A client confirms what it has received this often (protocol.md#P7.3) …
const CONFIRM_MESSAGES: u64 = 64;
/// … or after so many bytes.
const CONFIRM_BYTES: u64 = 64 * 1024;
/// … or so long after something came.
const CONFIRM_INTERVAL: Duration = Duration::from_secs(1);
/// How long opening a link may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
/// The key of all masks: the server undoes it whatever it is.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The form of the frames (protocol.md#P1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// JSON in text messages.
    Json,
    /// Postcard in binary messages.
    Postcard,
}

impl Form {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Postcard => "postcard",
        }
    }

    /// The opcode of its messages.
    #[must_use]
    pub fn opcode(self) -> u8 {
        match self {
            Self::Json => frames::TEXT,
            Self::Postcard => frames::BINARY,
        }
    }

    /// Appends one wire message with these frames.
    pub fn wire_message(self, frames: &[ClientFrame<'_>], out: &mut Vec<u8>) {
        let mut payload = Vec::new();
        match self {
            Self::Postcard => frames.iter().for_each(|frame| binary::encode_client(frame, &mut payload)),
            Self::Json => {
                let list = frames.len() != 1;
                payload.extend(list.then_some(b'['));
                for (at, frame) in frames.iter().enumerate() {
                    payload.extend((at > 0).then_some(b','));
                    json::encode_client(frame, &mut payload);
                }
                payload.extend(list.then_some(b']'));
            }
        }
        frames::masked(self.opcode(), &payload, KEY, out);
    }

    fn is_ping(self, message: &[u8]) -> bool {
        match self {
            Self::Json => message.starts_with(br#"{"op":"ping""#),
            Self::Postcard => message.first() == Some(&6),
        }
    }
}

/// How a link is opened.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The server.
    pub address: SocketAddr,
    /// The address to come from.
    pub source: Option<IpAddr>,
    /// The form.
    pub form: Form,
    /// Bytes of the kernel's receive buffer; the kernel has its own minimum.
    pub receive_buffer: Option<u32>,
}

/// An open link: its socket, and the bytes that came with the answer to the upgrade.
#[derive(Debug)]
pub struct Opened {
    /// The socket.
    pub stream: TcpStream,
    /// What has been read already.
    pub early: Vec<u8>,
}

/// Upgrades and sends `connect` with these subscriptions. Returns before `ready`.
///
/// # Errors
/// When the server refuses, or is not there.
pub async fn open(target: Target, subscribe: &[(u64, &str)]) -> anyhow::Result<Opened> {
    let opening = timeout(OPEN_TIMEOUT, open_now(target, subscribe));
    opening.await.context("the server did not answer the upgrade in time")?
}

async fn open_now(target: Target, subscribe: &[(u64, &str)]) -> anyhow::Result<Opened> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = target.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(source) = target.source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let mut stream =
        socket.connect(target.address).await.with_context(|| format!("connecting to {}", target.address))?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /v1/ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: pointsman.v1.{}\r\n\r\n",
        target.address,
        target.form.name()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut early = Vec::new();
    let end = loop {
        let mut piece = [0; 1024];
        let n = tokio::io::AsyncReadExt::read(&mut stream, &mut piece).await?;
        ensure!(n > 0, "the server hung up during the upgrade: {}", String::from_utf8_lossy(&early));
        early.extend_from_slice(piece.get(..n).unwrap_or_default());
        if let Some(at) = memchr::memmem::find(&early, b"\r\n\r\n") {
            break at + 4;
        }
    };
    if !early.starts_with(b"HTTP/1.1 101") {
        bail!("the server refused the upgrade: {}", String::from_utf8_lossy(&early));
    }
    early.drain(..end);
    let connect = ClientFrame::Connect(Connect {
        version: 1,
        token: None,
        name: None,
        echo: true,
        subscribe: subscribe
            .iter()
            .map(|&(sid, pattern)| Subscription { sid, pattern: pattern.into(), queue: None, max: None })
            .collect(),
        attach: None,
    });
    let mut out = Vec::new();
    target.form.wire_message(&[connect], &mut out);
    stream.write_all(&out).await?;
    Ok(Opened { stream, early })
}

/// `count` publications of `payload`, `per_message` of them in a wire message, as bytes to be written again and again.
#[must_use]
pub fn publications(form: Form, payload: &[u8], count: usize, per_message: usize) -> Vec<u8> {
    let body = if form == Form::Json { BodyKind::Json } else { BodyKind::Unknown };
    let frame = ClientFrame::Publish(Publish {
        id: None,
        subject: SUBJECT.into(),
        reply: None,
        message_id: None,
        headers: (&[][..]).into(),
        payload: payload.into(),
        body,
    });
    let frames = vec![frame; per_message.max(1)];
    let mut out = Vec::new();
    let mut left = count;
    while left > 0 {
        let now = left.min(frames.len());
        form.wire_message(frames.get(..now).unwrap_or_default(), &mut out);
        left -= now;
    }
    out
}

/// What all links of a load have in common. One thread.
#[derive(Debug, Default)]
pub struct Load {
    /// Deliveries of all links.
    pub delivered: Cell<u64>,
    /// Links whose `ready` has come.
    pub ready: Cell<usize>,
    /// Links that have ended.
    pub lost: Cell<usize>,
    goal: Cell<u64>,
    reached: Notify,
    /// When each publication was written, where latencies are wanted.
    pub sent: RefCell<Vec<Instant>>,
    /// Latencies in nanoseconds.
    pub latencies: RefCell<Vec<u64>>,
    buffer: RefCell<Vec<u8>>,
}

impl Load {
    /// Waits until so many deliveries have come in all. `false` when they do not come in time, or a link is lost.
    pub async fn reach(&self, goal: u64, within: Duration) -> bool {
        self.goal.set(goal);
        let waiting = async {
            while self.delivered.get() < goal && self.lost.get() == 0 {
                self.reached.notified().await;
            }
        };
        timeout(within, waiting).await.is_ok() && self.delivered.get() == goal
    }

    /// Waits until so many links are ready.
    ///
    /// # Errors
    /// When some do not become ready in time, or end.
    pub async fn until_ready(&self, links: usize) -> anyhow::Result<()> {
        let waiting = async {
            while self.ready.get() < links && self.lost.get() == 0 {
                self.reached.notified().await;
            }
        };
        let _late = timeout(OPEN_TIMEOUT, waiting).await;
        ensure!(
            self.ready.get() >= links,
            "{} of {links} links became ready, {} were lost",
            self.ready.get(),
            self.lost.get()
        );
        Ok(())
    }
}

/// Reads a link until it ends, or for as long as the returned future is polled. With `timed`, each delivery's latency is noted: the n-th delivery
/// of a link is the n-th publication.
pub async fn receive(link: Opened, form: Form, load: Rc<Load>, timed: bool) {
    let mark = Finder::new(SUBJECT);
    let mut scanner = Scanner::new(&mark);
    let Opened { mut stream, early } = link;
    let mut confirmed = (0, 0);
    let mut bytes = early.len() as u64;
    let (mut pinged, mut overdue) = (false, false);
    scanner.feed(&early, &mut |message| pinged |= form.is_ping(message));
    let mut seen = (0, 0);
    loop {
        note(&load, &scanner, &mut seen, timed);
        let received = scanner.messages.saturating_sub(1);
        if pinged || overdue || received - confirmed.0 >= CONFIRM_MESSAGES || bytes - confirmed.1 >= CONFIRM_BYTES {
            confirmed = (received, bytes);
            (pinged, overdue) = (false, false);
            let mut out = Vec::with_capacity(64);
            form.wire_message(&[ClientFrame::Pong { received }], &mut out);
            // A confirmation that does not fit now comes with the next one.
            let _full = stream.try_write(&out);
        }
        let read = poll_fn(|cx| {
            let mut buffer = load.buffer.borrow_mut();
            buffer.resize(256 * 1024, 0);
            let mut read = ReadBuf::new(&mut buffer);
            std::task::ready!(Pin::new(&mut stream).poll_read(cx, &mut read))?;
            scanner.feed(read.filled(), &mut |message| pinged |= form.is_ping(message));
            std::task::Poll::Ready(Ok::<_, std::io::Error>(read.filled().len()))
        });
        // A client that has something to confirm does so within a second.
        let waiting = received > confirmed.0;
        let read = async { if waiting { timeout(CONFIRM_INTERVAL, read).await } else { Ok(read.await) } };
        match read.await {
            Ok(Ok(n)) if n > 0 && !scanner.closed => bytes += n as u64,
            Ok(_) => break,
            Err(_) => overdue = true,
        }
    }
    load.lost.set(load.lost.get() + 1);
    load.reached.notify_one();
}

/// Adds what a link has seen to the sums.
fn note(load: &Load, scanner: &Scanner<'_>, seen: &mut (u64, u64), timed: bool) {
    if seen.0 == 0 && scanner.messages > 0 {
        load.ready.set(load.ready.get() + 1);
        load.reached.notify_one();
    }
    let new = scanner.marks - seen.1;
    if new > 0 {
        if timed {
            let now = Instant::now();
            let sent = load.sent.borrow();
            let from = usize::try_from(seen.1).unwrap_or(usize::MAX);
            let latency = |sent: &Instant| u64::try_from(now.duration_since(*sent).as_nanos()).unwrap_or(u64::MAX);
            let new = sent.iter().skip(from).take(usize::try_from(new).unwrap_or(usize::MAX));
            load.latencies.borrow_mut().extend(new.map(latency));
        }
        let delivered = load.delivered.get() + new;
        load.delivered.set(delivered);
        if delivered >= load.goal.get() {
            load.reached.notify_one();
        }
    }
    *seen = (scanner.messages, scanner.marks);
}
