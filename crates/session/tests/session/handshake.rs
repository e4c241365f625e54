//! From an open link to a session (protocol.md#P3).

use std::sync::Arc;
use std::time::Duration;

use pointsman_contract::auth::{AuthError, Authenticator, Credentials};
use pointsman_contract::identity::Identity;
use pointsman_protocol::codes::{CloseCode, ErrorCode};
use pointsman_protocol::frame::{ClientFrame, CloseFrame, Connect, ServerFrame};
use pointsman_router::router::RouterConfig;
use pointsman_session::close::CloseReason;
use pointsman_testkit::client::{Client, Event, connect, publish, subscription};
use pointsman_testkit::node::{AnyUser, Node, config, in_time};
use pointsman_testkit::wire::Unit;
use tokio::sync::Notify;

use crate::support::{both, json_wire};

/// The link ends with `close` and the link's own close, both with the code, and nothing else.
async fn is_closed_with(client: &mut Client, code: CloseCode) -> CloseFrame<'static> {
    let rest = client.rest().await;
    let [Event::Frame(ServerFrame::Close(close)), Event::Closed(Some(own))] = &rest[..] else {
        panic!("the link should have been closed: {rest:?}");
    };
    assert_eq!((close.code, *own), (code.code(), code.code()), "{}", close.message);
    assert_eq!(close.reason, code.name());
    // The client hangs up, as P9.3 asks it to.
    client.remote().finish();
    assert!(matches!(client.ended().await, CloseReason::Server { code: why, .. } if why == code));
    close.clone()
}

#[tokio::test(start_paused = true)]
async fn ready_tells_what_the_session_is_and_what_was_refused() {
    for wire in both() {
        let node = Node::start(config());
        let mut client = Client::new(wire);
        let subscribe =
            vec![subscription(1, "a.*"), subscription(2, "a..b"), subscription(1, "b"), subscription(3, "$SYS.x")];
        let connect = Connect { token: Some("user:ada".into()), name: Some("n".into()), subscribe, ..connect() };
        let ready = client.connect(&node, connect).await;
        assert_eq!((ready.version, ready.generation, ready.resumed), (1, 1, false));
        assert_eq!((ready.received, ready.skipped, &ready.reason), (0, 0, &None));
        assert_eq!(ready.user.as_deref(), Some("ada"));
        assert_eq!((ready.heartbeat_ms, ready.keep_ms), (25_000, 30_000));
        assert_eq!((ready.limits.frame_bytes, ready.limits.resend_frames), (65_536, 1024));
        let refused: Vec<_> = ready.refused.iter().map(|refused| (refused.sid, refused.code)).collect();
        let expected = [(2, ErrorCode::BadPattern), (1, ErrorCode::SidInUse), (3, ErrorCode::PermissionDenied)];
        assert_eq!(refused, expected.map(|(sid, code)| (sid, code.code())));
        // P3.4: the others are active already.
        client.send(&[publish(Some(7), "a.b", b"1")]);
        client.ok(7).await;
        assert_eq!(client.log.len(), 1);
        client.put(&Unit::Close { code: Some(1000), message: String::new() });
        node.until_empty().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_that_says_nothing_is_closed_in_time() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.dial(&node);
    let start = tokio::time::Instant::now();
    is_closed_with(&mut client, CloseCode::Protocol).await;
    assert_eq!(start.elapsed().as_secs(), 10);
    node.until_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_link_that_says_only_pings_is_closed_in_time_and_holds_little() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.dial(&node);
    let start = tokio::time::Instant::now();
    for _ in 0..9 {
        client.put(&Unit::Ping(vec![1; 100]));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    is_closed_with(&mut client, CloseCode::Protocol).await;
    assert_eq!(start.elapsed().as_secs(), 10);
    // More of them than anybody needs to say hello end the link before its time.
    client.dial(&node);
    let flood = tokio::time::Instant::now();
    for _ in 0..10_000 {
        client.put(&Unit::Ping(vec![1; 100]));
    }
    is_closed_with(&mut client, CloseCode::Protocol).await;
    assert!(flood.elapsed() < Duration::from_secs(10), "what it sends is not gathered for ten seconds");
    node.until_empty().await;
}

#[tokio::test(start_paused = true)]
async fn pings_of_the_link_before_ready_are_answered() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.dial(&node);
    client.put(&Unit::Ping(b"early".to_vec()));
    client.greet(connect(), &[]);
    client.ready().await;
    assert_eq!(client.event().await, Event::Pong(b"early".to_vec()));
    // An answer of the link is no wire message: it does not count.
    assert_eq!(client.received, 0);
}

/// P3.1
#[tokio::test(start_paused = true)]
async fn anything_but_connect_closes_the_link() {
    for wire in both() {
        let node = Node::start(config());
        let garbage = vec![vec![], b"{".to_vec(), b"[]".to_vec(), b"[[".to_vec(), vec![0xff; 9], b"null".to_vec()];
        for bytes in garbage.into_iter().chain([wire.encode(&[ClientFrame::Ping { received: 0 }])]) {
            let mut client = Client::new(Arc::clone(&wire));
            client.dial(&node);
            client.put(&Unit::Data(bytes));
            is_closed_with(&mut client, CloseCode::Protocol).await;
        }
        node.until_empty().await;
    }
}

#[tokio::test(start_paused = true)]
async fn another_version_is_refused() {
    let node = Node::start(config());
    for version in [0, 2, u32::MAX] {
        let mut client = Client::new(json_wire());
        client.open(&node, Connect { version, ..connect() }, &[]);
        is_closed_with(&mut client, CloseCode::Version).await;
    }
    node.until_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_valid_is_refused_and_not_repeated() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.open(&node, Connect { token: Some("canary".into()), ..connect() }, &[]);
    let close = is_closed_with(&mut client, CloseCode::Unauthenticated).await;
    assert!(!close.message.contains("canary"));
    node.until_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_node_says_when_to_come_back() {
    let router = RouterConfig { sessions_max: 1, ..RouterConfig::default() };
    let node = Node::with(config(), router, Arc::new(AnyUser), Vec::new());
    let mut first = Client::new(json_wire());
    first.connect(&node, connect()).await;
    let mut second = Client::new(json_wire());
    second.open(&node, connect(), &[]);
    let close = is_closed_with(&mut second, CloseCode::Overloaded).await;
    assert!(close.retry_after_ms.is_some());
    first.put(&Unit::Close { code: Some(1000), message: String::new() });
    node.until_empty().await;
    second.connect(&node, connect()).await;
}

#[tokio::test(start_paused = true)]
async fn frames_in_the_first_message_are_handled_and_not_counted() {
    for wire in both() {
        let node = Node::start(config());
        let mut client = Client::new(wire);
        let subscribe = ClientFrame::Subscribe { id: Some(1), subscription: subscription(1, "a") };
        client.open(&node, connect(), &[subscribe, publish(Some(2), "a", b"x")]);
        client.ready().await;
        client.ok(1).await;
        client.ok(2).await;
        assert_eq!(client.log.len(), 1);
        client.send(&[ClientFrame::Ping { received: 3 }]);
        assert_eq!(client.next().await, ServerFrame::Pong { received: 1 });
    }
}

#[tokio::test(start_paused = true)]
async fn messages_behind_connect_are_handled_and_counted() {
    for wire in both() {
        let node = Node::start(config());
        let mut client = Client::new(wire);
        client.open(&node, Connect { subscribe: vec![subscription(1, "a")], ..connect() }, &[]);
        for id in 0..50 {
            client.send(&[publish(Some(id), "a", &Client::name(1, id))]);
        }
        client.ready().await;
        for id in 0..50 {
            client.ok(id).await;
        }
        assert_eq!(client.log.len(), 50);
        client.send(&[ClientFrame::Ping { received: 0 }]);
        assert_eq!(client.answer().await, ServerFrame::Pong { received: 51 });
    }
}

/// As many bytes as a link may bring in one read, behind a connect frame that is large itself.
#[tokio::test(start_paused = true)]
async fn nothing_that_came_early_is_lost_without_a_word() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    let token = format!("user:{}", "x".repeat(200 * 1024));
    client.open(&node, Connect { token: Some(token.into()), ..connect() }, &[]);
    for id in 0..100 {
        client.send(&[publish(Some(id), "a", &[b'x'; 1000])]);
    }
    client.ready().await;
    for id in 0..100 {
        client.ok(id).await;
    }
    // What is more than that ends the link, so that the client knows.
    let mut client = Client::new(json_wire());
    client.open(&node, connect(), &[]);
    for id in 0..600 {
        client.send(&[publish(Some(id), "a", &[b'x'; 1000])]);
    }
    is_closed_with(&mut client, CloseCode::Protocol).await;
}

#[derive(Debug, Default)]
struct Slow {
    go: Notify,
}

#[async_trait::async_trait]
impl Authenticator for Slow {
    async fn authenticate(&self, _: Credentials<'_>) -> Result<Arc<Identity>, AuthError> {
        self.go.notified().await;
        Ok(Arc::new(Identity::anonymous()))
    }

    fn knows(&self, _: &Identity) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn an_authenticator_that_does_not_answer_holds_no_link_for_ever() {
    let node = Node::with(config(), RouterConfig::default(), Arc::new(Slow::default()), Vec::new());
    let mut client = Client::new(json_wire());
    client.open(&node, connect(), &[]);
    is_closed_with(&mut client, CloseCode::Overloaded).await;
    node.until_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_made_while_a_drain_begins_is_told_as_well() {
    let auth = Arc::new(Slow::default());
    let node = Node::with(config(), RouterConfig::default(), Arc::<Slow>::clone(&auth), Vec::new());
    let mut client = Client::new(json_wire());
    client.open(&node, connect(), &[]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    node.sessions.drain(|| CloseReason::server(CloseCode::Draining, "going"));
    auth.go.notify_one();
    let rest = in_time("the link ends", client.rest()).await;
    assert!(
        matches!(&rest[..], [.., Event::Frame(ServerFrame::Close(close)), Event::Closed(Some(3001))] if close.code == 3001),
        "{rest:?}"
    );
    client.remote().finish();
    node.until_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_drains_takes_nobody_in() {
    let node = Node::start(config());
    node.sessions.drain(|| CloseReason::server(CloseCode::Draining, "going"));
    let mut client = Client::new(json_wire());
    client.open(&node, connect(), &[]);
    is_closed_with(&mut client, CloseCode::Draining).await;
    node.until_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_name_is_cut_between_characters() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, Connect { name: Some("ü".repeat(100).into()), ..connect() }).await;
    let page = node.sessions.sessions.page(0, 10);
    assert_eq!(&*page[0].name, "ü".repeat(64));
}

#[tokio::test(start_paused = true)]
async fn a_second_connect_closes_the_link_and_ends_the_session() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, connect()).await;
    client.send(&[ClientFrame::Connect(connect())]);
    is_closed_with(&mut client, CloseCode::Protocol).await;
    node.until_empty().await;
    assert_eq!(client.attach(&node, client.attaching()).await.reason.as_deref(), Some("session_gone"));
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_gone_before_it_says_hello_leaves_nothing() {
    let node = Node::start(config());
    for step in 0..3 {
        let mut client = Client::new(json_wire());
        client.dial(&node);
        match step {
            0 => client.remote().cut(),
            1 => client.remote().finish(),
            _ => client.put(&Unit::Close { code: Some(1000), message: String::new() }),
        }
        client.ended().await;
        node.until_empty().await;
    }
}
