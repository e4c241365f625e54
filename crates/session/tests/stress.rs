//! Sessions under threads: many push while links come, break, block and go.
#![allow(clippy::unwrap_used, reason = "tests state their expectations")]

#[path = "session/support.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use pointsman_contract::batch::{Answer, Batch, PublicationView};
use pointsman_contract::identity::Identity;
use pointsman_contract::port::{Member, Port, SessionKey};
use pointsman_contract::worker::Worker;
use pointsman_outbox::outbox::{Limits, Outbox, SlowConsumer};
use pointsman_protocol::frame::Connect;
use pointsman_router::router::Router;
use pointsman_session::config::SessionConfig;
use pointsman_session::worker::flush_before_park;
use pointsman_testkit::client::{Client, connect, subscription};
use pointsman_testkit::history::{History, Name, Outcome, Seen};
use pointsman_testkit::node::{Node, config, in_time};
use pointsman_testkit::wire::Unit;

use support::{both, json_wire};

/// A runtime as the server has it, its ticks flushed when a worker goes to sleep; or one without that.
fn runtime(workers: usize, parks: bool) -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(workers).enable_all();
    if parks {
        builder.on_thread_park(flush_before_park);
    }
    builder.build().unwrap()
}

/// A publisher with a thread of its own, that knows no link: what it submits is flushed by its own tick.
struct Publisher {
    router: Arc<Router>,
    key: SessionKey,
    worker: Worker,
    batch: Batch,
}

impl Publisher {
    fn new(node: &Node) -> Self {
        let codec = json_wire().codec();
        let outbox = Arc::new(Outbox::new(Arc::<dyn pointsman_contract::codec::Codec>::clone(&codec), config().outbox));
        let member = Member {
            outbox,
            codec,
            identity: Arc::new(Identity::anonymous()),
            echo: true,
            subscriptions_max: 0,
            requests_max: 0,
        };
        let key = node.router.attach(member).unwrap();
        Self { router: Arc::clone(&node.router), key, worker: Worker::default(), batch: Batch::default() }
    }

    fn publish(&mut self, subject: &str, payload: &[u8]) {
        self.batch.push(&PublicationView {
            subject,
            reply: None,
            message_id: None,
            headers: &[],
            payload,
            body: Default::default(),
            answer: Answer::Silent,
        });
    }

    fn flush(&mut self) {
        let _submitted = self.router.submit(self.key, self.batch.view(), &mut self.worker);
        self.batch.clear();
        self.worker.tick.flush();
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.router.detach(self.key);
    }
}

const THREADS: u64 = 3;

/// Several threads push to sessions that move between links, block, and lose what their sockets held.
async fn storm(rounds: u64, slow_consumer: SlowConsumer) {
    let outbox = Limits { bytes: 64 * 1024, messages: 2_000, slow_consumer, ..config().outbox };
    let node = Arc::new(Node::start(SessionConfig { outbox, ..config() }));
    let mut clients = Vec::new();
    for wire in both().into_iter().cycle().take(4) {
        let mut client = Client::new(wire);
        let subscribe = vec![subscription(1, ">"), subscription(2, "a")];
        client.connect(&node, Connect { subscribe, ..connect() }).await;
        clients.push(client);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (1..=THREADS)
        .map(|publisher| {
            let (node, stop) = (Arc::clone(&node), Arc::clone(&stop));
            std::thread::spawn(move || {
                let mut from = Publisher::new(&node);
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) && number < 8_000 {
                    for _ in 0..1 + number % 7 {
                        number += 1;
                        from.publish(if number % 3 == 0 { "b" } else { "a" }, &Client::name(publisher, number));
                    }
                    from.flush();
                    if number % 50 < 7 {
                        std::thread::sleep(Duration::from_micros(200));
                    }
                }
                number
            })
        })
        .collect();
    for round in 0..rounds {
        for (at, client) in (0..).zip(&mut clients) {
            match (round + at) % 5 {
                0 => client.remote().set_room(Some(500)),
                1 => {
                    client.remote().set_room(None);
                    client.remote().swallow_after(usize::try_from(round * 37 % 2000).unwrap());
                }
                2 => {
                    client.remote().cut();
                    client.ended().await;
                    client.pump();
                    assert!(client.attach(&node, client.attaching()).await.resumed);
                }
                3 => {
                    // Its older link still lives.
                    client.pump();
                    let attaching = client.attaching();
                    assert!(client.attach(&node, attaching).await.resumed);
                }
                _ => client.settle().await,
            }
            client.confirm();
            tokio::task::yield_now().await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut history = History::default();
    for (publisher, thread) in (1..).zip(threads) {
        let sent = tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap();
        for number in 1..=sent {
            let subject = if number % 3 == 0 { "b" } else { "a" };
            history.publish(Name { publisher, subject: subject.into(), number }, Outcome::Accepted);
        }
    }
    for client in &mut clients {
        client.remote().cut();
        client.ended().await;
        client.pump();
        assert!(client.attach(&node, client.attaching()).await.resumed);
        client.settle().await;
        for (sid, takes) in [(1, ""), (2, "a")] {
            let seen = client.seen(sid);
            assert!(seen.iter().any(|seen| matches!(seen, Seen::Message(_))));
            let checked = history.check(|subject| takes.is_empty() || takes == subject, &seen);
            assert_eq!(checked, Ok(()), "sid {sid}");
        }
        client.put(&Unit::Close { code: Some(1000), message: String::new() });
        client.ended().await;
    }
    node.until_empty().await;
}

#[test]
fn sessions_that_move_lose_nothing_untold() {
    for (workers, parks) in [(1, true), (2, true), (2, false)] {
        for slow_consumer in [SlowConsumer::DropOldest, SlowConsumer::DropNewest] {
            runtime(workers, parks).block_on(in_time("the storm is over", storm(25, slow_consumer)));
        }
    }
}

/// A link that is blocked and unblocked while others push: whatever the moment, it goes on.
async fn blocked_and_unblocked(rounds: u64) {
    let node = Arc::new(Node::start(config()));
    let mut client = Client::new(json_wire());
    client.connect(&node, Connect { subscribe: vec![subscription(1, "a")], ..connect() }).await;
    let (go, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let thread = {
        let (node, go, done) = (Arc::clone(&node), Arc::clone(&go), Arc::clone(&done));
        std::thread::spawn(move || {
            let mut from = Publisher::new(&node);
            for round in 1..=rounds {
                while go.load(Ordering::Acquire) < round {
                    std::thread::yield_now();
                }
                from.publish("a", &Client::name(1, round));
                from.flush();
                done.store(round, Ordering::Release);
            }
        })
    };
    let remote = client.remote().clone();
    for round in 1..=rounds {
        // The push, its flush and the socket's opening meet in every order.
        remote.set_room(Some(usize::try_from(round % 40).unwrap()));
        go.store(round, Ordering::Release);
        for _ in 0..round % 5 {
            tokio::task::yield_now().await;
        }
        remote.set_room(None);
        while client.log.len() < usize::try_from(round).unwrap() {
            client.next().await;
        }
        assert!(done.load(Ordering::Acquire) + 1 >= round);
        if round % 64 == 0 {
            client.confirm();
        }
    }
    tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap();
}

#[test]
fn a_blocked_link_is_woken() {
    for (workers, parks) in [(1, true), (2, true), (2, false)] {
        runtime(workers, parks).block_on(in_time("every round is over", blocked_and_unblocked(1_500)));
    }
}
