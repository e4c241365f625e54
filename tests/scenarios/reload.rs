//! A configuration that changes for better and worse while messages flow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pointsman_client::{Client, Received};
use pointsman_testkit::history::{History, Seen};

use crate::is_torture;
use crate::node::{Node, eventually};
use crate::record::{accepted, assert_whole, message, seen};
use crate::rust::{builder, runtime, session, within};

const PUBLISHERS: u64 = 2;
const SUBSCRIBERS: usize = 4;
/// Between two signals.
const PERIOD: Duration = Duration::from_millis(100);

/// Configurations one after the other: each second one is wrong, each in its own way.
fn configuration(round: usize) -> String {
    let wrong = ["[outbox]\nbytes_max = 5\n", "[sessoin]\nkeep = '3s'\n", "[session\n", "version = 2\n"];
    if round % 2 == 1 {
        return wrong[round / 2 % wrong.len()].to_owned();
    }
    let keep = 30 + round % 5;
    format!(
        "[session]\nkeep = '{keep}s'\n[outbox]\nbytes_max = '{}MiB'\n[http]\nbody_bytes_max = '{}MiB'\n",
        1 + round % 3,
        1 + round % 4
    )
}

async fn publish(client: Client, publisher: u64, stop: Arc<AtomicBool>) -> u64 {
    let mut number = 0;
    while !stop.load(Ordering::SeqCst) {
        number += 1;
        client.publish_acknowledged(message(publisher, "r.a", number, 100)).await.unwrap();
    }
    client.publish_acknowledged(message(publisher, "r.end", number + 1, 0)).await.unwrap();
    number
}

/// What a subscriber sees up to the end of every publisher.
async fn read(client: Client) -> Vec<Seen> {
    let mut subscription = client.subscribe("r.>").await.unwrap();
    let mut all = Vec::new();
    let mut ends = 0;
    while ends < PUBLISHERS {
        let received = within("a message", subscription.next()).await.expect("it goes on");
        ends += u64::from(matches!(&received, Received::Message(message) if message.subject == "r.end"));
        all.push(seen(&received));
    }
    all
}

#[test]
fn reloads_under_traffic_lose_nothing_and_end_no_link() {
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), configuration(0)).unwrap();
    let node = Node::dev(&["--no-metrics", "--config", config.path().to_str().unwrap()]);
    let url = format!("ws://{}", node.address);
    let runtime = runtime();
    let mut clients = Vec::new();
    let stop = Arc::new(AtomicBool::new(false));
    let reading: Vec<_> = (0..SUBSCRIBERS)
        .map(|_| {
            let client = runtime.block_on(builder(&url).connect()).unwrap();
            clients.push((runtime.block_on(session(&client)), client.clone()));
            runtime.spawn(read(client))
        })
        .collect();
    eventually("everybody has subscribed", || {
        (crate::figures::metric(&node, "pointsman_subscriptions") == SUBSCRIBERS as u64).then_some(())
    });
    let publishing: Vec<_> = (1..=PUBLISHERS)
        .map(|publisher| {
            let client = runtime.block_on(builder(&url).connect()).unwrap();
            clients.push((runtime.block_on(session(&client)), client.clone()));
            runtime.spawn(publish(client, publisher, Arc::clone(&stop)))
        })
        .collect();
    let rounds = if is_torture() { 300 } else { 30 };
    for round in 1..=rounds {
        let next = Instant::now() + PERIOD;
        std::fs::write(config.path(), configuration(round)).unwrap();
        node.signal("HUP");
        let (applied, refused) = (round / 2, round.div_ceil(2));
        eventually("the reload is answered", || {
            let told = (
                node.count("the configuration was read again"),
                node.count("the configuration was not applied; the one before stays in force"),
            );
            (told == (applied, refused)).then_some(())
        });
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    stop.store(true, Ordering::SeqCst);
    runtime.block_on(async {
        let mut history = History::default();
        let mut all = 0;
        for (publisher, publishing) in (1..).zip(publishing) {
            let count = publishing.await.unwrap();
            (1..=count).for_each(|number| accepted(&mut history, publisher, "r.a", number));
            accepted(&mut history, publisher, "r.end", count + 1);
            all += count;
        }
        for (at, reading) in reading.into_iter().enumerate() {
            assert_whole(&history, |_| true, &reading.await.unwrap(), &format!("subscriber {at}"));
        }
        for (before, client) in clients {
            assert_eq!(session(&client).await, before, "it has the link it began with");
            client.close().await;
        }
        println!("reload: {rounds} reloads, {all} messages to {SUBSCRIBERS}");
    });
}
