//! Requests and replies (protocol.md#P6).

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use parking_lot::Mutex;
use pointsman_contract::backplane::{
    Backplane, BackplaneCapabilities, BackplaneError, Full, Inbound, InterestChange, RunIter,
};
use pointsman_contract::batch::{Answer, PublicationView};
use pointsman_contract::health::Health;
use pointsman_contract::outcome::Outcome;
use pointsman_contract::port::{Expired, Port, SubscribeRequest};
use pointsman_protocol::codes::ErrorCode;
use pointsman_protocol::frame::{BodyKind, DeliveryView};
use tokio::sync::watch;

use crate::support::{Frame, Make, Node, Peer, code, publication};

fn request(subject: &str, id: u64, timeout_ms: u32) -> PublicationView<'_> {
    PublicationView { answer: Answer::Reply { id, timeout_ms }, ..publication(subject, "question") }
}

/// The reply subjects of the questions that have come.
fn asked(peer: &Peer) -> Vec<String> {
    peer.frames()
        .into_iter()
        .flat_map(|frame| match frame {
            Frame::Message { messages, .. } => messages,
            other => panic!("{other:?}"),
        })
        .map(|message| message.reply.unwrap())
        .collect()
}

fn acknowledged<'a>(subject: &'a str, payload: &'a str) -> PublicationView<'a> {
    PublicationView { answer: Answer::Acknowledge(1), ..publication(subject, payload) }
}

#[test]
fn the_first_answer_is_taken_and_later_ones_are_dropped() {
    let mut node = Node::new();
    let (asker, one, two) = (node.join(), node.join(), node.join());
    node.subscribe(&one, 1, "time").unwrap();
    node.subscribe(&two, 1, "time").unwrap();
    assert_eq!(node.submit(&asker, &[request("time", 42, 5_000)]), []);
    let (from_one, from_two) = (asked(&one), asked(&two));
    assert_eq!((from_one.len(), &from_one), (1, &from_two));
    let subject = &from_one[0];
    assert!(subject.starts_with("_R.") && subject.ends_with(".42"), "{subject}");
    assert_eq!(node.submit(&two, &[acknowledged(subject, "first")]), [(0, Outcome::Accepted)]);
    assert_eq!(node.submit(&one, &[acknowledged(subject, "second")]), [(0, Outcome::NoResponders)]);
    assert_eq!(node.publish(&one, subject, "third"), []);
    assert_eq!(asker.frames(), [Frame::Reply { id: 42, payload: b"first".to_vec() }]);
    let stats = node.router.stats();
    assert_eq!((stats.requests, stats.late_replies), (1, 2));
    assert_eq!(node.submit(&asker, &[request("time", 42, 5_000)]), [], "the id is free again");
}

/// protocol.md#P6.2
#[test]
fn a_request_that_reaches_nobody_is_answered_at_once() {
    let mut node = Node::new();
    let (asker, other) = (node.make(Make { echo: false, ..Make::default() }), node.join());
    assert_eq!(node.submit(&asker, &[request("time", 1, 5_000)]), [(0, Outcome::NoResponders)]);
    node.subscribe(&asker, 1, "time").unwrap();
    assert_eq!(
        node.submit(&asker, &[request("time", 1, 5_000)]),
        [(0, Outcome::NoResponders)],
        "it does not hear itself"
    );
    let queued = SubscribeRequest { sid: 2, pattern: "time", queue: Some("q"), max: None };
    node.subscribe_as(&asker, &queued).unwrap();
    assert_eq!(node.submit(&asker, &[request("time", 1, 5_000)]), [(0, Outcome::NoResponders)]);
    assert_eq!(node.router.expire_requests(asker.key), Expired::default(), "nothing waits");
    node.subscribe_as(&other, &queued).unwrap();
    assert_eq!(node.submit(&asker, &[request("time", 1, 5_000)]), []);
    assert_eq!(asked(&other).len(), 1);
}

#[test]
fn a_publish_with_id_and_reply_that_reaches_nobody_is_told_so() {
    let mut node = Node::new();
    let (from, to) = (node.join(), node.join());
    let ask = PublicationView { reply: Some("answers.1"), ..acknowledged("time", "x") };
    assert_eq!(node.submit(&from, &[ask]), [(0, Outcome::NoResponders)]);
    assert_eq!(node.submit(&from, &[PublicationView { reply: None, ..ask }]), [(0, Outcome::Accepted)]);
    node.subscribe(&to, 1, "time").unwrap();
    assert_eq!(node.submit(&from, &[ask, ask]), [(0, Outcome::Accepted), (1, Outcome::Accepted)]);
    assert_eq!(asked(&to), ["answers.1", "answers.1"]);
}

#[test]
fn a_request_stands_in_order_with_what_is_published_around_it() {
    let mut node = Node::new();
    let (from, to) = (node.join(), node.join());
    node.subscribe(&to, 1, "s").unwrap();
    let ask = request("s", 1, 5_000);
    assert_eq!(node.submit(&from, &[publication("s", "1"), publication("s", "2"), ask, publication("s", "3")]), []);
    assert_eq!(to.payloads(), ["1", "2", "question", "3"]);
}

#[test]
fn answers_for_others_than_the_one_who_asked_are_late() {
    let mut node = Node::new();
    let (asker, to) = (node.join(), node.join());
    node.subscribe(&to, 1, "time").unwrap();
    assert_eq!(node.submit(&asker, &[request("time", 3, 5_000)]), []);
    let subject = asked(&to).remove(0);
    // Another tag, another id, another session, no reply subject at all.
    let flip = |at: usize| {
        let mut other: Vec<char> = subject.chars().collect();
        other[at] = if other[at] == '0' { '1' } else { '0' };
        other.into_iter().collect::<String>()
    };
    let tag = subject.find('-').unwrap() + 1;
    let wrong = [flip(tag), flip(subject.len() - 1), flip(tag - 2), "_R.nonsense".into(), "_R.1.2.3".into()];
    for wrong in &wrong {
        assert_eq!(node.submit(&to, &[acknowledged(wrong, "x")]), [(0, Outcome::NoResponders)], "{wrong}");
    }
    assert_eq!(asker.frames(), []);
    assert_eq!(node.submit(&to, &[acknowledged(&subject, "right")]), [(0, Outcome::Accepted)]);
    assert_eq!(asker.frames().len(), 1);
}

#[test]
fn a_session_waits_for_a_bounded_number_of_replies() {
    let mut node = Node::new();
    let (asker, to) = (node.make(Make { requests_max: 2, ..Make::default() }), node.join());
    node.subscribe(&to, 1, "time").unwrap();
    let outcomes = node.submit(&asker, &[1, 1, 2, 3].map(|id| request("time", id, 5_000)));
    let refused: Vec<_> = outcomes.iter().map(|(at, outcome)| (*at, code(outcome).unwrap())).collect();
    assert_eq!(refused, [(1, ErrorCode::BadRequest), (3, ErrorCode::TooManyRequestsInFlight)]);
    let subject = asked(&to).remove(0);
    node.publish(&to, &subject, "x");
    assert_eq!(node.submit(&asker, &[request("time", 3, 5_000)]), []);
}

/// protocol.md#P6.4
#[test]
fn an_overdue_request_is_forgotten_and_named() {
    let mut node = Node::new();
    let (asker, to) = (node.join(), node.join());
    node.subscribe(&to, 1, "time").unwrap();
    assert_eq!(node.submit(&asker, &[request("time", 1, 0), request("time", 2, 60_000)]), []);
    assert_eq!(node.router.expire_requests(asker.key), Expired { late: vec![1], waiting: 1 });
    assert_eq!(node.router.expire_requests(asker.key), Expired { late: vec![], waiting: 1 });
    let subjects = asked(&to);
    assert_eq!(node.submit(&to, &[acknowledged(&subjects[0], "late")]), [(0, Outcome::NoResponders)]);
    assert_eq!(node.submit(&to, &[acknowledged(&subjects[1], "in time")]), [(0, Outcome::Accepted)]);
    assert_eq!(node.router.expire_requests(asker.key), Expired::default());
}

#[test]
fn an_answer_to_a_session_that_is_gone_is_late() {
    let mut node = Node::new();
    let (asker, to) = (node.join(), node.join());
    node.subscribe(&to, 1, "time").unwrap();
    assert_eq!(node.submit(&asker, &[request("time", 1, 5_000)]), []);
    node.router.detach(asker.key);
    let subject = asked(&to).remove(0);
    assert_eq!(node.submit(&to, &[acknowledged(&subject, "x")]), [(0, Outcome::NoResponders)]);
    assert_eq!(node.router.expire_requests(asker.key), Expired::default());
}

/// Subject, reply, payload.
type Owned = (String, Option<String>, Vec<u8>);

/// A backplane that keeps what it is given.
#[derive(Debug)]
struct Kept(Mutex<Vec<Owned>>);

#[async_trait]
impl Backplane for Kept {
    fn capabilities(&self) -> BackplaneCapabilities {
        BackplaneCapabilities::new(1 << 20)
    }
    fn has_peers(&self) -> bool {
        true
    }
    fn publish(&self, run: RunIter<'_, '_>) -> Result<(), Full> {
        let kept = run.map(|one| (one.subject.to_owned(), one.reply.map(Into::into), one.payload.to_vec()));
        self.0.lock().extend(kept);
        Ok(())
    }
    async fn update_interest(&self, _: InterestChange) -> Result<(), BackplaneError> {
        Ok(())
    }
    fn health(&self) -> watch::Receiver<Health> {
        watch::Sender::new(Health::Up).subscribe()
    }
    async fn close(&self, _: Instant) -> Result<(), BackplaneError> {
        Ok(())
    }
}

fn arrive(node: &Node, (subject, reply, payload): &Owned) {
    let view = DeliveryView { subject, reply: reply.as_deref(), headers: &[], payload, body: BodyKind::Unknown };
    node.router.deliver(&mut std::iter::once(view));
}

#[test]
fn a_request_to_another_node_comes_back_with_its_answer() {
    let kept = || Arc::new(Kept(Mutex::default()));
    let (mut here, mut there) = (Node::with_id(1), Node::with_id(2));
    let (out, back) = (kept(), kept());
    here.router.join(Arc::<Kept>::clone(&out));
    there.router.join(Arc::<Kept>::clone(&back));
    let (asker, responder) = (here.join(), there.join());
    there.subscribe(&responder, 1, "time").unwrap();
    assert_eq!(here.submit(&asker, &[request("time", 5, 5_000)]), []);
    arrive(&there, &out.0.lock().remove(0));
    let subject = asked(&responder).remove(0);
    assert_eq!(there.submit(&responder, &[acknowledged(&subject, "answer")]), [(0, Outcome::Accepted)]);
    assert_eq!(there.router.stats().late_replies, 0);
    let answer = back.0.lock().remove(0);
    arrive(&here, &answer);
    arrive(&here, &answer);
    assert_eq!(asker.frames(), [Frame::Reply { id: 5, payload: b"answer".to_vec() }]);
    assert!(out.0.lock().is_empty(), "an answer does not go on to other nodes");
}
