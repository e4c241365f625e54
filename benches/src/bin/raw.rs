//! The yardstick: a server that reads nothing but frame headers, knows who has subscribed, and writes the same framed bytes to each of them, once per
//! socket and round of reads.
//!
//! What it leaves out is what a router is for: it does not decode, does not match, has no limits and no sessions. It is for measurements only.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, ready};

use clap::Parser;
use pointsman_benches::client::SUBJECT;
use pointsman_benches::frames::{self, Header};
use pointsman_benches::sample;
use pointsman_protocol::frame::{BodyKind, DeliveryView};
use pointsman_protocol::{binary, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tungstenite::handshake::derive_accept_key;

#[derive(Debug, Clone, Parser)]
#[command(about = "Writes the same bytes to every socket that has subscribed")]
struct Arguments {
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
    /// Publications in a wire message of the publisher
    #[arg(long, default_value_t = 1)]
    per_message: usize,
    /// Bytes of a payload
    #[arg(long, default_value_t = sample::PAYLOAD_BYTES)]
    payload: usize,
}

/// A subscribed socket.
struct Receiver {
    stream: TcpStream,
    /// What the socket did not take.
    backlog: RefCell<Vec<u8>>,
    blocked: Notify,
}

type Framed = HashMap<(u8, usize), Rc<[u8]>>;

struct Raw {
    per_message: usize,
    payload: Vec<u8>,
    receivers: RefCell<Vec<Rc<Receiver>>>,
    /// Framed deliveries by form and number of messages.
    framed: RefCell<Framed>,
    /// Publications read in this round.
    round: Cell<(u8, usize)>,
    ended: Notify,
    buffer: RefCell<Vec<u8>>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let _limit = pointsman_benches::process::raise_open_files();
    let raw = Rc::new(Raw {
        per_message: arguments.per_message,
        payload: sample::payload(arguments.payload),
        receivers: RefCell::default(),
        framed: RefCell::default(),
        round: Cell::default(),
        ended: Notify::new(),
        buffer: RefCell::new(vec![0; 128 * 1024]),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async move {
        let listener = TcpListener::bind(arguments.listen).await?;
        let flushing = Rc::clone(&raw);
        tokio::task::spawn_local(async move {
            loop {
                flushing.ended.notified().await;
                // Every task that is ready reads before the round is written.
                tokio::task::yield_now().await;
                flushing.flush();
            }
        });
        loop {
            let (stream, _) = listener.accept().await?;
            let raw = Rc::clone(&raw);
            tokio::task::spawn_local(async move {
                // A link that ends, ends; a load generator that misses deliveries says so.
                let _ended = serve(&raw, stream).await;
            });
        }
    })
}

async fn serve(raw: &Rc<Raw>, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut early = Vec::new();
    let (head, form) = upgrade(&mut stream, &mut early).await?;
    early.drain(..head);
    let connect = first_message(&mut stream, &mut early).await?;
    let mut ready = Vec::new();
    let answer: &[u8] = if form == frames::TEXT { br#"{"op":"ready"}"# } else { &[0] };
    frames::header(form, answer.len(), false, &mut ready);
    ready.extend_from_slice(answer);
    stream.write_all(&ready).await?;
    let is_receiver = memchr::memmem::find(&connect, SUBJECT.as_bytes()).is_some();
    let receiver = Rc::new(Receiver { stream, backlog: RefCell::default(), blocked: Notify::new() });
    if is_receiver {
        raw.receivers.borrow_mut().push(Rc::clone(&receiver));
        tokio::task::spawn_local(catch_up(Rc::clone(&receiver)));
    }
    let result = read(raw, &receiver, form, is_receiver, &early).await;
    raw.receivers.borrow_mut().retain(|other| !Rc::ptr_eq(other, &receiver));
    result
}

/// Reads what comes. What receivers send is thrown away, what others send is publications.
async fn read(raw: &Raw, receiver: &Receiver, form: u8, is_receiver: bool, early: &[u8]) -> io::Result<()> {
    let mut counter = Counter::default();
    let mut messages = if is_receiver { 0 } else { counter.feed(early) };
    loop {
        if messages > 0 {
            let (_, before) = raw.round.get();
            raw.round.set((form, before + messages * raw.per_message));
            raw.ended.notify_one();
        }
        messages = poll_fn(|cx| {
            loop {
                ready!(receiver.stream.poll_read_ready(cx))?;
                let mut buffer = raw.buffer.borrow_mut();
                match receiver.stream.try_read(&mut buffer) {
                    Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                    Ok(_) if is_receiver => {}
                    Ok(n) => return Poll::Ready(Ok(counter.feed(buffer.get(..n).unwrap_or_default()))),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
        })
        .await?;
    }
}

impl Raw {
    /// Writes the round to everybody.
    fn flush(&self) {
        let (form, messages) = self.round.take();
        if messages == 0 {
            return;
        }
        let bytes = self.framed(form, messages);
        for receiver in self.receivers.borrow().iter() {
            let mut backlog = receiver.backlog.borrow_mut();
            let written = if backlog.is_empty() { receiver.stream.try_write(&bytes).unwrap_or(0) } else { 0 };
            if written < bytes.len() {
                backlog.extend_from_slice(bytes.get(written..).unwrap_or_default());
                receiver.blocked.notify_one();
            }
        }
    }

    fn framed(&self, form: u8, messages: usize) -> Rc<[u8]> {
        let mut framed = self.framed.borrow_mut();
        let framed = framed.entry((form, messages)).or_insert_with(|| {
            let message = DeliveryView {
                subject: SUBJECT,
                reply: None,
                headers: &[],
                payload: &self.payload,
                body: BodyKind::Json,
            };
            let mut payload = Vec::new();
            let run = std::iter::repeat_n(message, messages);
            if form == frames::TEXT {
                json::encode_message(&[1], run, &mut payload);
            } else {
                binary::encode_message(&[1], run, &mut payload);
            }
            let mut out = Vec::new();
            frames::header(form, payload.len(), false, &mut out);
            out.extend_from_slice(&payload);
            out.into()
        });
        Rc::clone(framed)
    }
}

/// Writes what a socket did not take.
async fn catch_up(receiver: Rc<Receiver>) {
    loop {
        receiver.blocked.notified().await;
        while !receiver.backlog.borrow().is_empty() {
            if receiver.stream.writable().await.is_err() {
                return;
            }
            let mut backlog = receiver.backlog.borrow_mut();
            match receiver.stream.try_write(&backlog) {
                Ok(n) => drop(backlog.drain(..n)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}

/// Counts the frames that are complete, without looking into them.
#[derive(Debug, Default)]
struct Counter {
    partial: Vec<u8>,
    missing: usize,
}

impl Counter {
    fn feed(&mut self, mut bytes: &[u8]) -> usize {
        let mut complete = 0;
        while !bytes.is_empty() {
            if self.missing > 0 {
                let taken = self.missing.min(bytes.len());
                self.missing -= taken;
                complete += usize::from(self.missing == 0);
                bytes = bytes.get(taken..).unwrap_or_default();
                continue;
            }
            if self.partial.is_empty()
                && let Some(Header { bytes: head, payload, .. }) = frames::read_header(bytes)
            {
                self.missing = payload;
                bytes = bytes.get(head..).unwrap_or_default();
                continue;
            }
            let (first, rest) = bytes.split_at(1);
            self.partial.extend_from_slice(first);
            bytes = rest;
            if let Some(header) = frames::read_header(&self.partial) {
                self.missing = header.payload;
                self.partial.clear();
            }
        }
        complete
    }
}

/// Answers the upgrade. Returns where the request ends in `early`, and the opcode of the form.
async fn upgrade(stream: &mut TcpStream, early: &mut Vec<u8>) -> io::Result<(usize, u8)> {
    let end = loop {
        if let Some(at) = memchr::memmem::find(early, b"\r\n\r\n") {
            break at + 4;
        }
        read_more(stream, early).await?;
    };
    let request = String::from_utf8_lossy(early.get(..end).unwrap_or_default()).into_owned();
    let value = |name: &str| {
        request
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    };
    let protocol = value("sec-websocket-protocol");
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n\
         Sec-WebSocket-Protocol: {protocol}\r\n\r\n",
        derive_accept_key(value("sec-websocket-key").as_bytes())
    );
    stream.write_all(response.as_bytes()).await?;
    Ok((end, if protocol.ends_with("json") { frames::TEXT } else { frames::BINARY }))
}

/// The payload of the first message, which is taken off; what came with it stays.
async fn first_message(stream: &mut TcpStream, early: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    loop {
        if let Some(header) = frames::read_header(early)
            && let Some(payload) = early.get(header.bytes..header.bytes + header.payload)
        {
            let key = header.key.unwrap_or_default();
            let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            early.drain(..header.bytes + header.payload);
            return Ok(payload);
        }
        read_more(stream, early).await?;
    }
}

async fn read_more(stream: &mut TcpStream, into: &mut Vec<u8>) -> io::Result<()> {
    if stream.read_buf(into).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}
