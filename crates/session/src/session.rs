//! The client's state that outlives links.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use pointsman_contract::codec::Codec;
use pointsman_contract::identity::Identity;
use pointsman_contract::port::SessionKey;
use pointsman_outbox::outbox::Outbox;
use subtle::ConstantTimeEq;

use crate::close::CloseReason;
use crate::link::{Manner, Peer};

/// A random 128-bit name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(u128);

impl SessionId {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// Reads the 32 hexadecimal digits that [`Display`](std::fmt::Display) writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok().map(Self)).flatten()
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// One session.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    secret: u128,
    pub(crate) key: SessionKey,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) codec: Arc<dyn Codec>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) name: Box<str>,
    pub(crate) manner: Manner,
    pub(crate) connected: Instant,
    /// Counted wire messages received (protocol.md#P7.2); written under the ingest lock.
    pub(crate) received: AtomicU64,
    /// Publications taken from it.
    pub(crate) published: AtomicU64,
    /// Coarse second of the last sign of life.
    pub(crate) heard: AtomicU32,
    /// The outbox's head at the last visit of the wheel.
    pub(crate) head_seen: AtomicU64,
    /// Whether it stands among the context's requesters.
    pub(crate) requesting: AtomicBool,
    ingest: Mutex<Ingest>,
}

/// Which link the session belongs to. Held while what a link has read is handled.
#[derive(Debug)]
pub(crate) struct Ingest {
    pub(crate) generation: u32,
    pub(crate) attached: bool,
    /// When the last link went away.
    pub(crate) detached_at: Option<tokio::time::Instant>,
    /// The generation that the present one took the session from, and whether its link stands at the end of a message, so that a close can still be
    /// said on it.
    pub(crate) fenced: Option<(u32, bool)>,
    pub(crate) peer: Peer,
    /// What the link has been told, or why the session is ending.
    pub(crate) close: Option<CloseReason>,
    /// Out of the router and out of the books; only what waits may still go out.
    pub(crate) ended: bool,
}

impl Ingest {
    /// Whether the session is over or about to be: no link may take it up.
    pub(crate) fn is_ending(&self) -> bool {
        self.ended || self.close.as_ref().is_some_and(|reason| !reason.keeps_session())
    }
}

/// What a session is made of.
pub(crate) struct Parts {
    pub(crate) key: SessionKey,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) codec: Arc<dyn Codec>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) name: Box<str>,
    pub(crate) manner: Manner,
    pub(crate) peer: Peer,
    pub(crate) now: u32,
}

impl Session {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            id: SessionId::random(),
            secret: rand::random(),
            key: parts.key,
            outbox: parts.outbox,
            codec: parts.codec,
            identity: parts.identity,
            name: parts.name,
            manner: parts.manner,
            connected: Instant::now(),
            received: AtomicU64::new(0),
            published: AtomicU64::new(0),
            heard: AtomicU32::new(parts.now),
            head_seen: AtomicU64::new(0),
            requesting: AtomicBool::new(false),
            ingest: Mutex::new(Ingest {
                generation: 1,
                attached: true,
                detached_at: None,
                fenced: None,
                peer: parts.peer,
                close: None,
                ended: false,
            }),
        }
    }

    /// Its public name.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Its place in the router.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        self.key
    }

    pub(crate) fn secret(&self) -> String {
        let mut text = String::with_capacity(32);
        let _infallible = write!(text, "{:032x}", self.secret);
        text
    }

    pub(crate) fn is_secret(&self, text: &str) -> bool {
        let given = u128::from_str_radix(text, 16).unwrap_or_default();
        bool::from(self.secret.to_be_bytes().ct_eq(&given.to_be_bytes())) && text.len() == 32
    }

    pub(crate) fn ingest(&self) -> MutexGuard<'_, Ingest> {
        self.ingest.lock()
    }

    /// Tells the session's link to end it. A session without a link is left to the wheel; no link can take it up any more.
    ///
    /// The first reason that ends the session is the one that holds, whatever came before that would have kept it.
    pub fn close(&self, reason: CloseReason) {
        let mut ingest = self.ingest.lock();
        if ingest.close.is_none() || !reason.keeps_session() && !ingest.is_ending() {
            ingest.close = Some(reason);
        }
        drop(ingest);
        self.outbox.wake();
    }

    /// What an operator sees.
    #[must_use]
    pub fn info(&self) -> SessionInfo {
        let pending = self.outbox.pending();
        let ingest = self.ingest.lock();
        SessionInfo {
            id: self.id,
            key: self.key,
            user: self.identity.user.as_deref().map(Into::into),
            name: self.name.clone(),
            peer: ingest.peer.clone(),
            codec: self.codec.name(),
            connected: self.connected.elapsed(),
            attached: ingest.attached,
            pending_messages: pending.messages,
            pending_bytes: pending.bytes,
            received_messages: self.published.load(Ordering::Relaxed),
            delivered_messages: pending.sent_messages,
        }
    }
}

/// A session as an operator sees it.
#[derive(Debug, Clone)]
pub struct SessionInfo {
    /// Its public name.
    pub id: SessionId,
    /// Its place in the router.
    pub key: SessionKey,
    /// The user; `None` for an anonymous one.
    pub user: Option<Box<str>>,
    /// What the client calls itself.
    pub name: Box<str>,
    /// Its present or last link.
    pub peer: Peer,
    /// The codec.
    pub codec: &'static str,
    /// Since it was made.
    pub connected: Duration,
    /// Whether it has a link.
    pub attached: bool,
    /// Messages waiting for the socket.
    pub pending_messages: u32,
    /// Bytes waiting for the socket.
    pub pending_bytes: u32,
    /// Publications taken from it.
    pub received_messages: u64,
    /// Messages written to it.
    pub delivered_messages: u64,
}
