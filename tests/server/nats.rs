//! The NATS client protocol, byte by byte, and together with the other links.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::node::{DEADLINE, Node, eventually, read_until};

fn address(node: &Node) -> String {
    node.find("ready").unwrap()["nats"].as_str().unwrap().to_owned()
}

/// A client whose `INFO` has been read.
struct Client {
    stream: TcpStream,
    info: serde_json::Value,
}

impl Client {
    fn open(node: &Node) -> Self {
        let mut stream = TcpStream::connect(address(node)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        let json = std::str::from_utf8(&line).unwrap().strip_prefix("INFO ").unwrap();
        Self { info: serde_json::from_str(json).unwrap(), stream }
    }

    /// Connected quietly, with headers.
    fn connected(node: &Node) -> Self {
        let mut client = Self::open(node);
        client.say("CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\n");
        client
    }

    fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// Everything up to and with the answer to a ping.
    fn until_pong(&mut self) -> String {
        self.say("PING\r\n");
        let mut heard = read_until(&mut self.stream, "PONG\r\n");
        assert!(heard.ends_with("PONG\r\n"), "{heard}");
        heard.truncate(heard.len() - "PONG\r\n".len());
        heard
    }

    fn until(&mut self, end: &str) -> String {
        read_until(&mut self.stream, end)
    }
}

/// What is answered to bytes on a new connection, and whether it is closed then.
fn answer(node: &Node, text: &str) -> (String, bool) {
    let mut client = Client::open(node);
    client.say(text);
    // A link that is closed does not get as far as the pong.
    let _closed = client.stream.write_all(b"PING\r\n");
    let heard = client.until("PONG\r\n");
    match heard.strip_suffix("PONG\r\n") {
        Some(heard) => (heard.to_owned(), false),
        None => (heard, true),
    }
}

#[test]
fn a_node_says_what_clients_look_for() {
    let node = Node::dev(&["--no-metrics"]);
    let client = Client::open(&node);
    for key in ["server_id", "server_name", "version", "host", "port", "max_payload", "client_id", "client_ip"] {
        assert!(client.info.get(key).is_some(), "{key} is not in {}", client.info);
    }
    assert_eq!((&client.info["headers"], &client.info["proto"]), (&json!(true), &json!(1)));
    assert_eq!(client.info["auth_required"], false);
    let mut client = Client::open(&node);
    client.say("CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n");
    let heard = client.until("\"connect_info\":true");
    assert!(heard.starts_with("PONG\r\nINFO {"), "{heard}");
}

#[test]
fn operations_are_answered_as_clients_expect() {
    let node = Node::dev(&["--no-metrics"]);
    let quiet = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";
    let quiet = |rest: &str| format!("{quiet}{rest}");
    for (text, expected, closed) in [
        // Without CONNECT a client is verbose and pedantic.
        ("PUB a.b 2\r\nhi\r\n".to_owned(), "+OK\r\n", false),
        ("SUB a.b 1\r\nUNSUB 1\r\nUNSUB 9\r\n".into(), "+OK\r\n+OK\r\n+OK\r\n", false),
        ("SUB a.b 1\r\nSUB a.c 1\r\n".into(), "+OK\r\n+OK\r\n", false),
        ("PUB a.* 0\r\n\r\n".into(), "-ERR 'Invalid Publish Subject'\r\n+OK\r\n", false),
        ("CONNECT {}\r\n".into(), "+OK\r\n", false),
        (quiet("PUB a..b 2\r\nhi\r\n"), "", false),
        (quiet("SUB a..b 1\r\n"), "-ERR 'Invalid Subject'\r\n", false),
        (quiet("SUB a.>.b 1\r\n"), "-ERR 'Invalid Subject'\r\n", false),
        (quiet("SUB a 1\r\nPUB a 2\r\nhi\r\n"), "MSG a 1 2\r\nhi\r\n", false),
        (quiet("SUB a any.thing-at_all\r\nPUB a r 0\r\n\r\n"), "MSG a any.thing-at_all r 0\r\n\r\n", false),
        (quiet("SUB a 1\r\nSUB a 2\r\nPUB a 1\r\nx\r\n"), "MSG a 1 1\r\nx\r\nMSG a 2 1\r\nx\r\n", false),
        (
            quiet("SUB a 1\r\nUNSUB 1 2\r\nPUB a 0\r\n\r\nPUB a 0\r\n\r\nPUB a 0\r\n\r\n"),
            "MSG a 1 0\r\n\r\nMSG a 1 0\r\n\r\n",
            false,
        ),
        (quiet("+OK\r\nINFO {}\r\nPONG\r\nping x\r\n"), "PONG\r\n", false),
        (quiet("SUB $SYS.> 1\r\n"), "-ERR 'Permissions Violation for Subscription to \"$SYS.>\"'\r\n", false),
        (
            quiet("SUB _INBOX.> q 1\r\n"),
            "-ERR 'Permissions Violation for Subscription to \"_INBOX.>\" using queue \"q\"'\r\n",
            false,
        ),
        (quiet("PUB $SYS.a 0\r\n\r\n"), "-ERR 'Permissions Violation for Publish to \"$SYS.a\"'\r\n", false),
        ("HELO\r\n".into(), "-ERR 'Unknown Protocol Operation'\r\n", true),
        (quiet("PUB a 2\r\nhixx\r\n"), "-ERR 'Unknown Protocol Operation'\r\n", true),
        (quiet("PUB a 9999999\r\n"), "-ERR 'Maximum Payload Violation'\r\n", true),
        (format!("SUB {} 1\r\n", "a".repeat(5000)), "-ERR 'maximum control line exceeded'\r\n", true),
        (quiet("PUB a x\r\n"), "", true),
        (quiet("HPUB a 0 0\r\n\r\n"), "", true),
        ("CONNECT {\"protocol\":7}\r\n".into(), "-ERR 'invalid client protocol'\r\n", true),
        ("CONNECT {\"no_responders\":true}\r\n".into(), "-ERR 'no responders requires headers support'\r\n", true),
        ("CONNECT {\"account\":\"a\"}\r\n".into(), "-ERR 'Authorization Violation'\r\n", true),
        ("CONNECT nonsense\r\n".into(), "", true),
    ] {
        assert_eq!(answer(&node, &text), (expected.to_owned(), closed), "{:?}", &text[..text.len().min(120)]);
    }
    assert_eq!(node.get("/v1/status").json()["ready"], true);
}

#[test]
fn nobody_there_is_told_at_once() {
    let node = Node::dev(&["--no-metrics"]);
    let mut client = Client::connected(&node);
    client.say("SUB _INBOX.a.* 7\r\nPUB ask.me _INBOX.a.1 0\r\n\r\n");
    let status = "NATS/1.0 503\r\nNats-Subject: ask.me\r\n\r\n";
    let len = status.len();
    assert_eq!(client.until_pong(), format!("HMSG _INBOX.a.1 7 {len} {len}\r\n{status}\r\n"));
    // Somebody who listens, or a reply that goes elsewhere, is no reason.
    client.say("SUB ask.me 8\r\nPUB ask.me _INBOX.a.1 0\r\n\r\nPUB nobody r 0\r\n\r\n");
    assert_eq!(client.until_pong(), "MSG ask.me 8 _INBOX.a.1 0\r\n\r\n");
}

#[test]
fn all_links_are_one_world() {
    let node = Node::dev(&["--no-metrics"]);
    let mut nats = Client::connected(&node);
    nats.say("SUB w.> 1\r\nSUB sum q 2\r\n");
    nats.until_pong();
    let (mut web, _) = node.session(&json!({"echo": false, "subscribe": [{"sid": 1, "pattern": "w.>"}]}));

    // From a service to a page, headers and reply included; JSON stays as it was written.
    nats.say("HPUB w.a r.s 18 27\r\nNATS/1.0\r\nA: b\r\n\r\n{\"k\": 1 }\r\n");
    let text = web.next_text().unwrap();
    assert!(text.contains(r#""data":{"k": 1 }"#), "{text}");
    let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&frame["messages"][0]["headers"], &frame["messages"][0]["reply"]), (&json!({"A": "b"}), &json!("r.s")));
    nats.until_pong();

    // From a page to a service.
    web.send(&json!({"op": "publish", "subject": "w.b", "data": [1, 2], "headers": {"X": "y"}}));
    assert_eq!(nats.until("[1,2]\r\n"), "HMSG w.b 1 18 23\r\nNATS/1.0\r\nX: y\r\n\r\n[1,2]\r\n");

    // A request of a page is answered by a service, and the other way round.
    web.send(&json!({"op": "request", "id": 1, "subject": "sum", "data": 5}));
    let asked = nats.until("5\r\n");
    let reply = asked.split(' ').nth(3).unwrap().to_owned();
    nats.say(&format!("PUB {reply} 1\r\n7\r\n"));
    assert_eq!(web.next().unwrap(), json!({"op": "reply", "id": 1, "data": 7}));
    web.send(&json!({"op": "subscribe", "id": 2, "sid": 2, "pattern": "ask"}));
    assert_eq!(web.next().unwrap()["op"], "ok");
    nats.say("SUB _INBOX.n.* 3\r\nPUB ask _INBOX.n.1 2\r\nhi\r\n");
    assert_eq!(web.next().unwrap()["messages"][0]["reply"], "_INBOX.n.1");
    web.send(&json!({"op": "publish", "subject": "_INBOX.n.1", "text": "yes"}));
    assert_eq!(nats.until("yes\r\n"), "MSG _INBOX.n.1 3 3\r\nyes\r\n");

    let connections = node.get("/v1/connections").json();
    assert_eq!(
        (&connections["connections"][0]["link"], &connections["connections"][0]["codec"]),
        (&json!("nats"), &json!("nats"))
    );
    drop(nats);
    eventually("the session ends with its link", || (node.get("/v1/connections").json()["total"] == 1).then_some(()));
}

#[test]
fn tokens_and_passwords_let_in_what_they_allow() {
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        config.path(),
        "[api]\nanonymous = true\n[[auth.tokens]]\nname = \"ada\"\ntoken = \"secret\"\npublish = { allow = [\"a.>\"] }\nsubscribe = { allow = [\"a.>\"], deny = [\"a.x\"] }\n",
    )
    .unwrap();
    let node = Node::serve(&["--config", config.path().to_str().unwrap(), "--set", "nats.listen='127.0.0.1:0'"]);
    assert_eq!(Client::open(&node).info["auth_required"], true);
    for (options, lets_in) in [
        (r#"{"auth_token":"secret"}"#, true),
        (r#"{"user":"ada","pass":"secret"}"#, true),
        (r#"{"user":"bob","pass":"secret"}"#, false),
        (r#"{"auth_token":"wrong"}"#, false),
        ("{}", false),
    ] {
        let (heard, closed) = answer(&node, &format!("CONNECT {options}\r\n"));
        let expected = if lets_in { "+OK\r\n" } else { "-ERR 'Authorization Violation'\r\n" };
        assert_eq!((heard.as_str(), closed), (expected, !lets_in), "{options}");
    }
    assert_eq!(answer(&node, "PUB a 0\r\n\r\n"), ("-ERR 'Authorization Violation'\r\n".to_owned(), true));
    let mut ada = Client::open(&node);
    ada.say(
        "CONNECT {\"verbose\":false,\"user\":\"ada\",\"pass\":\"secret\"}\r\nSUB a.* 1\r\nSUB b 2\r\nSUB a.x 3\r\n",
    );
    assert_eq!(
        ada.until_pong(),
        "-ERR 'Permissions Violation for Subscription to \"b\"'\r\n-ERR 'Permissions Violation for Subscription to \"a.x\"'\r\n"
    );
    ada.say("PUB b 0\r\n\r\nPUB a.x 0\r\n\r\nPUB a.y 0\r\n\r\n");
    // What was refused is told after what was accepted beside it; a.x is cut out at delivery.
    let heard = ada.until_pong();
    assert_eq!(heard, "MSG a.y 1 0\r\n\r\n-ERR 'Permissions Violation for Publish to \"b\"'\r\n");
}

#[test]
fn a_client_that_does_not_read_is_closed_and_others_are_served() {
    let node = Node::dev(&["--no-metrics", "--set", "nats.pending_bytes_max='1MiB'"]);
    let mut slow = Client::connected(&node);
    slow.say("SUB big 1\r\n");
    slow.until_pong();
    let mut good = Client::connected(&node);
    good.say("SUB small 1\r\n");
    let payload = "x".repeat(256 * 1024);
    eventually("the slow client is closed", || {
        good.say(&format!("PUB big {}\r\n{payload}\r\n", payload.len()));
        good.until_pong();
        (node.get("/v1/connections").json()["total"] == 1).then_some(())
    });
    good.say("PUB small 2\r\nhi\r\n");
    assert_eq!(good.until_pong(), "MSG small 1 2\r\nhi\r\n");
    assert!(node.get("/metrics").body.contains("pointsman_slow_consumer_disconnects_total 1"));
}

#[test]
fn a_node_that_ends_lets_its_clients_go() {
    let mut node = Node::dev(&["--no-metrics"]);
    let mut client = Client::connected(&node);
    client.say("SUB system.status.changed 1\r\n");
    client.until_pong();
    node.signal("TERM");
    let rest = client.until("\0");
    assert!(rest.starts_with("MSG system.status.changed 1 ") && !rest.contains("-ERR"), "{rest}");
    assert_eq!(node.ended(), Some(0));
}
