//! Calls that are answered.

use pointsman_protocol::frame::Request;

use super::*;

/// The next request; confirmations in between are passed over.
async fn next_request(peer: &mut Peer) -> Request<'static> {
    loop {
        for frame in peer.receive().await.unwrap() {
            match frame {
                ClientFrame::Request(request) => return request,
                ClientFrame::Pong { .. } => {}
                frame => panic!("{frame:?}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn requests_have_every_outcome() {
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    let error = |id, code: pointsman_protocol::codes::ErrorCode| {
        ServerFrame::Error(ErrorFrame {
            id: Some(id),
            sid: None,
            code: code.code(),
            reason: code.name().into(),
            message: "because".into(),
            retry_after_ms: Some(5),
        })
    };
    let server = async {
        for answer in 0..6 {
            let request = next_request(&mut peer).await;
            assert_eq!(request.timeout_ms, Some(5000));
            let id = request.id;
            let body = pointsman_protocol::frame::BodyKind::Unknown;
            let headers = b"NATS/1.0\r\na: b\r\n\r\n".to_vec();
            let reply = ServerFrame::Reply { id, headers: headers.into(), payload: b"reply".to_vec().into(), body };
            let frame = match answer {
                0 => reply,
                1 => error(id, pointsman_protocol::codes::ErrorCode::NoResponders),
                2 => error(id, pointsman_protocol::codes::ErrorCode::Timeout),
                3 => error(id, pointsman_protocol::codes::ErrorCode::RateLimited),
                // An answer to somebody else, and none to this one.
                _ => ServerFrame::Ok { id: 12_345 },
            };
            peer.send(&[frame]).await;
        }
    };
    let calls = async {
        let reply = client.request("x", "").await.unwrap();
        assert_eq!((reply.subject.as_str(), &*reply.payload, reply.headers.get("a")), ("x", &b"reply"[..], Some("b")));
        assert!(matches!(client.request("x", "").await, Err(RequestError::NoResponders)));
        assert!(matches!(client.request("x", "").await, Err(RequestError::Timeout { .. })));
        let Err(RequestError::Refused(refusal)) = client.request("x", "").await else { panic!("not refused") };
        assert!(refusal.is_transient());
        assert_eq!(refusal.retry_after, Some(Duration::from_millis(5)));
        let before = Instant::now();
        let error = client.request("x", "").await.unwrap_err();
        assert!(matches!(error, RequestError::Timeout { .. }), "{error}");
        assert_eq!(before.elapsed(), Duration::from_secs(5));
        // A caller that went away leaves nothing behind.
        tokio::select! {
            _ = client.request("x", "") => panic!("nobody answered"),
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    };
    tokio::join!(calls, server);
    assert_eq!(client.owner.shared.outgoing.unanswered(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_acknowledged_publish_is_answered() {
    // protocol.md#P5.5, protocol.md#P6.5
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    let server = async {
        for code in [0, 200, 300] {
            let frames = peer.receive().await.unwrap();
            let [ClientFrame::Publish(publish)] = frames.as_slice() else { panic!("{frames:?}") };
            let id = publish.id.unwrap();
            let (reason, message) = ("reason".into(), "because".into());
            let error = ErrorFrame { id: Some(id), sid: None, code, reason, message, retry_after_ms: None };
            peer.send(&[if code == 0 { ServerFrame::Ok { id } } else { ServerFrame::Error(error) }]).await;
        }
    };
    let calls = async {
        client.publish_acknowledged(Message::new("x", "")).await.unwrap();
        let error = client.publish_acknowledged(Message::new("x", "").with_reply("r")).await.unwrap_err();
        assert!(matches!(error, AcknowledgeError::NoResponders), "{error}");
        let error = client.publish_acknowledged(Message::new("x", "")).await.unwrap_err();
        assert!(matches!(error, AcknowledgeError::Refused(_)), "{error}");
        let error = client.publish_acknowledged(Message::new("x", "")).await.unwrap_err();
        assert!(matches!(error, AcknowledgeError::Timeout { .. }), "{error}");
    };
    tokio::join!(calls, server);
    assert_eq!(client.owner.shared.outgoing.unanswered(), 0);
}

#[tokio::test(start_paused = true)]
async fn refusals_of_plain_publishes_are_told() {
    // protocol.md#P9.2
    let (client, _dial, _peers, peer) = connected(Settings::default()).await;
    let mut refusals = client.refusals();
    let error = ErrorFrame {
        id: None,
        sid: None,
        code: 104,
        reason: "permission_denied".into(),
        message: "may not".into(),
        retry_after_ms: None,
    };
    peer.send(&[ServerFrame::Error(error)]).await;
    refusals.changed().await.unwrap();
    let refusals = refusals.borrow().clone();
    assert_eq!(
        (refusals.count, refusals.last.unwrap().error_code()),
        (1, pointsman_protocol::codes::ErrorCode::from_code(104))
    );
}

#[tokio::test(start_paused = true)]
async fn a_response_goes_to_the_reply_subject() {
    // protocol.md#P6.3
    let (client, _dial, _peers, mut peer) = connected(Settings::default()).await;
    client.respond(&Message::new("x", "?").with_reply("_R.n.k.1"), "!").unwrap();
    let frames = peer.receive().await.unwrap();
    let [ClientFrame::Publish(publish)] = frames.as_slice() else { panic!("{frames:?}") };
    assert_eq!((&*publish.subject, &*publish.payload), ("_R.n.k.1", &b"!"[..]));
    let error = client.respond(&Message::new("x", "?"), "!").unwrap_err();
    assert!(matches!(error, crate::error::RespondError::NoReply { .. }), "{error}");
}
