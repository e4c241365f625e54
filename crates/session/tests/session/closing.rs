//! How links and sessions end by the server's will: drain, kick, and what is left afterwards (protocol.md#P9.3).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use pointsman_contract::identity::Identity;
use pointsman_contract::policy::{DeliverRule, PlanContext, Policy, PublishRule, Verdict};
use pointsman_contract::port::SubscribeRequest;
use pointsman_protocol::codes::CloseCode;
use pointsman_protocol::frame::{ClientFrame, Connect, ServerFrame};
use pointsman_router::router::RouterConfig;
use pointsman_session::close::CloseReason;
use pointsman_session::session::{Session, SessionId};
use pointsman_testkit::client::{Client, Event, connect, publish, subscription};
use pointsman_testkit::node::{AnyUser, Node, config, until};
use pointsman_testkit::wire::Unit;

use crate::support::{both, json_wire};

fn session_of(node: &Node, client: &Client) -> Arc<Session> {
    let id = SessionId::parse(&client.known.as_ref().unwrap().session).unwrap();
    node.sessions.sessions.get(id).unwrap()
}

fn kick() -> CloseReason {
    CloseReason::server(CloseCode::Kicked, "an operator closed this session")
}

#[tokio::test(start_paused = true)]
async fn a_drain_tells_every_client_a_time_of_its_own_and_ends_all_sessions() {
    let node = Node::start(config());
    let mut clients = Vec::new();
    for wire in both().into_iter().cycle().take(20) {
        let mut client = Client::new(wire);
        client.connect(&node, Connect { subscribe: vec![subscription(1, "a")], ..connect() }).await;
        clients.push(client);
    }
    // One without a link: there is nobody to tell.
    clients[0].remote().cut();
    clients[0].ended().await;
    let mut spread = 0;
    node.sessions.drain(|| {
        spread += 250;
        CloseReason::Server {
            code: CloseCode::Draining,
            message: "this node is going away".into(),
            retry_after: Some(Duration::from_millis(spread)),
        }
    });
    let mut waits = BTreeSet::new();
    for client in &mut clients[1..] {
        let rest = client.rest().await;
        let [Event::Frame(ServerFrame::Close(close)), Event::Closed(Some(3001))] = &rest[..] else {
            panic!("{rest:?}");
        };
        waits.insert(close.retry_after_ms.unwrap());
        client.remote().finish();
        assert!(matches!(client.ended().await, CloseReason::Server { code: CloseCode::Draining, .. }));
    }
    assert_eq!(waits.len(), 19, "each its own");
    node.until_empty().await;
}

/// `close` is the last message, whatever is published meanwhile, and what waited before it still comes.
#[tokio::test(start_paused = true)]
async fn nothing_comes_after_close() {
    for wire in both() {
        let node = Node::start(config());
        let mut client = Client::new(wire);
        client.connect(&node, Connect { subscribe: vec![subscription(1, "a")], ..connect() }).await;
        let mut other = Client::new(json_wire());
        other.connect(&node, connect()).await;
        client.settle().await;
        client.remote().set_room(Some(0));
        other.send(&[publish(Some(1), "a", b"before")]);
        other.ok(1).await;
        session_of(&node, &client).close(kick());
        // The link's task has queued the close as soon as it was woken.
        tokio::time::sleep(Duration::from_millis(1)).await;
        for id in 2..10 {
            other.send(&[publish(Some(id), "a", b"after")]);
            other.ok(id).await;
        }
        client.remote().set_room(None);
        let rest = client.rest().await;
        assert!(
            matches!(&rest[..], [
                Event::Frame(ServerFrame::Message { messages, .. }),
                Event::Frame(ServerFrame::Close(close)),
                Event::Closed(Some(3504)),
            ] if messages.len() == 1 && close.code == 3504),
            "{rest:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_kicked_session_does_not_come_back() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    // With a link, without one, and while its link is breaking.
    for way in 0..4 {
        client.connect(&node, connect()).await;
        let session = session_of(&node, &client);
        match way {
            0 => {
                session.close(kick());
                client.rest().await;
            }
            1 => {
                client.remote().cut();
                client.ended().await;
                session.close(kick());
            }
            2 => {
                client.remote().cut();
                session.close(kick());
                client.ended().await;
            }
            _ => {
                // An end that keeps the session was on its way first.
                client.remote().set_room(Some(0));
                session.close(CloseReason::server(CloseCode::Heartbeat, "silent"));
                session.close(kick());
                client.remote().cut();
                client.ended().await;
            }
        }
        let ready = client.attach(&node, client.attaching()).await;
        assert_eq!((ready.resumed, ready.reason.as_deref()), (false, Some("session_gone")), "way {way}");
        client.put(&Unit::Close { code: Some(1000), message: String::new() });
        node.until_empty().await;
    }
}

/// The end of a session is decided before its last bytes are out.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_ending_is_not_taken_up() {
    let node = Node::start(config());
    for bad in [true, false] {
        let mut client = Client::new(json_wire());
        client.connect(&node, connect()).await;
        client.remote().set_room(Some(0));
        if bad {
            client.send(&[ClientFrame::Connect(connect())]);
        } else {
            client.put(&Unit::Close { code: Some(1000), message: String::new() });
        }
        until("the server has read it", || client.remote().unread() == 0).await;
        let mut again = client.twin();
        let ready = again.attach(&node, again.attaching()).await;
        assert_eq!((ready.resumed, ready.reason.as_deref()), (false, Some("session_gone")));
        again.put(&Unit::Close { code: Some(1000), message: String::new() });
        client.remote().cut();
        node.until_empty().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_let_go_after_the_close_timeout() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, connect()).await;
    client.remote().set_room(Some(0));
    session_of(&node, &client).close(kick());
    let start = tokio::time::Instant::now();
    assert!(matches!(client.ended().await, CloseReason::Server { code: CloseCode::Kicked, .. }));
    assert_eq!(start.elapsed().as_secs(), 10);
    node.until_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_hang_up_is_let_go() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, connect()).await;
    session_of(&node, &client).close(kick());
    client.rest().await;
    // It goes on talking instead.
    for _ in 0..100 {
        client.put(&Unit::Ping(Vec::new()));
    }
    client.ended().await;
    node.until_empty().await;
}

#[tokio::test(start_paused = true)]
async fn an_abort_ends_links_in_every_state() {
    let node = Node::start(config());
    let mut silent = Client::new(json_wire());
    silent.dial(&node);
    let mut blocked = Client::new(json_wire());
    blocked.connect(&node, connect()).await;
    blocked.remote().set_room(Some(0));
    session_of(&node, &blocked).close(kick());
    let mut open = Client::new(json_wire());
    open.connect(&node, connect()).await;
    let mut kept = Client::new(json_wire());
    kept.connect(&node, connect()).await;
    kept.remote().cut();
    kept.ended().await;
    let start = tokio::time::Instant::now();
    node.sessions.drain(|| CloseReason::server(CloseCode::Draining, "going"));
    node.sessions.abort();
    for client in [&mut silent, &mut blocked, &mut open] {
        client.ended().await;
    }
    assert!(start.elapsed() < Duration::from_secs(1));
    node.until_empty().await;
}

/// A session's memory goes with it, however it ends.
#[tokio::test(start_paused = true)]
async fn nothing_of_a_session_is_left() {
    for way in 0..4 {
        let node = Node::start(config());
        let mut client = Client::new(json_wire());
        client.connect(&node, Connect { subscribe: vec![subscription(1, ">")], ..connect() }).await;
        client.send(&[publish(None, "a", b"x")]);
        client.settle().await;
        let session = Arc::downgrade(&session_of(&node, &client));
        match way {
            0 => client.put(&Unit::Close { code: Some(1000), message: String::new() }),
            1 => session.upgrade().unwrap().close(kick()),
            2 => client.remote().cut(),
            _ => client.send(&[ClientFrame::Connect(connect())]),
        }
        if way != 2 {
            client.rest().await;
            client.remote().finish();
        }
        client.ended().await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        node.until_empty().await;
        assert_eq!(session.strong_count(), 0, "way {way}: nobody holds it any more");
    }
}

#[derive(Debug)]
struct Panics;

impl Policy for Panics {
    fn name(&self) -> &'static str {
        "panics"
    }
    fn applies(&self, _: &Identity) -> bool {
        true
    }
    fn plan_publish(&self, cx: &PlanContext<'_>) -> Option<Arc<dyn PublishRule>> {
        assert_ne!(cx.subject, "boom", "a fault of a policy");
        None
    }
    fn plan_deliver(&self, _: &PlanContext<'_>) -> Option<DeliverRule> {
        None
    }
    fn on_subscribe(&self, _: &Identity, request: &SubscribeRequest<'_>) -> Verdict {
        assert_ne!(request.pattern, "boom", "a fault of a policy");
        Verdict::Pass
    }
}

/// A fault while one link is handled costs that session and nobody else.
#[tokio::test(start_paused = true)]
async fn a_panic_takes_one_session_with_it() {
    let node = Node::with(config(), RouterConfig::default(), Arc::new(AnyUser), vec![Arc::new(Panics)]);
    let mut other = Client::new(json_wire());
    other.connect(&node, Connect { subscribe: vec![subscription(1, "a")], ..connect() }).await;
    let mut client = Client::new(json_wire());
    client.connect(&node, connect()).await;
    client.send(&[publish(Some(1), "a", b"1"), publish(Some(2), "boom", b"2"), publish(Some(3), "a", b"3")]);
    assert!(client.task.take().unwrap().await.unwrap_err().is_panic());
    let mut second = Client::new(json_wire());
    second.open(&node, Connect { subscribe: vec![subscription(1, "boom")], ..connect() }, &[]);
    assert!(second.task.take().unwrap().await.unwrap_err().is_panic());
    other.send(&[publish(Some(9), "a", b"9")]);
    other.ok(9).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((node.sessions.sessions.len(), node.router.sessions(), node.sessions.links()), (1, 1, 1));
    other.settle().await;
}

/// The task of a link may be dropped at any moment, by a runtime that ends.
#[tokio::test(start_paused = true)]
async fn a_link_whose_task_is_dropped_leaves_its_session_as_a_lost_one() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, connect()).await;
    client.task.take().unwrap().abort();
    until("the link is gone", || node.sessions.links() == 0).await;
    assert!(client.attach(&node, client.attaching()).await.resumed);
    client.task.take().unwrap().abort();
    tokio::time::sleep(Duration::from_secs(60)).await;
    node.until_empty().await;
}
