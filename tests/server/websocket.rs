//! Links over the real port.

use serde_json::json;

use crate::node::Node;

#[test]
fn upgrades_that_cannot_be_are_refused_with_what_would_be_right() {
    let node = Node::dev(&["--no-metrics"]);
    let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let whole = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        key,
        ("sec-websocket-protocol", "pointsman.v1.json"),
    ];
    let without = |name: &str| whole.iter().copied().filter(|(known, _)| *known != name).collect::<Vec<_>>();
    let with = |name: &'static str, value: &'static str| [without(name), vec![(name, value)]].concat();
    for (headers, status) in [
        (without("upgrade"), 426),
        (without("connection"), 426),
        (with("sec-websocket-version", "12"), 426),
        (without("sec-websocket-key"), 400),
        (with("sec-websocket-key", "short"), 400),
        (with("sec-websocket-protocol", "chat"), 400),
        (without("sec-websocket-protocol"), 400),
        (with("origin", "https://evil.example"), 403),
        (with("origin", "null"), 403),
    ] {
        let answer = node.http("GET", "/v1/ws", &headers, b"");
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.body);
        assert!(answer.json()["next_step"].is_string());
        assert_eq!(answer.headers.contains("sec-websocket-version: 13"), status == 426, "{headers:?}");
    }
    let here = format!("http://{}", node.address);
    assert!(node.upgrade(&[("origin", &here)]).is_ok());
    assert_eq!(node.upgrade(&[("origin", "http://evil.example")]).err(), Some(403));
}

#[test]
fn sessions_subscribe_publish_request_and_reply() {
    let node = Node::dev(&["--no-metrics"]);
    let (mut a, ready) =
        node.session(&json!({"name": "a", "subscribe": [{"sid": 1, "pattern": "x.*"}, {"sid": 2, "pattern": "x.>"}]}));
    assert_eq!((&ready["op"], &ready["version"], &ready["generation"]), (&json!("ready"), &json!(1), &json!(1)));
    let (mut b, _) = node.session(&json!({"echo": false, "subscribe": [{"sid": 7, "pattern": "x.>"}]}));
    b.send(&json!({"op": "publish", "id": 1, "subject": "x.y", "data": [1]}));
    assert_eq!(b.next().unwrap(), json!({"op": "ok", "id": 1}), "no echo of its own");
    assert_eq!(
        a.next().unwrap(),
        json!({"op": "message", "sids": [1, 2], "messages": [{"subject": "x.y", "data": [1]}]}),
        "once, for both subscriptions"
    );
    b.send(&json!({"op": "request", "id": 2, "subject": "nobody.here", "data": 1}));
    let error = b.next().unwrap();
    assert_eq!((&error["id"], &error["reason"]), (&json!(2), &json!("no_responders")));
    b.send(&json!({"op": "request", "id": 3, "subject": "x.sum", "data": [1, 2]}));
    let request = a.next().unwrap();
    let reply = request["messages"][0]["reply"].as_str().unwrap();
    a.send(&json!({"op": "publish", "subject": reply, "data": 3}));
    assert_eq!(b.next().unwrap(), json!({"op": "reply", "id": 3, "data": 3}));
    a.send(&json!({"op": "unsubscribe", "id": 9, "sid": 2}));
    assert_eq!(a.next().unwrap(), json!({"op": "ok", "id": 9}));
    b.send(&json!({"op": "publish", "subject": "x.z", "text": "é"}));
    assert_eq!(a.next().unwrap()["sids"], json!([1]));
}

#[test]
fn frames_that_cannot_be_read_are_answered_and_the_tenth_ends_the_link() {
    let node = Node::dev(&["--no-metrics"]);
    let (mut other, _) = node.session(&json!({"subscribe": [{"sid": 1, "pattern": "a"}]}));
    let (mut socket, _) = node.session(&json!({}));
    let deep = format!(r#"{{"op":"publish","subject":"a","typo":{}}}"#, "[".repeat(100_000));
    let bad = [
        "{",
        "5",
        r#"{"op":"dance"}"#,
        r#"{"op":"publish","subject":"a","dta":1}"#,
        r#"{"op":"publish","subject":"a","data":1,"data":2}"#,
        r#"{"op":"subscribe","id":1,"sid":9007199254740993,"pattern":"a"}"#,
        r#"{"op":"publish","subject":"a","text":"\ud800"}"#,
        r#"[{"op":"ping"}]"#,
        r#"{"op":"subscribe","sid":-1,"pattern":"a"}"#,
        &deep[..60_000],
    ];
    for (at, text) in bad.iter().enumerate() {
        socket.send_text(text);
        let answer = socket.next().unwrap();
        assert_eq!(answer["op"], "error", "{at}: {}: {answer}", &text[..text.len().min(80)]);
        assert!(answer["message"].as_str().is_some_and(|message| message.len() > 10), "{answer}");
    }
    let close = socket.next().unwrap();
    assert_eq!((&close["op"], &close["code"]), (&json!("close"), &json!(3501)), "{close}");
    assert_eq!(socket.close_code(), Some(3501));
    assert_eq!(node.publish(r#"{"subject":"a","data":1}"#).status, 200);
    assert_eq!(other.next().unwrap()["op"], "message", "nobody else is concerned");
}

#[test]
fn a_link_that_breaks_is_taken_up_without_loss() {
    let node = Node::dev(&["--no-metrics"]);
    let (socket, ready) = node.session(&json!({"subscribe": [{"sid": 1, "pattern": "n"}]}));
    // Gone without a goodbye.
    socket.0.get_ref().shutdown(std::net::Shutdown::Both).unwrap();
    drop(socket);
    for n in 0..50 {
        assert_eq!(node.publish(&format!(r#"{{"subject":"n","data":{n}}}"#)).status, 200);
    }
    let attach = json!({"session": ready["session"], "secret": ready["secret"], "generation": 2, "received": 0});
    let (mut socket, ready) = node.session(&json!({"attach": attach}));
    assert_eq!((&ready["resumed"], &ready["generation"], &ready["skipped"]), (&json!(true), &json!(2), &json!(0)));
    let mut seen = Vec::new();
    while seen.len() < 50 {
        let frame = socket.next().unwrap();
        assert_eq!(frame["op"], "message", "{frame}");
        seen.extend(frame["messages"].as_array().unwrap().iter().map(|one| one["data"].as_u64().unwrap()));
    }
    assert_eq!(seen, (0..50).collect::<Vec<_>>());
    let wrong = json!({"session": ready["session"], "secret": "0", "generation": 3, "received": 0});
    let (_, ready) = node.session(&json!({"attach": wrong}));
    assert_eq!((&ready["resumed"], &ready["reason"]), (&json!(false), &json!("attach_refused")));
}
