//! The verbs of clients against a real node.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::node::{Node, eventually, pointsman};

fn client(node: &Node, arguments: &[&str]) -> Command {
    let mut command = pointsman();
    let (verb, rest) = arguments.split_first().unwrap();
    command.arg(verb).args(["--url", &node.address.to_string()]).args(rest);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(node: &Node, arguments: &[&str], input: &str) -> Output {
    let mut child = client(node, arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Starts a subscriber and waits until its subscription is there.
fn listening(node: &Node, arguments: &[&str], subscriptions: u64) -> Child {
    let child = client(node, arguments).spawn().unwrap();
    eventually("the subscription is there", || {
        (node.get("/v1/status").json()["subscriptions"] == subscriptions).then_some(())
    });
    child
}

#[test]
fn messages_go_from_arguments_lines_and_objects_to_subscribers() {
    let node = Node::dev(&["--no-metrics"]);
    let subscriber = listening(&node, &["sub", "t.>", "--json", "--count", "7"], 1);
    let out = run(&node, &["pub", "t.arg", r#"{"n":1}"#, "-H", "Kind: test"], "");
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert!(run(&node, &["pub", "t.stdin"], "whole\ninput").status.success());
    assert!(run(&node, &["pub", "t.line", "--lines"], "one\r\ntwo\n").status.success());
    let lines =
        "{\"subject\":\"t.object\",\"data\":{\"a\": 1},\"headers\":{\"X\":[\"1\",\"2\"]}}\n\n{\"base64\":\"/w==\"}\n";
    let out = run(&node, &["pub", "t.default", "--ndjson", "--json"], lines);
    assert_eq!(serde_json::from_slice::<Value>(&out.stdout).unwrap(), json!({"published": 2, "refused": []}));
    assert!(run(&node, &["pub", "t.quick", "--no-ack", ""], "").status.success());
    let received: Vec<Value> = text(&subscriber.wait_with_output().unwrap().stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        received,
        [
            json!({"subject": "t.arg", "headers": {"Kind": "test"}, "data": {"n": 1}}),
            json!({"subject": "t.stdin", "text": "whole\ninput"}),
            json!({"subject": "t.line", "text": "one"}),
            json!({"subject": "t.line", "text": "two"}),
            json!({"subject": "t.object", "headers": {"X": ["1", "2"]}, "data": {"a": 1}}),
            json!({"subject": "t.default", "base64": "/w=="}),
            json!({"subject": "t.quick"}),
        ]
    );
}

#[test]
fn what_was_not_published_is_said() {
    let node = Node::dev(&["--no-metrics"]);
    for (arguments, input, code, part) in [
        (&["pub", "a..b", "x"][..], "", 1, "a..b"),
        (&["pub", "$SYS.x", "x"], "", 1, "was not published"),
        (&["pub", "--ndjson"], "{\"data\":1}\n", 1, "line 1"),
        (&["pub", "--ndjson"], "{\"subject\":\"a\",\"data\":1}\nnonsense\n", 1, "line 2"),
        (&["pub"], "", 2, "subject"),
        (&["pub", "a", "b", "--lines"], "", 2, "--lines"),
        (&["pub", "a", "b", "-H", "no colon"], "", 2, "Name: value"),
        (&["sub"], "", 2, "PATTERN"),
        (&["sub", "a..b"], "", 1, "a..b"),
        (&["req", "nobody.there"], "", 1, "nobody is subscribed"),
        (&["status", "--token-file", "/does/not/exist"], "", 1, "cannot be read"),
    ] {
        let out = run(&node, arguments, input);
        let told = text(&out.stderr);
        assert_eq!(out.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(part), "{arguments:?}: {part} is not in {told}");
    }
    let nowhere = pointsman().args(["pub", "--url", "127.0.0.1:1", "a", "b"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("127.0.0.1:1"), "{}", text(&nowhere.stderr));
}

#[test]
fn requests_are_answered_by_texts_echoes_and_commands() {
    let node = Node::dev(&["--no-metrics"]);
    let answering = [
        listening(&node, &["reply", "r.text", "it is late", "--count", "1"], 1),
        listening(&node, &["reply", "r.echo", "--echo", "--count", "1", "--queue", "q"], 2),
        listening(&node, &["reply", "r.exec", "--count", "1", "--exec", "tr", "a-z", "A-Z"], 3),
    ];
    for (subject, payload, answer) in
        [("r.text", "", "it is late\n"), ("r.echo", "back", "back\n"), ("r.exec", "louder", "LOUDER\n")]
    {
        let out = run(&node, &["req", subject, payload], "");
        assert_eq!(text(&out.stdout), answer, "{subject}: {}", text(&out.stderr));
    }
    for child in answering {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let silent = listening(&node, &["sub", "r.silent", "--count", "1"], 1);
    let out = run(&node, &["req", "r.silent", "--timeout", "100ms"], "");
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("100ms"), "{}", text(&out.stderr));
    assert!(silent.wait_with_output().unwrap().status.success());
}

#[test]
fn lines_are_published_in_their_order() {
    let node = Node::dev(&["--no-metrics"]);
    let child = listening(&node, &["sub", "log", "--raw", "--count", "3000", "--timeout", "60s"], 1);
    let lines: String = (0..3000).map(|n| format!("{n}\n")).collect();
    assert!(run(&node, &["pub", "log", "--lines"], &lines).status.success());
    assert_eq!(text(&child.wait_with_output().unwrap().stdout), lines);
}

#[test]
fn one_of_a_queue_group_gets_each_message() {
    let node = Node::dev(&["--no-metrics"]);
    let members: Vec<Child> =
        (1..=2).map(|at| listening(&node, &["sub", "jobs", "--queue", "w", "--raw", "--timeout", "60s"], at)).collect();
    let plain = listening(&node, &["sub", "jobs", "--raw", "--count", "40"], 3);
    let lines: String = (0..40).map(|n| format!("{n}\n")).collect();
    assert!(run(&node, &["pub", "jobs", "--lines"], &lines).status.success());
    assert_eq!(text(&plain.wait_with_output().unwrap().stdout), lines);
    let mut seen: Vec<u32> = Vec::new();
    for mut member in members {
        let mut out = BufReader::new(member.stdout.take().unwrap());
        assert!(Command::new("kill").args(["-s", "INT", &member.id().to_string()]).status().unwrap().success());
        let mut line = String::new();
        while out.read_line(&mut line).unwrap() > 0 {
            seen.push(line.trim().parse().unwrap());
            line.clear();
        }
        assert!(member.wait().unwrap().success());
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..40).collect::<Vec<_>>());
}

#[test]
fn status_is_for_people_and_for_scripts() {
    let node = Node::dev(&["--no-metrics"]);
    let out = run(&node, &["status"], "");
    assert!(out.status.success());
    assert!(text(&out.stdout).contains("ready         true"), "{}", text(&out.stdout));
    let out = run(&node, &["status", "--json"], "");
    assert_eq!(serde_json::from_slice::<Value>(&out.stdout).unwrap()["ready"], true);
    let closed = Node::serve(&[]);
    let out = run(&closed, &["status"], "");
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("401"), "{}", text(&out.stderr));
}

#[test]
fn a_bench_accounts_for_every_message() {
    let node = Node::dev(&["--no-metrics"]);
    let arguments = ["bench", "--messages", "5000", "--subscribers", "3", "--publishers", "2", "--json"];
    let out = run(&node, &arguments, "");
    assert!(out.status.success(), "{}", text(&out.stderr));
    let figures: Value = serde_json::from_slice(&out.stdout).unwrap();
    let sum = figures["delivered"].as_u64().unwrap() + figures["lost_and_told"].as_u64().unwrap();
    assert_eq!((sum, &figures["missing"]), (15_000, &json!(0)), "{figures}");
}

#[test]
fn every_verb_explains_itself_with_examples() {
    let help = |arguments: &[&str]| text(&pointsman().args(arguments).arg("--help").output().unwrap().stdout);
    for verb in ["dev", "serve", "pub", "sub", "req", "reply", "bench", "status"] {
        assert!(help(&[verb]).contains("Examples:\n"), "{verb}");
    }
    assert!(help(&[]).contains("Examples:\n") && help(&["config"]).contains("schema"));
    let version = text(&pointsman().arg("--version").output().unwrap().stdout);
    assert_eq!(version, format!("pointsman {}\n", env!("CARGO_PKG_VERSION")));
    let completions = pointsman().args(["completions", "bash"]).output().unwrap();
    assert!(completions.status.success() && completions.stdout.len() > 1000);
}
