//! Who gets what, once, in which order.

use std::sync::Arc;

use pointsman_contract::batch::Answer;
use pointsman_contract::identity::Identity;
use pointsman_contract::outcome::Outcome;
use pointsman_contract::port::{Port, SubscribeRequest};
use pointsman_outbox::outbox::{Limits, SlowConsumer};
use pointsman_protocol::codes::ErrorCode;
use pointsman_protocol::subject;
use pointsman_router::router::RouterConfig;
use proptest::prelude::*;

use crate::support::{Frame, Make, Node, ReadRules, code, denied, publication};

fn queued(sid: u64, pattern: &'static str, queue: &'static str) -> SubscribeRequest<'static> {
    SubscribeRequest { sid, pattern, queue: Some(queue), max: None }
}

fn limited(sid: u64, pattern: &'static str, max: u64) -> SubscribeRequest<'static> {
    SubscribeRequest { sid, pattern, queue: None, max: Some(max) }
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(String::from).to_vec()
}

#[test]
fn a_receiver_gets_a_publication_once_with_all_its_numbers_ascending() {
    let mut node = Node::new();
    let (from, to) = (node.join(), node.join());
    for (sid, pattern) in [(9, "a.b"), (2, "a.*"), (5, ">"), (7, "a.>"), (3, "*.b"), (1, "a.c")] {
        node.subscribe(&to, sid, pattern).unwrap();
    }
    assert_eq!(node.publish(&from, "a.b", "x"), []);
    assert_eq!(to.got(), [(vec![2, 3, 5, 7, 9], "x".into())]);
    assert_eq!(from.got(), []);
}

#[test]
fn limited_and_queued_subscriptions_of_a_receiver_come_in_the_same_message() {
    let mut node = Node::new();
    let (from, to, other) = (node.join(), node.join(), node.join());
    node.subscribe(&to, 4, "a.b").unwrap();
    node.subscribe_as(&to, &limited(3, "a.*", 2)).unwrap();
    node.subscribe_as(&to, &limited(8, "a.>", 1)).unwrap();
    node.subscribe_as(&to, &queued(6, "a.b", "q")).unwrap();
    node.subscribe_as(&to, &queued(1, ">", "r")).unwrap();
    node.subscribe_as(&other, &limited(1, "a.b", 1)).unwrap();
    let batch = ["x", "y", "z"].map(|payload| publication("a.b", payload));
    node.submit(&from, &batch);
    assert_eq!(
        to.got(),
        [(vec![1, 3, 4, 6, 8], "x".into()), (vec![1, 3, 4, 6], "y".into()), (vec![1, 4, 6], "z".into())]
    );
    assert_eq!(other.got(), [(vec![1], "x".into())]);
    assert_eq!(node.router.subscription_count(), 3, "those that had their last delivery are gone");
}

#[test]
fn a_session_that_is_in_a_group_twice_gets_a_message_for_one_of_them() {
    let mut node = Node::new();
    let (from, to) = (node.join(), node.join());
    node.subscribe_as(&to, &queued(1, "a", "q")).unwrap();
    node.subscribe_as(&to, &queued(2, ">", "q")).unwrap();
    for _ in 0..20 {
        node.publish(&from, "a", "x");
        let got = to.got();
        assert!(got == [(vec![1], "x".into())] || got == [(vec![2], "x".into())], "{got:?}");
    }
}

/// protocol.md#P4.4
#[test]
fn each_message_goes_to_one_of_a_group_and_all_take_part() {
    let mut node = Node::new();
    let from = node.join();
    let members: Vec<_> = (0..4).map(|_| node.join()).collect();
    let plain = node.join();
    node.subscribe(&plain, 1, "jobs.>").unwrap();
    for (at, member) in members.iter().enumerate() {
        let pattern = ["jobs.*", "jobs.a", "jobs.>", "*.a"][at];
        node.subscribe_as(member, &queued(3, pattern, "workers")).unwrap();
    }
    let batch = vec![publication("jobs.a", "x"); 200];
    node.submit(&from, &batch);
    let counts: Vec<_> = members.iter().map(|member| member.got().len()).collect();
    assert_eq!(counts.iter().sum::<usize>(), 200, "{counts:?}");
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    assert_eq!(plain.got().len(), 200);
}

#[test]
fn a_group_passes_over_a_member_that_is_full_and_tells_it_no_loss() {
    let mut node = Node::new();
    let from = node.join();
    let tight = Limits { bytes: 1_000, messages: 1, slow_consumer: SlowConsumer::DropNewest, ..Make::default().outbox };
    let full = node.make(Make { outbox: tight, ..Make::default() });
    let idle = node.join();
    let all = SubscribeRequest { sid: 1, pattern: "fill", queue: None, max: None };
    node.subscribe_as(&full, &all).unwrap();
    node.subscribe_as(&full, &SubscribeRequest { max: Some(1), ..queued(2, "a", "q") }).unwrap();
    node.subscribe_as(&idle, &queued(2, "a", "q")).unwrap();
    full.shut(true, &mut node.worker);
    node.publish(&from, "fill", "");
    node.submit(&from, &[publication("a", "x"); 20]);
    assert_eq!(idle.got().len(), 20);
    node.router.detach(idle.key);
    node.publish(&from, "a", "lost");
    full.shut(false, &mut node.worker);
    let frames = full.frames();
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[1], Frame::Gap { sids: vec![2], lost: 1, reason: "slow_consumer".into() });
    assert_eq!(node.router.subscription_count(), 1, "the loss was the one delivery it was to have");
}

#[test]
fn echo_off_hears_everybody_but_itself() {
    let mut node = Node::new();
    let quiet = node.make(Make { echo: false, ..Make::default() });
    let loud = node.join();
    for peer in [&quiet, &loud] {
        node.subscribe(peer, 1, "a").unwrap();
        node.subscribe_as(peer, &queued(2, "b", "q")).unwrap();
        node.subscribe_as(peer, &limited(3, "c", 1)).unwrap();
        node.subscribe(peer, 4, "d").unwrap();
        node.subscribe_as(peer, &limited(5, "d", 9)).unwrap();
    }
    for subject in ["a", "b", "c", "d"] {
        node.publish(&quiet, subject, subject);
    }
    assert_eq!(quiet.payloads(), Vec::<String>::new());
    assert_eq!(loud.payloads(), texts(["a", "b", "c", "d"]));
    node.publish(&loud, "c", "again");
    assert_eq!(quiet.payloads(), texts(["again"]), "its own publication did not count");
    node.publish(&loud, "a", "own");
    assert_eq!(loud.payloads(), texts(["own"]));
    assert_eq!(quiet.payloads(), texts(["own"]));
}

#[test]
fn publications_of_one_session_arrive_per_subject_in_order() {
    let mut node = Node::new();
    let from = node.join();
    let receivers: Vec<_> = (0..3).map(|_| node.join()).collect();
    node.subscribe(&receivers[0], 1, ">").unwrap();
    node.subscribe(&receivers[1], 1, "s.1").unwrap();
    node.subscribe(&receivers[1], 2, "s.*").unwrap();
    node.subscribe_as(&receivers[2], &limited(1, "s.>", 1_000_000)).unwrap();
    node.subscribe(&receivers[2], 2, "s.2").unwrap();
    let numbers: Vec<String> = (0..3_000).map(|n| n.to_string()).collect();
    let subjects: Vec<String> = (0..3_000).map(|n| format!("s.{}", (n * 7 + n / 5) % 4)).collect();
    let all: Vec<_> = subjects.iter().zip(&numbers).map(|(subject, n)| publication(subject, n)).collect();
    for batch in all.chunks(97) {
        node.submit(&from, batch);
    }
    for receiver in &receivers {
        let mut last = [-1; 4];
        let mut count = 0;
        for frame in receiver.frames() {
            let Frame::Message { messages, .. } = frame else { panic!("{frame:?}") };
            for message in messages {
                let subject: usize = message.subject.trim_start_matches("s.").parse().unwrap();
                let n: i32 = String::from_utf8(message.payload).unwrap().parse().unwrap();
                assert_eq!(message.subject, subjects[usize::try_from(n).unwrap()]);
                assert!(last[subject] < n, "{n} came after {}", last[subject]);
                last[subject] = n;
                count += 1;
            }
        }
        assert_eq!(count, 3_000);
    }
}

#[test]
fn consecutive_publications_with_the_same_destinations_come_in_one_message() {
    let mut node = Node::new();
    let (from, to) = (node.join(), node.join());
    node.subscribe(&to, 1, "a.>").unwrap();
    node.subscribe(&to, 2, "a.x").unwrap();
    node.submit(&from, &["a.1", "a.2", "a.3", "a.x", "a.1"].map(|subject| publication(subject, subject)));
    let sizes: Vec<_> = to
        .frames()
        .into_iter()
        .map(|frame| match frame {
            Frame::Message { sids, messages } => (sids, messages.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sizes, [(vec![1], 3), (vec![1, 2], 1), (vec![1], 1)]);
}

#[test]
fn large_runs_to_many_receivers_are_the_same_for_each() {
    let mut node = Node::new();
    let from = node.join();
    let receivers: Vec<_> =
        (0..40).map(|at| node.make(Make { key: 1 + u16::from(at % 2 == 0), ..Make::default() })).collect();
    for (at, receiver) in receivers.iter().enumerate() {
        node.subscribe(receiver, at as u64 % 3, "big").unwrap();
    }
    let body = "y".repeat(30_000);
    node.submit(&from, &[publication("big", &body); 7]);
    for (at, receiver) in receivers.iter().enumerate() {
        let got = receiver.got();
        assert_eq!(got.len(), 7);
        assert!(got.iter().all(|(sids, payload)| *sids == [at as u64 % 3] && *payload == body));
    }
}

#[test]
fn max_ends_a_subscription_after_so_many_deliveries() {
    let mut node = Node::new();
    let (from, to) = (node.join(), node.join());
    node.subscribe_as(&to, &limited(1, "a", 3)).unwrap();
    node.submit(&from, &[publication("a", "x"); 2]);
    assert_eq!(to.got().len(), 2);
    assert_eq!(node.router.subscription_count(), 1);
    node.submit(&from, &[publication("a", "x"); 5]);
    assert_eq!(to.got().len(), 1);
    assert_eq!((node.router.subscription_count(), node.router.subscriptions(to.key, 10)), (0, vec![]));
    node.subscribe(&to, 1, "a").unwrap();
    node.publish(&from, "a", "x");
    assert_eq!(to.got().len(), 1, "the number is free again");
}

#[test]
fn unsubscribe_with_max_counts_since_subscribe_if_max_was_given_with_it() {
    for (delivered, max, more) in [(0, 5, 5), (4, 5, 1), (4, 6, 2), (4, 4, 0), (4, 3, 0), (4, 20, 16)] {
        let mut node = Node::new();
        let (from, to) = (node.join(), node.join());
        node.subscribe_as(&to, &limited(1, "a", 10)).unwrap();
        node.submit(&from, &vec![publication("a", "x"); delivered]);
        assert_eq!(to.got().len(), delivered);
        node.router.unsubscribe(to.key, 1, Some(max)).unwrap();
        assert_eq!(node.router.subscription_count(), usize::from(more > 0), "at once if already reached");
        node.submit(&from, &[publication("a", "x"); 30]);
        assert_eq!(to.got().len(), more, "{max} in all, {delivered} before");
        assert_eq!(node.router.subscription_count(), 0);
    }
}

#[test]
fn unsubscribe_with_max_counts_from_then_on_otherwise() {
    let mut node = Node::new();
    let (from, to) = (node.join(), node.join());
    node.subscribe(&to, 1, "a").unwrap();
    node.submit(&from, &[publication("a", "x"); 4]);
    node.router.unsubscribe(to.key, 1, Some(3)).unwrap();
    node.submit(&from, &[publication("a", "x"); 9]);
    assert_eq!(to.got().len(), 7);
    assert_eq!(node.router.subscription_count(), 0);
    assert_eq!(node.router.unsubscribe(to.key, 1, None).map_err(|refusal| refusal.code), Err(ErrorCode::UnknownSid));
}

#[test]
fn a_number_that_is_used_again_during_the_last_delivery_stays() {
    let mut node = Node::new();
    let (from, to) = (node.join(), node.join());
    node.subscribe_as(&to, &limited(1, "a", 1)).unwrap();
    let (router, key) = (Arc::clone(&node.router), to.key);
    *to.codec.during.lock() = Some(Box::new(move || {
        router.unsubscribe(key, 1, None).unwrap();
        router.subscribe(key, &SubscribeRequest { sid: 1, pattern: "b", queue: None, max: None }).unwrap();
    }));
    node.publish(&from, "a", "x");
    node.publish(&from, "b", "y");
    assert_eq!(to.payloads(), texts(["x", "y"]));
    assert_eq!(node.router.subscriptions(to.key, 9), [(1, "b".into(), None)]);
    node.router.detach(to.key);
    assert_eq!(node.router.subscription_count(), 0);
}

#[test]
fn reserved_subjects_are_seen_only_by_those_who_name_them() {
    let mut node = Node::new();
    let server = node.make(Make { identity: Identity::server(), ..Make::default() });
    let user = node.make(Make { identity: denied(Some("ann"), &[]), ..Make::default() });
    for (sid, pattern, allowed) in [
        (1, ">", true),
        (2, "*.ann.x", true),
        (3, "$USER.ann.>", true),
        (4, "$USER.ann.x", true),
        (5, "$USER.bob.x", false),
        (6, "$USER.*.x", false),
        (7, "$USER.>", false),
        (8, "$USER.ann", false),
        (9, "$SYS.a", false),
        (10, "_INBOX.t1.*", true),
        (11, "_INBOX.*.x", false),
        (12, "_INBOX.>", false),
        (13, "_R.>", false),
        (14, "_x", false),
    ] {
        let expected = if allowed { Ok(()) } else { Err(ErrorCode::PermissionDenied) };
        assert_eq!(node.subscribe(&user, sid, pattern), expected, "{pattern}");
    }
    for subject in ["$USER.ann.x", "$USER.ann.y.z", "$SYS.a", "_INBOX.t1.1", "_INBOX.t2.1", "_x", "ann"] {
        assert_eq!(node.publish(&server, subject, subject), []);
    }
    assert_eq!(
        user.got(),
        [
            (vec![3, 4], "$USER.ann.x".into()),
            (vec![3], "$USER.ann.y.z".into()),
            (vec![10], "_INBOX.t1.1".into()),
            (vec![1], "ann".into())
        ]
    );
}

#[test]
fn clients_publish_to_no_reserved_subject_but_replies() {
    let mut node = Node::new();
    let (from, to) = (node.join(), node.join());
    node.subscribe(&to, 1, "_INBOX.mine.>").unwrap();
    for subject in ["$SYS.a", "$USER.ann.x", "_", "_x.y", "$", "_INBOX", "_R"] {
        let outcomes = node.publish(&from, subject, "x");
        assert_eq!(outcomes.iter().map(code).collect::<Vec<_>>(), [Some(ErrorCode::PermissionDenied)], "{subject}");
    }
    assert_eq!(node.publish(&from, "_INBOX.mine.1", "x"), []);
    assert_eq!(to.payloads(), texts(["x"]));
    assert_eq!(node.router.stats().refused_messages, 7);
}

#[test]
fn what_is_no_subject_is_refused_wherever_it_stands_in_a_batch() {
    let mut node = Node::new();
    let (from, to) = (node.join(), node.join());
    node.subscribe(&to, 1, ">").unwrap();
    let mut batch = vec![publication("a", "1"); 6];
    batch[1].subject = "a.*";
    batch[2].subject = "";
    batch[4].reply = Some("not a subject");
    batch[5].reply = Some("fine");
    let outcomes = node.submit(&from, &batch);
    let refused: Vec<_> = outcomes.iter().map(|(at, outcome)| (*at, code(outcome).unwrap())).collect();
    assert_eq!(refused, [(1, ErrorCode::BadSubject), (2, ErrorCode::BadSubject), (4, ErrorCode::BadSubject)]);
    assert_eq!(to.got().len(), 3);
}

#[test]
fn a_permission_cuts_deliveries_and_nothing_else() {
    let config = RouterConfig { cache_entries: 64, ..RouterConfig::default() };
    let mut node = Node::with(config, vec![Arc::new(ReadRules)]);
    let from = node.join();
    let cut = node.make(Make { identity: denied(None, &["a.secret.>", "b"]), ..Make::default() });
    let open = node.join();
    assert_eq!(node.subscribe(&cut, 1, "a.secret.x"), Err(ErrorCode::PermissionDenied));
    assert_eq!(node.subscribe(&cut, 1, "b"), Err(ErrorCode::PermissionDenied));
    for peer in [&cut, &open] {
        node.subscribe(peer, 1, ">").unwrap();
        node.subscribe(peer, 2, "a.*.x").unwrap();
        node.subscribe_as(peer, &queued(3, "*", "q")).unwrap();
    }
    for _ in 0..10 {
        node.submit(&from, &["a.secret.x", "a.open.x", "b"].map(|subject| publication(subject, subject)));
    }
    let got = open.got();
    let of = |sids: &[u64], payload: &str| got.iter().filter(|one| one.0 == sids && one.1 == payload).count();
    assert_eq!((of(&[1, 2], "a.secret.x"), of(&[1, 2], "a.open.x"), of(&[1, 3], "b")), (10, 10, 10));
    assert_eq!(cut.got(), vec![(vec![1, 2], String::from("a.open.x")); 10]);
}

#[test]
fn a_loss_of_a_slow_receiver_is_told_to_it_and_costs_nobody_else_anything() {
    let mut node = Node::new();
    let from = node.join();
    let tight = Limits { bytes: 1_000, messages: 100, ..Make::default().outbox };
    let slow = node.make(Make { outbox: tight, ..Make::default() });
    let fast = node.join();
    for peer in [&slow, &fast] {
        node.subscribe(peer, 1, "a").unwrap();
        node.subscribe(peer, 2, "*").unwrap();
    }
    slow.shut(true, &mut node.worker);
    for n in 0..200 {
        node.publish(&from, "a", &n.to_string());
    }
    slow.shut(false, &mut node.worker);
    assert_eq!(fast.got().len(), 200);
    let mut seen = 0;
    let mut told = 0;
    for frame in slow.frames() {
        match frame {
            Frame::Message { sids, messages } => {
                assert_eq!(sids, [1, 2]);
                for message in messages {
                    assert_eq!(message.payload, seen.to_string().into_bytes());
                    seen += 1;
                }
            }
            Frame::Gap { sids, lost, reason } => {
                assert_eq!((&sids[..], reason.as_str()), (&[1, 2][..], "slow_consumer"));
                seen += lost;
                told += lost;
            }
            other @ Frame::Reply { .. } => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, 200);
    let stats = node.router.stats();
    assert_eq!(stats.dropped_slow_consumer, told);
    assert!(told > 100);
}

#[test]
fn a_publication_submitted_after_subscribe_finds_the_subscription() {
    // The worker's memory of matches must not be older than the subscriptions.
    let mut node = Node::new();
    let (from, to) = (node.join(), node.join());
    for pattern in ["a.b.c", "a.b.*", "a.b.>", "a.*", "a.>", "*.b.c", "*.>", ">", "*", "a"] {
        for subject in ["a.b.c", "a.b", "a", "b.b.c"] {
            let expected = usize::from(subject::matches(pattern, subject));
            for _ in 0..2 {
                node.publish(&from, subject, "before");
                assert_eq!(to.got().len(), 0, "{pattern} {subject}");
                node.subscribe(&to, 1, pattern).unwrap();
                node.publish(&from, subject, "with");
                assert_eq!(to.got().len(), expected, "{pattern} {subject}");
                node.router.unsubscribe(to.key, 1, None).unwrap();
            }
        }
    }
}

#[test]
fn what_is_accepted_is_answered_where_it_was_asked_for() {
    let mut node = Node::new();
    let from = node.join();
    let mut batch = vec![publication("nobody", ""); 4];
    for (at, id) in [(0, 5), (3, 6)] {
        batch[at].answer = Answer::Acknowledge(id);
    }
    assert_eq!(node.submit(&from, &batch), [(0, Outcome::Accepted), (3, Outcome::Accepted)]);
    assert_eq!(node.router.stats().unmatched_messages, 4);
}

fn token() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("a"), 2 => Just("b"), 1 => Just("ü"), 1 => Just("a*"), 1 => Just(">b"), 1 => Just("$a")]
}

fn pattern() -> impl Strategy<Value = String> {
    let middle = prop_oneof![3 => token(), 1 => Just("*")];
    let last = prop_oneof![3 => token(), 1 => Just("*"), 1 => Just(">")];
    (prop::collection::vec(middle, 0..8), last).prop_map(|(mut tokens, last)| {
        tokens.push(last);
        tokens.join(".")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_pattern_matches_what_the_protocol_says(
        patterns in prop::collection::vec(pattern(), 1..12),
        subjects in prop::collection::vec(prop::collection::vec(token(), 1..9), 1..6),
    ) {
        let mut node = Node::new();
        let (from, to) = (node.join(), node.make(Make { identity: Identity::server(), ..Make::default() }));
        let server = node.make(Make { identity: Identity::server(), ..Make::default() });
        let mut kept: Vec<(u64, &String)> = (0..).zip(&patterns).collect();
        for (sid, pattern) in &kept {
            node.subscribe(&to, *sid, pattern).unwrap();
        }
        // Once with all of them, then after each that is taken away.
        loop {
            for subject in &subjects {
                let subject = subject.join(".");
                let matching = kept.iter().filter(|(_, pattern)| subject::matches(pattern, &subject));
                let sids: Vec<u64> = matching.map(|(sid, _)| *sid).collect();
                let expected = if sids.is_empty() { vec![] } else { vec![(sids, String::from("x"))] };
                prop_assert_eq!(node.publish(&server, &subject, "x"), vec![]);
                prop_assert_eq!(to.got(), expected);
            }
            let Some((sid, _)) = kept.pop() else { break };
            node.router.unsubscribe(to.key, sid, None).unwrap();
        }
        prop_assert_eq!(node.router.subscription_count(), 0);
        prop_assert_eq!(from.got(), vec![]);
    }
}
