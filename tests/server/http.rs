//! The HTTP API.

use serde_json::json;

use crate::node::{Node, eventually};

#[test]
fn messages_are_published_in_every_form() {
    let node = Node::dev(&["--no-metrics"]);
    let (mut socket, _) = node.session(&json!({"subscribe": [{"sid": 1, "pattern": "p.>"}]}));
    let mut published = |body: &str| {
        let answer = node.publish(body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        socket.next_text().unwrap()
    };
    // The body is passed on byte for byte.
    let frame = published(r#"{"subject":"p.a","data":{"b": 1.50,  "a":[ ]}}"#);
    assert!(frame.contains(r#""data":{"b": 1.50,  "a":[ ]}"#), "{frame}");
    let frame = published(r#"{"channel":"p.b","text":"hällo","headers":{"One":"1","Two":["2","3"]}}"#);
    let frame: serde_json::Value = serde_json::from_str(&frame).unwrap();
    assert_eq!(
        frame["messages"],
        json!([{"subject": "p.b", "text": "hällo", "headers": {"One": "1", "Two": ["2", "3"]}}])
    );
    let frame = published(r#"{"subject":"p.c","base64":"/wA="}"#);
    assert!(frame.contains(r#""base64":"/wA=""#), "{frame}");
    let frame = published(r#"{"subject":"p.d","data":null}"#);
    assert!(frame.contains(r#""data":null"#), "{frame}");
    let frame = published(r#"{"subject":"p.e"}"#);
    assert!(frame.contains(r#"{"subject":"p.e"}"#), "{frame}");

    let answer = node.publish(r#"{"messages":[{"subject":"p.1","data":1},{"subjects":["p.2","p.3"],"data":2},{"subject":"p..bad","data":3}]}"#);
    let told = answer.json();
    assert_eq!((answer.status, &told["accepted"]), (200, &json!(3)), "{told}");
    let ok: Vec<_> = told["results"].as_array().unwrap().iter().map(|one| one["ok"].clone()).collect();
    assert_eq!(ok, [true, true, true, false]);
    assert_eq!(told["results"][3]["reason"], "bad_subject");

    let raw = node.http(
        "POST",
        "/v1/publish/p.raw",
        &[("content-type", "image/png"), ("pointsman-header-kind", "x")],
        b"\x89PNG",
    );
    assert_eq!(raw.status, 200, "{}", raw.body);
    let mut subjects = Vec::new();
    while subjects.len() < 4 {
        let frame = socket.next().unwrap();
        subjects.extend(frame["messages"].as_array().unwrap().iter().map(|one| one["subject"].clone()));
        if frame["messages"][0]["subject"] == "p.raw" {
            assert_eq!(frame["messages"][0]["headers"], json!({"kind": "x"}));
        }
    }
    assert_eq!(subjects, ["p.1", "p.2", "p.3", "p.raw"]);
}

#[test]
fn a_user_hears_on_all_sessions_and_nobody_else_does() {
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        config.path(),
        r#"
        [api]
        token = "api-secret"
        [[auth.tokens]]
        name = "ada-1"
        token = "one"
        user = "ada"
        [[auth.tokens]]
        name = "bob"
        token = "two"
        user = "bob"
        "#,
    )
    .unwrap();
    let node = Node::serve(&["--config", config.path().to_str().unwrap()]);
    let mine = |user: &str| json!([{"sid": 1, "pattern": format!("$USER.{user}.>")}]);
    let (mut first, _) = node.session(&json!({"token": "one", "subscribe": mine("ada")}));
    let (mut second, _) = node.session(&json!({"token": "one", "subscribe": mine("ada")}));
    let (mut bob, _) = node.session(&json!({"token": "two", "subscribe": mine("bob")}));
    let (_, spy) = node.session(&json!({"token": "two", "subscribe": mine("ada")}));
    assert_eq!(spy["refused"][0]["reason"], "permission_denied", "{spy}");
    let publish = |body: &str| {
        let headers = [("content-type", "application/json"), ("authorization", "Bearer api-secret")];
        node.http("POST", "/v1/publish", &headers, body.as_bytes())
    };
    assert_eq!(publish(r#"{"user":"ada","subject":"mail","data":1}"#).status, 200);
    assert_eq!(publish(r#"{"user":"bob","subject":"mail","data":2}"#).status, 200);
    for (socket, data) in [(&mut first, 1), (&mut second, 1), (&mut bob, 2)] {
        assert_eq!(socket.next().unwrap()["messages"][0]["data"], data);
    }
    // No client gets at another's subjects, and none without a token gets in.
    first.send(&json!({"op": "publish", "id": 1, "subject": "$USER.bob.mail", "data": 3}));
    assert_eq!(first.next().unwrap()["reason"], "permission_denied");
    for token in [json!(null), json!("three")] {
        let (mut socket, closed) = node.session(&json!({"token": token}));
        assert_eq!((&closed["op"], &closed["code"]), (&json!("close"), &json!(3500)), "{closed}");
        assert_eq!(socket.close_code(), Some(3500));
    }
    for (path, status) in [("/v1/status", 401), ("/v1/connections", 401), ("/livez", 200), ("/readyz", 200)] {
        assert_eq!(node.get(path).status, status, "{path}");
    }
    let denied = node.http("GET", "/v1/status", &[("authorization", "Bearer api-secreT")], b"");
    assert_eq!(denied.status, 401);
    assert!(denied.headers.contains("www-authenticate: bearer"), "{}", denied.headers);
    assert!(!denied.body.contains("api-secret"));
}

#[test]
fn what_is_wrong_with_a_request_is_said() {
    let node = Node::dev(&["--no-metrics"]);
    let json = [("content-type", "application/json")];
    for (method, path, headers, body, status, reason, pointer) in [
        ("POST", "/v1/publish", &[][..], r#"{"subject":"a"}"#, 415, "unsupported", None),
        ("POST", "/v1/publish", &json, "{", 400, "bad_request", None),
        ("POST", "/v1/publish", &json, "[]", 422, "bad_request", None),
        ("POST", "/v1/publish", &json, r#"{"subject":"a"} x"#, 400, "bad_request", None),
        ("POST", "/v1/publish", &json, r#"{"subject":"a","dta":1}"#, 422, "bad_request", None),
        ("POST", "/v1/publish", &json, r#"{"subject":5}"#, 422, "bad_request", Some("/subject")),
        ("POST", "/v1/publish", &json, r#"{"subject":"a","channel":"b"}"#, 422, "bad_request", Some("")),
        ("POST", "/v1/publish", &json, r#"{"subject":"a","data":1,"text":""}"#, 422, "bad_request", Some("")),
        ("POST", "/v1/publish", &json, r#"{"subject":"a","base64":"?"}"#, 422, "bad_request", Some("/base64")),
        ("POST", "/v1/publish", &json, r#"{"subject":"a","message_id":"é"}"#, 400, "bad_request", Some("/message_id")),
        ("POST", "/v1/publish", &json, r#"{"user":"a.b","subject":"a"}"#, 422, "bad_request", Some("/user")),
        ("POST", "/v1/publish", &json, r#"{"subject":"a.*"}"#, 422, "bad_subject", None),
        ("POST", "/v1/publish", &json, r#"{"messages":[]}"#, 400, "bad_request", Some("/messages")),
        ("POST", "/v1/publish", &json, r#"{"messages":[{"subject":"a"},{}]}"#, 422, "bad_request", Some("/messages/1")),
        ("GET", "/v1/publish", &[], "", 405, "bad_request", None),
        ("GET", "/nothing", &[], "", 404, "not_found", None),
        ("GET", "/v1/connections?limit=0", &[], "", 400, "bad_request", None),
        ("GET", "/v1/connections?limit=-1", &[], "", 400, "bad_request", None),
        ("GET", "/v1/connections?after=99999999999999999999", &[], "", 400, "bad_request", None),
        ("GET", "/v1/connections?of=1", &[], "", 400, "bad_request", None),
        ("DELETE", "/v1/connections/0", &[], "", 404, "not_found", None),
    ] {
        let answer = node.http(method, path, headers, body.as_bytes());
        let problem = answer.json();
        let seen = (answer.status, problem["reason"].as_str().unwrap());
        assert_eq!(seen, (status, reason), "{method} {path} {body}: {problem}");
        assert!(answer.headers.contains("application/problem+json"), "{path} {body}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
        assert!(problem["next_step"].as_str().is_some_and(|next| !next.is_empty()), "{problem}");
        if let Some(pointer) = pointer {
            assert_eq!(problem["pointer"].as_str().unwrap_or_default(), pointer, "{body}: {problem}");
        }
    }
    let large = node.publish(&format!(r#"{{"subject":"a","text":"{}"}}"#, "x".repeat(2 << 20)));
    assert_eq!((large.status, large.json()["code"].as_u64()), (413, Some(105)));
    let foreign = [("content-type", "application/json"), ("origin", "http://evil.example")];
    assert_eq!(node.http("POST", "/v1/publish", &foreign, br#"{"subject":"a"}"#).status, 401);
    assert_eq!(node.get("/livez").status, 200);
}

#[test]
fn connections_are_listed_shown_and_closed() {
    let node = Node::dev(&["--no-metrics"]);
    let subscribe = json!([{"sid": 1, "pattern": "a.*"}, {"sid": 2, "pattern": "b", "queue": "q"}]);
    let (mut first, ready) = node.session(&json!({"name": "first", "subscribe": subscribe}));
    let (_second, _) = node.session(&json!({"name": "second"}));
    let page = node.get("/v1/connections?limit=1").json();
    assert_eq!((&page["total"], &page["connections"][0]["name"]), (&json!(2), &json!("first")), "{page}");
    let after = page["next"].as_u64().unwrap();
    let page = node.get(&format!("/v1/connections?limit=5&after={after}")).json();
    assert_eq!((&page["connections"][0]["name"], &page["next"]), (&json!("second"), &json!(null)), "{page}");
    let path = format!("/v1/connections/{}", ready["session"].as_str().unwrap());
    let one = node.get(&path).json();
    assert_eq!(one["subscription_list"][1], json!({"sid": 2, "pattern": "b", "queue": "q"}), "{one}");
    assert_eq!((&one["link"], &one["codec"], &one["attached"]), (&json!("websocket"), &json!("json"), &json!(true)));
    assert_eq!(node.http("DELETE", &path, &[], b"").status, 204);
    let close = first.next().unwrap();
    assert_eq!((&close["op"], &close["code"]), (&json!("close"), &json!(3504)));
    assert_eq!(first.close_code(), Some(3504));
    eventually("the session is gone", || (node.get(&path).status == 404).then_some(()));
    assert_eq!(node.get("/v1/connections").json()["total"], 1);
}

#[test]
fn figures_are_told() {
    let node = Node::dev(&["--no-metrics"]);
    let (_socket, _) = node.session(&json!({"subscribe": [{"sid": 1, "pattern": "a"}]}));
    assert_eq!(node.publish(r#"{"subject":"a","data":1}"#).status, 200);
    assert_eq!(node.publish(r#"{"subject":"nobody","data":1}"#).status, 200);
    let metrics = node.get("/metrics").body;
    for line in [
        "pointsman_build_info{version=",
        "pointsman_ready 1",
        "pointsman_connections 1",
        "pointsman_subscriptions 1",
        "pointsman_messages_received_total 2",
        "pointsman_messages_delivered_total 1",
        "pointsman_messages_unmatched_total 1",
        "pointsman_messages_dropped_total{reason=\"slow_consumer\"} 0",
        "# TYPE pointsman_messages_received_total counter",
        "# HELP pointsman_connections ",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    let status = node.get("/v1/status").json();
    assert_eq!((&status["ready"], &status["subscriptions"]), (&json!(true), &json!(1)), "{status}");
}

#[test]
fn a_development_node_tells_of_its_host() {
    let node = Node::dev(&[]);
    let (mut socket, _) = node.session(&json!({"subscribe": [{"sid": 1, "pattern": "metrics.updated"}]}));
    let first = socket.next().unwrap()["messages"][0].clone();
    let second = socket.next().unwrap()["messages"][0].clone();
    assert!(first["data"]["at"].as_u64() < second["data"]["at"].as_u64(), "{first} {second}");
    let data = &second["data"];
    assert!(data["memory"]["total_bytes"].as_u64().unwrap() > data["memory"]["used_bytes"].as_u64().unwrap());
    assert!((0.0..=1.0).contains(&data["cpu"]["total"].as_f64().unwrap()), "{data}");
    assert!(!data["cpu"]["cores"].as_array().unwrap().is_empty());
    assert!(data["network"]["sent_bytes_per_second"].is_u64() && data["load"].as_array().unwrap().len() == 3);
    assert_eq!(data["router"]["subscriptions"], 1);
}
