//! What the application sends.

use super::*;

#[tokio::test(start_paused = true)]
async fn many_publishes_go_as_one_wire_message() {
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    for at in 0..100 {
        client.publish("a", at.to_string()).unwrap();
    }
    let frames = peer.receive().await.unwrap();
    assert_eq!(published(&frames), (0..100).map(|at| at.to_string()).collect::<Vec<_>>());
    assert_eq!(client.pending(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded_and_gives_messages_back() {
    let limits = OutgoingLimits { messages: 3, bytes: usize::MAX };
    let (client, _dial, _peers, peer) = connected(Settings { outgoing: limits, ..Settings::default() }).await;
    drop(peer);
    until(&client, |state| matches!(state, ConnectionState::Reconnecting { .. })).await;
    for payload in ["a", "b", "c"] {
        client.publish("s", payload).unwrap();
    }
    let error = client.publish("s", "d").unwrap_err();
    assert!(error.is_transient());
    assert_eq!(error.into_message(), Message::new("s", "d"));
    let message = Message::new("s", "e").with_header("a", "b").unwrap().with_reply("r");
    assert_eq!(client.publish_message(message.clone()).unwrap_err().into_message(), message);
    // Calls that wait for an answer wait for room, and say that nothing was sent.
    let error = client.publish_acknowledged(Message::new("s", "f")).await.unwrap_err();
    assert!(matches!(error, AcknowledgeError::NotSent { .. }), "{error}");
    client.close().await;
    let error = client.publish("s", "g").unwrap_err();
    assert!(matches!(error, PublishError::Closed { .. }) && !error.is_transient(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn room_is_told_when_there_is_a_link_again() {
    let limits = OutgoingLimits { messages: 1, bytes: usize::MAX };
    let (client, _dial, mut peers, peer) = connected(Settings { outgoing: limits, ..Settings::default() }).await;
    drop(peer);
    until(&client, |state| matches!(state, ConnectionState::Reconnecting { .. })).await;
    client.publish("s", "a").unwrap();
    let server = async {
        let mut peer = peers.recv().await.unwrap();
        peer.welcome(resumed("one", 2, 0)).await;
        peer
    };
    let ((), mut peer) = tokio::join!(client.writable(), server);
    client.publish("s", "b").unwrap();
    assert_eq!(published(&peer.receive().await.unwrap()), ["a"]);
    assert_eq!(published(&peer.receive().await.unwrap()), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_sent_is_refused_here() {
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    let invalid = |message: Message| match client.publish_message(message) {
        Err(PublishError::Invalid { cause, .. }) => cause,
        other => panic!("{other:?}"),
    };
    assert!(matches!(invalid(Message::new("a..b", "")), InvalidMessage::Subject { .. }));
    assert!(matches!(invalid(Message::new("a.*", "")), InvalidMessage::Subject { .. }));
    assert!(matches!(invalid(Message::new("a", "").with_reply("")), InvalidMessage::Reply { .. }));
    assert!(matches!(invalid(Message::new("a", "").with_message_id("ä")), InvalidMessage::MessageId));
    assert!(matches!(
        invalid(Message::new("a", vec![0; 32 * 1024 + 1])),
        InvalidMessage::PayloadTooLarge { bytes: 32_769, max: 32_768 }
    ));
    let error = client.subscribe("a.>.b").await.unwrap_err();
    assert!(matches!(error, SubscribeError::Pattern { .. }), "{error}");
    let error = client.subscribe_with(SubscribeOptions::new("a").queue("b.c")).await.unwrap_err();
    assert!(matches!(error, SubscribeError::Queue { .. }), "{error}");
    let error = client.request("", "").await.unwrap_err();
    assert!(matches!(error, RequestError::Invalid(_)), "{error}");
    client.publish("a", "after").unwrap();
    assert_eq!(published(&peer.receive().await.unwrap()), ["after"]);
}

#[tokio::test(start_paused = true)]
async fn messages_that_a_smaller_server_takes_are_sent_apart_and_others_fail() {
    let (client, _dial, mut peers, peer) = connected(Settings::default()).await;
    drop(peer);
    until(&client, |state| matches!(state, ConnectionState::Reconnecting { .. })).await;
    let payloads: Vec<String> = (0..20).map(|at| format!("{at:0>200}")).collect();
    for payload in &payloads {
        client.publish("a", payload.clone()).unwrap();
    }
    client.publish("a", "x".repeat(2000)).unwrap();
    let large = client.publish_acknowledged(Message::new("a", "x".repeat(2000)));
    let server = async {
        let mut peer = peers.recv().await.unwrap();
        let mut ready = new_session("two");
        ready.limits.frame_bytes = 1024;
        peer.welcome(ready).await;
        let mut found = Vec::new();
        while found.len() < 20 {
            let frames = peer.receive().await.unwrap();
            assert!(frames.len() <= 5, "{}", frames.len());
            found.extend(published(&frames));
        }
        assert_eq!(found, payloads);
    };
    let (large, ()) = tokio::join!(large, server);
    assert!(matches!(large, Err(AcknowledgeError::Invalid(InvalidMessage::FrameTooLarge { .. }))), "{large:?}");
    assert_eq!(client.pending(), (0, 0));
    let refusals = client.refusals().borrow().clone();
    assert_eq!((refusals.count, refusals.last.unwrap().code), (1, 105));
    assert!(matches!(client.flush().await, Err(FlushError::OutcomeUnknown)));
}

#[tokio::test(start_paused = true)]
async fn sending_stops_at_the_window_and_goes_on_when_the_server_confirms() {
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    let mut messages = 0_u64;
    let mut pings = 0;
    let mut count = |received: Vec<Vec<ClientFrame<'_>>>| {
        for frames in received {
            messages += 1;
            pings += frames.iter().filter(|frame| matches!(frame, ClientFrame::Ping { .. })).count();
        }
        (messages, pings)
    };
    for _ in 0..1100 {
        client.publish("a", "b").unwrap();
        // Each goes alone, since the task gets its turn in between.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }
    let (sent, asked) = count(peer.received());
    assert_eq!((sent, asked), (1024, 1));
    assert!(client.pending().0 > 0);
    peer.send(&[ServerFrame::Pong { received: 257 }]).await;
    while client.pending().0 > 0 {
        tokio::task::yield_now().await;
    }
    let frames = peer.receive().await.unwrap();
    assert!(!published(&frames).is_empty());
}

#[tokio::test(start_paused = true)]
async fn flush_waits_for_the_server() {
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    client.publish("a", "1").unwrap();
    let mut flush = Box::pin(client.flush());
    assert!(futures_util::poll!(flush.as_mut()).is_pending());
    let frames = peer.receive().await.unwrap();
    assert!(matches!(frames.as_slice(), [ClientFrame::Publish(_), ClientFrame::Ping { .. }]), "{frames:?}");
    peer.send(&[ServerFrame::Pong { received: 0 }]).await;
    tokio::task::yield_now().await;
    assert!(futures_util::poll!(flush.as_mut()).is_pending());
    peer.send(&[ServerFrame::Pong { received: 1 }]).await;
    flush.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn drain_ends_subscriptions_then_waits_then_says_goodbye() {
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    let mut subscription = subscribed(&client, &mut peer, "a").await;
    let sid = subscription.sid();
    client.publish("a", "last").unwrap();
    let server = async {
        assert_eq!(published(&peer.receive().await.unwrap()), ["last"]);
        assert_eq!(peer.receive().await.unwrap(), [ClientFrame::Unsubscribe { id: None, sid, max: None }]);
        let frames = peer.receive().await.unwrap();
        assert!(matches!(frames.as_slice(), [ClientFrame::Ping { .. }]), "{frames:?}");
        peer.send(&[delivery(&[sid], &["late"]), ServerFrame::Pong { received: 4 }]).await;
        assert_eq!(peer.goodbye().await, Some(1000));
    };
    let (drained, ()) = tokio::join!(client.drain(), server);
    drained.unwrap();
    assert_eq!(payload(&mut subscription).await, "late");
    assert!(subscription.next().await.is_none());
}
