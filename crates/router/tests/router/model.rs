//! The router against the most naive one that can be written.

use std::collections::BTreeMap;
use std::sync::Arc;

use pointsman_contract::batch::{Answer, PublicationView};
use pointsman_contract::outcome::Outcome;
use pointsman_contract::port::{Port, SubscribeRequest};
use pointsman_contract::worker::Worker;
use pointsman_protocol::codes::ErrorCode;
use pointsman_router::router::RouterConfig;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::support::{Frame, Make, Node, Peer, ReadRules, code, denied, publication};

/// Operations of a default run; the environment variable `POINTSMAN_CASES` asks for more.
const OPERATIONS: usize = 100_000;
/// Each world starts anew, with another seed.
const OPERATIONS_PER_WORLD: usize = 5_000;

const SESSIONS: usize = 10;
const SUBSCRIPTIONS: usize = 8;
const SUBSCRIPTIONS_IN_ALL: usize = 50;
const PAYLOAD: usize = 12;
const USERS: [Option<&str>; 3] = [None, Some("ann"), Some("bob")];

/// Token by token (protocol.md#P2).
fn matches(pattern: &str, subject: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('.').collect();
    let subject: Vec<&str> = subject.split('.').collect();
    if subject[0].starts_with(['$', '_']) && matches!(pattern[0], "*" | ">") {
        return false;
    }
    match pattern.split_last() {
        Some((&">", front)) => subject.len() > front.len() && same(front, &subject[..front.len()]),
        _ => subject.len() == pattern.len() && same(&pattern, &subject),
    }
}

fn same(pattern: &[&str], subject: &[&str]) -> bool {
    pattern.iter().zip(subject).all(|(wanted, token)| *wanted == "*" || wanted == token)
}

#[derive(Debug)]
struct Subscription {
    pattern: String,
    queue: Option<&'static str>,
    max: Option<u64>,
    left: Option<u64>,
}

impl Subscription {
    fn is_open(&self) -> bool {
        self.left != Some(0)
    }

    fn delivered(&mut self) {
        self.left = self.left.map(|left| left - 1);
    }
}

#[derive(Debug)]
struct Session {
    peer: Peer,
    user: Option<&'static str>,
    echo: bool,
    deny: Option<&'static str>,
    subscriptions: BTreeMap<u64, Subscription>,
}

impl Session {
    fn may_read(&self, subject: &str) -> bool {
        !self.deny.is_some_and(|deny| matches(deny, subject))
    }
}

/// One message as a session got it.
#[derive(Debug, PartialEq, Eq)]
struct Arrival {
    sids: Vec<u64>,
    subject: String,
    reply: Option<String>,
}

#[derive(Debug)]
struct Sent {
    subject: String,
    reply: Option<&'static str>,
    payload: String,
    answer: Answer,
}

struct World {
    node: Node,
    idle_workers: Vec<Worker>,
    sessions: Vec<Session>,
    random: StdRng,
    next_payload: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let config = RouterConfig {
            sessions_max: SESSIONS,
            subscriptions_max: SUBSCRIPTIONS_IN_ALL,
            payload_bytes_max: u32::try_from(PAYLOAD).unwrap(),
            // So few that entries are overwritten, in some worlds.
            cache_entries: if seed.is_multiple_of(2) { 16 } else { 1024 },
        };
        Self {
            node: Node::with(config, vec![Arc::new(ReadRules)]),
            idle_workers: vec![Worker::default(), Worker::default()],
            sessions: Vec::new(),
            random: StdRng::seed_from_u64(seed),
            next_payload: 0,
        }
    }

    fn chance(&mut self, one_in: u32) -> bool {
        self.random.random_ratio(1, one_in)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.random).unwrap()
    }

    fn count(&self) -> usize {
        self.sessions.iter().map(|session| session.subscriptions.len()).sum()
    }

    fn subject(&mut self) -> String {
        let first = self.pick(&["a", "a", "a", "b", "b", "a*", "$USER", "_INBOX", "$SYS"]);
        let mut subject = String::from(first);
        let more = if first == "$USER" || first == "_INBOX" { 1..=3 } else { 0..=3 };
        for at in 0..self.random.random_range(more) {
            let token = match (first, at) {
                ("$USER" | "_INBOX", 0) => self.pick(&["ann", "bob"]),
                _ => self.pick(&["a", "b", ">>"]),
            };
            subject.push('.');
            subject.push_str(token);
        }
        subject
    }

    fn pattern(&mut self) -> String {
        let mut tokens: Vec<String> = self.subject().split('.').map(String::from).collect();
        for token in &mut tokens {
            if self.chance(4) {
                *token = "*".into();
            }
        }
        if self.chance(3) {
            if self.chance(2) {
                tokens.pop();
            }
            tokens.push(">".into());
        }
        tokens.join(".")
    }

    fn step(&mut self) {
        // Another thread's worker has other memories of matches.
        if self.chance(3) {
            let at = self.random.random_range(0..self.idle_workers.len());
            std::mem::swap(&mut self.node.worker, &mut self.idle_workers[at]);
        }
        match self.random.random_range(0..100) {
            0..=1 => self.attach(),
            2 => self.detach(),
            3..=34 => self.subscribe(),
            35..=54 => self.unsubscribe(),
            _ => self.publish(),
        }
        assert_eq!(self.node.router.subscription_count(), self.count());
        assert_eq!(self.node.router.sessions(), self.sessions.len());
    }

    fn attach(&mut self) {
        let (user, echo) = (self.pick(&USERS), !self.chance(4));
        let deny = self.chance(3).then(|| self.pick(&["a.a.>", "b", "*.b", "a.*"]));
        let identity = denied(user, &deny.into_iter().collect::<Vec<_>>());
        let key = self.pick(&[1, 2]);
        let subscriptions_max = u32::try_from(SUBSCRIPTIONS).unwrap();
        let peer = self.node.try_make(Make { identity, echo, key, subscriptions_max, ..Make::default() });
        match peer {
            Ok(peer) => self.sessions.push(Session { peer, user, echo, deny, subscriptions: BTreeMap::new() }),
            Err(refusal) => {
                assert_eq!((refusal.code, self.sessions.len()), (ErrorCode::Overloaded, SESSIONS));
            }
        }
    }

    fn any_session(&mut self) -> Option<usize> {
        (!self.sessions.is_empty()).then(|| self.random.random_range(0..self.sessions.len()))
    }

    fn detach(&mut self) {
        let Some(at) = self.any_session() else { return };
        let session = self.sessions.swap_remove(at);
        self.node.router.detach(session.peer.key);
    }

    fn subscribe(&mut self) {
        let Some(at) = self.any_session() else { return };
        let pattern = self.pattern();
        let sid = self.random.random_range(0..12);
        let queue = self.chance(3).then(|| self.pick(&["q", "r"]));
        let max = self.chance(4).then(|| self.random.random_range(0..6));
        let total = self.count();
        let session = &mut self.sessions[at];
        let tokens: Vec<&str> = pattern.split('.').collect();
        let may_name = match tokens[..] {
            ["$USER", user, _, ..] => session.user == Some(user),
            ["_INBOX", first, ..] => first != "*" && first != ">",
            _ => !tokens[0].starts_with(['$', '_']),
        };
        let within = |deny: &str| pointsman_protocol::subject::pattern_covers(deny, &pattern);
        let expected = if !may_name || session.deny.is_some_and(within) {
            Err(ErrorCode::PermissionDenied)
        } else if max == Some(0) {
            Ok(())
        } else if total >= SUBSCRIPTIONS_IN_ALL {
            Err(ErrorCode::Overloaded)
        } else if session.subscriptions.len() >= SUBSCRIPTIONS {
            Err(ErrorCode::TooManySubscriptions)
        } else if session.subscriptions.contains_key(&sid) {
            Err(ErrorCode::SidInUse)
        } else {
            Ok(())
        };
        let request = SubscribeRequest { sid, pattern: &pattern, queue, max };
        assert_eq!(self.node.subscribe_as(&session.peer, &request), expected, "{request:?}");
        if expected.is_ok() && max != Some(0) {
            session.subscriptions.insert(sid, Subscription { pattern, queue, max, left: max });
        }
    }

    fn unsubscribe(&mut self) {
        let Some(at) = self.any_session() else { return };
        let sid = self.random.random_range(0..12);
        let max = self.chance(3).then(|| self.random.random_range(0..8));
        let session = &mut self.sessions[at];
        let done = self.node.router.unsubscribe(session.peer.key, sid, max).map_err(|refusal| refusal.code);
        let Some(subscription) = session.subscriptions.get_mut(&sid) else {
            assert_eq!(done, Err(ErrorCode::UnknownSid));
            return;
        };
        assert_eq!(done, Ok(()));
        let already = subscription.max.zip(subscription.left).map_or(0, |(max, left)| max - left);
        match max {
            Some(max) if max > already => {
                subscription.left = Some(max - already);
                subscription.max = subscription.max.map(|_| max);
            }
            _ => {
                session.subscriptions.remove(&sid);
            }
        }
        let list: Vec<_> = session
            .subscriptions
            .iter()
            .map(|(sid, one)| (*sid, one.pattern.clone(), one.queue.map(String::from)))
            .collect();
        assert_eq!(self.node.router.subscriptions(session.peer.key, usize::MAX), list);
    }

    fn publish(&mut self) {
        let Some(from) = self.any_session() else { return };
        let few: Vec<String> = (0..2).map(|_| self.subject()).collect();
        let sent: Vec<Sent> = (0..self.random.random_range(1..6))
            .map(|_| {
                self.next_payload += 1;
                let mut payload = self.next_payload.to_string();
                if self.chance(50) {
                    payload = "x".repeat(PAYLOAD + 1);
                }
                let at = self.random.random_range(0..few.len());
                Sent {
                    subject: if self.chance(5) { self.subject() } else { few[at].clone() },
                    reply: self.chance(6).then_some("answers"),
                    payload,
                    answer: if self.chance(3) { Answer::Acknowledge(self.next_payload) } else { Answer::Silent },
                }
            })
            .collect();
        let batch: Vec<PublicationView<'_>> = sent
            .iter()
            .map(|one| PublicationView {
                reply: one.reply,
                answer: one.answer,
                ..publication(&one.subject, &one.payload)
            })
            .collect();
        let outcomes = self.node.submit(&self.sessions[from].peer, &batch);
        let mut arrivals = self.arrivals();
        let mut answers = outcomes.into_iter().peekable();
        for (at, one) in sent.iter().enumerate() {
            let answer = answers.next_if(|(place, _)| *place as usize == at).map(|(_, outcome)| outcome);
            let arrived: Vec<Option<Arrival>> =
                arrivals.iter_mut().map(|of_session| of_session.remove(&one.payload)).collect();
            let refused = if one.payload.len() > PAYLOAD {
                Some(ErrorCode::PayloadTooLarge)
            } else if one.subject.starts_with(['$', '_']) && !one.subject.starts_with("_INBOX.") {
                Some(ErrorCode::PermissionDenied)
            } else {
                None
            };
            if refused.is_some() {
                assert_eq!(answer.as_ref().and_then(code), refused, "{one:?}");
                assert!(arrived.iter().all(Option::is_none));
                continue;
            }
            let reached = self.deliver(from, one, &arrived);
            let expected = match (one.answer, one.reply) {
                (Answer::Acknowledge(_), Some(_)) if !reached => Some(Outcome::NoResponders),
                (Answer::Acknowledge(_), _) => Some(Outcome::Accepted),
                _ => None,
            };
            assert_eq!(answer, expected, "{one:?}");
        }
        assert!(answers.next().is_none());
        assert!(arrivals.iter().all(BTreeMap::is_empty), "something that was not published: {arrivals:?}");
        for session in &mut self.sessions {
            session.subscriptions.retain(|_, one| one.is_open());
        }
    }

    /// What has come, per session and payload. Nothing may come twice, and per subject it comes in order.
    fn arrivals(&self) -> Vec<BTreeMap<String, Arrival>> {
        let mut all = Vec::new();
        for session in &self.sessions {
            let mut of_session = BTreeMap::new();
            let mut last: BTreeMap<String, u64> = BTreeMap::new();
            for frame in session.peer.frames() {
                let Frame::Message { sids, messages } = frame else { panic!("{frame:?}") };
                assert!(!messages.is_empty() && !sids.is_empty());
                assert!(sids.is_sorted_by(|a, b| a < b), "not ascending: {sids:?}");
                for message in messages {
                    let payload = String::from_utf8(message.payload).unwrap();
                    let number: u64 = payload.parse().unwrap();
                    let before = last.insert(message.subject.clone(), number);
                    assert!(before.is_none_or(|before| before < number), "{number} came after {before:?}");
                    let arrival = Arrival { sids: sids.clone(), subject: message.subject, reply: message.reply };
                    let twice = of_session.insert(payload, arrival);
                    assert!(twice.is_none(), "it came twice: {twice:?}");
                }
            }
            all.push(of_session);
        }
        all
    }

    /// Holds what has come of one publication against what had to; returns whether it reached anybody.
    fn deliver(&mut self, from: usize, sent: &Sent, arrived: &[Option<Arrival>]) -> bool {
        let mut groups: BTreeMap<&'static str, (usize, usize)> = BTreeMap::new();
        let mut reached = false;
        for (at, (session, arrived)) in self.sessions.iter_mut().zip(arrived).enumerate() {
            let hears = session.may_read(&sent.subject) && (at != from || session.echo);
            let mut rest: Vec<u64> = Vec::new();
            if let Some(arrival) = arrived {
                assert_eq!((&arrival.subject, arrival.reply.as_deref()), (&sent.subject, sent.reply));
                rest.clone_from(&arrival.sids);
                reached = true;
            }
            for (sid, one) in &mut session.subscriptions {
                let came = rest.iter().position(|other| other == sid).map(|place| rest.remove(place)).is_some();
                let concerned = hears && one.is_open() && matches(&one.pattern, &sent.subject);
                match one.queue {
                    None => assert_eq!(came, concerned, "{sid} {one:?} {sent:?}"),
                    Some(queue) => {
                        assert!(concerned || !came, "{sid} {one:?} {sent:?}");
                        let (candidates, chosen) = groups.entry(queue).or_default();
                        *candidates += usize::from(concerned);
                        *chosen += usize::from(came);
                    }
                }
                if came {
                    one.delivered();
                }
            }
            assert_eq!(rest, [0_u64; 0], "numbers of nothing");
        }
        for (queue, (candidates, chosen)) in groups {
            assert_eq!(chosen, candidates.min(1), "one of the group {queue} gets it: {sent:?}");
        }
        reached
    }

    fn finish(mut self) {
        while !self.sessions.is_empty() {
            self.detach();
            assert_eq!(self.node.router.subscription_count(), self.count());
        }
        assert_eq!((self.node.router.sessions(), self.node.router.subscription_count()), (0, 0));
    }
}

/// Says which world it was when an expectation fails.
struct Announce(u64, usize);

impl Drop for Announce {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}, operation {}", self.0, self.1);
        }
    }
}

#[test]
fn the_router_does_what_the_naive_one_does() {
    let asked = std::env::var("POINTSMAN_CASES").ok().and_then(|cases| cases.parse().ok());
    let operations: usize = asked.unwrap_or(OPERATIONS);
    for seed in 0..operations.div_ceil(OPERATIONS_PER_WORLD) as u64 {
        let mut world = World::new(seed);
        let mut announce = Announce(seed, 0);
        for _ in 0..5 {
            world.attach();
        }
        for operation in 0..OPERATIONS_PER_WORLD {
            announce.1 = operation;
            world.step();
        }
        world.finish();
    }
}
