//! One subscriber reads nothing, twenty read everything.

use std::net::{SocketAddr, TcpStream};

use pointsman_client::Received;
use pointsman_testkit::history::Seen;
use serde_json::json;
use socket2::{Domain, Socket, Type};
use tokio::sync::watch;

use crate::figures::{memory_mib, metric, until_metric};
use crate::json::Client;
use crate::node::Node;
use crate::record::{message, seen, told};
use crate::rust::{builder, runtime, within};

const GOOD: usize = 20;
const BYTES: usize = 4_000;
/// Messages on their way to those who read. What they hold of an outbox stays far below its limit.
const WINDOW: u64 = 64;
/// Before the slow one comes, so that what the others take of memory is known.
const BEFORE: u64 = 1_536;
/// 36 MB to the slow one.
const SENT: u64 = 9_000;
/// What the node may take more on account of the slow one, in MiB: one full outbox and one full ring are 1.25 MiB, the rest is for the allocator and
/// for what the others happen to hold. Below what was sent to it.
const MEMORY_MIB: f64 = 28.0;

/// A client whose socket takes as little as the system allows.
fn slow(address: SocketAddr) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    socket.connect(&address.into()).unwrap();
    let mut client = Client::new(address);
    let subscribe = json!({"subscribe": [{"sid": 1, "pattern": "s"}]});
    client.begin_on(TcpStream::from(socket), &subscribe).unwrap();
    client
}

/// Those who read, and who is published by.
struct Load {
    runtime: tokio::runtime::Runtime,
    publisher: pointsman_client::Client,
    progress: Vec<watch::Receiver<u64>>,
    sent: u64,
    memory: f64,
}

impl Load {
    fn new(node: &Node) -> Self {
        let runtime = runtime();
        let url = format!("ws://{}", node.address);
        let publisher = runtime.block_on(builder(&url).connect()).unwrap();
        let progress = (0..GOOD).map(|_| runtime.block_on(good(&url))).collect();
        let mut load = Self { runtime, publisher, progress, sent: 0, memory: 0.0 };
        load.publish(node, BEFORE);
        load
    }

    /// Publishes up to a number. Those who read have everything when it returns.
    fn publish(&mut self, node: &Node, until: u64) {
        while self.sent < until {
            self.runtime.block_on(async {
                for _ in 0..WINDOW.min(until - self.sent) {
                    self.sent += 1;
                    self.publisher.publish_message(message(1, "s", self.sent, BYTES)).unwrap();
                }
                for progress in &mut self.progress {
                    let sent = self.sent;
                    let read = within("a good subscriber reads", progress.wait_for(|read| *read >= sent)).await;
                    drop(read.expect("it sees everything in order"));
                }
            });
            if self.sent.is_multiple_of(WINDOW * 8) {
                self.memory = self.memory.max(memory_mib(node));
            }
        }
        println!("slow: {} messages of {BYTES} bytes to {GOOD}, memory at most {:.1} MiB", self.sent, self.memory);
    }
}

/// A subscriber that reads; it tells the number of the last message, and goes away when one is out of order.
async fn good(url: &str) -> watch::Receiver<u64> {
    let client = builder(url).connect().await.unwrap();
    let mut subscription = client.subscribe("s").await.unwrap();
    let (progress, told) = watch::channel(0);
    tokio::spawn(async move {
        for number in 1.. {
            let received: Option<Received> = subscription.next().await;
            let Some(Seen::Message(name)) = received.as_ref().map(seen) else {
                println!("slow: instead of {number} came {received:?}");
                return;
            };
            if name.number != number {
                println!("slow: instead of {number} came {name:?}");
                return;
            }
            progress.send_replace(number);
        }
    });
    told
}

/// Reads a client's messages and gaps until `done` is reached, and says how many messages and how many losses stood in them, in order.
fn read_on(slow: &mut Client, done: impl Fn(u64) -> bool) -> (u64, u64) {
    let (mut received, mut lost) = (0, 0);
    while !done(received + lost) {
        let frame = slow.next().expect("the link is open");
        for (_, seen) in told(&frame) {
            match seen {
                Seen::Message(name) => {
                    assert_eq!(
                        name.number,
                        BEFORE + received + lost + 1,
                        "nothing is missing that was not told where it is missing"
                    );
                    received += 1;
                }
                Seen::Gap(told) => lost += told.expect("the node knows how many"),
            }
        }
    }
    (received, lost)
}

/// The session loses deliveries and keeps its link.
fn drops(slow_consumer: &str) -> (u64, u64) {
    let node = Node::dev(&["--no-metrics", "--set", &format!("outbox.slow_consumer='{slow_consumer}'")]);
    let mut load = Load::new(&node);
    let start = load.memory;
    let mut slow = slow(node.address);
    load.publish(&node, BEFORE + SENT);
    let (received, lost) = read_on(&mut slow, |known| known >= SENT);
    assert_eq!(received + lost, SENT, "received and told as lost is what was sent");
    assert_eq!(metric(&node, "pointsman_messages_dropped_total"), lost, "and the node counts the same");
    println!("slow: {slow_consumer}: {received} received, {lost} told as lost");
    assert!(load.memory < start + MEMORY_MIB, "{start:.1} MiB became {:.1}", load.memory);
    // It goes on without loss.
    load.publish(&node, BEFORE + SENT + WINDOW);
    let mut next = BEFORE + SENT;
    while next < BEFORE + SENT + WINDOW {
        for (_, seen) in told(&slow.next().unwrap()) {
            let Seen::Message(name) = seen else { panic!("{seen:?}") };
            next += 1;
            assert_eq!(name.number, next);
        }
    }
    (received, lost)
}

#[test]
fn a_slow_one_loses_the_oldest_and_is_told() {
    let (received, lost) = drops("drop-oldest");
    assert!(received > 0 && lost > SENT / 2, "{received} {lost}");
}

#[test]
fn a_slow_one_loses_the_newest_and_is_told() {
    let (received, lost) = drops("drop-newest");
    assert!(received > 0 && lost > SENT / 2, "{received} {lost}");
}

#[test]
fn a_slow_one_is_sent_away() {
    let node = Node::dev(&["--no-metrics", "--set", "outbox.slow_consumer='disconnect'"]);
    let mut load = Load::new(&node);
    let start = load.memory;
    let mut slow = slow(node.address);
    load.publish(&node, BEFORE + SENT / 2);
    until_metric(&node, "pointsman_slow_consumer_disconnects_total", 1);
    let (mut received, mut lost, mut close) = (0, 0, None);
    while let Some(frame) = slow.next() {
        assert_eq!(close, None, "close is the last");
        for (_, seen) in told(&frame) {
            match seen {
                Seen::Message(name) => {
                    received += 1;
                    assert_eq!(name.number, BEFORE + received + lost, "what is missing was told where it is missing");
                }
                Seen::Gap(told) => lost += told.unwrap(),
            }
        }
        close = (frame["op"] == "close").then(|| frame["code"].as_u64().unwrap());
    }
    assert_eq!(close, Some(3008));
    assert!(lost >= 1 && BEFORE + received + lost <= load.sent, "{received} received, {lost} told as lost");
    println!("slow: disconnect: {received} received, {lost} told as lost before 3008");
    load.publish(&node, BEFORE + SENT);
    assert!(load.memory < start + MEMORY_MIB, "{start:.1} MiB became {:.1}", load.memory);
    let ready = slow.attach().unwrap();
    assert_eq!((&ready["resumed"], &ready["reason"]), (&json!(false), &json!("session_gone")), "{ready}");
    assert_eq!(metric(&node, "pointsman_slow_consumer_disconnects_total"), 1);
}
