//! Liveness (protocol.md#P7.1), under a stopped clock.

use std::time::Duration;

use pointsman_protocol::codes::CloseCode;
use pointsman_protocol::frame::{ClientFrame, Connect, ServerFrame};
use pointsman_session::close::CloseReason;
use pointsman_session::config::SessionConfig;
use pointsman_testkit::client::{Client, Event, connect, publish, subscription};
use pointsman_testkit::node::{Node, config};
use pointsman_testkit::wire::Unit;
use tokio::time::Instant;

use crate::support::json_wire;

#[tokio::test(start_paused = true)]
async fn a_link_on_which_nothing_was_sent_is_pinged_in_time() {
    for heartbeat in [2, 3, 25, 60] {
        let node = Node::start(SessionConfig { heartbeat: Duration::from_secs(heartbeat), ..config() });
        let mut client = Client::new(json_wire());
        client.connect(&node, connect()).await;
        for _ in 0..5 {
            let silence = Instant::now();
            assert!(matches!(client.next().await, ServerFrame::Ping { .. }));
            assert!(silence.elapsed() <= Duration::from_secs(heartbeat + 1), "{:?}", silence.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_on_which_something_was_sent_is_not_pinged() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, connect()).await;
    for _ in 0..60 {
        client.send(&[ClientFrame::Ping { received: 0 }]);
        assert!(matches!(client.next().await, ServerFrame::Pong { .. }));
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_let_go_and_may_come_back() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, Connect { subscribe: vec![subscription(1, "a")], ..connect() }).await;
    let mut other = Client::new(json_wire());
    other.connect(&node, connect()).await;
    client.answers_pings = false;
    let start = Instant::now();
    let (mut pings, mut rest) = (0, Vec::new());
    loop {
        tokio::select! {
            event = client.event() => match event {
                Event::Frame(ServerFrame::Ping { .. }) => pings += 1,
                Event::Over => break,
                event => rest.push(event),
            },
            _ = other.event() => {}
        }
    }
    let silent = start.elapsed().as_secs();
    assert!((55..=55 + 14).contains(&silent), "{silent} s");
    assert!(pings >= 2);
    assert!(
        matches!(&rest[..], [Event::Frame(ServerFrame::Close(close)), Event::Closed(Some(3009))]
            if close.code == CloseCode::Heartbeat.code()),
        "{rest:?}"
    );
    client.remote().finish();
    assert!(matches!(client.ended().await, CloseReason::Server { code: CloseCode::Heartbeat, .. }));
    other.send(&[publish(Some(1), "a", b"meanwhile")]);
    other.ok(1).await;
    client.answers_pings = true;
    let ready = client.attach(&node, client.attaching()).await;
    assert!(ready.resumed);
    client.settle().await;
    assert_eq!(client.log.len(), 1);
}

/// Its socket is full and its network is gone: the close cannot be said, what waits is kept all the same.
#[tokio::test(start_paused = true)]
async fn a_dead_link_costs_no_delivery() {
    let node = Node::start(SessionConfig { keep: Duration::from_secs(300), ..config() });
    let mut client = Client::new(json_wire());
    client.connect(&node, Connect { subscribe: vec![subscription(1, "a")], ..connect() }).await;
    client.settle().await;
    client.remote().set_room(Some(30));
    let mut other = Client::new(json_wire());
    other.connect(&node, connect()).await;
    for id in 1..=100 {
        other.send(&[publish(Some(id), "a", &Client::name(1, id))]);
        other.ok(id).await;
        // One a second: before, while and after the link is given up.
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(1) {
            other.settle().await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    client.ended().await;
    let ready = client.attach(&node, client.attaching()).await;
    assert!(ready.resumed, "{ready:?}");
    client.settle().await;
    assert_eq!(client.log.len(), 100);
    assert_eq!(client.seen(1).len(), 100);
}

#[tokio::test(start_paused = true)]
async fn any_sign_of_life_keeps_a_link() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.answers_pings = false;
    client.connect(&node, connect()).await;
    for _ in 0..20 {
        client.put(&Unit::Pong(Vec::new()));
        tokio::time::sleep(Duration::from_secs(20)).await;
        client.pump();
    }
    assert!(!client.remote().is_over());
    assert_eq!(node.sessions.links(), 1);
}
