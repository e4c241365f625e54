//! Publishers, subscribers and queue groups whose links break at random.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use pointsman_client::{Client, Received, SubscribeOptions, Subscription};
use pointsman_testkit::history::{History, Name, Seen};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinHandle;

use crate::is_torture;
use crate::node::Node;
use crate::proxy::{Direction, End, Plan, Proxy};
use crate::record::{accepted, assert_whole, message, seen};
use crate::rust::{builder, runtime, session, within};

const PUBLISHERS: u64 = 3;
const SUBSCRIBERS: usize = 4;
/// A publisher waits for the node after so many.
const BATCH: u64 = 50;

/// Cuts links of random clients at random places until told to stop.
fn disturb(proxies: Arc<Vec<Proxy>>, stop: Arc<AtomicBool>, mut random: StdRng) -> std::thread::JoinHandle<usize> {
    std::thread::spawn(move || {
        let mut cuts = 0;
        while !stop.load(Ordering::SeqCst) {
            let proxy = &proxies[random.random_range(0..proxies.len())];
            let end = [End::Fin, End::Reset, End::Unnoticed][random.random_range(0..3)];
            if random.random_bool(0.5) {
                let direction = [Direction::ToServer, Direction::ToClient][random.random_range(0..2)];
                proxy.plan(Plan::cut(direction, random.random_range(0..20_000), end));
            }
            proxy.cut_all(end);
            cuts += 1;
            std::thread::sleep(Duration::from_millis(random.random_range(1..30)));
        }
        cuts
    })
}

async fn publish(client: Client, publisher: u64, count: u64) -> Vec<(String, u64)> {
    let mut published = Vec::new();
    for number in 1..=count {
        let subject = format!("q.{}", number % 4);
        client.publish_message(message(publisher, &subject, number, number as usize % 300)).unwrap();
        published.push((subject, number));
        if number % BATCH == 0 {
            // It ends well only if the session has outlived all of its links.
            within("the node has handled it", client.flush()).await.unwrap();
        }
    }
    client.publish_acknowledged(message(publisher, "q.end.x", count + 1, 0)).await.unwrap();
    published
}

/// Everything a plain subscription sees, up to the end of every publisher.
async fn read_all(mut subscription: Subscription) -> Vec<Seen> {
    let mut all = Vec::new();
    let mut ends = 0;
    while ends < PUBLISHERS {
        let received = within("a message", subscription.next()).await.expect("it goes on");
        ends += u64::from(matches!(&received, Received::Message(message) if message.subject == "q.end.x"));
        all.push(seen(&received));
    }
    all
}

/// Everything a member of a queue group sees, until it is unsubscribed.
async fn read_share(mut subscription: Subscription, taken: Arc<AtomicUsize>, all: usize) -> Vec<Name> {
    let mut share = Vec::new();
    loop {
        let received = tokio::select! {
            received = subscription.next() => received.expect("it goes on"),
            () = until(&taken, all) => return share,
        };
        match seen(&received) {
            Seen::Message(name) => share.push(name),
            gap @ Seen::Gap(_) => panic!("a gap was told, and nothing was lost: {gap:?}"),
        }
        taken.fetch_add(1, Ordering::SeqCst);
    }
}

async fn until(taken: &AtomicUsize, all: usize) {
    while taken.load(Ordering::SeqCst) < all {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn links_that_break_at_random_lose_nothing_and_a_queue_message_has_one_receiver() {
    let seed = rand::random();
    let count = if is_torture() { 20_000 } else { 2_000 };
    // Every limit is out of reach, so that nothing may be lost.
    let node = Node::dev(&[
        "--no-metrics",
        "--set=runtime.workers=2",
        "--set=outbox.bytes_max='256MiB'",
        "--set=outbox.messages_max=1000000",
        "--set=outbox.resend_bytes_max='64MiB'",
        "--set=outbox.resend_messages_max=1000000",
    ]);
    let proxies: Arc<Vec<Proxy>> =
        Arc::new((0..SUBSCRIBERS + PUBLISHERS as usize).map(|_| Proxy::new(node.address)).collect());
    let all = PUBLISHERS as usize * count as usize;
    let taken = Arc::new(AtomicUsize::new(0));
    let runtime = runtime();
    let (plain, shares, publishing, clients) = runtime.block_on(async {
        let (mut plain, mut shares, mut clients) = (Vec::new(), Vec::new(), Vec::new());
        for proxy in proxies.iter().take(SUBSCRIBERS) {
            let client = builder(&proxy.url()).connect().await.unwrap();
            plain.push(tokio::spawn(read_all(client.subscribe("q.>").await.unwrap())));
            for group in ["red", "blue"] {
                let member = client.subscribe_with(SubscribeOptions::new("q.*").queue(group)).await.unwrap();
                let (taken, all) = (Arc::clone(&taken), 2 * all);
                shares.push((group, tokio::spawn(read_share(member, taken, all))));
            }
            clients.push((session(&client).await, client));
        }
        let mut publishing: Vec<JoinHandle<_>> = Vec::new();
        for (publisher, proxy) in (1..).zip(proxies.iter().skip(SUBSCRIBERS)) {
            let client = builder(&proxy.url()).echo(false).connect().await.unwrap();
            clients.push((session(&client).await, client.clone()));
            publishing.push(tokio::spawn(publish(client, publisher, count)));
        }
        (plain, shares, publishing, clients)
    });
    let stop = Arc::new(AtomicBool::new(false));
    let disturbing = disturb(Arc::clone(&proxies), Arc::clone(&stop), StdRng::seed_from_u64(seed));

    runtime.block_on(async {
        let mut history = History::default();
        let mut names = HashSet::new();
        for (publisher, publishing) in (1..).zip(publishing) {
            for (subject, number) in publishing.await.unwrap() {
                accepted(&mut history, publisher, &subject, number);
                names.insert(Name { publisher, subject, number });
            }
            accepted(&mut history, publisher, "q.end.x", count + 1);
        }
        stop.store(true, Ordering::SeqCst);
        for (at, plain) in plain.into_iter().enumerate() {
            assert_whole(&history, |_| true, &plain.await.unwrap(), &format!("seed {seed}, subscriber {at}"));
        }
        let mut groups: HashMap<&str, Vec<Name>> = HashMap::new();
        for (group, share) in shares {
            let share = within("the groups have everything", share).await.unwrap();
            assert_ascending(&share, seed);
            groups.entry(group).or_default().extend(share);
        }
        for (group, received) in groups {
            let once: HashSet<_> = received.iter().cloned().collect();
            assert_eq!((received.len(), &once), (all, &names), "seed {seed}: {group} got each message once");
        }
        for (before, client) in clients {
            let after = within("it is connected", session(&client)).await;
            assert_eq!(before.0, after.0, "seed {seed}: its session went on");
            client.close().await;
        }
    });
    let cuts = disturbing.join().unwrap();
    let links: usize = proxies.iter().map(Proxy::opened).sum();
    println!("queues: seed {seed}: {all} messages, {cuts} disturbances, {links} links");
    assert!(links > 2 * proxies.len(), "the links broke");
}

/// A member sees the messages of a publisher on a subject in their order.
fn assert_ascending(share: &[Name], seed: u64) {
    let mut last: HashMap<(u64, &str), u64> = HashMap::new();
    for name in share {
        let before = last.insert((name.publisher, &name.subject), name.number).unwrap_or(0);
        assert!(before < name.number, "seed {seed}: {name:?} came after {before}");
    }
}
