//! A server that keeps sessions as protocol.md#P8 says, and whose deliveries the test decides.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use pointsman_protocol::binary;
use pointsman_protocol::frame::{BodyKind, ClientFrame, Connect, Delivery, ErrorFrame, Limits, Ready, ServerFrame};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// What becomes of a session whose link is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It is kept with everything that was sent.
    Everything,
    /// It is kept with this many sent messages.
    Last(usize),
    /// It is forgotten.
    Nothing,
}

#[derive(Debug, Default)]
struct SessionState {
    generation: u32,
    received: u64,
    /// Counted messages from the number `base` + 1 on.
    sent: Vec<Bytes>,
    base: u64,
    /// Number of the last message given to the present link.
    written: u64,
    subscriptions: BTreeMap<u64, String>,
}

#[derive(Debug)]
struct State {
    keep: Keep,
    sessions: HashMap<String, SessionState>,
    made: usize,
    handled: Vec<String>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something is to be written.
    work: Notify,
    /// Counts changes, for tests that wait.
    changes: watch::Sender<u64>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn changed(&self) {
        self.work.notify_waiters();
        self.changes.send_modify(|changes| *changes += 1);
    }
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(crate) async fn new(keep: Keep) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::new(State { keep, sessions: HashMap::new(), made: 0, handled: Vec::new() }),
            work: Notify::new(),
            changes: watch::Sender::new(0),
        });
        let mut tasks = JoinSet::new();
        let accepting = Arc::clone(&shared);
        tasks.spawn(async move {
            let mut links = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                links.spawn(link(stream, Arc::clone(&accepting)));
            }
        });
        Self { address, shared, _tasks: tasks }
    }

    /// Delivers a message to everybody who is subscribed.
    pub(crate) fn deliver(&self, payload: &str) {
        let mut state = self.shared.state();
        for session in state.sessions.values_mut() {
            let sids: Vec<u64> = session.subscriptions.keys().copied().collect();
            if !sids.is_empty() {
                let message = Delivery {
                    subject: "down".into(),
                    reply: None,
                    headers: Vec::new().into(),
                    payload: payload.as_bytes().into(),
                    body: BodyKind::Unknown,
                };
                session.send(&ServerFrame::Message { sids, messages: vec![message] });
            }
        }
        drop(state);
        self.shared.changed();
    }

    /// Payloads of the publications handled, in order.
    pub(crate) fn handled(&self) -> Vec<String> {
        self.shared.state().handled.clone()
    }

    /// Sessions made so far.
    pub(crate) fn made(&self) -> usize {
        self.shared.state().made
    }
}

impl SessionState {
    fn send(&mut self, frame: &ServerFrame<'_>) {
        let mut message = Vec::new();
        binary::encode_server(frame, &mut message);
        self.sent.push(message.into());
    }

    fn head(&self) -> u64 {
        self.base + self.sent.len() as u64
    }
}

#[allow(clippy::result_large_err, reason = "the type is given by the callback")]
fn choose(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    assert_eq!(request.uri().path(), "/v1/ws");
    let name = HeaderValue::from_static("pointsman.v1.postcard");
    response.headers_mut().insert("sec-websocket-protocol", name);
    Ok(response)
}

/// Serves one link until it is lost.
async fn link(stream: TcpStream, shared: Arc<Shared>) {
    stream.set_nodelay(true).unwrap();
    let Ok(mut stream) = tokio_tungstenite::accept_hdr_async(stream, choose).await else { return };
    let Some((name, generation)) = open(&mut stream, &shared).await else { return };
    loop {
        let work = shared.work.notified();
        let mut work = std::pin::pin!(work);
        work.as_mut().enable();
        let Some(unwritten) = take_unwritten(&shared, &name, generation) else { return };
        for message in unwritten {
            if stream.send(Message::Binary(message)).await.is_err() {
                return lost(&shared, &name, generation);
            }
        }
        tokio::select! {
            () = work => {}
            message = stream.next() => match message {
                Some(Ok(Message::Binary(message))) => handle(&shared, &name, generation, &message),
                Some(Ok(Message::Close(_))) => {
                    shared.state().sessions.remove(&name);
                    let _gone = stream.close(None).await;
                    return;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return lost(&shared, &name, generation),
            }
        }
    }
}

fn lost(shared: &Shared, name: &str, generation: u32) {
    let mut state = shared.state();
    let mine = state.sessions.get(name).is_some_and(|session| session.generation == generation);
    if mine && state.keep == Keep::Nothing {
        state.sessions.remove(name);
    }
    drop(state);
    shared.changed();
}

/// What the link has not been given; `None` when the session has another link.
fn take_unwritten(shared: &Shared, name: &str, generation: u32) -> Option<Vec<Bytes>> {
    let mut state = shared.state();
    let session = state.sessions.get_mut(name).filter(|session| session.generation == generation)?;
    let skip = usize::try_from(session.written - session.base).unwrap();
    let unwritten = session.sent.iter().skip(skip).cloned().collect();
    session.written = session.head();
    Some(unwritten)
}

async fn open(stream: &mut WebSocketStream<TcpStream>, shared: &Shared) -> Option<(String, u32)> {
    let message = loop {
        match stream.next().await? {
            Ok(Message::Binary(message)) => break message,
            Ok(_) => {}
            Err(_) => return None,
        }
    };
    let mut connect = None;
    binary::decode_client(&message, &mut |frame| {
        if let Ok(ClientFrame::Connect(frame)) = frame {
            connect = Some(ClientFrame::Connect(frame).into_owned());
        }
        ControlFlow::Continue(())
    });
    let Some(ClientFrame::Connect(connect)) = connect else { panic!("the first frame is no connect") };
    let (name, ready) = establish(&mut shared.state(), &connect);
    let generation = ready.generation;
    let mut bytes = Vec::new();
    binary::encode_server(&ServerFrame::Ready(ready), &mut bytes);
    shared.changed();
    if stream.send(Message::Binary(bytes.into())).await.is_err() {
        lost(shared, &name, generation);
        return None;
    }
    Some((name, generation))
}

fn establish(state: &mut State, connect: &Connect<'_>) -> (String, Ready<'static>) {
    let keep = state.keep;
    let mut reason = None;
    if let Some(attach) = &connect.attach {
        match state.sessions.get_mut(&*attach.session) {
            Some(session) if attach.generation > session.generation => {
                session.generation = attach.generation;
                let mut ready = ready(&attach.session, session.generation);
                (ready.resumed, ready.received) = (true, session.received);
                ready.skipped = resend(session, attach.received, keep);
                return (attach.session.to_string(), ready);
            }
            Some(_) => reason = Some("stale_generation"),
            None => reason = Some("session_gone"),
        }
    }
    state.made += 1;
    let name = format!("session-{}", state.made);
    let subscriptions = connect.subscribe.iter().map(|one| (one.sid, one.pattern.to_string())).collect();
    let session = SessionState { generation: 1, subscriptions, ..SessionState::default() };
    state.sessions.insert(name.clone(), session);
    let mut ready = ready(&name, 1);
    ready.reason = reason.map(Into::into);
    (name, ready)
}

/// Makes ready what the client lacks; gives how many messages it lacks for ever.
fn resend(session: &mut SessionState, received: u64, keep: Keep) -> u64 {
    let held = match keep {
        Keep::Last(held) => session.sent.len().min(held),
        Keep::Everything | Keep::Nothing => session.sent.len(),
    };
    let first_held = session.head() - held as u64;
    let skipped = first_held.saturating_sub(received);
    if skipped == 0 {
        session.written = received;
        return 0;
    }
    // The gap goes before everything else and takes the next number.
    let kept = session.sent.split_off(usize::try_from(first_held - session.base).unwrap());
    session.base = first_held;
    session.sent.clear();
    let sids = session.subscriptions.keys().copied().collect();
    session.send(&ServerFrame::Gap { sids, lost: None, reason: "resend_overflow".into() });
    session.sent.extend(kept);
    session.written = first_held;
    skipped
}

fn ready(session: &str, generation: u32) -> Ready<'static> {
    Ready {
        version: 1,
        session: session.to_owned().into(),
        secret: "s".into(),
        generation,
        resumed: false,
        received: 0,
        skipped: 0,
        reason: None,
        node: "n".into(),
        server: "fake/1".into(),
        user: None,
        heartbeat_ms: 25_000,
        keep_ms: 30_000,
        limits: Limits {
            frame_bytes: 65_536,
            payload_bytes: 65_536,
            subject_bytes: 256,
            subscriptions: 100,
            requests: 100,
            resend_frames: 256,
            resend_bytes: 262_144,
        },
        features: Vec::new(),
        refused: Vec::new(),
    }
}

fn handle(shared: &Shared, name: &str, generation: u32, message: &[u8]) {
    let mut state = shared.state();
    let State { sessions, handled, .. } = &mut *state;
    let Some(session) = sessions.get_mut(name).filter(|session| session.generation == generation) else { return };
    session.received += 1;
    binary::decode_client(message, &mut |frame| {
        match frame.unwrap() {
            ClientFrame::Subscribe { id, subscription } => {
                session.subscriptions.insert(subscription.sid, subscription.pattern.to_string());
                ok(session, id);
            }
            ClientFrame::Unsubscribe { id, sid, .. } => {
                session.subscriptions.remove(&sid);
                ok(session, id);
            }
            ClientFrame::Publish(publish) => {
                handled.push(String::from_utf8(publish.payload.to_vec()).unwrap());
                ok(session, publish.id);
            }
            ClientFrame::Request(request) => {
                let (headers, payload) = (Vec::new().into(), request.payload.to_vec().into());
                let id = request.id;
                if &*request.subject == "nobody" {
                    let (reason, message) = ("no_responders".into(), "nobody".into());
                    let error =
                        ErrorFrame { id: Some(id), sid: None, code: 200, reason, message, retry_after_ms: None };
                    session.send(&ServerFrame::Error(error));
                } else {
                    session.send(&ServerFrame::Reply { id, headers, payload, body: BodyKind::Unknown });
                }
            }
            ClientFrame::Ping { .. } => {
                let received = session.received;
                session.send(&ServerFrame::Pong { received });
            }
            ClientFrame::Pong { .. } => {}
            ClientFrame::Connect(_) => panic!("a second connect frame on one link"),
        }
        ControlFlow::Continue(())
    });
    drop(state);
    shared.changed();
}

fn ok(session: &mut SessionState, id: Option<u64>) {
    if let Some(id) = id {
        session.send(&ServerFrame::Ok { id });
    }
}
