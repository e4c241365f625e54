//! What breaks the rules of the link (RFC 6455, 5 and 7) ends it with the code for it, and what does not is no reason to.

use std::time::Duration;

use crate::support::{
    BINARY, CLOSE, CONNECT, FIN, FRAME_MAX, MESSAGE_MAX, PING, PONG, Peer, TEXT, close, ends_empty, frame,
    frame_of_length, server, text,
};

/// Before and after there is a session (close codes that are not allowed: see `cases::closing`): the same code, the link's own close the last, no
/// reset, nothing left.
async fn ends_with(what: &str, bytes: &[u8], code: u16) {
    let server = server().await;
    for with_session in [false, true] {
        let mut peer = if with_session { Peer::connected(&server).await } else { Peer::upgraded(&server).await };
        peer.try_send(bytes).await;
        assert_eq!(peer.closed().await, code, "{what}, {}", if with_session { "with a session" } else { "before" });
        drop(peer);
        ends_empty(&server).await;
    }
}

#[tokio::test]
async fn broken_frames_are_protocol_errors() {
    let mut cases: Vec<(String, Vec<u8>)> = vec![
        ("unmasked".into(), vec![FIN | TEXT, 1, b'x']),
        ("unmasked ping".into(), vec![FIN | PING, 0]),
        ("a fragmented ping".into(), frame(PING, b"x")),
        ("a fragmented close".into(), frame(CLOSE, &1000u16.to_be_bytes())),
        ("a long ping".into(), frame(FIN | PING, &[b'x'; 126])),
        ("a long close".into(), close(1000, &[b'x'; 124])),
        ("a long pong".into(), frame(FIN | PONG, &[b'x'; 65_536])),
        ("half a code".into(), frame(FIN | CLOSE, &[3])),
        ("a continuation of nothing".into(), frame(FIN, b"x")),
        ("a fragment of nothing".into(), frame(0, b"x")),
        ("a message within a message".into(), [frame(TEXT, b"x"), frame(FIN | TEXT, b"x")].concat()),
        ("the top bit of the length".into(), frame_of_length(FIN | TEXT, 1 << 63, b"x")),
        ("all bits of the length".into(), frame_of_length(FIN | TEXT, u64::MAX, b"x")),
        ("the top bit of a fragment's length".into(), frame_of_length(TEXT, 1 << 63, b"x")),
    ];
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        cases.push((format!("opcode {opcode}"), frame(FIN | opcode, b"x")));
        cases.push((format!("opcode {opcode} in a message"), [frame(TEXT, b"x"), frame(FIN | opcode, b"x")].concat()));
    }
    for bits in 1..8 {
        cases.push((format!("reserved bits {bits}"), frame(FIN | bits << 4 | TEXT, b"x")));
        cases.push((format!("reserved bits {bits} of a ping"), frame(FIN | bits << 4 | PING, b"x")));
    }
    for (what, bytes) in cases {
        ends_with(&what, &bytes, 1002).await;
    }
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_told_as_such() {
    let snowman = "\u{2603}".as_bytes();
    for (what, bytes) in [
        ("a stray byte", frame(FIN | TEXT, b"a\xffb")),
        ("a surrogate", frame(FIN | TEXT, b"\xed\xa0\x80")),
        ("too long a form", frame(FIN | TEXT, b"\xc0\xaf")),
        ("beyond Unicode", frame(FIN | TEXT, b"\xf4\x90\x80\x80")),
        ("an end within a character", frame(FIN | TEXT, &snowman[..2])),
        ("in the second fragment", [frame(TEXT, b"ab"), frame(FIN, b"\xff")].concat()),
        ("a character that never ends", [frame(TEXT, &snowman[..2]), frame(FIN, b"")].concat()),
        (
            "a character that goes on wrongly",
            [frame(TEXT, &snowman[..2]), frame(0, b"("), frame(FIN, b"\x83")].concat(),
        ),
        ("the reason of a close", close(1000, b"\xff")),
    ] {
        ends_with(what, &bytes, 1007).await;
    }
}

#[tokio::test]
async fn what_is_too_big_is_refused_before_it_is_there() {
    for (what, bytes) in [
        // Only the header: nothing is waited for.
        ("a frame", frame_of_length(FIN | TEXT, FRAME_MAX as u64 + 1, b"")),
        ("a huge frame", frame_of_length(FIN | TEXT, (1 << 63) - 1, b"")),
        ("a message", [frame(TEXT, &vec![b'x'; FRAME_MAX]), frame(FIN, &vec![b'x'; FRAME_MAX])].concat()),
        ("many fragments", [frame(TEXT, b"x"), frame(0, &[b'x'; 125]).repeat(MESSAGE_MAX / 125 + 1)].concat()),
        // The whole of it: the close must not be lost to a reset.
        ("a frame with all its bytes", frame(FIN | TEXT, &vec![b'x'; 8 * FRAME_MAX])),
    ] {
        ends_with(what, &bytes, 1009).await;
    }
}

#[tokio::test]
async fn the_limits_themselves_are_allowed() {
    let server = server().await;
    let mut peer = Peer::connected(&server).await;
    for size in [125, 126, 127, 128, 65_535, FRAME_MAX] {
        let mut ping = r#"{"op":"ping","received":0}"#.to_owned();
        ping.extend(std::iter::repeat_n(' ', size - ping.len()));
        peer.send(&text(&ping)).await;
        assert!(peer.next_text().await.starts_with(r#"{"op":"pong""#), "{size}");
    }
    let mut ping = r#"{"op":"ping","received":0}"#.to_owned();
    ping.extend(std::iter::repeat_n(' ', MESSAGE_MAX - ping.len()));
    let (a, b) = ping.split_at(FRAME_MAX);
    peer.send(&[frame(TEXT, a.as_bytes()), frame(FIN, b.as_bytes())].concat()).await;
    assert!(peer.next_text().await.starts_with(r#"{"op":"pong""#));
}

#[tokio::test]
async fn the_other_type_of_message_closes_the_link() {
    let server = server().await;
    for connected in [false, true] {
        let mut peer = if connected { Peer::connected(&server).await } else { Peer::upgraded(&server).await };
        peer.send(&frame(FIN | BINARY, CONNECT.as_bytes())).await;
        assert_eq!(peer.closed().await, 3501);
        drop(peer);
        ends_empty(&server).await;
    }
}

/// Empty fragments cost nothing but their reading; the message they make is whole all the same.
#[tokio::test]
async fn empty_fragments_cost_nothing() {
    let server = server().await;
    let mut peer = Peer::connected(&server).await;
    let mut reader = Peer::connected(&server).await;
    peer.send(&frame(TEXT, br#"{"op":"publish","id":1,"#)).await;
    for _ in 0..100 {
        peer.send(&frame(0, b"").repeat(1000)).await;
        assert!(reader.is_alive().await, "others are served meanwhile");
    }
    peer.send(&frame(FIN, br#""subject":"x"}"#)).await;
    assert_eq!(peer.next_text().await, r#"{"op":"ok","id":1}"#);
    // A message of nothing but empty fragments is one bad frame.
    peer.send(&[frame(TEXT, b""), frame(0, b"").repeat(1000), frame(FIN, b"")].concat()).await;
    assert!(peer.next_text().await.contains("bad_frame"));
    assert!(peer.is_alive().await);
}

/// Before there is a session they end with the handshake's deadline; they do not keep a link without one.
#[tokio::test]
async fn empty_fragments_are_no_hello() {
    let server = server().await;
    let mut peer = Peer::upgraded(&server).await;
    let start = tokio::time::Instant::now();
    peer.send(&frame(TEXT, b"")).await;
    let code = peer.closed().await;
    assert_eq!(code, 3501);
    assert!(start.elapsed() >= Duration::from_secs(9));
}

/// However the bytes are cut into segments.
#[tokio::test]
async fn every_cut_of_the_bytes_gives_the_same() {
    let server = server().await;
    let ping = br#"{"op":"ping","received":0}"#;
    let message = [frame(TEXT, &ping[..10]), frame(FIN | PING, b"in"), frame(FIN, &ping[10..])].concat();
    let mut peer = Peer::connected(&server).await;
    peer.stream.set_nodelay(true).unwrap();
    for at in 0..=message.len() {
        let (a, b) = message.split_at(at);
        peer.send(a).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
        peer.send(b).await;
        let mut answers = vec![peer.next().await.unwrap(), peer.next().await.unwrap()];
        answers.sort();
        assert!(answers[0].1.starts_with(br#"{"op":"pong""#), "{at}: {answers:?}");
        assert_eq!(answers[1], (PONG, b"in".to_vec()), "{at}");
    }
}
