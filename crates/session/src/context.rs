//! What all links of a node share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock};
use pointsman_contract::auth::Authenticator;
use pointsman_contract::port::Port;
use pointsman_protocol::codes::CloseCode;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::close::CloseReason;
use crate::config::SessionConfig;
use crate::session::Session;
use crate::sessions::Sessions;
use crate::wheel::Wheel;

/// The node, as its links see it.
#[derive(Debug)]
pub struct SessionContext {
    pub(crate) port: Arc<dyn Port>,
    auth: RwLock<Arc<dyn Authenticator>>,
    config: RwLock<SessionConfig>,
    /// The sessions.
    pub sessions: Sessions,
    pub(crate) wheel: Wheel,
    pub(crate) requesters: Mutex<Vec<Arc<Session>>>,
    /// Sessions that have lost their link, in the order in which they did. One that came back stands here until its time would have been over.
    kept: Mutex<VecDeque<(Instant, Weak<Session>)>>,
    /// Boot id of the node, as text.
    pub(crate) node: Box<str>,
    /// Name and version of the server.
    pub(crate) server: Box<str>,
    started: Instant,
    seconds: AtomicU32,
    links: AtomicUsize,
    draining: AtomicBool,
    aborting: AtomicBool,
    /// The same for links that have no session yet.
    pub(crate) abort: CancellationToken,
}

impl SessionContext {
    /// A context of the node called `node`.
    #[must_use]
    pub fn new(
        port: Arc<dyn Port>,
        auth: Arc<dyn Authenticator>,
        config: SessionConfig,
        node: &str,
        server: &str,
    ) -> Self {
        Self {
            port,
            auth: RwLock::new(auth),
            wheel: Wheel::new(config.heartbeat),
            config: RwLock::new(config),
            sessions: Sessions::default(),
            requesters: Mutex::new(Vec::new()),
            kept: Mutex::default(),
            node: node.into(),
            server: server.into(),
            started: Instant::now(),
            seconds: AtomicU32::new(0),
            links: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            aborting: AtomicBool::new(false),
            abort: CancellationToken::new(),
        }
    }

    /// The configuration for new sessions.
    #[must_use]
    pub fn config(&self) -> SessionConfig {
        *self.config.read()
    }

    /// Changes the configuration for new sessions.
    pub fn set_config(&self, config: SessionConfig) {
        *self.config.write() = config;
    }

    /// Who decides who may connect.
    #[must_use]
    pub fn authenticator(&self) -> Arc<dyn Authenticator> {
        Arc::clone(&self.auth.read())
    }

    /// Changes who decides. Sessions whose identity the new one does not know are closed, to come back with what is valid now.
    pub fn set_authenticator(&self, auth: &Arc<dyn Authenticator>) {
        *self.auth.write() = Arc::clone(auth);
        self.sessions.close_where(|session| {
            (!auth.knows(&session.identity)).then(|| {
                CloseReason::server(
                    CloseCode::TokenExpired,
                    "what this session's token allows has changed; connect again, with a new token where it is no longer valid",
                )
            })
        });
    }

    /// The router.
    #[must_use]
    pub fn port(&self) -> &Arc<dyn Port> {
        &self.port
    }

    /// Links open now.
    #[must_use]
    pub fn links(&self) -> usize {
        self.links.load(Ordering::Relaxed)
    }

    pub(crate) fn link_opened(self: &Arc<Self>) -> OpenLink {
        self.links.fetch_add(1, Ordering::Relaxed);
        OpenLink(Arc::clone(self))
    }

    /// Whether the node is going away: no session is taken up or made any more, and no publication accepted.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Begins to go away: from now on no publication is accepted, and every session is told to end, each with a reason of its own (a time to come back
    /// that spreads the clients). What was accepted before reaches every session before its close.
    pub fn drain(&self, reason: impl FnMut() -> CloseReason) {
        self.draining.store(true, Ordering::Release);
        // Whoever reads for a session now may not have seen it. Once each has let go, nothing more is accepted, and no session has ended yet.
        self.sessions.for_each(|session| drop(session.ingest()));
        let mut reason = reason;
        self.sessions.close_where(|_| Some(reason()));
    }

    /// Ends every link as it is, whatever still waits to be written. For a drain that has taken too long.
    pub fn abort(&self) {
        self.aborting.store(true, Ordering::Release);
        self.abort.cancel();
        self.sessions.for_each(|session| session.outbox.wake());
    }

    /// Has a session looked at again once its time without a link is over.
    pub(crate) fn keep(&self, session: &Arc<Session>) {
        self.kept.lock().push_back((Instant::now(), Arc::downgrade(session)));
    }

    /// A session whose time without a link is over, if it did not come back.
    pub(crate) fn next_expired(&self) -> Option<Arc<Session>> {
        let keep = self.config().keep;
        let mut kept = self.kept.lock();
        while kept.front().is_some_and(|(since, _)| since.elapsed() >= keep) {
            let (_, session) = kept.pop_front()?;
            if let Some(session) = session.upgrade() {
                return Some(session);
            }
        }
        None
    }

    pub(crate) fn is_aborting(&self) -> bool {
        self.aborting.load(Ordering::Acquire)
    }

    /// Seconds since the start, as of the last turn of the wheel.
    pub(crate) fn seconds(&self) -> u32 {
        self.seconds.load(Ordering::Relaxed)
    }

    pub(crate) fn advance(&self) -> u32 {
        let now = u32::try_from(self.started.elapsed().as_secs()).unwrap_or(u32::MAX);
        self.seconds.store(now, Ordering::Relaxed);
        now
    }

    /// Ends a session: out of the router, out of the books, nothing left.
    pub(crate) fn end(&self, session: &Session) {
        self.retire(session);
        session.outbox.close();
    }

    /// Takes a session out of the router and out of the books, once. What waits in its outbox stays.
    pub(crate) fn retire(&self, session: &Session) {
        session.ingest().ended = true;
        if self.sessions.remove(session) {
            self.port.detach(session.key);
        }
    }

    /// Notes that a session waits for replies, so that the wheel tells it of those that do not come. To be called when the router has its requests.
    pub(crate) fn awaits_replies(&self, session: &Arc<Session>) {
        if !session.requesting.swap(true, Ordering::AcqRel) {
            self.requesters.lock().push(Arc::clone(session));
        }
    }
}

/// Counts a link while it lives.
#[derive(Debug)]
pub(crate) struct OpenLink(Arc<SessionContext>);

impl Drop for OpenLink {
    fn drop(&mut self) {
        self.0.links.fetch_sub(1, Ordering::Relaxed);
    }
}
