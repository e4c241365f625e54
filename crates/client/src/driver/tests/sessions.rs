//! Sessions outlive links, and end.

use super::*;

#[tokio::test(start_paused = true)]
async fn only_what_the_server_lacks_is_sent_again() {
    // protocol.md#P8.2
    let (client, _dial, mut peers, mut peer) = connected(Settings::default()).await;
    for payload in ["1", "2", "3"] {
        client.publish("a", payload).unwrap();
        assert_eq!(published(&peer.receive().await.unwrap()), [payload]);
    }
    drop(peer);
    client.publish("a", "4").unwrap();
    let mut peer = peers.recv().await.unwrap();
    peer.welcome(resumed("one", 2, 1)).await;
    for payload in ["2", "3", "4"] {
        assert_eq!(published(&peer.receive().await.unwrap()), [payload]);
    }
    // A confirmed message is not held any more.
    peer.send(&[ServerFrame::Pong { received: 4 }]).await;
    client.publish("a", "5").unwrap();
    assert_eq!(published(&peer.receive().await.unwrap()), ["5"]);
    drop(peer);
    let mut peer = peers.recv().await.unwrap();
    let connect = peer.welcome(resumed("one", 3, 5)).await;
    assert_eq!(connect.attach.unwrap().generation, 3);
    client.publish("a", "6").unwrap();
    assert_eq!(published(&peer.receive().await.unwrap()), ["6"]);
}

#[tokio::test(start_paused = true)]
async fn skipped_messages_are_counted_after_a_resend_overflow() {
    // protocol.md#P8.3
    let (client, _dial, mut peers, mut peer) = connected(Settings::default()).await;
    let mut subscription = subscribed(&client, &mut peer, "a").await;
    drop(peer);
    let mut peer = peers.recv().await.unwrap();
    let connect = peer.connect().await;
    assert_eq!(connect.attach.unwrap().received, 1);
    peer.send(&[ServerFrame::Ready(Ready { skipped: 10, ..resumed("one", 2, 1) })]).await;
    let lost = ServerFrame::Gap { sids: vec![subscription.sid()], lost: None, reason: "resend_overflow".into() };
    peer.send(&[lost]).await;
    assert_eq!(gap(&mut subscription).await.reason, GapReason::ResendOverflow);
    peer.send(&[ServerFrame::Ping { received: 1 }]).await;
    // One before, ten skipped; then the gap, the ping.
    assert_eq!(peer.receive().await.unwrap(), [ClientFrame::Ping { received: 11 }]);
    assert_eq!(peer.receive().await.unwrap(), [ClientFrame::Pong { received: 13 }]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_session_is_told_to_everybody_and_nothing_is_sent_twice() {
    // protocol.md#P8.4
    let (client, _dial, mut peers, mut peer) = connected(Settings::default()).await;
    let mut first = subscribed(&client, &mut peer, "a").await;
    let mut second = subscribed(&client, &mut peer, "b").await;
    client.publish("x", "sent").unwrap();
    let calls = async {
        tokio::join!(
            client.publish_acknowledged(Message::new("x", "acknowledged")),
            client.request("x", "asked"),
            client.flush()
        )
    };
    let server = async {
        let frames = peer.receive().await.unwrap();
        assert_eq!(published(&frames), ["sent", "acknowledged"]);
        drop(peer);
        let mut next = peers.recv().await.unwrap();
        // Meanwhile queued: these were never sent, so they may be.
        client.publish("x", "queued").unwrap();
        let connect = next.connect().await;
        let listed: Vec<_> = connect.subscribe.iter().map(|one| (one.sid, one.pattern.to_string())).collect();
        assert_eq!(listed, [(first.sid(), "a".to_owned()), (second.sid(), "b".to_owned())]);
        let reason = Some("session_gone".into());
        let refused = vec![Refused {
            sid: second.sid(),
            code: 104,
            reason: "permission_denied".into(),
            message: "no longer".into(),
        }];
        next.send(&[ServerFrame::Ready(Ready { reason, refused, ..new_session("two") })]).await;
        next
    };
    let ((acknowledged, asked, flushed), mut peer) = tokio::join!(calls, server);
    assert!(matches!(acknowledged, Err(AcknowledgeError::OutcomeUnknown)), "{acknowledged:?}");
    assert!(matches!(asked, Err(RequestError::OutcomeUnknown)), "{asked:?}");
    assert!(matches!(flushed, Err(FlushError::OutcomeUnknown)), "{flushed:?}");
    assert_eq!(published(&peer.receive().await.unwrap()), ["queued"]);
    assert_eq!(gap(&mut first).await, Gap { lost: None, reason: GapReason::SessionGone });
    assert_eq!(gap(&mut second).await, Gap { lost: None, reason: GapReason::SessionGone });
    assert!(second.next().await.is_none());
    let Some(SubscriptionEnd::Refused(refusal)) = second.ended() else { panic!("{:?}", second.ended()) };
    assert_eq!((refusal.code, refusal.is_transient()), (104, false));
    peer.send(&[delivery(&[first.sid()], &["new"])]).await;
    assert_eq!(payload(&mut first).await, "new");
    // Counts begin anew.
    peer.send(&[ServerFrame::Ping { received: 1 }]).await;
    assert_eq!(peer.receive().await.unwrap(), [ClientFrame::Pong { received: 2 }]);
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_waits_for_a_lost_session_is_not_told_success() {
    let (client, _dial, mut peers, mut peer) = connected(Settings::default()).await;
    client.publish("x", "sent").unwrap();
    peer.receive().await.unwrap();
    drop(peer);
    until(&client, |state| matches!(state, ConnectionState::Reconnecting { .. })).await;
    let (flushed, _peer) = tokio::join!(client.flush(), async {
        let mut peer = peers.recv().await.unwrap();
        peer.welcome(new_session("two")).await;
        peer
    });
    assert!(matches!(flushed, Err(FlushError::OutcomeUnknown)), "{flushed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_subscribe_call_lives_through_a_lost_session() {
    let (client, _dial, mut peers, mut peer) = connected(Settings::default()).await;
    let server = async {
        let frames = peer.receive().await.unwrap();
        let [ClientFrame::Subscribe { subscription, .. }] = frames.as_slice() else { panic!("{frames:?}") };
        let sid = subscription.sid;
        drop(peer);
        let mut next = peers.recv().await.unwrap();
        let connect = next.welcome(new_session("two")).await;
        assert_eq!(connect.subscribe.iter().map(|one| one.sid).collect::<Vec<_>>(), [sid]);
        next
    };
    let (subscription, peer) = tokio::join!(client.subscribe("a"), server);
    let mut subscription = subscription.unwrap();
    assert_eq!(gap(&mut subscription).await.reason, GapReason::SessionGone);
    peer.send(&[delivery(&[subscription.sid()], &["1"])]).await;
    assert_eq!(payload(&mut subscription).await, "1");
}

#[tokio::test(start_paused = true)]
async fn subscriptions_beyond_the_connect_frame_follow_it() {
    let mut settings = Settings::default();
    settings.outgoing.messages = 10_000;
    let (dial, mut peers) = MemoryDial::new();
    let small = |session: &'static str| {
        let mut ready = new_session(session);
        ready.limits.frame_bytes = 4096;
        ready
    };
    let server = async {
        let mut peer = peers.recv().await.unwrap();
        peer.welcome(small("one")).await;
        peer
    };
    let (client, mut peer) = tokio::join!(connect_by(dial, settings), server);
    let client = client.unwrap();
    let mut subscriptions = Vec::new();
    for at in 0..100 {
        subscriptions.push(subscribed(&client, &mut peer, &format!("pattern.{at}")).await);
    }
    drop(peer);
    let mut peer = peers.recv().await.unwrap();
    let connect = peer.welcome(small("two")).await;
    let mut made: Vec<u64> = connect.subscribe.iter().map(|one| one.sid).collect();
    assert!(made.len() < 100, "{}", made.len());
    let mut last_id = None;
    while made.len() < 100 {
        for frame in peer.receive().await.unwrap() {
            match frame {
                ClientFrame::Subscribe { id, subscription } => {
                    made.push(subscription.sid);
                    last_id = id;
                }
                frame => panic!("{frame:?}"),
            }
        }
    }
    let expected: Vec<_> = subscriptions.iter().map(Subscription::sid).collect();
    assert_eq!(made, expected);
    // One of them is refused: it ends, and says why.
    let last = subscriptions.last_mut().unwrap();
    assert_eq!(gap(last).await.reason, GapReason::SessionGone);
    let error = ErrorFrame {
        id: last_id,
        sid: None,
        code: 106,
        reason: "too_many_subscriptions".into(),
        message: "too many".into(),
        retry_after_ms: None,
    };
    peer.send(&[ServerFrame::Error(error)]).await;
    assert!(last.next().await.is_none());
    assert!(matches!(last.ended(), Some(SubscriptionEnd::Refused(_))));
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_message_costs_the_session_but_not_silently() {
    let (client, _dial, mut peers, mut peer) = connected(Settings::default()).await;
    let mut subscription = subscribed(&client, &mut peer, "a").await;
    peer.raw(vec![0xff; 8]).await;
    let mut peer = peers.recv().await.unwrap();
    let connect = peer.welcome(new_session("two")).await;
    assert!(connect.attach.is_none());
    assert_eq!(gap(&mut subscription).await.reason, GapReason::SessionGone);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_confirms_what_was_never_sent_is_not_believed() {
    let (client, _dial, mut peers, peer) = connected(Settings::default()).await;
    peer.send(&[ServerFrame::Pong { received: 5 }]).await;
    let mut peer = peers.recv().await.unwrap();
    assert!(peer.welcome(new_session("two")).await.attach.is_none());
    until(&client, |state| matches!(state, ConnectionState::Connected { session, .. } if session == "two")).await;
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_maximum_is_asked_of_a_new_session() {
    let (client, _dial, mut peers, mut peer) = connected(Settings::default()).await;
    let (subscription, ()) = tokio::join!(client.subscribe_with(SubscribeOptions::new("a").max(5)), async {
        let frames = peer.receive().await.unwrap();
        let [ClientFrame::Subscribe { id: Some(id), subscription }] = frames.as_slice() else { panic!("{frames:?}") };
        peer.send(&[ServerFrame::Ok { id: *id }, delivery(&[subscription.sid], &["1", "2"])]).await;
    });
    let mut subscription = subscription.unwrap();
    assert_eq!((payload(&mut subscription).await, payload(&mut subscription).await), ("1".to_owned(), "2".to_owned()));
    drop(peer);
    let mut peer = peers.recv().await.unwrap();
    let connect = peer.welcome(new_session("two")).await;
    assert_eq!(connect.subscribe.first().unwrap().max, Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_flush_after_a_lost_session_is_told_once() {
    let (client, _dial, mut peers, mut peer) = connected(Settings::default()).await;
    client.publish("x", "sent").unwrap();
    peer.receive().await.unwrap();
    drop(peer);
    let mut peer = peers.recv().await.unwrap();
    peer.welcome(new_session("two")).await;
    until(&client, |state| matches!(state, ConnectionState::Connected { session, .. } if session == "two")).await;
    assert!(matches!(client.flush().await, Err(FlushError::OutcomeUnknown)));
    let (flushed, ()) = tokio::join!(client.flush(), async {
        assert!(matches!(peer.receive().await.unwrap().as_slice(), [ClientFrame::Ping { .. }]));
        peer.send(&[ServerFrame::Pong { received: 1 }]).await;
    });
    flushed.unwrap();
}

#[tokio::test(start_paused = true)]
async fn answers_lost_in_a_resend_overflow_are_asked_again_or_told_unknown() {
    // protocol.md#P8.3
    let (client, _dial, mut peers, mut peer) = connected(Settings::default()).await;
    let mut ending = subscribed(&client, &mut peer, "a").await;
    let calls = async {
        tokio::join!(
            client.publish_acknowledged(Message::new("x", "handled")),
            client.subscribe("b"),
            client.request("x", "asked"),
            ending.unsubscribe()
        )
    };
    let server = async {
        let frames = peer.receive().await.unwrap();
        assert_eq!(frames.len(), 4);
        drop(peer);
        let mut peer = peers.recv().await.unwrap();
        peer.welcome(Ready { skipped: 4, ..resumed("one", 2, 2) }).await;
        let frames = peer.receive().await.unwrap();
        let [
            ClientFrame::Subscribe { id: Some(subscribe), subscription },
            ClientFrame::Unsubscribe { id: Some(unsubscribe), .. },
            ClientFrame::Ping { received: 5 },
        ] = frames.as_slice()
        else {
            panic!("{frames:?}")
        };
        assert_eq!(subscription.pattern, "b");
        let in_use = ErrorFrame {
            id: Some(*subscribe),
            sid: None,
            code: 107,
            reason: "sid_in_use".into(),
            message: "known".into(),
            retry_after_ms: None,
        };
        peer.send(&[ServerFrame::Error(in_use), ServerFrame::Ok { id: *unsubscribe }]).await;
        // The reply to a request may still come.
        let (headers, payload) = (Vec::new().into(), b"late".to_vec().into());
        let body = pointsman_protocol::frame::BodyKind::Unknown;
        peer.send(&[ServerFrame::Pong { received: 3 }, ServerFrame::Reply { id: 4, headers, payload, body }]).await;
        peer
    };
    let ((acknowledged, subscription, requested, unsubscribed), _peer) = tokio::join!(calls, server);
    assert!(matches!(acknowledged, Err(AcknowledgeError::OutcomeUnknown)), "{acknowledged:?}");
    subscription.unwrap();
    assert_eq!(requested.unwrap().payload, "late");
    unsubscribed.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_attempt_whose_answer_never_came_counts_as_a_generation() {
    // protocol.md#P8.2
    let (_client, _dial, mut peers, peer) = connected(Settings::default()).await;
    drop(peer);
    for generation in [2, 3] {
        let connect = peers.recv().await.unwrap().connect().await;
        assert_eq!(connect.attach.unwrap().generation, generation);
    }
    let mut peer = peers.recv().await.unwrap();
    let connect = peer.welcome(resumed("one", 4, 0)).await;
    assert_eq!(connect.attach.unwrap().generation, 4);
    drop(peer);
    let connect = peers.recv().await.unwrap().connect().await;
    assert_eq!(connect.attach.unwrap().generation, 5);
}
