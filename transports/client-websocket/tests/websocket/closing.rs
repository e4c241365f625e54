//! Goodbyes, pings and broken connections.

use tokio::io::AsyncWriteExt;

use crate::support::{CLOSE, FIN, PING, PONG, Peer, close, ends_empty, frame, server, text};

#[tokio::test]
async fn pings_of_the_link_are_answered_in_order_with_their_payload() {
    let server = server().await;
    let mut peer = Peer::connected(&server).await;
    let mut bytes = Vec::new();
    for n in 0..100u8 {
        bytes.extend(frame(FIN | PING, &vec![n; usize::from(n)]));
    }
    bytes.extend(frame(FIN | PONG, b"nobody asked"));
    peer.send(&bytes).await;
    for n in 0..100u8 {
        assert_eq!(peer.next().await.unwrap(), (PONG, vec![n; usize::from(n)]));
    }
    assert!(peer.is_alive().await);
}

/// What the link answers is written behind what waits, never into it.
#[tokio::test]
async fn pongs_do_not_tear_deliveries() {
    let server = server().await;
    let mut peer = Peer::connected(&server).await;
    let body = "x".repeat(30_000);
    let mut bytes = Vec::new();
    for n in 0..20 {
        bytes.extend(text(&format!(r#"{{"op":"publish","subject":"echo","text":"{n} {body}"}}"#)));
        bytes.extend(frame(FIN | PING, b"?"));
    }
    let (mut reading, mut writing) = (0, 0);
    peer.send(&bytes).await;
    while reading + writing < 40 {
        match peer.next().await.unwrap() {
            (PONG, payload) => {
                assert_eq!(payload, b"?");
                writing += 1;
            }
            (_, payload) => {
                // Several messages may come in one.
                let text = String::from_utf8(payload).unwrap();
                while reading < 20 && text.contains(&format!("{reading} {body}")) {
                    reading += 1;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_close_is_answered_with_its_code_and_nothing_follows() {
    let server = server().await;
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        let mut peer = Peer::connected(&server).await;
        peer.send(&[close(code, "bye \u{fc}".as_bytes()), text(r#"{"op":"ping","received":0}"#)].concat()).await;
        let rest = peer.rest().await;
        assert_eq!(rest.len(), 1, "{code}: {rest:?}");
        assert_eq!((rest[0].0, &rest[0].1[..2]), (CLOSE, &u16::to_be_bytes(code)[..]));
    }
    let mut peer = Peer::connected(&server).await;
    peer.send(&frame(FIN | CLOSE, b"")).await;
    assert_eq!(peer.rest().await.len(), 1, "a close without a code");
}

#[tokio::test]
async fn only_a_proper_goodbye_ends_the_session() {
    for (code, kept) in [(Some(1000), false), (Some(1001), false), (Some(1011), true), (Some(4000), true), (None, true)]
    {
        let server = server().await;
        let mut peer = Peer::connected(&server).await;
        match code {
            Some(code) => peer.send(&close(code, b"")).await,
            None => peer.stream.shutdown().await.unwrap(),
        }
        peer.rest().await;
        pointsman_testkit::node::until("the link is gone", || server.node.sessions.links() == 0).await;
        assert_eq!(server.node.sessions.sessions.len(), usize::from(kept), "{code:?}");
    }
}

/// A peer that does not close its side is not waited for without end.
#[tokio::test]
async fn a_peer_that_goes_on_sending_is_let_go() {
    let server = server().await;
    let mut peer = Peer::connected(&server).await;
    peer.send(&frame(0x83, b"x")).await;
    for _ in 0..200 {
        peer.try_send(&frame(FIN | PING, &[b'x'; 100]).repeat(100)).await;
    }
    ends_empty(&server).await;
}

#[tokio::test]
async fn a_connection_that_is_gone_within_a_frame_keeps_its_session() {
    let server = server().await;
    let mut peer = Peer::connected(&server).await;
    let bytes = text(r#"{"op":"publish","subject":"echo","data":1}"#);
    peer.send(&bytes[..bytes.len() - 3]).await;
    drop(peer);
    pointsman_testkit::node::until("the link is gone", || server.node.sessions.links() == 0).await;
    assert_eq!(server.node.sessions.sessions.len(), 1);
    assert_eq!(server.node.sessions.sessions.page(0, 1)[0].received_messages, 0, "half a message is none");
}
