//! The router.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use hashbrown::HashMap;
use parking_lot::Mutex;
use pointsman_contract::backplane::{Backplane, Inbound, RunIter};
use pointsman_contract::batch::{Answer, BatchView, PublicationView};
use pointsman_contract::outcome::Outcome;
use pointsman_contract::policy::{PlanContext, Policy, Verdict};
use pointsman_contract::port::{Expired, Member, Port, SessionKey, Submitted, SubscribeRequest};
use pointsman_contract::refusal::Refusal;
use pointsman_contract::worker::Worker;
use pointsman_outbox::tick::Tick;
use pointsman_protocol::codes::ErrorCode;
use pointsman_protocol::frame::DeliveryView;
use pointsman_protocol::subject;

use crate::cache::Cache;
use crate::deliver::Delivery;
use crate::destination::{Destination, Interner};
use crate::matcher::Matcher;
use crate::member::{MemberEntry, Subscription, Subscriptions};
use crate::members::Members;
use crate::plans;
use crate::requests::{REPLY_ROOT, ReplySubject, Requests};
use crate::stats::{Counts, Stats};

mod inbound;
mod submit;

/// A run is cut at so many payload bytes, so that no wire message grows without bound.
const RUN_BYTES_MAX: usize = 64 * 1024;
/// A policy's delay is capped here; longer debts should be refusals.
const PAUSE_MAX: Duration = Duration::from_secs(8);

/// Bounds of a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouterConfig {
    /// Sessions at the same time.
    pub sessions_max: usize,
    /// Subscriptions of all sessions.
    pub subscriptions_max: usize,
    /// Bytes of one payload.
    pub payload_bytes_max: u32,
    /// Matches that each worker remembers; about 200 bytes each.
    pub cache_entries: usize,
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self { sessions_max: 100_000, subscriptions_max: 10_000_000, payload_bytes_max: 1 << 20, cache_entries: 4096 }
    }
}

/// The state of one worker.
#[derive(Debug)]
struct RouterWorker {
    router: u64,
    cache: Cache,
    found: Vec<Arc<Subscription>>,
    ended: Vec<Arc<Subscription>>,
    reply: String,
    random: u64,
    counts: Counts,
}

impl RouterWorker {
    fn new(router: u64, cache_entries: usize) -> Self {
        Self {
            router,
            cache: Cache::new(cache_entries),
            found: Vec::new(),
            ended: Vec::new(),
            reply: String::new(),
            random: rand::random::<u64>() | 1,
            counts: Counts::default(),
        }
    }
}

/// Matches publications against subscriptions and hands them to sessions and other nodes.
#[derive(Debug)]
pub struct Router {
    config: RouterConfig,
    /// This boot of this node, random.
    node: u64,
    members: Members,
    matcher: Matcher,
    interner: Interner,
    policies: Box<[Arc<dyn Policy>]>,
    backplane: ArcSwapOption<BackplaneSlot>,
    stats: Stats,
    next_session: AtomicU64,
    next_subscription: AtomicU64,
    sessions: AtomicUsize,
    subscriptions: AtomicUsize,
    /// For what is delivered on threads that have no worker of their own.
    inbound: Mutex<Worker>,
}

#[derive(Debug)]
struct BackplaneSlot(Arc<dyn Backplane>);

impl Router {
    /// A router for the node `node` (random per boot) with its policies in the order of the configuration.
    #[must_use]
    pub fn new(config: RouterConfig, node: u64, policies: Vec<Arc<dyn Policy>>) -> Self {
        Self {
            config,
            node,
            members: Members::new(),
            matcher: Matcher::default(),
            interner: Interner::default(),
            policies: policies.into(),
            backplane: ArcSwapOption::empty(),
            stats: Stats::default(),
            next_session: AtomicU64::new(1),
            next_subscription: AtomicU64::new(1),
            sessions: AtomicUsize::new(0),
            subscriptions: AtomicUsize::new(0),
            inbound: Mutex::new(Worker::default()),
        }
    }

    /// Publishes to other nodes over `backplane` from now on.
    pub fn join(&self, backplane: Arc<dyn Backplane>) {
        self.backplane.store(Some(Arc::new(BackplaneSlot(backplane))));
    }

    /// This boot of this node.
    #[must_use]
    pub fn node(&self) -> u64 {
        self.node
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> Counts {
        self.stats.read()
    }

    /// Sessions attached now.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Subscriptions of all sessions now.
    #[must_use]
    pub fn subscription_count(&self) -> usize {
        self.subscriptions.load(Ordering::Relaxed)
    }

    /// Says that permissions have changed: matches made before are not used any more.
    pub fn permissions_changed(&self) {
        self.matcher.generations.bump_all();
    }

    fn worker(&self, worker: &mut Worker) -> Box<RouterWorker> {
        let make = || RouterWorker::new(self.node, self.config.cache_entries);
        worker.router_state(|state| state.router == self.node, make).unwrap_or_else(|| Box::new(make()))
    }

    /// The destinations of a valid subject.
    fn destination(&self, subject: &str, state: &mut RouterWorker) -> Destination {
        let hash = self.matcher.generations.hash(subject.as_bytes());
        if let Some(known) = state.cache.get(subject, hash, &self.matcher.generations) {
            return known.clone();
        }
        // The stamp is read before matching: a change in between makes the entry stale, never wrong.
        let stamp = state.cache.admits(hash).then(|| self.matcher.stamp(subject, hash));
        state.found.clear();
        self.matcher.matches(subject, hash, &mut state.found);
        state.found.retain(|subscription| !self.is_denied(subscription, subject));
        let destination = self.interner.destination(&mut state.found);
        state.found.clear();
        if let Some(stamp) = stamp {
            state.cache.put(subject, hash, stamp, &destination);
        }
        destination
    }

    fn is_denied(&self, subscription: &Subscription, subject: &str) -> bool {
        let member = &subscription.member;
        member.has_policies
            && self.policies.iter().any(|policy| {
                let cx = PlanContext { identity: &member.member.identity, subject };
                policy.plan_deliver(&cx).is_some_and(|rule| rule.deny)
            })
    }

    /// Delivers on a thread that has no worker at hand, and flushes. For the server's own publications.
    pub fn with_worker<R>(&self, work: impl FnOnce(&mut Worker) -> R) -> R {
        let mut worker = self.inbound.lock();
        let result = work(&mut worker);
        worker.tick.flush();
        result
    }

    fn end_subscription(&self, subscription: &Arc<Subscription>) {
        let removed = subscription
            .member
            .subscriptions
            .lock()
            .by_sid
            .as_mut()
            .filter(|by_sid| by_sid.get(&subscription.sid).is_some_and(|known| Arc::ptr_eq(known, subscription)))
            .is_some_and(|by_sid| by_sid.remove(&subscription.sid).is_some());
        if removed {
            self.forget(subscription);
        }
    }

    fn forget(&self, subscription: &Subscription) {
        if self.matcher.remove(subscription) {
            self.subscriptions.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn check_subscribe(&self, entry: &MemberEntry, request: &SubscribeRequest<'_>) -> Result<(), Refusal> {
        if let Err(error) = subject::validate_pattern(request.pattern) {
            return Err(Refusal::new(ErrorCode::BadPattern, error.to_string()));
        }
        if let Some(queue) = request.queue
            && let Err(error) = subject::validate_token(queue)
        {
            return Err(Refusal::new(ErrorCode::BadQueue, format!("the queue group is not a valid name: {error}")));
        }
        let identity = &entry.member.identity;
        if !identity.trusted
            && subject::is_reserved(request.pattern)
            && !may_name(request.pattern, identity.user.as_deref())
        {
            return Err(Refusal::new(
                ErrorCode::PermissionDenied,
                "subjects that begin with `$` or `_` are reserved; only `$USER.<your user>.…` and `_INBOX.<token>.…` can be subscribed to",
            ));
        }
        if entry.has_policies {
            for policy in &self.policies {
                match policy.on_subscribe(identity, request) {
                    Verdict::Pass => {}
                    Verdict::Refuse(refusal) => return Err(refusal),
                    _ => {
                        return Err(Refusal::new(
                            ErrorCode::PermissionDenied,
                            format!("the policy `{}` does not allow this subscription", policy.name()),
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}

/// What a session may subscribe to among reserved subjects (protocol.md#P2.3).
fn may_name(pattern: &str, user: Option<&str>) -> bool {
    let mut tokens = pattern.split('.');
    match (tokens.next(), tokens.next()) {
        (Some("$USER"), Some(second)) => user == Some(second) && tokens.next().is_some(),
        (Some("_INBOX"), Some(second)) => second != "*" && second != ">",
        _ => false,
    }
}

impl Port for Router {
    fn attach(&self, member: Member) -> Result<SessionKey, Refusal> {
        let sessions = self.sessions.fetch_add(1, Ordering::Relaxed);
        if sessions >= self.config.sessions_max {
            self.sessions.fetch_sub(1, Ordering::Relaxed);
            return Err(Refusal::new(
                ErrorCode::Overloaded,
                format!(
                    "this node holds {} sessions, which is its limit; try another node or later",
                    self.config.sessions_max
                ),
            )
            .after(Duration::from_secs(5)));
        }
        let key = SessionKey(self.next_session.fetch_add(1, Ordering::Relaxed));
        let has_policies = self.policies.iter().any(|policy| policy.applies(&member.identity));
        self.members.insert(Arc::new(MemberEntry {
            key,
            member,
            tag: rand::random(),
            has_policies,
            subscriptions: Mutex::new(Subscriptions { by_sid: Some(HashMap::default()) }),
            requests: Mutex::new(None),
            plans: Mutex::new(None),
        }));
        Ok(key)
    }

    fn detach(&self, session: SessionKey) {
        let Some(entry) = self.members.remove(session) else { return };
        self.sessions.fetch_sub(1, Ordering::Relaxed);
        let subscriptions = entry.subscriptions.lock().by_sid.take();
        for subscription in subscriptions.iter().flat_map(HashMap::values) {
            self.forget(subscription);
        }
    }

    fn subscribe(&self, session: SessionKey, request: &SubscribeRequest<'_>) -> Result<(), Refusal> {
        let Some(entry) = self.members.get(session) else {
            return Err(Refusal::new(ErrorCode::NotFound, "the session is over"));
        };
        self.check_subscribe(&entry, request)?;
        if request.max == Some(0) {
            return Ok(());
        }
        let total = self.subscriptions.fetch_add(1, Ordering::Relaxed);
        let undo = |refusal| {
            self.subscriptions.fetch_sub(1, Ordering::Relaxed);
            Err(refusal)
        };
        if total >= self.config.subscriptions_max {
            return undo(Refusal::new(
                ErrorCode::Overloaded,
                format!("this node holds {} subscriptions, which is its limit", self.config.subscriptions_max),
            ));
        }
        let mut table = entry.subscriptions.lock();
        let Some(by_sid) = table.by_sid.as_mut() else {
            return undo(Refusal::new(ErrorCode::NotFound, "the session is over"));
        };
        if by_sid.len() >= entry.member.subscriptions_max as usize {
            return undo(Refusal::new(
                ErrorCode::TooManySubscriptions,
                format!("the session holds {} subscriptions, which is the limit", entry.member.subscriptions_max),
            ));
        }
        if by_sid.contains_key(&request.sid) {
            return undo(Refusal::new(
                ErrorCode::SidInUse,
                format!("the number {} is in use by another subscription of this session", request.sid),
            ));
        }
        let subscription = Arc::new(Subscription::new(
            self.next_subscription.fetch_add(1, Ordering::Relaxed),
            Arc::clone(&entry),
            request.sid,
            request.pattern,
            request.queue,
            request.max,
        ));
        by_sid.insert(request.sid, Arc::clone(&subscription));
        self.matcher.insert(subscription);
        Ok(())
    }

    fn unsubscribe(&self, session: SessionKey, sid: u64, max: Option<u64>) -> Result<(), Refusal> {
        let unknown =
            || Refusal::new(ErrorCode::UnknownSid, format!("the session has no subscription with the number {sid}"));
        let entry = self.members.get(session).ok_or_else(unknown)?;
        let mut table = entry.subscriptions.lock();
        let by_sid = table.by_sid.as_mut().ok_or_else(unknown)?;
        if let Some(max) = max.filter(|max| *max > 0) {
            let subscription = by_sid.get(&sid).ok_or_else(unknown)?;
            if subscription.limit(max) {
                self.matcher.generations.bump(&subscription.pattern);
                return Ok(());
            }
        }
        let subscription = by_sid.remove(&sid).ok_or_else(unknown)?;
        drop(table);
        self.forget(&subscription);
        Ok(())
    }

    fn subscriptions(&self, session: SessionKey, limit: usize) -> Vec<(u64, String, Option<String>)> {
        let Some(entry) = self.members.get(session) else { return Vec::new() };
        let table = entry.subscriptions.lock();
        let mut list: Vec<_> = table
            .by_sid
            .iter()
            .flat_map(HashMap::values)
            .map(|subscription| {
                (
                    subscription.sid,
                    String::from(&*subscription.pattern),
                    subscription.queue.as_deref().map(String::from),
                )
            })
            .collect();
        list.sort_unstable();
        list.truncate(limit);
        list
    }

    fn submit(&self, session: SessionKey, batch: BatchView<'_>, worker: &mut Worker) -> Submitted {
        self.submit_batch(session, batch, worker)
    }

    fn tell_unheard(&self, session: SessionKey, subject: &str, reply: &str, worker: &mut Worker) {
        self.deliver_unheard(session, subject, reply, worker);
    }

    fn expire_requests(&self, session: SessionKey) -> Expired {
        let Some(entry) = self.members.get(session) else { return Expired::default() };
        let mut requests = entry.requests.lock();
        let Some(open) = requests.as_mut() else { return Expired::default() };
        let now = Instant::now();
        let late: Vec<u64> = open.waiting.extract_if(|_, until| *until <= now).map(|(id, _)| id).collect();
        let waiting = open.waiting.len();
        if waiting == 0 {
            *requests = None;
        }
        Expired { late, waiting }
    }
}
