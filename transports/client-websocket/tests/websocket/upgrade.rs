//! From an HTTP request to a link (protocol.md#P1.2).

use pointsman_protocol::codes::CloseCode;
use pointsman_session::close::CloseReason;

use crate::support::{CONNECT, MOMENT, Peer, ask, request, server, text};

type Headers = Vec<(String, String)>;

fn without(mut headers: Headers, name: &str) -> Headers {
    headers.retain(|(known, _)| known != name);
    headers
}

fn with(headers: Headers, name: &str, value: &str) -> Headers {
    let mut headers = without(headers, name);
    headers.push((name.to_owned(), value.to_owned()));
    headers
}

const GET: &str = "GET /v1/ws HTTP/1.1";

#[tokio::test]
async fn an_upgrade_is_answered_as_the_standard_says() {
    let server = server().await;
    let answer = ask(&server, GET, &request(&server), b"").await;
    assert_eq!(answer.status, 101);
    // The example of RFC 6455, 1.3.
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    assert_eq!(answer.header("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
    assert_eq!(answer.header("sec-websocket-protocol"), Some("pointsman.v1.json"));
    assert_eq!(answer.header("sec-websocket-extensions"), None, "nothing is negotiated (P1.5)");
}

#[tokio::test]
async fn what_is_no_upgrade_is_refused_with_its_reason() {
    let server = server().await;
    let good = || request(&server);
    let cases: Vec<(&str, &str, Headers, u16)> = vec![
        ("no key", GET, without(good(), "Sec-WebSocket-Key"), 400),
        ("a short key", GET, with(good(), "Sec-WebSocket-Key", "AAAA"), 400),
        ("no base64", GET, with(good(), "Sec-WebSocket-Key", "!!!!!!!!!!!!!!!!!!!!!!=="), 400),
        ("no version", GET, without(good(), "Sec-WebSocket-Version"), 426),
        ("an old version", GET, with(good(), "Sec-WebSocket-Version", "8"), 426),
        ("two versions", GET, with(good(), "Sec-WebSocket-Version", "13, 8"), 426),
        ("no upgrade", GET, without(good(), "Upgrade"), 426),
        ("another upgrade", GET, with(good(), "Upgrade", "h2c"), 426),
        ("no connection", GET, without(good(), "Connection"), 426),
        ("a post", "POST /v1/ws HTTP/1.1", with(good(), "Content-Length", "0"), 426),
        ("no subprotocol", GET, without(good(), "Sec-WebSocket-Protocol"), 400),
        ("another subprotocol", GET, with(good(), "Sec-WebSocket-Protocol", "pointsman.v2.json"), 400),
        ("a foreign origin", GET, with(good(), "Origin", "https://evil.example"), 403),
        ("no real origin", GET, with(good(), "Origin", "null"), 403),
        ("an origin that only begins well", GET, with(good(), "Origin", "https://app.example.evil"), 403),
        ("the wrong scheme", GET, with(good(), "Origin", "http://app.example"), 403),
    ];
    for (what, line, headers, status) in cases {
        let answer = ask(&server, line, &headers, b"").await;
        assert_eq!(answer.status, status, "{what}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
        let tells_version = answer.header("sec-websocket-version") == Some("13");
        assert_eq!(tells_version, status == 426, "{what}");
    }
    assert_eq!(server.node.sessions.links(), 0);
}

#[tokio::test]
async fn upgrades_are_granted_in_every_spelling() {
    let server = server().await;
    let good = || request(&server);
    let same = format!("http://{}", server.address);
    let cases: Vec<(&str, Headers, &str)> = vec![
        ("listed", with(good(), "Origin", "https://app.example"), "pointsman.v1.json"),
        ("same host", with(good(), "Origin", &same), "pointsman.v1.json"),
        ("case", with(with(good(), "Upgrade", "WebSocket"), "Connection", "UPGRADE"), "pointsman.v1.json"),
        ("the other form", with(good(), "Sec-WebSocket-Protocol", "pointsman.v1.postcard"), "pointsman.v1.postcard"),
        (
            "the first known",
            with(good(), "Sec-WebSocket-Protocol", "x, pointsman.v1.postcard,pointsman.v1.json"),
            "pointsman.v1.postcard",
        ),
        (
            "extensions are passed over",
            with(good(), "Sec-WebSocket-Extensions", "permessage-deflate"),
            "pointsman.v1.json",
        ),
    ];
    for (what, headers, protocol) in cases {
        let answer = ask(&server, GET, &headers, b"").await;
        assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, Some(protocol)), "{what}");
        assert_eq!(answer.header("sec-websocket-extensions"), None);
    }
}

/// A client may send its first frames without waiting for the answer.
#[tokio::test]
async fn what_comes_behind_the_request_is_not_lost() {
    let server = server().await;
    let behind = [text(CONNECT), text(r#"{"op":"publish","id":7,"subject":"echo","data":1}"#)].concat();
    for cut in [behind.len(), 10, 1] {
        let (now, later) = behind.split_at(cut);
        let mut peer = ask(&server, GET, &request(&server), now).await.stream;
        tokio::time::sleep(MOMENT).await;
        peer.send(later).await;
        assert!(peer.next_text().await.starts_with(r#"{"op":"ready""#));
        assert!(peer.next_text().await.starts_with(r#"{"op":"message""#));
        assert_eq!(peer.next_text().await, r#"{"op":"ok","id":7}"#);
    }
}

#[tokio::test]
async fn a_node_that_drains_upgrades_nobody() {
    let server = server().await;
    let mut peer = Peer::connected(&server).await;
    server.node.sessions.drain(|| CloseReason::server(CloseCode::Draining, "going"));
    assert_eq!(ask(&server, GET, &request(&server), b"").await.status, 503);
    assert_eq!(peer.closed().await, 3001);
}
