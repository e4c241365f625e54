//! What a session sees of the router.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pointsman_outbox::outbox::Outbox;

use crate::batch::BatchView;
use crate::codec::Codec;
use crate::identity::Identity;
use crate::refusal::Refusal;
use crate::worker::Worker;

/// A session's place in the router. Unique for the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey(pub u64);

/// A session as the router needs it.
#[derive(Debug, Clone)]
pub struct Member {
    /// Where its deliveries go.
    pub outbox: Arc<Outbox>,
    /// How they are encoded.
    pub codec: Arc<dyn Codec>,
    /// Who it is.
    pub identity: Arc<Identity>,
    /// Whether it gets its own publications.
    pub echo: bool,
    /// Subscriptions it may hold.
    pub subscriptions_max: u32,
    /// Requests it may have unanswered.
    pub requests_max: u32,
}

/// A subscription to be made.
#[derive(Debug, Clone, Copy)]
pub struct SubscribeRequest<'a> {
    /// The session's number for it.
    pub sid: u64,
    /// What to receive.
    pub pattern: &'a str,
    /// The queue group.
    pub queue: Option<&'a str>,
    /// Ends after so many deliveries.
    pub max: Option<u64>,
}

/// What came of a batch as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use]
pub struct Submitted {
    /// A policy asks that this link is not read for so long.
    pub pause: Option<Duration>,
}

/// What came of looking for overdue requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expired {
    /// Ids of those forgotten.
    pub late: Vec<u64>,
    /// How many still wait.
    pub waiting: usize,
}

/// The router, as sessions use it. Everything is synchronous and returns without waiting for anybody.
///
/// # Ordering
/// Publications of one session are delivered per subject in the order submitted, provided that its batches are submitted one after the other.
pub trait Port: fmt::Debug + Send + Sync + 'static {
    /// Takes a session in.
    ///
    /// # Errors
    /// When the node holds as many sessions as it may.
    fn attach(&self, member: Member) -> Result<SessionKey, Refusal>;

    /// Takes a session out, with all its subscriptions. Unknown keys are ignored.
    fn detach(&self, session: SessionKey);

    /// Adds a subscription; every publication submitted afterwards is matched against it.
    ///
    /// # Errors
    /// A pattern or group that is not valid, a permission, a limit, a number in use.
    fn subscribe(&self, session: SessionKey, request: &SubscribeRequest<'_>) -> Result<(), Refusal>;

    /// Ends a subscription, or lets it end after `max` deliveries counted from its start.
    ///
    /// # Errors
    /// An unknown number.
    fn unsubscribe(&self, session: SessionKey, sid: u64, max: Option<u64>) -> Result<(), Refusal>;

    /// The subscriptions of a session: number, pattern, group; at most `limit`, in the order of their numbers.
    fn subscriptions(&self, session: SessionKey, limit: usize) -> Vec<(u64, String, Option<String>)>;

    /// Routes a batch from a session. Outcomes that somebody waits for (refusals, answers asked for) are left in `worker.outcomes`;
    /// the caller flushes `worker.tick`.
    fn submit(&self, session: SessionKey, batch: BatchView<'_>, worker: &mut Worker) -> Submitted;

    /// Tells a session by a status (`NATS/1.0 503`) on `reply` that nobody heard what it published to `subject`, if it has a subscription of its own, in no
    /// queue group, that matches `reply`. The caller flushes `worker.tick`.
    fn tell_unheard(&self, session: SessionKey, subject: &str, reply: &str, worker: &mut Worker);

    /// Forgets the requests of a session that are older than they may be.
    fn expire_requests(&self, session: SessionKey) -> Expired;
}
