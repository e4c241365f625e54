//! From an open link to a session.

use std::future::poll_fn;
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use pointsman_contract::auth::{Authenticator, Credentials};
use pointsman_contract::codec::Codec;
use pointsman_contract::identity::Identity;
use pointsman_contract::port::Member;
use pointsman_outbox::outbox::Outbox;
use pointsman_protocol::codes::CloseCode;
use pointsman_protocol::frame::{Attach, Connect, Limits, Ready, Refused, ServerFrame};

use crate::close::CloseReason;
use crate::config::SessionConfig;
use crate::context::SessionContext;
use crate::early::Early;
use crate::held::Held;
use crate::ingest::subscribe_request;
use crate::link::Link;
use crate::session::{Parts, Session, SessionId};
use crate::worker::with_worker;

/// The only version of the protocol.
const VERSION: u32 = 1;
/// A client's name is cut here.
const NAME_BYTES_MAX: usize = 128;

/// A link that belongs to a session.
pub(crate) struct Opened {
    pub(crate) held: Held,
    pub(crate) early: Early,
}

/// Waits for the connect frame, finds out who it is, and makes or takes up a session.
pub(crate) async fn open<L: Link>(link: &mut L, cx: &Arc<SessionContext>) -> Result<Opened, CloseReason> {
    let config = cx.config();
    if let Some(greeting) = link.greeting() {
        greet(link, &greeting)?;
    }
    let mut early = match tokio::time::timeout(config.handshake_timeout, first_message(link)).await {
        Ok(early) => early?,
        Err(_) => {
            return Err(CloseReason::server(
                CloseCode::Protocol,
                format!("no connect frame came within {} s", config.handshake_timeout.as_secs()),
            ));
        }
    };
    let connect = early.connect(link)?;
    let codec = link.codec();
    if connect.version != VERSION {
        return Err(CloseReason::server(
            CloseCode::Version,
            format!("version {} of the protocol is not spoken here; use version {VERSION}", connect.version),
        ));
    }
    if cx.is_draining() {
        return Err(draining());
    }
    let auth = cx.authenticator();
    let credentials = Credentials { user: link.user(), token: connect.token.as_deref(), address: link.peer().address };
    let identity = match tokio::time::timeout(config.handshake_timeout, auth.authenticate(credentials)).await {
        Ok(identity) => identity.map_err(|error| CloseReason::server(error.code, error.message))?,
        Err(_) => {
            let waited = config.handshake_timeout.as_secs();
            return Err(CloseReason::server(
                CloseCode::Overloaded,
                format!("who you are could not be found out within {waited} s; try again later"),
            ));
        }
    };
    let greeting = Greeting { cx, config: &config, codec: &codec, connect: &connect, identity: &identity, auth: &auth };
    Ok(Opened { held: greeting.establish(link)?, early })
}

/// Writes what comes before anything is read. A new socket takes it whole, or is not worth waiting for.
fn greet<L: Link>(link: &L, greeting: &[u8]) -> Result<(), CloseReason> {
    match link.pipe().try_write_vectored(&[IoSlice::new(greeting)]) {
        Ok(written) if written == greeting.len() => Ok(()),
        _ => Err(CloseReason::Lost),
    }
}

async fn first_message<L: Link>(link: &mut L) -> Result<Early, CloseReason> {
    let mut early = Early::default();
    poll_fn(|cx| {
        while !early.has_begun() {
            match link.poll_receive(cx, &mut early) {
                Poll::Ready(Ok(())) => early.check()?,
                Poll::Ready(Err(reason)) => return Poll::Ready(Err(reason)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    })
    .await?;
    Ok(early)
}

/// A connect frame whose sender is known.
struct Greeting<'a> {
    cx: &'a Arc<SessionContext>,
    config: &'a SessionConfig,
    codec: &'a Arc<dyn Codec>,
    connect: &'a Connect<'a>,
    identity: &'a Arc<Identity>,
    /// Who said so.
    auth: &'a Arc<dyn Authenticator>,
}

impl Greeting<'_> {
    fn establish<L: Link>(&self, link: &L) -> Result<Held, CloseReason> {
        let mut reason = None;
        if let Some(attach) = &self.connect.attach {
            match self.take_up(link, attach) {
                Ok(held) => return Ok(held),
                Err(why) => reason = Some(why),
            }
        }
        let held = self.create(link)?;
        let session = &held.session;
        let mut refused = Vec::new();
        for subscription in &self.connect.subscribe {
            if let Err(refusal) = self.cx.port.subscribe(session.key, &subscribe_request(subscription)) {
                refused.push(Refused {
                    sid: subscription.sid,
                    code: refusal.code.code(),
                    reason: refusal.code.name().into(),
                    message: refusal.message.into(),
                });
            }
        }
        with_worker(|worker| {
            let ready = Ready { reason: reason.map(Into::into), refused, ..ready(self.cx, self.config, session) };
            let greeting = |_, out: &mut Vec<u8>| self.codec.encode_frame(&ServerFrame::Ready(ready), out);
            if let Some((_, pushed)) = session.outbox.attach(link.pipe(), 0, &[], greeting, &mut worker.tick.pool) {
                worker.tick.touched(&session.outbox, pushed, 0);
            }
        });
        Ok(held)
    }

    fn create<L: Link>(&self, link: &L) -> Result<Held, CloseReason> {
        let Self { cx, config, codec, connect, identity, .. } = *self;
        let manner = link.manner();
        let limits = manner.outbox.unwrap_or(config.outbox);
        let outbox = Arc::new(Outbox::new(Arc::<dyn Codec>::clone(codec), limits));
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
        let session = Arc::new(Session::new(Parts {
            key,
            outbox,
            codec: Arc::clone(codec),
            identity: Arc::clone(identity),
            name: cut(connect.name.as_deref().unwrap_or_default()).into(),
            manner,
            peer: link.peer().clone(),
            now: cx.seconds(),
        }));
        cx.sessions.insert(&session);
        let held = Held::new(cx, &session, 1);
        self.check_still_welcome(&session)?;
        cx.wheel.add(&session);
        Ok(held)
    }

    /// What went through all sessions while this one was not among them has missed it: a drain, a change of who may connect.
    fn check_still_welcome(&self, session: &Session) -> Result<(), CloseReason> {
        if self.cx.is_draining() {
            session.close(draining());
            return Err(draining());
        }
        let auth = self.cx.authenticator();
        if !Arc::ptr_eq(&auth, self.auth) && !auth.knows(self.identity) {
            let reason = CloseReason::server(
                CloseCode::TokenExpired,
                "what this token allows has changed just now; connect again, with a new token where it is no longer valid",
            );
            session.close(reason.clone());
            return Err(reason);
        }
        Ok(())
    }

    /// Takes up a session that lost its link or still has one (protocol.md#P8.2).
    fn take_up<L: Link>(&self, link: &L, attach: &Attach<'_>) -> Result<Held, &'static str> {
        const GONE: &str = "session_gone";
        const REFUSED: &str = "attach_refused";
        let cx = self.cx;
        let session = SessionId::parse(&attach.session).and_then(|id| cx.sessions.get(id)).ok_or(GONE)?;
        if !session.is_secret(&attach.secret)
            || session.identity.user != self.identity.user
            || session.codec.key() != self.codec.key()
        {
            return Err(REFUSED);
        }
        // Declared before the lock is taken: it gives the session up, which takes the lock too.
        let mut held = None;
        let mut ingest = session.ingest();
        if ingest.is_ending() {
            return Err(GONE);
        }
        // A client that never saw the answer to an attempt may count on from it: each attempt is newer than the ones before.
        if attach.generation <= ingest.generation {
            return Err("stale_generation");
        }
        // Before anything is changed: a client that lost its count must not take the session from a link that did not.
        if attach.received > session.outbox.sent() {
            return Err(REFUSED);
        }
        // From here on the older link is fenced: what it reads is not handled, and it does not write.
        let clean = session.outbox.detach();
        ingest.fenced = ingest.attached.then_some((ingest.generation, clean));
        ingest.generation = attach.generation;
        ingest.close = None;
        session.outbox.wake();
        held.replace(Held::new(cx, &session, attach.generation));
        let sids: Vec<u64> =
            cx.port.subscriptions(session.key, usize::MAX).into_iter().map(|(sid, _, _)| sid).collect();
        let attached = with_worker(|worker| {
            let ready = ready(cx, self.config, &session);
            let generation = attach.generation;
            let greeting = |attached: pointsman_outbox::outbox::Attached, out: &mut Vec<u8>| {
                let ready = Ready { generation, resumed: true, skipped: attached.skipped, ..ready };
                self.codec.encode_frame(&ServerFrame::Ready(ready), out);
            };
            let pool = &mut worker.tick.pool;
            let (_, pushed) = session.outbox.attach(link.pipe(), attach.received, &sids, greeting, pool)?;
            worker.tick.touched(&session.outbox, pushed, 0);
            Some(())
        });
        ingest.attached = attached.is_some();
        ingest.peer = link.peer().clone();
        drop(ingest);
        session.heard.store(cx.seconds(), Ordering::Relaxed);
        // Only an outbox that is closed takes no link.
        attached.and(held).ok_or(GONE)
    }
}

fn draining() -> CloseReason {
    CloseReason::server(CloseCode::Draining, "this node is going away; connect to another")
}

/// A name that is not too long.
fn cut(mut name: &str) -> &str {
    while name.len() > NAME_BYTES_MAX {
        let mut shorter = name.chars();
        shorter.next_back();
        name = shorter.as_str();
    }
    name
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
