//! A client that speaks JSON by hand: it counts what it receives, comes back after a broken link, and sends again what the server has not received.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use crate::node::DEADLINE;

/// What a second link needs to take the session up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) session: String,
    secret: String,
    generation: u64,
}

pub(crate) struct Client {
    /// Where the next link goes.
    pub(crate) address: SocketAddr,
    link: Option<WebSocket<TcpStream>>,
    pub(crate) ticket: Option<Ticket>,
    /// Counted wire messages of the server (protocol.md#P7.2).
    pub(crate) received: u64,
    /// Wire messages sent that the server has not confirmed, and the number of the last confirmed one.
    unconfirmed: VecDeque<String>,
    confirmed: u64,
    /// Frames of the last wire message that have not been handed out.
    frames: VecDeque<Value>,
    /// Links that took the session up.
    pub(crate) resumed: usize,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            link: None,
            ticket: None,
            received: 0,
            unconfirmed: VecDeque::new(),
            confirmed: 0,
            frames: VecDeque::new(),
            resumed: 0,
        }
    }

    /// A client with a session.
    pub(crate) fn connected(address: SocketAddr, fields: &Value) -> Self {
        let mut client = Self::new(address);
        assert!(client.begin(fields).is_some(), "no link to {address}");
        client
    }

    /// Opens a link by way of `socket` and begins a session: what `ready` said, or `None` where the link broke before.
    pub(crate) fn begin(&mut self, fields: &Value) -> Option<Value> {
        let socket = TcpStream::connect(self.address).unwrap();
        self.begin_on(socket, fields)
    }

    pub(crate) fn begin_on(&mut self, socket: TcpStream, fields: &Value) -> Option<Value> {
        let ready = self.greet(socket, fields)?;
        assert_eq!((&ready["op"], &ready["resumed"]), (&json!("ready"), &json!(false)), "{ready}");
        self.remember(&ready);
        Some(ready)
    }

    /// Takes the session up on a new link (protocol.md#P8.2): what `ready` said, or `None` where the link broke before.
    pub(crate) fn attach(&mut self) -> Option<Value> {
        let ticket = self.ticket.as_mut().expect("there is a session to take up");
        ticket.generation += 1;
        let Ticket { session, secret, generation } = ticket.clone();
        let attach = json!({"session": session, "secret": secret, "generation": generation, "received": self.received});
        let socket = TcpStream::connect(self.address).unwrap();
        let ready = self.greet(socket, &json!({ "attach": attach }))?;
        if ready["resumed"] == json!(true) {
            assert_eq!((&ready["session"], &ready["generation"]), (&json!(session), &json!(generation)), "{ready}");
            self.received += ready["skipped"].as_u64().unwrap();
            self.confirm(ready["received"].as_u64().unwrap());
            self.resumed += 1;
            for message in self.unconfirmed.clone() {
                self.write(message);
            }
        }
        Some(ready)
    }

    fn remember(&mut self, ready: &Value) {
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        self.ticket = Some(Ticket { session: text("session"), secret: text("secret"), generation: 1 });
    }

    fn greet(&mut self, socket: TcpStream, fields: &Value) -> Option<Value> {
        self.link = None;
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut request = format!("ws://{}/v1/ws", self.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "pointsman.v1.json".parse().unwrap());
        let (link, _) = tungstenite::client(request, socket).ok()?;
        self.link = Some(link);
        let mut connect = json!({ "op": "connect", "version": 1 });
        connect.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.write(connect.to_string());
        self.next()
    }

    /// Sends a counted wire message; without a link it waits for the next one.
    pub(crate) fn send(&mut self, frame: &Value) {
        self.unconfirmed.push_back(frame.to_string());
        self.write(frame.to_string());
    }

    fn write(&mut self, message: String) {
        if let Some(link) = &mut self.link
            && let Err(error) = link.send(Message::text(message))
        {
            assert!(!is_timeout(&error), "the server does not read");
            // What the server had written before can still be read; the end of it is noticed there.
        }
    }

    /// Wire messages sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.confirmed + self.unconfirmed.len() as u64
    }

    fn confirm(&mut self, received: u64) {
        assert!((self.confirmed..=self.sent()).contains(&received), "{received} of {} were received", self.sent());
        while self.confirmed < received {
            self.unconfirmed.pop_front();
            self.confirmed += 1;
        }
    }

    /// The next frame; `None` once the link is broken. Pings are answered.
    pub(crate) fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                match frame["op"].as_str().unwrap() {
                    "ping" => {
                        self.confirm(frame["received"].as_u64().unwrap());
                        self.send(&json!({"op": "pong", "received": self.received}));
                    }
                    "pong" => {
                        self.confirm(frame["received"].as_u64().unwrap());
                        return Some(frame);
                    }
                    _ => return Some(frame),
                }
                continue;
            }
            let link = self.link.as_mut()?;
            match link.read() {
                Ok(Message::Text(text)) => self.take(text.as_str()),
                Ok(Message::Close(_)) | Err(tungstenite::Error::ConnectionClosed) => self.link = None,
                Ok(_) => {}
                Err(error) => {
                    assert!(!is_timeout(&error), "the server says nothing");
                    self.link = None;
                }
            }
        }
    }

    fn take(&mut self, text: &str) {
        let frames = match serde_json::from_str(text).unwrap() {
            Value::Array(frames) => frames,
            frame => vec![frame],
        };
        let counts = !matches!(frames[0]["op"].as_str().unwrap(), "ready" | "close");
        self.received += u64::from(counts);
        self.frames.extend(frames);
    }

    /// The next frame of the session, over as many links as it takes.
    pub(crate) fn next_of_session(&mut self) -> Value {
        loop {
            if let Some(frame) = self.next() {
                return frame;
            }
            if let Some(ready) = self.attach() {
                let told = (&ready["resumed"], &ready["skipped"]);
                assert_eq!(told, (&json!(true), &json!(0)), "everything was held: {ready}");
            }
        }
    }

    /// Publishes and waits until it is accepted. For a client that is not delivered to.
    pub(crate) fn publish(&mut self, id: u64, subject: &str, body: &Value) {
        self.send(&json!({"op": "publish", "id": id, "subject": subject, "data": body}));
        let answer = self.next().unwrap();
        assert_eq!(answer, json!({"op": "ok", "id": id}));
    }

    /// Ends the session.
    pub(crate) fn goodbye(mut self) {
        if let Some(link) = &mut self.link {
            // A link that is gone needs none.
            let _gone = link.close(Some(tungstenite::protocol::CloseFrame {
                code: tungstenite::protocol::frame::coding::CloseCode::Normal,
                reason: "".into(),
            }));
            let _gone = link.flush();
        }
    }
}

fn is_timeout(error: &tungstenite::Error) -> bool {
    let of_time = |error: &io::Error| matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
    matches!(error, tungstenite::Error::Io(error) if of_time(error))
}
