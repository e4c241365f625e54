//! The link of a client that speaks JSON by hand breaks at one byte after the other.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use pointsman_testkit::history::Seen;
use serde_json::{Value, json};

use crate::cut::{HALF, LIMITED, OTHER, OWN, Passed, SELF, Script, at_every_byte};
use crate::json::Client;
use crate::node::Node;
use crate::proxy::{Plan, Proxy};
use crate::record::{body, told};

/// Answers requests on `svc.echo` until the node is gone.
fn echo(address: SocketAddr) -> std::thread::JoinHandle<()> {
    let mut client = Client::connected(address, &json!({"subscribe": [{"sid": 1, "pattern": "svc.echo"}]}));
    std::thread::spawn(move || {
        while let Some(frame) = client.next() {
            for request in frame["messages"].as_array().into_iter().flatten() {
                client.send(&json!({"op": "publish", "subject": request["reply"], "data": request["data"]}));
            }
        }
    })
}

#[test]
fn a_json_link_is_cut_at_every_byte() {
    let node = Node::dev(&["--no-metrics"]);
    let echo = echo(node.address);
    let proxy = Proxy::new(node.address);
    let mut other = Client::connected(node.address, &json!({"name": "other", "echo": false}));
    let mut resumed = 0;
    at_every_byte("JSON", |run, plan| once(&Script::new(run), plan, &proxy, &node, &mut other, &mut resumed));
    println!("JSON: {resumed} sessions taken up");
    assert!(resumed > 0);
    drop(node);
    echo.join().unwrap();
}

/// A JSON client's session and what came of it.
struct Run {
    client: Client,
    seen: BTreeMap<u64, Vec<Seen>>,
    /// How often each id was answered.
    answers: BTreeMap<u64, (usize, Value)>,
    pongs: Vec<Value>,
    /// Whether it answers what asks for an answer.
    responds: bool,
}

impl Run {
    fn new(client: Client, responds: bool) -> Self {
        Self { client, seen: BTreeMap::new(), answers: BTreeMap::new(), pongs: Vec::new(), responds }
    }

    fn until(&mut self, done: impl Fn(&Self) -> bool) {
        while !done(self) {
            let frame = self.client.next_of_session();
            for (sid, seen) in told(&frame) {
                self.seen.entry(sid).or_default().push(seen);
            }
            match frame["op"].as_str().unwrap() {
                "message" => self.respond(&frame),
                "gap" => {}
                "pong" => self.pongs.push(frame),
                _ => {
                    let id = frame["id"].as_u64().unwrap_or_else(|| panic!("{frame}"));
                    let answer = self.answers.entry(id).or_default();
                    *answer = (answer.0 + 1, frame);
                }
            }
        }
    }

    fn respond(&mut self, frame: &Value) {
        let messages = frame["messages"].as_array().into_iter().flatten();
        for reply in messages.map(|message| &message["reply"]).filter(|reply| self.responds && reply.is_string()) {
            self.client.send(&json!({"op": "publish", "subject": reply, "data": "here"}));
        }
    }

    fn has_seen(&self, sid: u64, subject: &str) -> bool {
        let is_it = |seen: &Seen| matches!(seen, Seen::Message(name) if name.subject == subject);
        self.seen.get(&sid).is_some_and(|seen| seen.iter().any(is_it))
    }

    fn of(&self, sid: u64) -> &[Seen] {
        self.seen.get(&sid).map_or(&[], Vec::as_slice)
    }
}

fn once(
    script: &Script,
    plan: Option<Plan>,
    proxy: &Proxy,
    node: &Node,
    other: &mut Client,
    resumed: &mut usize,
) -> Passed {
    let subscribe = json!({"subscribe": [
        {"sid": 1, "pattern": script.subject("a.*")},
        {"sid": 2, "pattern": script.subject(">")},
        {"sid": 3, "pattern": script.subject("b")},
    ]});
    proxy.plan(plan.unwrap_or_default());
    let mut run = Run::new(Client::new(proxy.address), true);
    let mut began = true;
    if run.client.begin(&subscribe).is_none() {
        // There is no session yet, as far as the client knows: it begins anew.
        began = false;
        run.client = Client::connected(proxy.address, &subscribe);
    }
    // With a second receiver of the same subscriptions, large messages are shared.
    let mut witness = Run::new(Client::connected(node.address, &subscribe), false);

    let publish = |numbers: std::ops::RangeInclusive<u64>, other: &mut Client| {
        for number in numbers {
            other.publish(number, &script.of_other(number), &body(OTHER, number, Script::padding(number)));
        }
    };
    publish(1..=HALF, other);
    let own = |number| json!({"op": "publish", "id": number, "subject": script.subject("own"), "data": body(SELF, number, 20)});
    (1..=OWN).for_each(|number| run.client.send(&own(number)));
    run.client.send(&json!({"op": "request", "id": 50, "subject": "svc.echo", "data": script.root}));
    for client in [&mut run, &mut witness] {
        client.client.send(&json!({"op": "unsubscribe", "id": 60, "sid": 3, "max": LIMITED}));
        client.until(|run| run.answers.contains_key(&60));
    }
    publish(HALF + 1..=2 * HALF, other);
    (OWN + 1..=2 * OWN).for_each(|number| run.client.send(&own(number)));
    other.send(
        &json!({"op": "request", "id": 70, "subject": script.subject("ask"), "data": body(OTHER, 2 * HALF + 1, 0)}),
    );
    run.until(|run| run.has_seen(2, &script.subject("ask")));
    run.client.send(&json!({"op": "ping", "received": run.client.received}));
    run.until(|run| !run.pongs.is_empty() && run.answers.len() == 2 * OWN as usize + 2);
    assert_eq!(other.next().unwrap(), json!({"op": "reply", "id": 70, "data": "here"}));
    other.publish(71, &script.subject("a.end"), &body(OTHER, 2 * HALF + 2, 0));
    for client in [&mut run, &mut witness] {
        client.until(|run| [1, 2].iter().all(|sid| run.has_seen(*sid, &script.subject("a.end"))));
    }

    let of = format!("{} {plan:?}", script.root);
    let pongs: Vec<_> = run.pongs.iter().map(|pong| pong["received"].as_u64().unwrap()).collect();
    assert_eq!(pongs, [run.client.sent()], "{of}: the counts agree, and the ping came once");
    let reply = json!({"op": "reply", "id": 50, "data": script.root});
    for (id, (times, answer)) in &run.answers {
        let expected = if *id == 50 { reply.clone() } else { json!({"op": "ok", "id": id}) };
        assert_eq!((*times, answer), (1, &expected), "{of}");
    }
    for run in [&run, &witness] {
        script.check(&of, [run.of(1), run.of(2), run.of(3)]);
    }
    assert!(run.client.resumed <= usize::from(began), "{of}: one link was cut");
    *resumed += run.client.resumed;
    let passed = proxy.passed();
    run.client.goodbye();
    witness.client.goodbye();
    passed
}
