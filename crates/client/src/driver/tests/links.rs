//! Links are opened, watched and ended.

use super::*;

/// How long `close` waits for the server.
const CLOSE_WAIT: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn connect_says_who_it_is_and_lists_nothing_at_first() {
    let (dial, mut peers) = MemoryDial::new();
    let settings = Settings {
        token: Arc::new(|| Some("token".to_owned())),
        name: Some("name".to_owned()),
        echo: false,
        ..Settings::default()
    };
    let server = async {
        let mut peer = peers.recv().await.unwrap();
        let connect = peer.welcome(new_session("one")).await;
        assert_eq!((connect.version, connect.token.as_deref()), (1, Some("token")));
        assert_eq!((connect.name.as_deref(), connect.echo), (Some("name"), false));
        assert!(connect.subscribe.is_empty() && connect.attach.is_none());
        peer
    };
    let (client, _peer) = tokio::join!(connect_by(dial, settings), server);
    let state = client.unwrap().state().borrow().clone();
    let ConnectionState::Connected { session, server, resumed, .. } = state else { panic!("{state:?}") };
    assert_eq!((session.as_str(), server.as_str(), resumed), ("one", "pointsman/test", false));
}

#[tokio::test(start_paused = true)]
async fn a_refused_connect_is_told_with_its_code() {
    // protocol.md#P3.5
    let (dial, mut peers) = MemoryDial::new();
    let server = async {
        let mut peer = peers.recv().await.unwrap();
        peer.connect().await;
        peer.send(&[close(3500, None)]).await;
        peer
    };
    let (client, _peer) = tokio::join!(connect_by(dial, Settings::default()), server);
    let Err(crate::error::ConnectError::Link(LinkError::Closed(close))) = client else { panic!("{client:?}") };
    assert_eq!((close.code, close.retry(), close.message.as_str()), (3500, Retry::Stop, "because"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up() {
    let (dial, _peers) = MemoryDial::new();
    let settings = Settings { connect_timeout: Duration::from_secs(3), ..Settings::default() };
    let before = Instant::now();
    let error = connect_by(dial, settings).await.unwrap_err();
    assert!(matches!(error, crate::error::ConnectError::Link(LinkError::Timeout { .. })), "{error}");
    assert_eq!(before.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn what_was_received_is_confirmed_in_time() {
    // protocol.md#P7.3
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    let mut subscription = subscribed(&client, &mut peer, "a").await;
    let sids = [subscription.sid()];
    let before = Instant::now();
    peer.send(&[delivery(&sids, &["1"])]).await;
    // The answer to the subscription and the delivery.
    assert_eq!(peer.receive().await.unwrap(), [ClientFrame::Pong { received: 2 }]);
    assert_eq!(before.elapsed(), Duration::from_secs(1));

    let before = Instant::now();
    for _ in 0..64 {
        peer.send(&[delivery(&sids, &["x"])]).await;
    }
    let frames = peer.receive().await.unwrap();
    assert!(matches!(frames.as_slice(), [ClientFrame::Pong { received: 34..=66 }]), "{frames:?}");
    assert_eq!(before.elapsed(), Duration::ZERO);

    let large = "x".repeat(33 * 1024);
    let before = Instant::now();
    peer.send(&[delivery(&sids, &[&large])]).await;
    let confirmed = loop {
        match peer.receive().await.unwrap().as_slice() {
            [ClientFrame::Pong { received: 67 }] => break before.elapsed(),
            [ClientFrame::Pong { .. }] => {}
            frames => panic!("{frames:?}"),
        }
    };
    assert_eq!(confirmed, Duration::ZERO);
    for _ in 0..66 {
        subscription.next().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_with_the_count() {
    // protocol.md#P7.1
    let (_client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    peer.send(&[ServerFrame::Ping { received: 0 }]).await;
    assert_eq!(peer.receive().await.unwrap(), [ClientFrame::Pong { received: 1 }]);
    peer.send(&[ServerFrame::Ping { received: 1 }]).await;
    assert_eq!(peer.receive().await.unwrap(), [ClientFrame::Pong { received: 2 }]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_link_is_dropped_and_the_session_taken_up() {
    // protocol.md#P7.1, protocol.md#P8.2
    let (client, _dial, mut peers, mut peer) = connected(Settings::default()).await;
    let before = Instant::now();
    let ended = async { while peer.receive().await.is_some() {} };
    let next = async {
        let mut next = peers.recv().await.unwrap();
        assert!(before.elapsed() >= Duration::from_secs(50), "{:?}", before.elapsed());
        let connect = next.welcome(resumed("one", 2, 0)).await;
        let attach = connect.attach.unwrap();
        assert_eq!((&*attach.session, &*attach.secret, attach.generation), ("one", "secret", 2));
        next
    };
    let state = until(&client, |state| matches!(state, ConnectionState::Reconnecting { .. }));
    let ((), _next, state) = tokio::join!(ended, next, state);
    let ConnectionState::Reconnecting { attempt: 1, cause: LinkError::Silent { after }, .. } = state else {
        panic!("{state:?}")
    };
    assert_eq!(after, Duration::from_secs(50));
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_and_attempts_are_counted_out() {
    let policy = ReconnectPolicy { attempts: Some(5), ..ReconnectPolicy::default() };
    let (client, dial, _peers, peer) = connected(Settings { reconnect: policy, ..Settings::default() }).await;
    dial.failures.store(usize::MAX, Ordering::Relaxed);
    let mut state = client.state();
    drop(peer);
    let mut seen = Vec::new();
    loop {
        state.changed().await.unwrap();
        match state.borrow_and_update().clone() {
            ConnectionState::Reconnecting { attempt, next_delay, .. } => {
                let bound = policy.min_delay * 2_u32.pow(attempt - 1);
                assert!(next_delay <= bound, "{attempt}: {next_delay:?}");
                seen.push(attempt);
            }
            ConnectionState::Closed { cause } => {
                assert!(matches!(cause, CloseCause::GaveUp { attempts: 5, .. }), "{cause}");
                break;
            }
            ConnectionState::Connecting | ConnectionState::Connected { .. } => {}
        }
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    assert_eq!(dial.attempts.load(Ordering::Relaxed), 6);
    assert!(matches!(client.publish("a", "b"), Err(PublishError::Closed { cause: CloseCause::GaveUp { .. }, .. })));
}

#[tokio::test(start_paused = true)]
async fn the_server_says_when_to_come_back() {
    // protocol.md#P9.3
    let (_client, _dial, mut peers, peer) = connected(Settings::default()).await;
    let before = Instant::now();
    peer.send(&[close(3001, Some(60_000))]).await;
    peers.recv().await.unwrap();
    let waited = before.elapsed();
    assert!(waited >= Duration::from_secs(60) && waited <= Duration::from_millis(60_251), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_code_that_says_stop_ends_the_client() {
    let (client, dial, _peers, mut peer) = connected(Settings::default()).await;
    let mut subscription = subscribed(&client, &mut peer, "a").await;
    let (request, ()) = tokio::join!(client.request("b", ""), async {
        peer.receive().await.unwrap();
        peer.send(&[delivery(&[subscription.sid()], &["last"]), close(3504, None)]).await;
    });
    assert!(matches!(request, Err(RequestError::OutcomeUnknown)), "{request:?}");
    let state = until(&client, ConnectionState::is_closed).await;
    let ConnectionState::Closed { cause: CloseCause::ByServer(close) } = state else { panic!("{state:?}") };
    assert_eq!(close.close_code(), Some(pointsman_protocol::codes::CloseCode::Kicked));
    assert_eq!(payload(&mut subscription).await, "last");
    assert!(subscription.next().await.is_none());
    assert!(matches!(subscription.ended(), Some(SubscriptionEnd::Closed(CloseCause::ByServer(_)))));
    assert_eq!(dial.attempts.load(Ordering::Relaxed), 1);
    let error = client.subscribe("b").await.unwrap_err();
    assert!(matches!(error, SubscribeError::Closed(CloseCause::ByServer(_))), "{error}");
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn close_sends_what_waits_and_says_goodbye() {
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    let mut subscription = subscribed(&client, &mut peer, "a").await;
    client.publish("a", "last").unwrap();
    let server = async {
        assert_eq!(published(&peer.receive().await.unwrap()), ["last"]);
        assert_eq!(peer.goodbye().await, Some(1000));
        drop(peer);
    };
    let clone = client.clone();
    tokio::join!(client.close(), clone.close(), server);
    assert!(matches!(client.state().borrow().clone(), ConnectionState::Closed { cause: CloseCause::ByClient }));
    assert!(subscription.next().await.is_none());
    assert!(matches!(client.flush().await, Err(FlushError::Closed(_))));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn close_does_not_wait_for_a_server_that_does_not_agree() {
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    let before = Instant::now();
    client.close().await;
    assert_eq!(before.elapsed(), CLOSE_WAIT);
    assert_eq!(peer.goodbye().await, Some(1000));
}

#[tokio::test(start_paused = true)]
async fn close_is_heard_while_there_is_no_link() {
    let (client, dial, _peers, peer) = connected(Settings::default()).await;
    dial.failures.store(usize::MAX, Ordering::Relaxed);
    drop(peer);
    until(&client, |state| matches!(state, ConnectionState::Reconnecting { attempt, .. } if *attempt > 8)).await;
    let acknowledged = client.publish_acknowledged(Message::new("a", "b"));
    let mut acknowledged = Box::pin(acknowledged);
    assert!(futures_util::poll!(acknowledged.as_mut()).is_pending());
    let before = Instant::now();
    client.close().await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    let error = acknowledged.await.unwrap_err();
    assert!(matches!(error, AcknowledgeError::Closed(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn dropping_every_handle_ends_the_task() {
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    let mut subscription = subscribed(&client, &mut peer, "a").await;
    let mut state = client.state();
    drop(client);
    // A subscription is a handle, too.
    peer.send(&[delivery(&[subscription.sid()], &["1"])]).await;
    assert_eq!(payload(&mut subscription).await, "1");
    drop(subscription);
    state.wait_for(ConnectionState::is_closed).await.unwrap();
    while peer.receive().await.is_some() {}
}
