//! What a session answers to each frame (protocol.md#P4 to P7).

use pointsman_protocol::codes::{CloseCode, ErrorCode};
use pointsman_protocol::frame::{ClientFrame, Publish, Request, ServerFrame, Subscription};
use pointsman_session::close::CloseReason;
use pointsman_session::config::SessionConfig;
use pointsman_testkit::client::{Client, Event, Told, connect, publish, subscription};
use pointsman_testkit::node::{Node, config};
use pointsman_testkit::wire::Unit;

use crate::support::{both, json_wire};

fn subscribe(id: Option<u64>, sid: u64, pattern: &str) -> ClientFrame<'static> {
    ClientFrame::Subscribe { id, subscription: subscription(sid, pattern) }
}

fn unsubscribe(id: Option<u64>, sid: u64, max: Option<u64>) -> ClientFrame<'static> {
    ClientFrame::Unsubscribe { id, sid, max }
}

fn request(id: u64, subject: &str, timeout_ms: Option<u32>) -> ClientFrame<'static> {
    ClientFrame::Request(Request {
        id,
        subject: subject.to_owned().into(),
        timeout_ms,
        headers: Vec::new().into(),
        payload: b"?".to_vec().into(),
        body: Default::default(),
    })
}

fn is_error(frame: &ServerFrame<'_>, id: Option<u64>, sid: Option<u64>, code: ErrorCode) -> bool {
    matches!(frame, ServerFrame::Error(error)
        if (error.id, error.sid, error.code) == (id, sid, code.code()) && error.reason == code.name())
}

/// P4.2, P4.5
#[tokio::test(start_paused = true)]
async fn subscribe_and_unsubscribe_are_answered_as_they_ask() {
    for wire in both() {
        let node = Node::start(config());
        let mut client = Client::new(wire);
        client.connect(&node, connect()).await;
        client.send(&[subscribe(Some(1), 1, "a"), subscribe(None, 2, "b"), subscribe(Some(3), 1, "c")]);
        client.ok(1).await;
        assert!(is_error(&client.answer().await, Some(3), None, ErrorCode::SidInUse));
        client.send(&[subscribe(None, 3, "a..b"), subscribe(None, 2, "d")]);
        assert!(is_error(&client.answer().await, None, Some(3), ErrorCode::BadPattern));
        assert!(is_error(&client.answer().await, None, Some(2), ErrorCode::SidInUse));
        client.send(&[publish(None, "a", b"1"), publish(None, "b", b"2"), publish(None, "c", b"3")]);
        client.settle().await;
        assert_eq!(client.log.len(), 2, "{:?}", client.log);
        client.send(&[unsubscribe(Some(4), 1, None), unsubscribe(None, 2, None), publish(Some(5), "a", b"4")]);
        client.ok(4).await;
        client.ok(5).await;
        client.send(&[unsubscribe(Some(6), 1, None), unsubscribe(None, 9, None)]);
        assert!(is_error(&client.answer().await, Some(6), None, ErrorCode::UnknownSid));
        assert!(is_error(&client.answer().await, None, Some(9), ErrorCode::UnknownSid));
        assert_eq!(client.log.len(), 2);
        assert_eq!(node.router.subscription_count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_ends_after_so_many() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, connect()).await;
    let limited =
        ClientFrame::Subscribe { id: None, subscription: Subscription { max: Some(2), ..subscription(1, "a") } };
    client.send(&[limited, publish(None, "a", b"1"), publish(None, "a", b"2"), publish(None, "a", b"3")]);
    client.send(&[subscribe(None, 2, "b"), publish(None, "b", b"4"), unsubscribe(None, 2, Some(1))]);
    client.send(&[publish(None, "b", b"5"), publish(None, "b", b"6")]);
    client.settle().await;
    let payloads: Vec<_> = client
        .log
        .iter()
        .map(|told| match told {
            Told::Message { payload, .. } => payload[0],
            other @ Told::Gap { .. } => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(payloads, b"1245");
    assert_eq!(node.router.subscription_count(), 0);
}

/// P1.4: what was published before a subscribe is not for it, whatever came in one message.
#[tokio::test(start_paused = true)]
async fn frames_of_one_message_are_handled_in_order() {
    for wire in both() {
        let node = Node::start(config());
        let mut client = Client::new(wire);
        client.connect(&node, connect()).await;
        client.send(&[
            publish(Some(1), "a", b"before"),
            subscribe(Some(2), 1, "a"),
            publish(Some(3), "a", b"within"),
            unsubscribe(Some(4), 1, None),
            publish(Some(5), "a", b"after"),
        ]);
        for id in 1..=5 {
            client.ok(id).await;
        }
        let within = Told::Message { sids: vec![1], subject: "a".into(), payload: b"within".to_vec() };
        assert_eq!(client.log, [within]);
    }
}

#[tokio::test(start_paused = true)]
async fn publications_are_acknowledged_or_refused_by_their_id() {
    for wire in both() {
        let node = Node::start(SessionConfig { frame_bytes_max: 4 << 20, ..config() });
        let mut client = Client::new(wire);
        client.connect(&node, connect()).await;
        client.send(&[publish(Some(1), "a", b""), publish(Some(2), "a.*", b""), publish(Some(3), "$SYS.x", b"")]);
        client.ok(1).await;
        assert!(is_error(&client.answer().await, Some(2), None, ErrorCode::BadSubject));
        assert!(is_error(&client.answer().await, Some(3), None, ErrorCode::PermissionDenied));
        client.send(&[publish(Some(4), "a", &vec![b'1'; (1 << 20) + 1])]);
        assert!(is_error(&client.answer().await, Some(4), None, ErrorCode::PayloadTooLarge));
        // Without an id the first refusal of a batch is told, and the link goes on.
        client.send(&[publish(None, "a..b", b""), publish(None, "a..c", b""), publish(Some(5), "a", b"")]);
        assert!(is_error(&client.answer().await, None, None, ErrorCode::BadSubject));
        client.ok(5).await;
        // P6.5
        let asks = ClientFrame::Publish(Publish {
            id: Some(6),
            subject: "nobody.there".into(),
            reply: Some("x".into()),
            message_id: None,
            headers: Vec::new().into(),
            payload: Vec::new().into(),
            body: Default::default(),
        });
        client.send(&[asks]);
        assert!(is_error(&client.answer().await, Some(6), None, ErrorCode::NoResponders));
    }
}

#[tokio::test(start_paused = true)]
async fn echo_can_be_switched_off() {
    let node = Node::start(config());
    let mut quiet = Client::new(json_wire());
    let mut other = Client::new(json_wire());
    let subscribe = vec![subscription(1, "a")];
    quiet
        .connect(&node, pointsman_protocol::frame::Connect { echo: false, subscribe: subscribe.clone(), ..connect() })
        .await;
    other.connect(&node, pointsman_protocol::frame::Connect { subscribe, ..connect() }).await;
    quiet.send(&[publish(Some(1), "a", b"mine")]);
    quiet.ok(1).await;
    other.settle().await;
    other.send(&[publish(Some(1), "a", b"yours")]);
    other.ok(1).await;
    quiet.settle().await;
    let of = |client: &Client| client.log.len();
    assert_eq!((of(&quiet), of(&other)), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn one_of_a_queue_group_gets_each_message_and_plain_ones_get_their_own() {
    let node = Node::start(config());
    let mut members: Vec<Client> = Vec::new();
    for wire in both() {
        let mut client = Client::new(wire);
        client.connect(&node, connect()).await;
        let worker = Subscription { queue: Some("workers".into()), ..subscription(1, "jobs.*") };
        client.send(&[ClientFrame::Subscribe { id: Some(0), subscription: worker }, subscribe(None, 2, "jobs.>")]);
        client.ok(0).await;
        members.push(client);
    }
    for id in 1..=100 {
        members[0].send(&[publish(Some(id), "jobs.x", &Client::name(1, id))]);
        members[0].ok(id).await;
    }
    let mut by_group = 0;
    for client in &mut members {
        client.settle().await;
        assert_eq!(client.seen(2).len(), 100);
        by_group += client.seen(1).len();
    }
    assert_eq!(by_group, 100);
    assert!(members.iter().all(|client| client.seen(1).len() > 10), "both work");
}

#[tokio::test(start_paused = true)]
async fn the_first_reply_answers_a_request() {
    for wire in both() {
        let node = Node::start(config());
        let mut asks = Client::new(json_wire());
        let mut answers = Client::new(wire);
        asks.connect(&node, connect()).await;
        answers.connect(&node, connect()).await;
        answers.send(&[subscribe(Some(1), 1, "time.now")]);
        answers.ok(1).await;
        asks.send(&[request(9, "time.now", None)]);
        let ServerFrame::Message { messages, .. } = answers.next().await else { panic!() };
        let reply = messages[0].reply.clone().unwrap();
        assert!(reply.starts_with("_R."));
        answers.send(&[publish(Some(2), &reply, b"12:00"), publish(Some(3), &reply, b"12:01")]);
        answers.ok(2).await;
        assert!(is_error(&answers.answer().await, Some(3), None, ErrorCode::NoResponders), "later ones are dropped");
        assert!(matches!(asks.next().await, ServerFrame::Reply { id: 9, payload, .. } if *payload == *b"12:00"));
        asks.settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_nobody_can_answer_is_told_at_once_and_one_that_nobody_answers_later() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, connect()).await;
    client.send(&[request(1, "nobody.there", None)]);
    assert!(is_error(&client.answer().await, Some(1), None, ErrorCode::NoResponders));
    client.send(&[subscribe(None, 1, "slow"), request(2, "slow", Some(1)), request(3, "slow", Some(600_000))]);
    assert!(is_error(&client.answer().await, Some(2), None, ErrorCode::Timeout));
    // Forgotten: the id may be used again, and the other still waits.
    client.send(&[request(2, "slow", Some(1)), request(3, "slow", None)]);
    assert!(is_error(&client.answer().await, Some(3), None, ErrorCode::BadRequest));
    assert!(is_error(&client.answer().await, Some(2), None, ErrorCode::Timeout));
}

#[tokio::test(start_paused = true)]
async fn requests_have_a_limit() {
    let node = Node::start(SessionConfig { requests_max: 2, ..config() });
    let mut client = Client::new(json_wire());
    client.connect(&node, connect()).await;
    client.send(&[subscribe(None, 1, "slow")]);
    client.send(&[request(1, "slow", None), request(2, "slow", None), request(3, "slow", None)]);
    assert!(is_error(&client.answer().await, Some(3), None, ErrorCode::TooManyRequestsInFlight));
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_with_the_count() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, connect()).await;
    client.send(&[ClientFrame::Ping { received: 0 }, ClientFrame::Ping { received: 0 }]);
    assert_eq!(client.next().await, ServerFrame::Pong { received: 1 });
    assert_eq!(client.next().await, ServerFrame::Pong { received: 1 });
    client.put(&Unit::Ping(b"link".to_vec()));
    client.send(&[ClientFrame::Ping { received: 2 }]);
    // The link's own pong goes through the outbox too; neither side counts it.
    let mut events = [client.event().await, client.event().await];
    events.sort_by_key(|event| matches!(event, Event::Pong(_)));
    let pong = Event::Frame(ServerFrame::Pong { received: 2 });
    assert_eq!(events, [pong, Event::Pong(b"link".to_vec())]);
    assert_eq!(client.received, 3);
}

#[tokio::test(start_paused = true)]
async fn the_tenth_bad_frame_closes_the_link() {
    for wire in both() {
        let node = Node::start(config());
        let mut client = Client::new(wire);
        client.connect(&node, connect()).await;
        for _ in 0..9 {
            client.send_raw(vec![0xff, b'{']);
            assert!(is_error(&client.answer().await, None, None, ErrorCode::BadFrame));
        }
        client.settle().await;
        client.send_raw(vec![0xff, b'{']);
        assert!(is_error(&client.answer().await, None, None, ErrorCode::BadFrame));
        let rest = client.rest().await;
        assert!(
            matches!(&rest[..], [Event::Frame(ServerFrame::Close(close)), Event::Closed(Some(3501))]
                if close.code == CloseCode::Protocol.code()),
            "{rest:?}"
        );
        client.remote().finish();
        assert!(matches!(client.ended().await, CloseReason::Server { code: CloseCode::Protocol, .. }));
        node.until_empty().await;
    }
}

#[tokio::test(start_paused = true)]
async fn many_bad_frames_in_one_message_close_the_link_as_well() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, connect()).await;
    client.send_raw(format!("[{}1]", "1,".repeat(100)).into_bytes());
    let rest = client.rest().await;
    let errors = rest.iter().filter(|event| matches!(event, Event::Frame(ServerFrame::Error(_)))).count();
    assert_eq!((errors, rest.len()), (10, 12), "ten errors and the end: {rest:?}");
    client.remote().finish();
    node.until_empty().await;
}

/// A frame that was read and cannot be carried out is no reason to end the link, however often it comes.
#[tokio::test(start_paused = true)]
async fn what_is_not_supported_is_no_bad_frame() {
    let node = Node::start(config());
    let mut client = Client::new(json_wire());
    client.connect(&node, connect()).await;
    for id in 0..20 {
        client.send_raw(format!(r#"{{"op":"subscribe","id":{id},"sid":1,"pattern":"a","since":0}}"#).into_bytes());
        assert!(is_error(&client.answer().await, Some(id), None, ErrorCode::Unsupported));
        client.send_raw(format!(r#"{{"op":"publish","id":{id},"subject":"a","headers":{{"a b":"c"}}}}"#).into_bytes());
        assert!(is_error(&client.answer().await, Some(id), None, ErrorCode::BadHeaders));
    }
    client.settle().await;
}
