//! A node that is told to end while messages flow.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use pointsman_client::{AcknowledgeError, Client, ErrorCode, ReconnectPolicy};
use pointsman_testkit::history::{History, Name, Outcome, Seen};
use serde_json::{Value, json};

use crate::json::Client as JsonClient;
use crate::node::{DEADLINE, Node, eventually};
use crate::record::{body, message, told};
use crate::rust::{runtime, within};

const SUBSCRIBERS: usize = 6;
/// Rust clients, and publishers on each of them.
const CLIENTS: u64 = 3;
const PUBLISHERS: u64 = 4;
/// The publisher over HTTP.
const HTTP: u64 = 100;

/// What became of a publisher's publications, in order.
type Published = Vec<(u64, Outcome)>;

fn subject(publisher: u64) -> String {
    format!("d.{publisher}")
}

/// Publishes one message after the other until one is not accepted.
async fn publish(client: Client, publisher: u64, accepted: Arc<AtomicU64>) -> Published {
    let mut published = Vec::new();
    for number in 1.. {
        let outcome = match client.publish_acknowledged(message(publisher, &subject(publisher), number, 100)).await {
            Ok(()) => Outcome::Accepted,
            Err(AcknowledgeError::Refused(refusal)) => {
                assert_eq!(refusal.error_code(), Some(ErrorCode::Draining), "{refusal}");
                Outcome::Refused
            }
            Err(_) => Outcome::Unknown,
        };
        published.push((number, outcome));
        if outcome != Outcome::Accepted {
            return published;
        }
        accepted.fetch_add(1, Ordering::SeqCst);
    }
    published
}

/// The same over HTTP.
fn publish_http(address: SocketAddr, accepted: &AtomicU64) -> Published {
    let mut published = Vec::new();
    for number in 1.. {
        let outcome = match post(address, &json!({"subject": subject(HTTP), "data": body(HTTP, number, 0)})) {
            Some(200) => Outcome::Accepted,
            Some(_) => Outcome::Refused,
            None => Outcome::Unknown,
        };
        published.push((number, outcome));
        if outcome != Outcome::Accepted {
            break;
        }
        accepted.fetch_add(1, Ordering::SeqCst);
    }
    published
}

/// The status of the answer, if there is one.
fn post(address: SocketAddr, body: &Value) -> Option<u16> {
    let body = body.to_string();
    let mut socket = TcpStream::connect(address).ok()?;
    let head = "POST /v1/publish HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n";
    socket.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).ok()?;
    let mut answer = String::new();
    // A connection that is cut may have answered before.
    let _cut = socket.read_to_string(&mut answer);
    answer.split(' ').nth(1)?.parse().ok()
}

/// What a subscriber sees until it is told to go.
fn subscribe(node: &Node) -> JoinHandle<Vec<Seen>> {
    let subscribe = json!({"subscribe": [{"sid": 1, "pattern": "d.*"}]});
    let mut client = JsonClient::connected(node.address, &subscribe);
    std::thread::spawn(move || {
        let mut all = Vec::new();
        loop {
            let frame = client.next().expect("no link ends without a word");
            if frame["op"] == "close" {
                assert_eq!(frame["code"], 3001, "{frame}");
                assert_eq!(client.next(), None, "close is the last");
                return all;
            }
            all.extend(told(&frame).into_iter().map(|(_, seen)| seen));
        }
    })
}

#[test]
fn what_was_accepted_arrives_before_everybody_is_sent_away() {
    let mut rounds = 0;
    let limit = if crate::is_torture() { 30 } else { 4 };
    while rounds < limit {
        rounds += 1;
        drain_once();
    }
}

fn drain_once() {
    let mut node = Node::dev(&["--no-metrics", "--set=runtime.workers=2", "--set=drain.timeout='1m'"]);
    let url = format!("ws://{}", node.address);
    let subscribers: Vec<_> = (0..SUBSCRIBERS).map(|_| subscribe(&node)).collect();
    let runtime = runtime();
    let accepted = Arc::new(AtomicU64::new(0));
    let stays_away = ReconnectPolicy { attempts: Some(0), ..ReconnectPolicy::default() };
    let mut publishing = Vec::new();
    for number in 0..CLIENTS {
        let connecting = Client::builder(&url).reconnect(stays_away).request_timeout(DEADLINE).echo(false).connect();
        let client = runtime.block_on(connecting).unwrap();
        for publisher in number * PUBLISHERS..(number + 1) * PUBLISHERS {
            publishing.push((publisher, runtime.spawn(publish(client.clone(), publisher, Arc::clone(&accepted)))));
        }
    }
    let over_http = std::thread::spawn({
        let (address, accepted) = (node.address, Arc::clone(&accepted));
        move || publish_http(address, &accepted)
    });
    eventually("messages flow", || (accepted.load(Ordering::SeqCst) > 500).then_some(()));
    node.signal("TERM");

    let mut all: Vec<(u64, Published)> = Vec::new();
    for (publisher, publishing) in publishing {
        all.push((publisher, runtime.block_on(within("the publisher is sent away", publishing)).unwrap()));
    }
    let subscribers: Vec<_> = subscribers.into_iter().map(|subscriber| subscriber.join().unwrap()).collect();
    all.push((HTTP, over_http.join().unwrap()));
    assert_eq!(node.ended(), Some(0));

    let mut history = History::default();
    let mut counts = [0_usize; 3];
    for (publisher, published) in all {
        for (number, outcome) in published {
            counts[outcome as usize] += 1;
            history.publish(Name { publisher, subject: subject(publisher), number }, outcome);
        }
    }
    let [accepted, refused, unknown] = counts;
    let least = subscribers.iter().map(Vec::len).min().unwrap();
    println!("drain: {accepted} accepted, {refused} refused, {unknown} unknown; everybody saw at least {least}");
    for seen in subscribers {
        let fault = history.check(|_| true, &seen).err();
        assert_eq!(fault, None, "accepted and not delivered to a subscriber that was there");
    }
}
