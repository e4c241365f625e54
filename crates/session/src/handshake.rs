//! From an open link to a session.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use pointsman_contract::auth::Credentials;
use pointsman_contract::codec::Codec;
use pointsman_contract::identity::Identity;
use pointsman_contract::port::Member;
use pointsman_outbox::outbox::Outbox;
use pointsman_protocol::codes::CloseCode;
use pointsman_protocol::frame::{Attach, ClientFrame, Connect, Limits, Ready, Refused, ServerFrame};

use crate::close::CloseReason;
use crate::config::SessionConfig;
use crate::context::SessionContext;
use crate::ingest::subscribe_request;
use crate::link::{Link, Receive};
use crate::session::{Parts, Session, SessionId};
use crate::worker::with_worker;

/// The only version of the protocol.
const VERSION: u32 = 1;
/// What is read before the connect frame has been handled.
const EARLY_BYTES_MAX: usize = 256 * 1024;
/// A client's name is cut here.
const NAME_BYTES_MAX: usize = 128;

/// A link that belongs to a session.
pub(crate) struct Opened {
    pub(crate) session: Arc<Session>,
    pub(crate) generation: u32,
    /// The rest of the first wire message: the frames after `connect`.
    pub(crate) first: Vec<u8>,
    /// Wire messages that came with the first one.
    pub(crate) early: VecDeque<Vec<u8>>,
}

#[derive(Default)]
struct Early {
    messages: VecDeque<Vec<u8>>,
    answers: Vec<u8>,
    bytes: usize,
}

impl Receive for Early {
    fn message(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
        if self.bytes <= EARLY_BYTES_MAX {
            self.messages.push_back(bytes.to_vec());
        }
    }

    fn answer(&mut self, bytes: &[u8]) {
        self.answers.extend_from_slice(bytes);
    }
}

/// Waits for the connect frame, finds out who it is, and makes or takes up a session.
pub(crate) async fn open<L: Link>(link: &mut L, cx: &Arc<SessionContext>) -> Result<Opened, CloseReason> {
    let config = cx.config();
    let mut early = match tokio::time::timeout(config.handshake_timeout, first_message(link)).await {
        Ok(early) => early?,
        Err(_) => {
            return Err(CloseReason::server(
                CloseCode::Protocol,
                format!("no connect frame came within {} s", config.handshake_timeout.as_secs()),
            ));
        }
    };
    let first = early.messages.pop_front().unwrap_or_default();
    let codec = link.codec();
    let connect = connect_of(&*codec, &first)?;
    if connect.version != VERSION {
        return Err(CloseReason::server(
            CloseCode::Version,
            format!("version {} of the protocol is not spoken here; use version {VERSION}", connect.version),
        ));
    }
    if cx.is_draining() {
        return Err(CloseReason::server(CloseCode::Draining, "this node is going away; connect to another"));
    }
    let credentials = Credentials { token: connect.token.as_deref(), address: link.peer().address };
    let identity = cx
        .authenticator()
        .authenticate(credentials)
        .await
        .map_err(|error| CloseReason::server(error.code, error.message))?;
    let (session, generation) = establish(link, cx, &config, &codec, &connect, &identity)?;
    Ok(Opened { session, generation, first, early: early.messages })
}

async fn first_message<L: Link>(link: &mut L) -> Result<Early, CloseReason> {
    let mut early = Early::default();
    poll_fn(|cx| {
        while early.messages.is_empty() {
            match link.poll_receive(cx, &mut early) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(reason)) => return Poll::Ready(Err(reason)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    })
    .await?;
    Ok(early)
}

/// The connect frame that a link's first wire message must begin with.
fn connect_of(codec: &dyn Codec, message: &[u8]) -> Result<Connect<'static>, CloseReason> {
    let mut found = None;
    codec.decode(message, &mut |frame| {
        found = Some(match frame {
            Ok(frame) => match frame.into_owned() {
                ClientFrame::Connect(connect) => Ok(connect),
                _ => Err("the first frame of a link must be `connect`".to_owned()),
            },
            Err(error) => Err(format!("the first frame of a link must be `connect`: {error}")),
        });
        ControlFlow::Break(())
    });
    found
        .unwrap_or_else(|| Err("the first frame of a link must be `connect`".to_owned()))
        .map_err(|message| CloseReason::server(CloseCode::Protocol, message))
}

fn establish<L: Link>(
    link: &L,
    cx: &Arc<SessionContext>,
    config: &SessionConfig,
    codec: &Arc<dyn Codec>,
    connect: &Connect<'_>,
    identity: &Arc<Identity>,
) -> Result<(Arc<Session>, u32), CloseReason> {
    let mut reason = None;
    if let Some(attach) = &connect.attach {
        match take_up(link, cx, config, codec, attach, identity) {
            Ok(taken) => return Ok(taken),
            Err(why) => reason = Some(why),
        }
    }
    let session = create(link, cx, config, codec, connect, identity)?;
    let mut refused = Vec::new();
    for subscription in &connect.subscribe {
        if let Err(refusal) = cx.port.subscribe(session.key, &subscribe_request(subscription)) {
            refused.push(Refused {
                sid: subscription.sid,
                code: refusal.code.code(),
                reason: refusal.code.name().into(),
                message: refusal.message.into(),
            });
        }
    }
    with_worker(|worker| {
        let mut ready = ready(cx, config, &session);
        ready.reason = reason.map(Into::into);
        ready.refused = refused;
        let greeting = |_, out: &mut Vec<u8>| codec.encode_frame(&ServerFrame::Ready(ready), out);
        if let Some((_, pushed)) = session.outbox.attach(link.pipe(), 0, &[], greeting, &mut worker.tick.pool) {
            worker.tick.touched(&session.outbox, pushed, 0);
        }
    });
    Ok((session, 1))
}

fn create<L: Link>(
    link: &L,
    cx: &Arc<SessionContext>,
    config: &SessionConfig,
    codec: &Arc<dyn Codec>,
    connect: &Connect<'_>,
    identity: &Arc<Identity>,
) -> Result<Arc<Session>, CloseReason> {
    let outbox = Arc::new(Outbox::new(Arc::<dyn Codec>::clone(codec), config.outbox));
    let member = Member {
        outbox: Arc::clone(&outbox),
        codec: Arc::clone(codec),
        identity: Arc::clone(identity),
        echo: connect.echo,
        subscriptions_max: config.subscriptions_max,
        requests_max: config.requests_max,
    };
    let key = cx.port.attach(member).map_err(|refusal| CloseReason::Server {
        code: CloseCode::Overloaded,
        message: refusal.message,
        retry_after: refusal.retry_after.or(Some(Duration::from_secs(5))),
    })?;
    let mut name = connect.name.as_deref().unwrap_or_default();
    while name.len() > NAME_BYTES_MAX {
        let mut shorter = name.chars();
        shorter.next_back();
        name = shorter.as_str();
    }
    let session = Arc::new(Session::new(Parts {
        key,
        outbox,
        codec: Arc::clone(codec),
        identity: Arc::clone(identity),
        name: name.into(),
        peer: link.peer().clone(),
        now: cx.seconds(),
    }));
    cx.sessions.insert(&session);
    cx.wheel.add(&session);
    Ok(session)
}

/// Takes up a session that lost its link or still has one (protocol.md#P8.2).
fn take_up<L: Link>(
    link: &L,
    cx: &Arc<SessionContext>,
    config: &SessionConfig,
    codec: &Arc<dyn Codec>,
    attach: &Attach<'_>,
    identity: &Arc<Identity>,
) -> Result<(Arc<Session>, u32), &'static str> {
    const GONE: &str = "session_gone";
    const REFUSED: &str = "attach_refused";
    let session = SessionId::parse(&attach.session).and_then(|id| cx.sessions.get(id)).ok_or(GONE)?;
    if !session.is_secret(&attach.secret)
        || session.identity.user != identity.user
        || session.codec.key() != codec.key()
    {
        return Err(REFUSED);
    }
    let mut ingest = session.ingest();
    if ingest.ended || ingest.close.as_ref().is_some_and(|reason| !reason.keeps_session()) {
        return Err(GONE);
    }
    if attach.generation != ingest.generation.wrapping_add(1) {
        return Err("stale_generation");
    }
    // From here on the older link is fenced: what it reads is not handled, and it does not write.
    ingest.generation = attach.generation;
    ingest.close = None;
    session.outbox.detach();
    session.outbox.wake();
    let sids: Vec<u64> = cx.port.subscriptions(session.key, usize::MAX).into_iter().map(|(sid, _, _)| sid).collect();
    let attached = with_worker(|worker| {
        let ready = ready(cx, config, &session);
        let generation = attach.generation;
        let greeting = |attached: pointsman_outbox::outbox::Attached, out: &mut Vec<u8>| {
            let ready = Ready { generation, resumed: true, skipped: attached.skipped, ..ready };
            codec.encode_frame(&ServerFrame::Ready(ready), out);
        };
        let pool = &mut worker.tick.pool;
        let (_, pushed) = session.outbox.attach(link.pipe(), attach.received, &sids, greeting, pool)?;
        worker.tick.touched(&session.outbox, pushed, 0);
        Some(())
    });
    if attached.is_none() {
        drop(ingest);
        cx.end(&session);
        return Err(REFUSED);
    }
    ingest.attached = true;
    ingest.peer = link.peer().clone();
    session.heard.store(cx.seconds(), Ordering::Relaxed);
    drop(ingest);
    Ok((session, attach.generation))
}

fn ready(cx: &SessionContext, config: &SessionConfig, session: &Session) -> Ready<'static> {
    let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
    Ready {
        version: VERSION,
        session: session.id().to_string().into(),
        secret: session.secret().into(),
        generation: 1,
        resumed: false,
        received: session.received.load(Ordering::Relaxed),
        skipped: 0,
        reason: None,
        node: cx.node.to_string().into(),
        server: cx.server.to_string().into(),
        user: session.identity.user.as_deref().map(|user| user.to_owned().into()),
        heartbeat_ms: ms(config.heartbeat),
        keep_ms: ms(config.keep),
        limits: Limits {
            frame_bytes: config.frame_bytes_max,
            payload_bytes: config.payload_bytes_max.min(config.frame_bytes_max),
            subject_bytes: 256,
            subscriptions: config.subscriptions_max,
            requests: config.requests_max,
            resend_frames: config.outbox.ring.messages,
            resend_bytes: config.outbox.ring.bytes,
        },
        features: Vec::new(),
        refused: Vec::new(),
    }
}
