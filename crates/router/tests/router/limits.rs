//! Bounds, and that nothing is left when a session has gone.

use std::sync::Arc;

use pointsman_contract::port::{Port, SessionKey, SubscribeRequest};
use pointsman_protocol::codes::ErrorCode;
use pointsman_router::router::RouterConfig;

use crate::support::{Make, Node, code, publication};

fn small() -> RouterConfig {
    RouterConfig { sessions_max: 3, subscriptions_max: 5, payload_bytes_max: 10, cache_entries: 16 }
}

#[test]
fn a_payload_above_the_limit_is_refused_wherever_it_stands_in_a_batch() {
    let mut node = Node::with(small(), Vec::new());
    let (from, to) = (node.join(), node.join());
    node.subscribe(&to, 1, "a").unwrap();
    let payloads = ["", "0123456789", "0123456789a", "x", "0123456789ab"];
    let outcomes = node.submit(&from, &payloads.map(|payload| publication("a", payload)));
    let refused: Vec<_> = outcomes.iter().map(|(at, outcome)| (*at, code(outcome).unwrap())).collect();
    assert_eq!(refused, [(2, ErrorCode::PayloadTooLarge), (4, ErrorCode::PayloadTooLarge)]);
    assert_eq!(to.payloads(), ["", "0123456789", "x"]);
}

#[test]
fn sessions_are_bounded_and_their_places_are_given_back() {
    let mut node = Node::with(small(), Vec::new());
    let peers: Vec<_> = (0..3).map(|_| node.join()).collect();
    for _ in 0..3 {
        let refusal = node.try_make(Make::default()).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::Overloaded);
        assert!(refusal.retry_after.is_some());
        assert_eq!(node.router.sessions(), 3);
    }
    node.router.detach(peers[0].key);
    node.router.detach(peers[0].key);
    node.router.detach(SessionKey(u64::MAX));
    assert_eq!(node.router.sessions(), 2);
    let again = node.join();
    assert!(again.key > peers[2].key, "a key is never used again");
    assert_eq!(node.router.sessions(), 3);
}

#[test]
fn subscriptions_are_bounded_in_all_and_refusals_count_for_nothing() {
    let mut node = Node::with(small(), Vec::new());
    let (a, b) = (node.join(), node.join());
    for sid in 0..3 {
        node.subscribe(&a, sid, "x.*").unwrap();
    }
    for sid in 0..2 {
        node.subscribe(&b, sid, "x.y").unwrap();
    }
    for _ in 0..3 {
        assert_eq!(node.subscribe(&b, 9, "x.y"), Err(ErrorCode::Overloaded));
        assert_eq!(node.router.subscription_count(), 5);
    }
    node.router.unsubscribe(a.key, 0, None).unwrap();
    assert_eq!(node.router.subscription_count(), 4);
    assert_eq!(node.subscribe(&b, 0, "x.y"), Err(ErrorCode::SidInUse));
    assert_eq!(node.subscribe(&b, 9, "x..y"), Err(ErrorCode::BadPattern));
    assert_eq!(node.subscribe(&b, 9, ">.y"), Err(ErrorCode::BadPattern));
    for queue in ["", "a.b", "*", "a b"] {
        let request = SubscribeRequest { sid: 9, pattern: "x", queue: Some(queue), max: None };
        assert_eq!(node.subscribe_as(&b, &request), Err(ErrorCode::BadQueue), "{queue:?}");
    }
    assert_eq!(node.router.subscription_count(), 4);
    node.subscribe(&b, 9, "x.y").unwrap();
    assert_eq!(node.router.subscription_count(), 5);
}

#[test]
fn subscriptions_of_a_session_are_bounded() {
    let mut node = Node::new();
    let peer = node.make(Make { subscriptions_max: 2, ..Make::default() });
    node.subscribe(&peer, 1, "a").unwrap();
    node.subscribe(&peer, 2, "a").unwrap();
    assert_eq!(node.subscribe(&peer, 3, "a"), Err(ErrorCode::TooManySubscriptions));
    node.router.unsubscribe(peer.key, 1, Some(0)).unwrap();
    node.subscribe(&peer, 3, "a").unwrap();
    assert_eq!(node.router.subscription_count(), 2);
    let never = SubscribeRequest { sid: 4, pattern: "a", queue: None, max: Some(0) };
    node.subscribe_as(&peer, &never).unwrap();
    assert_eq!(node.router.subscription_count(), 2, "one that ends at once takes no place");
}

#[test]
fn the_subscriptions_of_a_session_are_listed_in_the_order_of_their_numbers() {
    let mut node = Node::new();
    let peer = node.join();
    for sid in [5, 1, 9, 3] {
        let queue = (sid == 9).then_some("q");
        node.subscribe_as(&peer, &SubscribeRequest { sid, pattern: "a.>", queue, max: None }).unwrap();
    }
    let list = node.router.subscriptions(peer.key, 3);
    assert_eq!(list, [1, 3, 5].map(|sid| (sid, "a.>".into(), None)));
    assert_eq!(node.router.subscriptions(peer.key, 10)[3], (9, "a.>".into(), Some("q".into())));
    assert_eq!(node.router.subscriptions(SessionKey(u64::MAX), 10), []);
}

#[test]
fn detach_leaves_nothing() {
    let mut node = Node::new();
    let from = node.join();
    let peers: Vec<_> = (0..20).map(|_| node.join()).collect();
    for (at, peer) in peers.iter().enumerate() {
        for (sid, pattern) in ["a", "a.*", ">", "*.b", "a.b.c.>"].into_iter().enumerate() {
            let queue = (at % 2 == 0 && sid == 2).then_some("q");
            let max = (sid == 3).then_some(100);
            node.subscribe_as(peer, &SubscribeRequest { sid: sid as u64, pattern, queue, max }).unwrap();
        }
    }
    assert_eq!((node.router.sessions(), node.router.subscription_count()), (21, 100));
    node.publish(&from, "a.b", "x");
    for (at, peer) in peers.iter().enumerate() {
        node.router.detach(peer.key);
        assert_eq!((node.router.sessions(), node.router.subscription_count()), (20 - at, 95 - at * 5));
        let _before = peer.frames();
        node.publish(&from, "a.b", "x");
        assert_eq!(peer.frames(), []);
        assert_eq!(node.subscribe(peer, 99, "a"), Err(ErrorCode::NotFound));
        assert_eq!(node.router.unsubscribe(peer.key, 0, None).map_err(|no| no.code), Err(ErrorCode::UnknownSid));
        assert_eq!(node.submit(peer, &[publication("a", "x")]), []);
    }
    // Only the worker's memory of matches may still know them, and it is overwritten or goes with the worker.
    node.worker.router = None;
    for peer in peers {
        assert_eq!(Arc::strong_count(&peer.outbox), 1);
    }
}

#[test]
fn a_session_that_is_detached_during_a_delivery_leaves_nothing() {
    let mut node = Node::new();
    let (from, to) = (node.join(), node.join());
    node.subscribe_as(&to, &SubscribeRequest { sid: 1, pattern: "a", queue: None, max: Some(1) }).unwrap();
    node.subscribe(&to, 2, "b").unwrap();
    let (router, key) = (Arc::clone(&node.router), to.key);
    *to.codec.during.lock() = Some(Box::new(move || router.detach(key)));
    node.publish(&from, "a", "x");
    assert_eq!((node.router.sessions(), node.router.subscription_count()), (1, 0));
    assert_eq!(node.publish(&from, "b", "x"), []);
    assert_eq!(node.router.stats().unmatched_messages, 1);
}
