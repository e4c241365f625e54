//! Publications that say who made them, and what subscriptions saw of them.

use pointsman_client::{Gap, Message, Received};
use pointsman_testkit::history::{History, Name, Outcome, Seen};
use serde_json::{Value, json};

/// The body of a publisher's `number`-th publication, padded with so many bytes.
pub(crate) fn body(publisher: u64, number: u64, padding: usize) -> Value {
    json!({"p": publisher, "n": number, "fill": "·".repeat(padding / 2)})
}

/// Which publication a delivered body is.
pub(crate) fn name(subject: &str, body: &Value) -> Name {
    let number = |field: &str| body[field].as_u64().unwrap_or_else(|| panic!("not ours: {body}"));
    Name { publisher: number("p"), subject: subject.to_owned(), number: number("n") }
}

/// As the Rust client yields it.
pub(crate) fn seen(received: &Received) -> Seen {
    match received {
        Received::Message(message) => Seen::Message(name(&message.subject, &message.json().unwrap())),
        Received::Gap(Gap { lost, .. }) => Seen::Gap(*lost),
        other => panic!("{other:?}"),
    }
}

/// A message of the Rust client.
pub(crate) fn message(publisher: u64, subject: &str, number: u64, padding: usize) -> Message {
    Message::from_json(subject, &body(publisher, number, padding)).unwrap()
}

/// What each of a JSON client's subscriptions is told by a frame.
pub(crate) fn told(frame: &Value) -> Vec<(u64, Seen)> {
    let sids = frame["sids"].as_array().into_iter().flatten().map(|sid| sid.as_u64().unwrap());
    match frame["op"].as_str().unwrap() {
        "message" => sids
            .flat_map(|sid| {
                let messages = frame["messages"].as_array().unwrap().iter();
                messages.map(move |one| (sid, Seen::Message(name(one["subject"].as_str().unwrap(), &one["data"]))))
            })
            .collect(),
        "gap" => sids.map(|sid| (sid, Seen::Gap(frame["lost"].as_u64()))).collect(),
        _ => Vec::new(),
    }
}

/// Notes a publication that was accepted.
pub(crate) fn accepted(history: &mut History, publisher: u64, subject: &str, number: u64) {
    let name = Name { publisher, subject: subject.to_owned(), number };
    history.publish(name, Outcome::Accepted);
}

/// Nothing was lost, nothing came twice, everything came in order.
pub(crate) fn assert_whole(history: &History, takes: impl Fn(&str) -> bool, seen: &[Seen], of: &str) {
    assert!(
        !seen.iter().any(|seen| matches!(seen, Seen::Gap(_))),
        "{of}: a gap was told, and nothing was lost: {seen:?}"
    );
    assert_eq!(history.check(takes, seen), Ok(()), "{of}: {seen:?}");
}
