//! Reload and the end.

use serde_json::json;

use crate::node::{Node, eventually};

#[test]
fn a_node_that_is_told_to_end_sends_its_clients_away_and_exits_cleanly() {
    let mut node = Node::dev(&["--no-metrics", "--set", "drain.spread='2s'"]);
    let (mut socket, _) = node.session(&json!({"subscribe": [{"sid": 1, "pattern": "system.status.changed"}]}));
    node.signal("TERM");
    let told = socket.next().unwrap();
    assert_eq!(told["messages"][0]["data"]["component"], "node", "{told}");
    let close = socket.next().unwrap();
    assert_eq!((&close["op"], &close["code"]), (&json!("close"), &json!(3001)));
    assert!(close["retry_after_ms"].as_u64().unwrap() <= 2000, "{close}");
    assert_eq!(socket.close_code(), Some(3001));
    drop(socket);
    assert_eq!(node.ended(), Some(0));
    assert!(node.find("ended").is_some());
}

#[test]
fn a_client_that_does_not_leave_is_cut_off_after_the_timeout() {
    let mut node = Node::dev(&["--no-metrics", "--set", "drain.timeout='500ms'"]);
    let (_stays, _) = node.session(&json!({}));
    let _half_open = node.tcp();
    node.signal("INT");
    assert_eq!(node.ended(), Some(0));
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut node = Node::dev(&["--no-metrics", "--set", "drain.timeout='1h'", "--set", "session.close_timeout='1h'"]);
    let _unfinished = {
        use std::io::Write;
        let mut stream = node.tcp();
        stream
            .write_all(
                b"POST /v1/publish HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
            )
            .unwrap();
        stream
    };
    eventually("the request is under way", || (node.get("/metrics").body.contains("connections 2")).then_some(()));
    node.signal("TERM");
    eventually("it drains", || node.find("draining; a second signal ends at once"));
    assert!(node.is_running());
    node.signal("TERM");
    assert_eq!(node.ended(), Some(1));
}

#[test]
fn a_killed_node_comes_back_on_its_port() {
    let mut node = Node::dev(&["--no-metrics"]);
    let (_socket, _) = node.session(&json!({}));
    node.signal("KILL");
    assert_eq!(node.ended(), None);
    let address = node.address.to_string();
    let again = Node::dev(&["--no-metrics", "--listen", &address]);
    assert_eq!(again.address.to_string(), address);
}

#[test]
fn a_reload_applies_all_or_nothing() {
    let config = tempfile::NamedTempFile::new().unwrap();
    let write = |text: &str| std::fs::write(config.path(), text).unwrap();
    let valid = |allow: &str| {
        format!("[auth.anonymous]\nenabled = true\nsubscribe = {{ allow = {allow} }}\n[api]\nanonymous = true\n")
    };
    write(&valid(r#"["a.>", "b.>"]"#));
    let node = Node::serve(&["--config", config.path().to_str().unwrap()]);
    let (mut socket, ready) = node.session(&json!({"subscribe": [{"sid": 1, "pattern": "b.x"}]}));
    assert_eq!(ready["refused"], json!([]));

    write("[auth.anonymous]\nenabld = true\n");
    node.signal("HUP");
    eventually("the fault is told", || node.find("the configuration was not applied; the one before stays in force"));
    assert_eq!(node.publish(r#"{"subject":"b.x","data":1}"#).status, 200);
    assert_eq!(socket.next().unwrap()["op"], "message", "nothing has changed");

    // What may be read has become less: the session comes back with what is valid now.
    write(&format!("{}[runtime]\nworkers = 2\n", valid(r#"["a.>"]"#)));
    node.signal("HUP");
    let close = socket.next().unwrap();
    assert_eq!((&close["op"], &close["code"]), (&json!("close"), &json!(3005)), "{close}");
    let (_socket, ready) =
        node.session(&json!({"subscribe": [{"sid": 1, "pattern": "b.x"}, {"sid": 2, "pattern": "a.x"}]}));
    assert_eq!(ready["refused"].as_array().unwrap().len(), 1, "{ready}");
    let restart =
        eventually("what needs a restart is told", || node.find("these keys have changed and need a restart"));
    assert_eq!(restart["keys"], "runtime.workers");

    for round in 0..20 {
        write(if round % 2 == 0 { "version = 2\n" } else { "" });
        node.signal("HUP");
        eventually("each reload is answered", || {
            let applied = node.count("the configuration was read again");
            let refused = node.count("the configuration was not applied; the one before stays in force");
            (applied + refused == round + 3).then_some(())
        });
    }
}
