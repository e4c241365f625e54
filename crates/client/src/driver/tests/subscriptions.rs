//! What the application receives.

use super::*;

#[tokio::test(start_paused = true)]
async fn deliveries_go_to_exactly_the_named_subscriptions() {
    // protocol.md#P5.6
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    let mut one = subscribed(&client, &mut peer, "a").await;
    let mut two = subscribed(&client, &mut peer, "a").await;
    peer.send(&[delivery(&[one.sid()], &["1"]), delivery(&[one.sid(), two.sid(), 999], &["2", "3"])]).await;
    peer.send(&[delivery(&[two.sid()], &["4"])]).await;
    for expected in ["1", "2", "3"] {
        assert_eq!(payload(&mut one).await, expected);
    }
    for expected in ["2", "3", "4"] {
        assert_eq!(payload(&mut two).await, expected);
    }
    assert_eq!(one.pending(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn gaps_stand_where_the_server_told_them() {
    // protocol.md#P9.1
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    let mut subscription = subscribed(&client, &mut peer, "a").await;
    let sids = vec![subscription.sid()];
    let lost = ServerFrame::Gap { sids: sids.clone(), lost: Some(7), reason: "slow_consumer".into() };
    peer.send(&[delivery(&sids, &["1"]), lost, delivery(&sids, &["2"])]).await;
    assert_eq!(payload(&mut subscription).await, "1");
    assert_eq!(gap(&mut subscription).await, Gap { lost: Some(7), reason: GapReason::SlowConsumer });
    assert_eq!(payload(&mut subscription).await, "2");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_told_what_it_missed() {
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    let options = SubscribeOptions::new("a").buffer(2, usize::MAX);
    let server = async {
        let frames = peer.receive().await.unwrap();
        let [ClientFrame::Subscribe { id: Some(id), subscription }] = frames.as_slice() else { panic!("{frames:?}") };
        peer.send(&[ServerFrame::Ok { id: *id }, delivery(&[subscription.sid], &["1", "2", "3", "4"])]).await;
    };
    let (subscription, ()) = tokio::join!(client.subscribe_with(options), server);
    let mut subscription = subscription.unwrap();
    // The ping after the deliveries shows that they have been taken in.
    let flushed = async {
        let frames = peer.receive().await.unwrap();
        assert!(matches!(frames.as_slice(), [ClientFrame::Ping { .. }]), "{frames:?}");
        peer.send(&[ServerFrame::Pong { received: 2 }]).await;
    };
    let (flush, ()) = tokio::join!(client.flush(), flushed);
    flush.unwrap();
    assert_eq!(payload(&mut subscription).await, "1");
    assert_eq!(payload(&mut subscription).await, "2");
    assert_eq!(gap(&mut subscription).await, Gap { lost: Some(2), reason: GapReason::ClientSlow });
    peer.send(&[delivery(&[subscription.sid()], &["5"])]).await;
    assert_eq!(payload(&mut subscription).await, "5");
}

#[tokio::test(start_paused = true)]
async fn subscriptions_end_in_every_way() {
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    // By unsubscribing: what arrives before the answer is still yielded.
    let mut one = subscribed(&client, &mut peer, "a").await;
    let server = async {
        let frames = peer.receive().await.unwrap();
        let [ClientFrame::Unsubscribe { id: Some(id), sid, max: None }] = frames.as_slice() else {
            panic!("{frames:?}")
        };
        peer.send(&[delivery(&[*sid], &["late"]), ServerFrame::Ok { id: *id }, delivery(&[*sid], &["too late"])]).await;
    };
    let (ended, ()) = tokio::join!(one.unsubscribe(), server);
    ended.unwrap();
    assert_eq!(payload(&mut one).await, "late");
    assert!(one.next().await.is_none());
    one.unsubscribe().await.unwrap();
    drop(one);
    // By its maximum.
    let (two, ()) = tokio::join!(client.subscribe_with(SubscribeOptions::new("a").queue("q").max(2)), async {
        let frames = peer.receive().await.unwrap();
        let [ClientFrame::Subscribe { id: Some(id), subscription }] = frames.as_slice() else { panic!("{frames:?}") };
        assert_eq!((subscription.queue.as_deref(), subscription.max), (Some("q"), Some(2)));
        peer.send(&[ServerFrame::Ok { id: *id }, delivery(&[subscription.sid], &["1", "2"])]).await;
    });
    let mut two = two.unwrap();
    assert_eq!((payload(&mut two).await, payload(&mut two).await), ("1".to_owned(), "2".to_owned()));
    assert!(two.next().await.is_none());
    assert!(matches!(two.ended(), Some(SubscriptionEnd::MaxReached)));
    drop(two);
    // By being dropped.
    let three = subscribed(&client, &mut peer, "a").await;
    let sid = three.sid();
    drop(three);
    assert_eq!(peer.receive().await.unwrap(), [ClientFrame::Unsubscribe { id: None, sid, max: None }]);
    // By refusal.
    let (four, ()) = tokio::join!(client.subscribe("a"), async {
        let frames = peer.receive().await.unwrap();
        let [ClientFrame::Subscribe { id, .. }] = frames.as_slice() else { panic!("{frames:?}") };
        let (reason, message) = ("permission_denied".into(), "no".into());
        let error = ErrorFrame { id: *id, sid: None, code: 104, reason, message, retry_after_ms: None };
        peer.send(&[ServerFrame::Error(error)]).await;
    });
    assert!(matches!(four, Err(SubscribeError::Refused(_))), "{four:?}");
    // By a caller that did not wait.
    let mut subscribing = Box::pin(client.subscribe("a"));
    assert!(futures_util::poll!(subscribing.as_mut()).is_pending());
    drop(subscribing);
    let frames = peer.receive().await.unwrap();
    assert!(
        matches!(
            frames.as_slice(),
            [ClientFrame::Subscribe { subscription, .. }, ClientFrame::Unsubscribe { id: None, sid, .. }] if subscription.sid == *sid
        ),
        "{frames:?}"
    );
}
