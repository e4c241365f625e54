//! Bytes that no well-behaved client sends.

use std::io::{Read, Write};

use crate::node::{Node, eventually, read_until};

#[test]
fn requests_that_could_be_read_in_two_ways_are_refused_and_the_connection_closed() {
    let node = Node::dev(&["--no-metrics"]);
    let body = "Content-Type: application/json\r\n";
    for (name, bytes, status) in [
        ("no host", "GET /livez HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("two hosts", "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(), "400"),
        (
            "two lengths",
            "POST /v1/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".into(),
            "400",
        ),
        (
            "length and coding",
            format!(
                "POST /v1/publish HTTP/1.1\r\nHost: a\r\n{body}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            "400",
        ),
        (
            "coding and length",
            format!(
                "POST /v1/publish HTTP/1.1\r\nHost: a\r\n{body}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"
            ),
            "400",
        ),
        (
            "bad chunk",
            format!("POST /v1/publish HTTP/1.1\r\nHost: a\r\n{body}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"),
            "400",
        ),
        ("folded header", "GET /livez HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n".into(), "400"),
        ("space before colon", "GET /livez HTTP/1.1\r\nHost : a\r\n\r\n".into(), "400"),
        ("negative length", "POST /v1/publish HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n".into(), "400"),
        ("large header", format!("GET /livez HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(100_000)), "431"),
        ("many headers", format!("GET /livez HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(100)), "431"),
    ] {
        let answer = node.raw(bytes.as_bytes(), "\0");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answer:?}");
        assert!(answer.to_ascii_lowercase().contains("connection: close"), "{name}: {answer:?}");
    }
    assert_eq!(node.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\0"), "", "HTTP/2 is not spoken");
    let smuggled = "POST /v1/publish HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = node.raw(smuggled.as_bytes(), "\0");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "nothing is read after a coded body: {answer:?}");
    assert_eq!(node.get("/livez").status, 200);
}

#[test]
fn a_client_that_does_not_get_on_is_cut_off_and_others_are_served() {
    let node = Node::dev(&["--no-metrics", "--set", "http.header_timeout='1s'", "--set", "http.body_timeout='1s'"]);
    let mut half = node.tcp();
    half.write_all(b"GET /livez HTTP/1.1\r\nHo").unwrap();
    let mut silent = node.tcp();
    let mut idle = node.tcp();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(read_until(&mut idle, "ok\n").starts_with("HTTP/1.1 200"));
    let mut slow = node.tcp();
    slow.write_all(
        b"POST /v1/publish HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    )
    .unwrap();
    assert_eq!(node.get("/livez").status, 200, "others are served meanwhile");
    assert!(read_until(&mut slow, "\0").starts_with("HTTP/1.1 408 "), "the body did not come");
    for (name, stream) in [("half a header", &mut half), ("nothing", &mut silent), ("kept alive", &mut idle)] {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn connections_are_bounded() {
    let node = Node::dev(&["--no-metrics", "--set", "http.connections_max=3", "--set", "session.keep='0s'"]);
    let links: Vec<_> = (0..3).map(|_| node.session(&serde_json::json!({}))).collect();
    let mut fourth = node.tcp();
    let mut rest = Vec::new();
    // Closed at once, which a request that is under way may see as a reset.
    let _reset = fourth.read_to_end(&mut rest);
    assert!(rest.is_empty());
    drop(links);
    eventually("the places of links are free again", || {
        let mut stream = node.tcp();
        let _closed = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let mut answer = String::new();
        let _reset = stream.read_to_string(&mut answer);
        answer.contains("pointsman_http_connections 1\n").then_some(())
    });
}
