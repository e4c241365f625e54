//! Sessions that move between links (protocol.md#P8).

use std::sync::Arc;
use std::time::Duration;

use pointsman_outbox::outbox::Limits;
use pointsman_outbox::ring::RingLimits;
use pointsman_protocol::codes::CloseCode;
use pointsman_protocol::frame::{Attach, ClientFrame, Connect, ServerFrame};
use pointsman_session::close::CloseReason;
use pointsman_session::config::SessionConfig;
use pointsman_session::session::SessionId;
use pointsman_testkit::client::{Client, Event, Told, connect, publish, subscription};
use pointsman_testkit::node::{Node, config, until};
use pointsman_testkit::wire::{Unit, Wire};

use crate::support::{both, json_wire, postcard_wire};

fn ada() -> Connect<'static> {
    Connect { token: Some("user:ada".into()), subscribe: vec![subscription(1, "a")], ..connect() }
}

async fn detached(node: &Node, client: &mut Client) {
    client.remote().cut();
    client.ended().await;
    assert_eq!(node.sessions.sessions.len(), 1, "the session is kept");
    let info = node.sessions.sessions.page(0, 1).remove(0);
    assert!(!info.attached);
}

#[tokio::test(start_paused = true)]
async fn what_was_in_flight_is_sent_again_and_nothing_else() {
    for wire in both() {
        let node = Node::start(config());
        let mut client = Client::new(Arc::clone(&wire));
        client.connect(&node, ada()).await;
        let mut other = Client::new(wire);
        other.connect(&node, connect()).await;
        other.send(&[publish(Some(1), "a", b"1")]);
        other.ok(1).await;
        client.settle().await;
        // In the socket's buffer when the link breaks: taken, and never seen.
        client.remote().swallow_after(1);
        other.send(&[publish(Some(2), "a", b"2"), publish(Some(3), "a", b"3")]);
        other.ok(2).await;
        other.ok(3).await;
        client.remote().cut();
        client.ended().await;
        other.send(&[publish(Some(4), "a", b"4")]);
        other.ok(4).await;
        let received = client.received;
        let ready = client.attach(&node, Connect { token: Some("user:ada".into()), ..client.attaching() }).await;
        assert_eq!((ready.resumed, ready.generation, ready.skipped, &ready.reason), (true, 2, 0, &None));
        assert_eq!(ready.received, 1);
        client.settle().await;
        let payload = |told: &Told| match told {
            Told::Message { payload, .. } => payload[0],
            Told::Gap { .. } => panic!("{told:?}"),
        };
        let payloads: Vec<u8> = client.log.iter().map(payload).collect();
        assert_eq!(payloads, b"1234");
        // Two wire messages at most for the three, and the pong: counts go on where they were.
        assert!(client.received > received);
        assert_eq!(node.sessions.sessions.len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn an_attach_is_refused_with_its_reason_and_makes_a_new_session() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, ada()).await;
    detached(&node, &mut client).await;
    let known = client.known.clone().unwrap();
    let attach = |session: &str, secret: &str, generation| Attach {
        session: session.to_owned().into(),
        secret: secret.to_owned().into(),
        generation,
        received: 0,
    };
    let other_secret = format!("{:032x}", u128::from_str_radix(&known.secret, 16).unwrap() ^ 1);
    for (what, token, attach, reason) in [
        ("unknown", "user:ada", attach(&"0".repeat(32), &known.secret, 2), "session_gone"),
        ("no name", "user:ada", attach("", &known.secret, 2), "session_gone"),
        ("no number", "user:ada", attach(&"x".repeat(32), &known.secret, 2), "session_gone"),
        ("wrong secret", "user:ada", attach(&known.session, &other_secret, 2), "attach_refused"),
        ("no secret", "user:ada", attach(&known.session, "", 2), "attach_refused"),
        ("short secret", "user:ada", attach(&known.session, known.secret.get(1..).unwrap(), 2), "attach_refused"),
        ("other user", "user:eve", attach(&known.session, &known.secret, 2), "attach_refused"),
        ("same generation", "user:ada", attach(&known.session, &known.secret, 1), "stale_generation"),
        ("generation 0", "user:ada", attach(&known.session, &known.secret, 0), "stale_generation"),
        (
            "claims too much",
            "user:ada",
            Attach { received: 9, ..attach(&known.session, &known.secret, 2) },
            "attach_refused",
        ),
    ] {
        let mut wrong = Client::new(json_wire());
        let connect = Connect { token: Some(token.into()), attach: Some(attach), ..ada() };
        let ready = wrong.connect(&node, connect).await;
        assert_eq!((ready.resumed, ready.generation), (false, 1), "{what}");
        assert_eq!(ready.reason.as_deref(), Some(reason), "{what}");
        assert_ne!(*ready.session, *known.session, "{what}");
        // The new session works, with the subscriptions of the same connect.
        wrong.send(&[publish(Some(1), "a", b"x")]);
        wrong.ok(1).await;
        assert_eq!(wrong.log.iter().filter(|told| matches!(told, Told::Message { .. })).count(), 1);
        wrong.put(&Unit::Close { code: Some(1000), message: String::new() });
        until("the other session is over", || node.sessions.sessions.len() == 1).await;
    }
    let mut anonymous = Client::new(json_wire());
    let stranger = Connect { attach: Some(attach(&known.session, &known.secret, 2)), ..connect() };
    assert_eq!(anonymous.connect(&node, stranger).await.reason.as_deref(), Some("attach_refused"));
    let mut other_codec = Client::new(postcard_wire());
    let binary = Connect { attach: Some(attach(&known.session, &known.secret, 2)), ..ada() };
    assert_eq!(other_codec.connect(&node, binary).await.reason.as_deref(), Some("attach_refused"));
    // None of that harmed the session.
    let ready = client.attach(&node, Connect { token: Some("user:ada".into()), ..client.attaching() }).await;
    assert!(ready.resumed);
    assert!(client.log.is_empty() || client.log.iter().all(|told| matches!(told, Told::Message { .. })));
    client.settle().await;
    assert_eq!(client.log.len(), 10, "each of the ten published once");
}

/// A client that lost its count must not take the link from one that did not.
#[tokio::test(start_paused = true)]
async fn a_claim_to_have_received_too_much_leaves_the_older_link_alone() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, ada()).await;
    let mut wrong = Client::new(json_wire());
    let attaching = client.attaching();
    let attach = Attach { received: 1_000, ..attaching.attach.clone().unwrap() };
    let ready = wrong.connect(&node, Connect { attach: Some(attach), ..ada() }).await;
    assert_eq!(ready.reason.as_deref(), Some("attach_refused"));
    client.send(&[publish(Some(1), "a", b"x")]);
    client.ok(1).await;
}

#[tokio::test(start_paused = true)]
async fn the_older_link_is_fenced_off_and_told() {
    for wire in both() {
        let node = Node::start(config());
        let mut old = Client::new(Arc::clone(&wire));
        old.connect(&node, ada()).await;
        let mut new = old.twin();
        let attaching = Connect { token: Some("user:ada".into()), ..new.attaching() };
        let ready = new.attach(&node, attaching).await;
        assert_eq!((ready.resumed, ready.generation), (true, 2));
        let rest = old.rest().await;
        assert!(
            matches!(&rest[..], [Event::Frame(ServerFrame::Close(close)), Event::Closed(Some(3505))]
                if close.code == CloseCode::Superseded.code()),
            "{rest:?}"
        );
        // What the older link still brings is not handled, and not counted.
        old.send(&[publish(Some(1), "a", b"old")]);
        old.remote().finish();
        assert!(matches!(old.ended().await, CloseReason::Server { code: CloseCode::Superseded, .. }));
        new.send(&[ClientFrame::Ping { received: 0 }]);
        assert_eq!(new.next().await, ServerFrame::Pong { received: 1 });
        assert!(new.log.is_empty());
        assert_eq!((node.sessions.sessions.len(), node.sessions.links()), (1, 1));
    }
}

/// The older link stands in the middle of a message: nothing can be said on it any more.
#[tokio::test(start_paused = true)]
async fn a_fenced_link_that_is_half_through_a_message_gets_nothing_more() {
    let node = Node::start(config());
    let mut old = Client::new(json_wire());
    old.connect(&node, ada()).await;
    old.remote().set_room(Some(10));
    old.send(&[publish(None, "a", &[b'x'; 100])]);
    until("the socket is full", || node.sessions.sessions.page(0, 1)[0].pending_bytes > 0).await;
    let mut new = old.twin();
    let ready = new.attach(&node, Connect { token: Some("user:ada".into()), ..new.attaching() }).await;
    assert!(ready.resumed);
    old.remote().set_room(None);
    old.ended().await;
    assert_eq!(old.remote().take().len(), 10, "what was begun is not gone on with");
    new.settle().await;
    assert_eq!(new.log.len(), 1);
}

/// Both links live, the newer one blocked: the older one's task must neither write for it nor turn without end.
#[tokio::test(start_paused = true)]
async fn a_fenced_link_does_not_turn_for_a_blocked_one() {
    let node = Node::start(config());
    let mut old = Client::new(json_wire());
    old.connect(&node, ada()).await;
    let mut new = old.twin();
    new.dial(&node);
    new.remote().set_room(Some(5));
    new.greet(Connect { token: Some("user:ada".into()), ..new.attaching() }, &[]);
    let reason = old.ended().await;
    assert!(matches!(reason, CloseReason::Server { code: CloseCode::Superseded, .. }), "{reason:?}");
    new.remote().set_room(None);
    assert!(new.ready().await.resumed);
    new.settle().await;
}

/// The task of the older link runs once more after the newer one's: the outbox must go on waking the newer one.
#[tokio::test(start_paused = true)]
async fn the_newer_link_is_the_one_that_is_woken() {
    for old_first in [true, false] {
        let node = Node::start(config());
        let mut old = Client::new(json_wire());
        old.connect(&node, ada()).await;
        let mut new = old.twin();
        let ready = new.attach(&node, Connect { token: Some("user:ada".into()), ..new.attaching() }).await;
        assert!(ready.resumed);
        // Whatever moves the older task: its peer's bytes, or its end.
        if old_first {
            old.remote().finish();
            old.ended().await;
        } else {
            old.put(&Unit::Ping(Vec::new()));
        }
        new.remote().set_room(Some(0));
        let mut other = Client::new(json_wire());
        other.connect(&node, connect()).await;
        other.send(&[publish(Some(1), "a", b"x")]);
        other.ok(1).await;
        let session = node.sessions.sessions.get(SessionId::parse(&ready.session).unwrap()).unwrap();
        until("the socket takes no more", || session.info().pending_bytes > 0).await;
        new.remote().set_room(None);
        assert!(matches!(new.next().await, ServerFrame::Message { .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_attempt_does_not_overtake_a_newer_one() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, ada()).await;
    detached(&node, &mut client).await;
    let attaching = |generation| {
        let Connect { attach, .. } = client.attaching();
        let attach = Attach { generation, ..attach.unwrap() };
        Connect { token: Some("user:ada".into()), attach: Some(attach), ..connect() }
    };
    // The answer to 2 never reached the client; it tries again with 3, then the network delivers a 2.
    let (second, third, late) = (attaching(2), attaching(3), attaching(2));
    let mut link = Client::new(json_wire());
    assert!(link.connect(&node, second).await.resumed);
    let mut next = Client::new(json_wire());
    let ready = next.connect(&node, third).await;
    assert_eq!((ready.resumed, ready.generation), (true, 3));
    let mut stale = Client::new(json_wire());
    assert_eq!(stale.connect(&node, late).await.reason.as_deref(), Some("stale_generation"));
    next.settle().await;
}

#[tokio::test(start_paused = true)]
async fn the_last_generation_is_not_followed_by_the_first() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, ada()).await;
    let known = client.known.clone().unwrap();
    let attach = |generation| Connect {
        attach: Some(Attach {
            session: known.session.clone().into(),
            secret: known.secret.clone().into(),
            generation,
            received: 0,
        }),
        ..ada()
    };
    let mut last = Client::new(json_wire());
    assert!(last.connect(&node, attach(u32::MAX)).await.resumed);
    for generation in [0, 1, 2, u32::MAX] {
        let mut after = Client::new(json_wire());
        let ready = after.connect(&node, attach(generation)).await;
        assert_eq!(ready.reason.as_deref(), Some("stale_generation"), "{generation}");
    }
    last.settle().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_ring_does_not_hold_is_skipped_and_told() {
    for wire in both() {
        let ring = RingLimits { messages: 3, bytes: 1 << 16 };
        let node = Node::start(SessionConfig { outbox: Limits { ring, ..config().outbox }, ..config() });
        let mut client = Client::new(wire);
        let subscribe = vec![subscription(1, "a"), subscription(5, "b"), subscription(9, "c.>")];
        client.connect(&node, Connect { subscribe, ..connect() }).await;
        client.settle().await;
        client.remote().swallow_after(1);
        let mut other = Client::new(json_wire());
        other.connect(&node, connect()).await;
        for id in 1..=10 {
            // One wire message each: nothing is gathered across an acknowledged one of another subject.
            other.send(&[publish(Some(id), if id % 2 == 0 { "a" } else { "b" }, &Client::name(1, id))]);
            other.ok(id).await;
        }
        client.remote().cut();
        client.ended().await;
        let before = client.received;
        let ready = client.attach(&node, client.attaching()).await;
        assert!(ready.resumed && ready.skipped > 0, "{ready:?}");
        assert!(client.received >= before + ready.skipped);
        let ServerFrame::Gap { sids, lost, reason } = client.next().await else { panic!("the gap comes first") };
        assert_eq!((&sids[..], lost, &*reason), (&[1, 5, 9][..], None, "resend_overflow"));
        client.settle().await;
        // Counts agree from here on: another attach gets nothing again.
        client.remote().cut();
        client.ended().await;
        let log = client.log.len();
        let ready = client.attach(&node, client.attaching()).await;
        assert_eq!((ready.resumed, ready.skipped), (true, 0));
        client.settle().await;
        assert_eq!(client.log.len(), log);
    }
}

#[tokio::test(start_paused = true)]
async fn subscribe_and_echo_of_an_attach_are_ignored_and_its_other_frames_are_not() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, ada()).await;
    detached(&node, &mut client).await;
    let attaching = Connect {
        token: Some("user:ada".into()),
        echo: false,
        subscribe: vec![subscription(1, "b"), subscription(2, "b")],
        ..client.attaching()
    };
    client.open(&node, attaching, &[publish(Some(1), "a", b"1"), publish(Some(2), "b", b"2")]);
    let ready = client.ready().await;
    assert!(ready.resumed && ready.refused.is_empty());
    client.ok(1).await;
    client.ok(2).await;
    assert_eq!(client.log, [Told::Message { sids: vec![1], subject: "a".into(), payload: b"1".to_vec() }]);
}

#[tokio::test(start_paused = true)]
async fn a_session_without_a_link_is_kept_as_long_as_it_says() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, ada()).await;
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(10_900)).await;
        detached(&node, &mut client).await;
        tokio::time::sleep(Duration::from_millis(29_900)).await;
        let ready = client.attach(&node, Connect { token: Some("user:ada".into()), ..client.attaching() }).await;
        assert!(ready.resumed, "29.9 s of 30");
    }
    detached(&node, &mut client).await;
    tokio::time::sleep(Duration::from_secs(30 + 13)).await;
    node.until_empty().await;
    let gone = client.attach(&node, Connect { token: Some("user:ada".into()), ..client.attaching() }).await;
    assert_eq!(gone.reason.as_deref(), Some("session_gone"));
}

#[tokio::test(start_paused = true)]
async fn a_session_is_not_kept_longer_because_links_are_pinged_seldom() {
    let node = Node::start(SessionConfig { heartbeat: Duration::from_secs(600), ..config() });
    let mut client = Client::new(json_wire());
    client.connect(&node, ada()).await;
    detached(&node, &mut client).await;
    // It came back once, which must not let it go early.
    tokio::time::sleep(Duration::from_secs(29)).await;
    let ready = client.attach(&node, Connect { token: Some("user:ada".into()), ..client.attaching() }).await;
    assert!(ready.resumed);
    detached(&node, &mut client).await;
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(node.sessions.sessions.len(), 1, "29 s of 30");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(node.sessions.sessions.len(), 0, "32 s of 30");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_where_keeping_is_switched_off() {
    let node = Node::start(SessionConfig { keep: Duration::ZERO, ..config() });
    let mut client = Client::new(json_wire());
    client.connect(&node, ada()).await;
    client.remote().cut();
    client.ended().await;
    node.until_empty().await;
}

#[tokio::test(start_paused = true)]
async fn how_the_peer_closes_decides_whether_the_session_is_kept() {
    for (code, kept) in [(Some(1000), false), (Some(1001), false), (None, true), (Some(1011), true), (Some(3000), true)]
    {
        let node = Node::start(config());
        let mut client = Client::new(json_wire());
        client.connect(&node, ada()).await;
        client.put(&Unit::Close { code, message: String::new() });
        let rest = client.rest().await;
        assert_eq!(rest, [Event::Closed(Some(code.unwrap_or(1000)))], "{code:?}");
        assert_eq!(client.ended().await, CloseReason::Peer { code });
        assert_eq!(node.sessions.sessions.len(), usize::from(kept), "{code:?}");
        let ready = client.attach(&node, Connect { token: Some("user:ada".into()), ..client.attaching() }).await;
        assert_eq!(ready.resumed, kept, "{code:?}");
    }
}

/// The peer said goodbye, and its socket was gone before the server had read it.
#[tokio::test(start_paused = true)]
async fn a_goodbye_that_lies_in_a_broken_socket_counts() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, ada()).await;
    let mut other = Client::new(json_wire());
    other.connect(&node, connect()).await;
    client.settle().await;
    client.put(&Unit::Close { code: Some(1000), message: String::new() });
    client.remote().break_writing();
    assert_eq!(client.ended().await, CloseReason::Peer { code: Some(1000) });
    assert_eq!(node.sessions.sessions.len(), 1);
}

/// The memory of a session without a link is bounded by its limits, however long it is published to.
#[tokio::test(start_paused = true)]
async fn a_detached_session_holds_no_more_than_its_limits() {
    let limits = Limits { bytes: 16 * 1024, messages: 1000, ..config().outbox };
    let ring = RingLimits { messages: 64, bytes: 8 * 1024 };
    let node =
        Node::start(SessionConfig { outbox: Limits { ring, ..limits }, keep: Duration::from_secs(600), ..config() });
    let mut client = Client::new(json_wire());
    client.connect(&node, ada()).await;
    let mut other = Client::new(json_wire());
    other.connect(&node, connect()).await;
    for round in 0..5 {
        client.remote().swallow_after(1);
        for id in 1..=500 {
            other.send(&[publish(Some(id), "a", &Client::name(1, round * 500 + id))]);
            other.ok(id).await;
            if id == 100 {
                client.remote().cut();
            }
        }
        client.ended().await;
        let info = node.sessions.sessions.page(0, 1).remove(0);
        assert!(info.pending_bytes <= 16 * 1024 + 8 * 1024 + 200, "{info:?}");
        let ready = client.attach(&node, Connect { token: Some("user:ada".into()), ..client.attaching() }).await;
        assert!(ready.resumed);
        client.settle().await;
    }
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_session_may_move_to_another_kind_of_peer_only_with_its_codec() {
    let node = Node::start(config());
    let wires: [Arc<dyn Wire>; 2] = both();
    for wire in wires {
        let mut client = Client::new(wire);
        client.connect(&node, ada()).await;
        client.remote().cut();
        client.ended().await;
        let ready = client.attach(&node, Connect { token: Some("user:ada".into()), ..client.attaching() }).await;
        assert!(ready.resumed);
    }
}
