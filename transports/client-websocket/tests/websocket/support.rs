//! A server of the adapter's routes, and a client that writes bytes.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use pointsman_client_websocket::config::WebSocketConfig;
use pointsman_client_websocket::upgrade::{WebSocket, plain};
use pointsman_testkit::node::{Node, config, in_time};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
pub(crate) const FIN: u8 = 0x80;

/// Small, so that tests reach them.
pub(crate) const FRAME_MAX: usize = 64 * 1024;
pub(crate) const MESSAGE_MAX: usize = 100 * 1024;

pub(crate) struct Server {
    pub(crate) node: Node,
    pub(crate) address: std::net::SocketAddr,
    _stop: DropGuard,
}

pub(crate) fn settings() -> WebSocketConfig {
    WebSocketConfig {
        allowed_origins: vec!["same".into(), "https://app.example".into()],
        allow_missing_origin: true,
        frame_bytes_max: FRAME_MAX,
        message_bytes_max: MESSAGE_MAX,
    }
}

pub(crate) async fn server() -> Server {
    let node = Node::start(config());
    let adapter = WebSocket::new(settings(), Arc::clone(&node.sessions), TaskTracker::new(), plain);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(stopped.run_until_cancelled_owned(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(adapter.routes());
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades());
        }
    }));
    Server { node, address, _stop: stop.drop_guard() }
}

/// The lines of a request for an upgrade that is granted.
pub(crate) fn request(server: &Server) -> Vec<(String, String)> {
    [
        ("Host", server.address.to_string().as_str()),
        ("Connection", "keep-alive, Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Protocol", "pointsman.v1.json"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// The answer to a request: status, headers in lower case.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) stream: Peer,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) async fn ask(server: &Server, line: &str, headers: &[(String, String)], behind: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let mut bytes = format!("{line}\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(behind);
    stream.write_all(&bytes).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(in_time("an answer", stream.read_u8()).await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Answer { status, headers, stream: Peer { stream, partial: Vec::new() } }
}

/// An upgraded connection.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    partial: Vec<u8>,
}

/// A frame of the server. It never has reserved bits, never is a fragment, never masked.
pub(crate) type Frame = (u8, Vec<u8>);

/// A client's frame, masked.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    frame_of_length(first, payload.len() as u64, payload)
}

/// The same with a length that need not be true.
pub(crate) fn frame_of_length(first: u8, len: u64, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
    let mut out = vec![first];
    match len {
        0..126 => out.push(0x80 | u8::try_from(len).unwrap()),
        126..65_536 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    frame(FIN | TEXT, text.as_bytes())
}

pub(crate) fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

pub(crate) const CONNECT: &str = r#"{"op":"connect","version":1,"subscribe":[{"sid":1,"pattern":"echo"}]}"#;

impl Peer {
    /// An upgraded connection that has said nothing yet.
    pub(crate) async fn upgraded(server: &Server) -> Self {
        let answer = ask(server, "GET /v1/ws HTTP/1.1", &request(server), b"").await;
        assert_eq!(answer.status, 101);
        answer.stream
    }

    /// A connection with a session that is subscribed to `echo`.
    pub(crate) async fn connected(server: &Server) -> Self {
        let mut peer = Self::upgraded(server).await;
        peer.send(&text(CONNECT)).await;
        let (opcode, payload) = peer.next().await.unwrap();
        assert!(opcode == TEXT && payload.starts_with(br#"{"op":"ready""#));
        peer
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends as far as the server takes it: it may have closed already.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) {
        let _closed = self.stream.write_all(bytes).await;
    }

    fn first(&mut self) -> Option<Frame> {
        let (&first, rest) = self.partial.split_first()?;
        let (&second, rest) = rest.split_first()?;
        assert!(second & 0x80 == 0, "a server masks nothing");
        assert!(first & 0x70 == 0, "no reserved bits");
        assert!(first & FIN != 0, "no fragments");
        let (header, len): (usize, usize) = match second {
            126 => (4, usize::from(u16::from_be_bytes(rest.get(..2)?.try_into().unwrap()))),
            127 => (10, usize::try_from(u64::from_be_bytes(rest.get(..8)?.try_into().unwrap())).unwrap()),
            short => (2, usize::from(short)),
        };
        let payload = self.partial.get(header..header + len)?.to_vec();
        self.partial.drain(..header + len);
        Some((first & 0x0f, payload))
    }

    /// The next frame; `None` when the server has closed the connection, `Some` of what came before it.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.first() {
                return Some(frame);
            }
            let mut buffer = vec![0; 16 * 1024];
            match in_time("the server says something", self.stream.read(&mut buffer)).await {
                Ok(0) => {
                    assert!(self.partial.is_empty(), "the end lies within a frame");
                    return None;
                }
                Ok(n) => self.partial.extend_from_slice(&buffer[..n]),
                Err(error) => panic!("the connection was reset, which takes back what was written last: {error}"),
            }
        }
    }

    pub(crate) async fn next_text(&mut self) -> String {
        let (opcode, payload) = self.next().await.unwrap();
        assert_eq!(opcode, TEXT, "{:?}", String::from_utf8_lossy(&payload));
        String::from_utf8(payload).unwrap()
    }

    /// Everything until the server has closed the connection.
    pub(crate) async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// The code of the server's close frame, which has to be the last; what came before it is not looked at.
    pub(crate) async fn closed(&mut self) -> u16 {
        let frames = self.rest().await;
        let (opcode, payload) = frames.last().expect("the server closed without a word");
        assert_eq!(*opcode, CLOSE, "{frames:?}");
        assert!(payload.len() >= 2 && std::str::from_utf8(&payload[2..]).is_ok());
        u16::from_be_bytes(payload[..2].try_into().unwrap())
    }

    /// Whether the link still works: a ping of the protocol is answered.
    pub(crate) async fn is_alive(&mut self) -> bool {
        self.send(&text(r#"{"op":"ping","received":0}"#)).await;
        loop {
            match self.next().await {
                Some((TEXT, payload)) if payload.starts_with(br#"{"op":"pong""#) => return true,
                Some((CLOSE, _)) | None => return false,
                Some(_) => {}
            }
        }
    }
}

/// Waits until the node holds nothing.
pub(crate) async fn ends_empty(server: &Server) {
    in_time("the node is empty", server.node.until_empty()).await;
}

pub(crate) const MOMENT: Duration = Duration::from_millis(20);
