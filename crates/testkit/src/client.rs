//! A client that counts as protocol.md#P7.2 says and comes back as protocol.md#P8 says, one step at a time.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use pointsman_protocol::frame::{
    Attach, BodyKind, ClientFrame, Connect, ErrorFrame, Publish, Ready, ServerFrame, Subscription,
};
use pointsman_session::close::CloseReason;
use tokio::task::JoinHandle;

use crate::history::{Name, Seen};
use crate::link::Remote;
use crate::node::{Node, in_time};
use crate::wire::{Unit, Wire};

/// Something that came from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "tests do not mind")]
pub enum Event {
    /// A frame.
    Frame(ServerFrame<'static>),
    /// The link's own close.
    Closed(Option<u16>),
    /// The link's own answer to a ping of its own.
    Pong(Vec<u8>),
    /// Nothing more will come.
    Over,
}

/// What the client keeps of its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub session: String,
    /// Its secret.
    pub secret: String,
    /// The last known generation.
    pub generation: u32,
}

/// A delivery or a gap, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// One message for these subscriptions.
    Message {
        /// Which.
        sids: Vec<u64>,
        /// Where it was published.
        subject: String,
        /// What.
        payload: Vec<u8>,
    },
    /// A gap.
    Gap {
        /// Of these subscriptions.
        sids: Vec<u64>,
        /// How many.
        lost: Option<u64>,
        /// Why.
        reason: String,
    },
}

/// A scripted client.
#[derive(Debug)]
pub struct Client {
    wire: Arc<dyn Wire>,
    /// Its link.
    pub link: Option<Remote>,
    /// The server's task for that link.
    pub task: Option<JoinHandle<CloseReason>>,
    partial: Vec<u8>,
    events: VecDeque<Event>,
    /// Its session.
    pub known: Option<Known>,
    /// Wire messages received on the session.
    pub received: u64,
    /// Wire messages sent on the session, all of them.
    sent: Vec<Vec<u8>>,
    subscribed: BTreeSet<u64>,
    /// Deliveries and gaps in the order they came, over all sessions.
    pub log: Vec<Told>,
    /// Whether it answers the server's pings.
    pub answers_pings: bool,
}

/// A `connect` without anything.
#[must_use]
pub fn connect() -> Connect<'static> {
    Connect { version: 1, token: None, name: None, echo: true, subscribe: Vec::new(), attach: None }
}

/// A plain subscription.
#[must_use]
pub fn subscription(sid: u64, pattern: &str) -> Subscription<'static> {
    Subscription { sid, pattern: pattern.to_owned().into(), queue: None, max: None }
}

/// A plain publication.
#[must_use]
pub fn publish(id: Option<u64>, subject: &str, payload: &[u8]) -> ClientFrame<'static> {
    ClientFrame::Publish(Publish {
        id,
        subject: subject.to_owned().into(),
        reply: None,
        message_id: None,
        headers: Vec::new().into(),
        payload: payload.to_vec().into(),
        body: BodyKind::Unknown,
    })
}

impl Client {
    /// A client without a link.
    #[must_use]
    pub fn new(wire: Arc<dyn Wire>) -> Self {
        Self {
            wire,
            link: None,
            task: None,
            partial: Vec::new(),
            events: VecDeque::new(),
            known: None,
            received: 0,
            sent: Vec::new(),
            subscribed: BTreeSet::new(),
            log: Vec::new(),
            answers_pings: true,
        }
    }

    /// The same client as another process of it would be: it knows the session and what has been received and sent, and has no link.
    #[must_use]
    pub fn twin(&self) -> Self {
        Self {
            known: self.known.clone(),
            received: self.received,
            sent: self.sent.clone(),
            subscribed: self.subscribed.clone(),
            ..Self::new(Arc::clone(&self.wire))
        }
    }

    /// The client's end of its link.
    #[must_use]
    pub fn remote(&self) -> &Remote {
        self.link.as_ref().unwrap()
    }

    /// Opens a link and says nothing.
    pub fn dial(&mut self, node: &Node) {
        let (remote, task) = node.dial(&self.wire);
        (self.link, self.task) = (Some(remote), Some(task));
        self.partial.clear();
        self.events.clear();
    }

    /// Opens a link for a new session. `more` goes into the same wire message.
    pub fn open(&mut self, node: &Node, connect: Connect<'static>, more: &[ClientFrame<'static>]) {
        self.dial(node);
        self.greet(connect, more);
    }

    /// The first wire message of a link: not counted.
    pub fn greet(&mut self, connect: Connect<'static>, more: &[ClientFrame<'static>]) {
        if connect.attach.is_none() {
            self.received = 0;
            self.sent.clear();
            self.subscribed = connect.subscribe.iter().map(|subscription| subscription.sid).collect();
        }
        let mut frames = vec![ClientFrame::Connect(connect)];
        frames.extend_from_slice(more);
        more.iter().for_each(|frame| self.note(frame));
        self.put(&Unit::Data(self.wire.encode(&frames)));
    }

    /// Opens a link for a new session and waits until it is ready.
    pub async fn connect(&mut self, node: &Node, connect: Connect<'static>) -> Ready<'static> {
        self.open(node, connect, &[]);
        self.ready().await
    }

    /// A `connect` that takes up the session.
    #[must_use]
    pub fn attaching(&self) -> Connect<'static> {
        let known = self.known.clone().unwrap();
        let attach = Attach {
            session: known.session.into(),
            secret: known.secret.into(),
            generation: known.generation + 1,
            received: self.received,
        };
        Connect { attach: Some(attach), ..connect() }
    }

    /// Opens a link, takes up the session, sends again what the server has not received.
    pub async fn attach(&mut self, node: &Node, connect: Connect<'static>) -> Ready<'static> {
        self.open(node, connect, &[]);
        self.ready().await
    }

    fn note(&mut self, frame: &ClientFrame<'_>) {
        match frame {
            ClientFrame::Subscribe { subscription, .. } => {
                self.subscribed.insert(subscription.sid);
            }
            ClientFrame::Unsubscribe { sid, .. } => {
                self.subscribed.remove(sid);
            }
            _ => {}
        }
    }

    /// Sends one wire message, which counts.
    pub fn send(&mut self, frames: &[ClientFrame<'_>]) {
        frames.iter().for_each(|frame| self.note(frame));
        self.send_raw(self.wire.encode(frames));
    }

    /// Sends one wire message of any bytes, which counts.
    pub fn send_raw(&mut self, payload: Vec<u8>) {
        self.sent.push(payload.clone());
        self.put(&Unit::Data(payload));
    }

    /// Sends a unit of the link.
    pub fn put(&self, unit: &Unit) {
        let mut bytes = Vec::new();
        self.wire.put(unit, &mut bytes);
        self.remote().send(&bytes);
    }

    /// Says how much it has received.
    pub fn confirm(&mut self) {
        let received = self.received;
        self.send(&[ClientFrame::Pong { received }]);
    }

    /// Takes in what has arrived.
    pub fn pump(&mut self) {
        let Some(link) = &self.link else { return };
        self.partial.extend(link.take());
        while let Some((unit, len)) = self.wire.first(&self.partial) {
            self.partial.drain(..len);
            match unit {
                Unit::Data(payload) => self.wire_message(&payload),
                Unit::Ping(payload) => self.put(&Unit::Pong(payload)),
                Unit::Pong(payload) => self.events.push_back(Event::Pong(payload)),
                Unit::Close { code, .. } => self.events.push_back(Event::Closed(code)),
            }
        }
    }

    fn wire_message(&mut self, payload: &[u8]) {
        let frames = self.wire.decode(payload);
        if !matches!(frames.first(), Some(ServerFrame::Ready(_) | ServerFrame::Close(_))) {
            self.received += 1;
        }
        for frame in frames {
            self.frame(&frame);
            self.events.push_back(Event::Frame(frame));
        }
    }

    fn frame(&mut self, frame: &ServerFrame<'static>) {
        match frame {
            ServerFrame::Ready(ready) => self.is_ready(ready),
            ServerFrame::Message { sids, messages } => {
                assert!(sids.is_sorted(), "sids ascend (protocol.md#P5.6)");
                self.log.extend(messages.iter().map(|message| Told::Message {
                    sids: sids.clone(),
                    subject: message.subject.to_string(),
                    payload: message.payload.to_vec(),
                }));
            }
            ServerFrame::Gap { sids, lost, reason } => {
                self.log.push(Told::Gap { sids: sids.clone(), lost: *lost, reason: reason.to_string() });
            }
            ServerFrame::Ping { .. } if self.answers_pings => self.confirm(),
            _ => {}
        }
    }

    fn is_ready(&mut self, ready: &Ready<'static>) {
        let asked = self.known.replace(Known {
            session: ready.session.to_string(),
            secret: ready.secret.to_string(),
            generation: ready.generation,
        });
        if ready.resumed {
            self.received += ready.skipped;
            let beyond = usize::try_from(ready.received).unwrap();
            assert!(beyond <= self.sent.len(), "the server has received more than was sent");
            for payload in self.sent.iter().skip(beyond) {
                self.put(&Unit::Data(payload.clone()));
            }
        } else if asked.is_some() {
            // A new session instead of the one asked for: what was subscribed is a loss without a number.
            let sids: Vec<u64> = std::mem::take(&mut self.subscribed).into_iter().collect();
            if ready.reason.is_some() {
                self.log.push(Told::Gap { sids, lost: None, reason: "session_gone".into() });
                self.received = 0;
                self.sent.clear();
            } else {
                self.subscribed = sids.into_iter().collect();
            }
        }
    }

    /// The next thing that comes.
    pub async fn event(&mut self) -> Event {
        let link = self.remote().clone();
        loop {
            self.pump();
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            if link.is_over() {
                // Something may have come in between.
                self.pump();
                return self.events.pop_front().unwrap_or(Event::Over);
            }
            let mut seen = false;
            let something = link.until(|link| std::mem::replace(&mut seen, true) || link.has_bytes() || link.is_over());
            in_time("something comes from the server", something).await;
        }
    }

    /// The next frame; fails where the link ends.
    pub async fn next(&mut self) -> ServerFrame<'static> {
        match self.event().await {
            Event::Frame(frame) => frame,
            other => panic!("a frame was expected, not {other:?}"),
        }
    }

    /// The next frame that is neither a delivery nor a gap nor a ping that it answers by itself.
    pub async fn answer(&mut self) -> ServerFrame<'static> {
        loop {
            match self.next().await {
                ServerFrame::Message { .. } | ServerFrame::Gap { .. } => {}
                ServerFrame::Ping { .. } if self.answers_pings => {}
                frame => return frame,
            }
        }
    }

    /// Waits for `ready`, which has to be the next thing.
    pub async fn ready(&mut self) -> Ready<'static> {
        match self.next().await {
            ServerFrame::Ready(ready) => ready,
            other => panic!("`ready` was expected, not {other:?}"),
        }
    }

    /// Waits for the answer `ok` with this id.
    pub async fn ok(&mut self, id: u64) {
        assert_eq!(self.answer().await, ServerFrame::Ok { id });
    }

    /// Waits for an error and gives it.
    pub async fn error(&mut self) -> ErrorFrame<'static> {
        match self.answer().await {
            ServerFrame::Error(error) => error,
            other => panic!("an error was expected, not {other:?}"),
        }
    }

    /// Makes sure that everything sent so far has been handled and everything it caused has arrived.
    pub async fn settle(&mut self) {
        let received = self.received;
        self.send(&[ClientFrame::Ping { received }]);
        while !matches!(self.next().await, ServerFrame::Pong { .. }) {}
    }

    /// What comes until the link is over.
    pub async fn rest(&mut self) -> Vec<Event> {
        let mut rest = Vec::new();
        loop {
            match self.event().await {
                Event::Over => return rest,
                event => rest.push(event),
            }
        }
    }

    /// Waits for the server to let go of the link, and says why it did.
    pub async fn ended(&mut self) -> CloseReason {
        let task = self.task.take().unwrap();
        in_time("the link's task ends", task).await.unwrap()
    }

    /// The messages and gaps of one subscription, where payloads are those of [`Client::name`].
    #[must_use]
    pub fn seen(&self, sid: u64) -> Vec<Seen> {
        self.log
            .iter()
            .filter_map(|told| match told {
                Told::Message { sids, subject, payload } if sids.contains(&sid) => {
                    let text = std::str::from_utf8(payload).unwrap();
                    let (publisher, number) = text.split_once('-').unwrap();
                    Some(Seen::Message(Name {
                        publisher: publisher.parse().unwrap(),
                        subject: subject.clone(),
                        number: number.parse().unwrap(),
                    }))
                }
                Told::Gap { sids, lost, .. } if sids.contains(&sid) => Some(Seen::Gap(*lost)),
                _ => None,
            })
            .collect()
    }

    /// The payload of a publication that a history can name.
    #[must_use]
    pub fn name(publisher: u64, number: u64) -> Vec<u8> {
        format!("{publisher}-{number}").into_bytes()
    }
}
