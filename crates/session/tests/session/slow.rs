//! Clients that do not read (protocol.md#P9.1).

use std::time::Duration;

use pointsman_outbox::outbox::{Limits, SlowConsumer};
use pointsman_protocol::codes::CloseCode;
use pointsman_protocol::frame::{ClientFrame, Connect, ServerFrame};
use pointsman_session::close::CloseReason;
use pointsman_session::config::SessionConfig;
use pointsman_testkit::client::{Client, Event, connect, publish, subscription};
use pointsman_testkit::history::{History, Name, Outcome, Seen};
use pointsman_testkit::node::{Node, config, until};

use crate::support::{both, json_wire};

fn limits(slow_consumer: SlowConsumer) -> SessionConfig {
    SessionConfig { outbox: Limits { bytes: 4096, messages: 50, slow_consumer, ..config().outbox }, ..config() }
}

/// Publishes `numbers` and waits until the node has accepted them.
async fn storm(other: &mut Client, history: &mut History, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        for subject in ["a", "b"] {
            let id = number * 2 + u64::from(subject == "b");
            other.send(&[publish(Some(id), subject, &Client::name(1, number))]);
            other.ok(id).await;
            history.publish(Name { publisher: 1, subject: subject.into(), number }, Outcome::Accepted);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_consumer_gets_what_there_is_room_for_and_is_told_the_rest() {
    for slow_consumer in [SlowConsumer::DropOldest, SlowConsumer::DropNewest] {
        for wire in both() {
            let node = Node::start(limits(slow_consumer));
            let mut client = Client::new(wire);
            let subscribe = vec![subscription(1, "a"), subscription(2, "*"), subscription(3, "b")];
            client.connect(&node, Connect { subscribe, ..connect() }).await;
            let mut other = Client::new(json_wire());
            other.connect(&node, connect()).await;
            let mut history = History::default();
            storm(&mut other, &mut history, 1..=5).await;
            client.settle().await;
            for round in 1..=4 {
                client.remote().set_room(Some(100));
                storm(&mut other, &mut history, round * 100..=round * 100 + 60).await;
                client.remote().set_room(None);
                client.settle().await;
                storm(&mut other, &mut history, round * 100 + 61..=round * 100 + 63).await;
                client.settle().await;
            }
            for (sid, takes) in [(1, "a"), (2, "*"), (3, "b")] {
                let seen = client.seen(sid);
                assert!(seen.iter().any(|seen| matches!(seen, Seen::Gap(Some(_)))), "there was a loss to tell");
                assert!(!seen.contains(&Seen::Gap(None)), "how much is known exactly");
                let checked = history.check(|subject| takes == "*" || takes == subject, &seen);
                assert_eq!(checked, Ok(()), "{slow_consumer:?}, sid {sid}: {seen:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_consumer_is_disconnected_where_it_is_to_be() {
    for wire in both() {
        let node = Node::start(limits(SlowConsumer::Disconnect));
        let mut client = Client::new(wire);
        client.connect(&node, Connect { subscribe: vec![subscription(1, "a")], ..connect() }).await;
        let mut other = Client::new(json_wire());
        other.connect(&node, connect()).await;
        client.settle().await;
        client.remote().set_room(Some(100));
        let mut history = History::default();
        for number in 1..=80 {
            other.send(&[publish(Some(number), "a", &Client::name(1, number))]);
            other.ok(number).await;
            history.publish(Name { publisher: 1, subject: "a".into(), number }, Outcome::Accepted);
        }
        client.remote().set_room(None);
        let rest = client.rest().await;
        assert!(
            matches!(&rest[..], [.., Event::Frame(ServerFrame::Gap { .. }), Event::Frame(ServerFrame::Close(close)), Event::Closed(Some(3008))]
                if close.code == 3008),
            "{rest:?}"
        );
        client.remote().finish();
        assert!(matches!(client.ended().await, CloseReason::Server { code: CloseCode::SlowConsumer, .. }));
        // What came after the session was told to end is not its loss any more; up to there every message is accounted for.
        let seen = client.seen(1);
        let told: u64 = seen.iter().map(|seen| if let Seen::Gap(Some(lost)) = seen { *lost } else { 0 }).sum();
        let messages = seen.iter().filter(|seen| matches!(seen, Seen::Message(_))).count() as u64;
        assert!(messages > 0 && told > 0 && told + messages <= 80, "{seen:?}");
        let mut until_then = History::default();
        (1..=told + messages).for_each(|number| {
            until_then.publish(Name { publisher: 1, subject: "a".into(), number }, Outcome::Accepted);
        });
        assert_eq!(until_then.check(|_| true, &seen), Ok(()));
        until("the session is over", || node.sessions.sessions.len() == 1).await;
        other.settle().await;
    }
}

/// Nobody else waits for a slow one.
#[tokio::test(start_paused = true)]
async fn others_are_served_meanwhile() {
    let node = Node::start(limits(SlowConsumer::DropOldest));
    let mut slow = Client::new(json_wire());
    let mut quick = Client::new(json_wire());
    for client in [&mut slow, &mut quick] {
        client.connect(&node, Connect { subscribe: vec![subscription(1, ">")], ..connect() }).await;
    }
    slow.remote().set_room(Some(0));
    let mut other = Client::new(json_wire());
    other.connect(&node, connect()).await;
    let mut history = History::default();
    for round in 0..40 {
        storm(&mut other, &mut history, round * 10 + 1..=round * 10 + 10).await;
        quick.settle().await;
    }
    assert_eq!(history.check(|_| true, &quick.seen(1)), Ok(()));
    assert_eq!(quick.seen(1).len(), 800);
}

/// A peer that asks and does not read is not asked any more: answers are never dropped, so reading stops.
#[tokio::test(start_paused = true)]
async fn a_peer_over_its_limit_is_not_read() {
    for wire in both() {
        let node = Node::start(limits(SlowConsumer::DropOldest));
        let mut client = Client::new(wire);
        client.connect(&node, connect()).await;
        client.settle().await;
        client.remote().set_room(Some(0));
        let before = client.received;
        for _ in 0..20_000 {
            client.send(&[ClientFrame::Ping { received: before }]);
            if client.remote().unread() > 0 {
                tokio::task::yield_now().await;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(client.remote().unread() > 0, "the rest stays in the socket");
        let info = node.sessions.sessions.page(0, 1).remove(0);
        // One read is handled whole: at most what a link brings in one go.
        assert!(info.pending_bytes < 3_000_000, "{} bytes wait", info.pending_bytes);
        let pending = info.pending_bytes;
        for _ in 0..100 {
            client.send(&[ClientFrame::Ping { received: before }]);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(node.sessions.sessions.page(0, 1).remove(0).pending_bytes, pending, "and no more comes");
        client.remote().set_room(None);
        for _ in 0..20_100 {
            assert!(matches!(client.next().await, ServerFrame::Pong { .. }));
        }
        assert_eq!(client.remote().unread(), 0);
    }
}
