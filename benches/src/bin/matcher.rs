//! What matching costs with many subscriptions.
//!
//! Each row publishes batches of 64 and counts the processor time of the publishing thread per publication. The publisher holds the subscriptions itself
//! and does not hear itself, so that what is measured is finding the receivers and not writing to them.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use pointsman_benches::node::Node;
use pointsman_benches::process;
use pointsman_benches::sample;
use pointsman_benches::summary::Summary;
use pointsman_client_websocket::codec::WebSocketCodec;
use pointsman_contract::batch::Batch;
use pointsman_contract::port::{Port, SessionKey, SubscribeRequest};
use pointsman_contract::worker::Worker;
use pointsman_router::router::Router;
use rand::Rng;
use serde::Serialize;

/// The allocator of the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Publications in a batch.
const BATCH: usize = 64;
const BATCHES: usize = 1024;
/// Subjects that are published again and again.
const HOT: usize = 64;
/// Subscriptions of one session where memory is measured: the limit of the default configuration.
const PER_SESSION: usize = 1000;
/// The kernel counts a running thread's time by its own clock tick, so a repetition is many of these.
const REPETITION: Duration = Duration::from_millis(200);
/// Subscriptions made and ended beside publishing, a millisecond.
const CHURN_PER_MILLISECOND: u64 = 10;

#[derive(Debug, Parser)]
#[command(about = "Measures matching with up to so many subscriptions")]
struct Arguments {
    /// Subscriptions at most
    #[arg(long, default_value_t = 1_000_000)]
    subscriptions: usize,
    /// Repetitions of each figure
    #[arg(long, default_value_t = 7)]
    repetitions: usize,
    /// Prints the figures as JSON too
    #[arg(long)]
    json: bool,
    /// Fails where a goal is missed
    #[arg(long)]
    gate: bool,
}

#[derive(Debug, Default, Serialize)]
struct Figures {
    /// Nanoseconds per publication by number of subscriptions.
    hot: Vec<(usize, Summary)>,
    random: Vec<(usize, Summary)>,
    hot_ratio: f64,
    random_ratio: f64,
    churn: Vec<Churn>,
    bytes_per_subscription: u64,
}

/// Publishing on 64 subjects, alone and while another thread subscribes and unsubscribes.
#[derive(Debug, Serialize)]
struct Churn {
    name: &'static str,
    alone: Summary,
    beside: Summary,
    /// Subscriptions made and ended a second.
    per_second: f64,
    ratio: f64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut figures = Figures { bytes_per_subscription: memory(arguments.subscriptions)?, ..Figures::default() };
    println!("{} bytes per subscription at {}", figures.bytes_per_subscription, arguments.subscriptions);
    let mut count = 1000.min(arguments.subscriptions);
    while count <= arguments.subscriptions {
        let mut bench = Bench::new(count)?;
        let hot = bench.hot(arguments.repetitions)?;
        let random = bench.random(arguments.repetitions)?;
        println!("{count:>8} subscriptions: hot {hot} ns, random {random} ns");
        figures.hot.push((count, hot));
        figures.random.push((count, random));
        count *= 10;
    }
    let ratio = |rows: &[(usize, Summary)]| match (rows.first(), rows.last()) {
        (Some((_, few)), Some((_, many))) => many.median / few.median,
        _ => f64::NAN,
    };
    figures.hot_ratio = ratio(&figures.hot);
    figures.random_ratio = ratio(&figures.random);
    println!("many / few: hot {:.2}, random {:.2}", figures.hot_ratio, figures.random_ratio);
    figures.churn = churn(arguments.repetitions)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    }
    if arguments.gate {
        ensure!(figures.hot_ratio <= 1.2, "hot subjects cost more with many subscriptions");
        ensure!(figures.random_ratio <= 2.5, "random subjects cost too much more with many subscriptions");
        ensure!(figures.bytes_per_subscription <= 250, "a subscription takes more than 250 bytes");
        ensure!(figures.churn.iter().all(|churn| churn.ratio <= 1.15), "churn costs publishers more than 15 %");
    }
    Ok(())
}

fn subject(at: usize) -> String {
    format!("plant.{}.line-{}.sensor-{at}", at % 50, at % 1000)
}

/// Resident bytes of so many subscriptions on subjects of their own, sessions included.
fn memory(count: usize) -> anyhow::Result<u64> {
    let node = Node::default();
    let pid = std::process::id();
    // The first ones set up what does not grow.
    let warm = node.join(WebSocketCodec::Json, true);
    (0..PER_SESSION).for_each(|at| node.subscribe(warm, at as u64, &format!("warm.{at}")));
    let before = process::resident(pid)?;
    let mut session = warm;
    for at in 0..count {
        if at % PER_SESSION == 0 {
            session = node.join(WebSocketCodec::Json, true);
        }
        node.subscribe(session, (at % PER_SESSION) as u64, &subject(at));
    }
    let after = process::resident(pid)?;
    black_box(&node);
    Ok(after.saturating_sub(before) / count.max(1) as u64)
}

struct Bench {
    node: Node,
    from: SessionKey,
    subscriptions: usize,
}

impl Bench {
    fn new(subscriptions: usize) -> anyhow::Result<Self> {
        let node = Node::default();
        let from = node.join(WebSocketCodec::Json, false);
        for at in 0..subscriptions {
            node.subscribe(from, at as u64, &subject(at));
        }
        ensure!(node.router.subscription_count() == subscriptions, "not all subscriptions were made");
        Ok(Self { node, from, subscriptions })
    }

    /// Nanoseconds per publication on 64 subjects.
    fn hot(&mut self, repetitions: usize) -> anyhow::Result<Summary> {
        let Node { router, worker } = &mut self.node;
        publish(router, worker, self.from, HOT, repetitions)
    }

    /// The same on any of the subjects.
    fn random(&mut self, repetitions: usize) -> anyhow::Result<Summary> {
        let Node { router, worker } = &mut self.node;
        publish(router, worker, self.from, self.subscriptions, repetitions)
    }

    /// [`hot`](Self::hot) while another thread subscribes and unsubscribes; with how often a second it did.
    fn hot_beside(&mut self, pattern: fn(u64) -> String, repetitions: usize) -> anyhow::Result<(Summary, f64)> {
        let session = self.node.join(WebSocketCodec::Json, true);
        let Node { router, worker } = &mut self.node;
        let (router, from) = (&*router, self.from);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let churning = scope.spawn(|| {
                let start = Instant::now();
                let mut made = 0;
                while !stop.load(Ordering::Relaxed) {
                    for _ in 0..CHURN_PER_MILLISECOND {
                        let pattern = pattern(made);
                        let request = SubscribeRequest { sid: made, pattern: &pattern, queue: None, max: None };
                        let subscribed = router.subscribe(session, &request).is_ok();
                        assert!(subscribed && router.unsubscribe(session, made, None).is_ok());
                        made += 1;
                    }
                    let due = start + Duration::from_millis(made / CHURN_PER_MILLISECOND);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                }
                made as f64 / start.elapsed().as_secs_f64()
            });
            let figures = publish(router, worker, from, HOT, repetitions);
            stop.store(true, Ordering::Relaxed);
            let rate = churning.join().map_err(|_| anyhow::anyhow!("a subscribe was refused"))?;
            Ok((figures?, rate))
        })
    }
}

/// Nanoseconds of this thread per publication on random subjects among the first so many.
fn publish(
    router: &Router,
    worker: &mut Worker,
    from: SessionKey,
    among: usize,
    repetitions: usize,
) -> anyhow::Result<Summary> {
    let mut random = rand::rng();
    let batches: Vec<Batch> = (0..BATCHES)
        .map(|_| {
            let subjects: Vec<String> = (0..BATCH).map(|_| subject(random.random_range(0..among))).collect();
            sample::batch(subjects.iter().map(String::as_str))
        })
        .collect();
    let mut values = Vec::new();
    for repetition in 0..=repetitions {
        let start = process::thread_time()?;
        let (mut rounds, mut spent) = (0_u32, Duration::ZERO);
        while spent < REPETITION {
            for batch in &batches {
                let _submitted = router.submit(from, batch.view(), worker);
                worker.tick.flush();
            }
            rounds += 1;
            spent = process::thread_time()? - start;
        }
        // The first round fills the caches.
        if repetition > 0 {
            values.push(spent.as_nanos() as f64 / f64::from(rounds) / (BATCHES * BATCH) as f64);
        }
    }
    Summary::of(&values).context("no repetitions")
}

/// Publishing beside subscriptions that come and go.
fn churn(repetitions: usize) -> anyhow::Result<Vec<Churn>> {
    let mut bench = Bench::new(100_000)?;
    let mut rows = Vec::new();
    for (name, pattern) in [
        ("inboxes", (|n| format!("_INBOX.{n:x}.1")) as fn(u64) -> String),
        ("subjects nearby", |n| format!("plant.{}.line-{n}.new", n % 50)),
        ("wildcards elsewhere", |n| format!("user-{n}.>")),
    ] {
        let alone = bench.hot(repetitions)?;
        let (beside, per_second) = bench.hot_beside(pattern, repetitions)?;
        let ratio = beside.median / alone.median;
        println!("{name:<20} alone {alone} ns, beside {per_second:.0} changes a second {beside} ns: {ratio:.2}");
        rows.push(Churn { name, alone, beside, per_second, ratio });
    }
    Ok(rows)
}
