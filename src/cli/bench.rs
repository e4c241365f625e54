//! `pointsman bench`.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use bytes::Bytes;
use clap::Args;
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use pointsman_client::{Client, PublishError, Received, SubscribeOptions, Subscription};
use serde_json::json;
use tokio::task::JoinSet;

use super::connection::ConnectionArgs;
use super::{Failure, block_on, print};

/// A payload begins with the time it was sent.
const STAMP_BYTES: usize = 8;
/// A subscriber that hears nothing for so long has heard all it will.
const SILENCE: Duration = Duration::from_secs(5);
/// Latencies above are counted as this one.
const LATENCY_US_MAX: u64 = 60_000_000;

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  pointsman bench                                             1 publisher, 1 subscriber, 100,000 messages of 128 B
  pointsman bench --subscribers 100 --messages 20000
  pointsman bench --rate 300 --messages 3000 --subscribers 100    latency at a given rate

Publishers and subscribers run in this process and share the machine with the node: use it to compare, not to find limits.")]
pub(super) struct BenchArgs {
    /// Messages in all
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    messages: u64,
    /// Bytes of a payload, at least 8
    #[arg(long, value_name = "BYTES", default_value_t = 128, value_parser = clap::value_parser!(u32).range(8..=1 << 20))]
    size: u32,
    /// Publishing clients
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    publishers: u32,
    /// Subscribing clients
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    subscribers: u32,
    /// Messages a second of each publisher; as fast as it goes otherwise
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
    /// The subject
    #[arg(long, default_value = "pointsman.bench")]
    subject: String,
    /// The figures as a JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// What one subscriber saw.
struct Seen {
    received: u64,
    lost: u64,
    latency_us: Histogram<u64>,
    last: Instant,
}

pub(super) fn run(args: BenchArgs) -> Result<(), Failure> {
    block_on(bench(args))
}

async fn bench(args: BenchArgs) -> Result<(), Failure> {
    let start = Instant::now();
    let bar = progress(&args);
    let mut listening = JoinSet::new();
    for _ in 0..args.subscribers {
        let client = args.connection.connect().await?;
        let options = SubscribeOptions::new(&args.subject);
        let subscription = client.subscribe_with(options).await.map_err(|error| Failure::Failed(error.into()))?;
        listening.spawn(listen(client, subscription, args.messages, start, bar.clone()));
    }
    let mut publishers = Vec::new();
    for _ in 0..args.publishers {
        publishers.push(args.connection.connect().await?);
    }
    let begun = Instant::now();
    let mut publishing = JoinSet::new();
    for (at, client) in (0u64..).zip(publishers) {
        let share =
            args.messages / u64::from(args.publishers) + u64::from(at < args.messages % u64::from(args.publishers));
        publishing.spawn(publish(client, args.clone(), share, start));
    }
    while let Some(joined) = publishing.join_next().await {
        joined.context("a publisher did not come to its end")??;
    }
    let published = begun.elapsed();
    let mut all = Seen::new(begun)?;
    while let Some(joined) = listening.join_next().await {
        all.add(&joined.context("a subscriber did not come to its end")??)?;
    }
    bar.finish_and_clear();
    report(&args, begun, published, &all)
}

fn progress(args: &BenchArgs) -> ProgressBar {
    let deliveries = args.messages.saturating_mul(args.subscribers.into());
    if !std::io::stderr().is_terminal() || deliveries == 0 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {percent}% {per_sec} {eta}");
    ProgressBar::new(deliveries).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

async fn publish(client: Client, args: BenchArgs, messages: u64, start: Instant) -> anyhow::Result<()> {
    let mut ticks = args.rate.map(|rate| tokio::time::interval(Duration::from_secs(1) / rate));
    for _ in 0..messages {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let mut payload = vec![b'.'; args.size as usize];
        let stamp = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX).to_le_bytes();
        if let Some(place) = payload.get_mut(..STAMP_BYTES) {
            place.copy_from_slice(&stamp);
        }
        let mut payload = Bytes::from(payload);
        loop {
            match client.publish(&args.subject, payload) {
                Ok(()) => break,
                Err(PublishError::Full { message, .. }) => {
                    payload = message.payload;
                    client.writable().await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    client.flush().await?;
    client.close().await;
    Ok(())
}

async fn listen(
    client: Client,
    mut subscription: Subscription,
    expected: u64,
    start: Instant,
    bar: ProgressBar,
) -> anyhow::Result<Seen> {
    let mut seen = Seen::new(Instant::now()).map_err(|failure| anyhow!("{failure}"))?;
    let mut told = 0;
    while seen.received + seen.lost < expected {
        let Ok(received) = tokio::time::timeout(SILENCE, subscription.next()).await else { break };
        match received {
            Some(Received::Message(message)) => {
                seen.received += 1;
                let sent = message.payload.first_chunk::<STAMP_BYTES>().map_or(0, |stamp| u64::from_le_bytes(*stamp));
                let now = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
                seen.latency_us.saturating_record((now.saturating_sub(sent) / 1000).max(1));
                seen.last = Instant::now();
                if seen.received - told >= 1000 {
                    bar.inc(seen.received - told);
                    told = seen.received;
                }
            }
            Some(Received::Gap(gap)) => seen.lost += gap.lost.unwrap_or(0),
            Some(_) => {}
            None => break,
        }
    }
    bar.inc(seen.received - told);
    client.close().await;
    Ok(seen)
}

impl Seen {
    fn new(now: Instant) -> Result<Self, Failure> {
        let latency_us = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).context("no histogram")?;
        Ok(Self { received: 0, lost: 0, latency_us, last: now })
    }

    fn add(&mut self, other: &Self) -> Result<(), Failure> {
        self.received += other.received;
        self.lost += other.lost;
        self.last = self.last.max(other.last);
        Ok(self.latency_us.add(&other.latency_us).context("the latencies cannot be added")?)
    }
}

#[allow(clippy::cast_precision_loss, reason = "figures for people; 2^53 messages are out of reach")]
fn report(args: &BenchArgs, begun: Instant, published: Duration, all: &Seen) -> Result<(), Failure> {
    let took = all.last.duration_since(begun).max(published).as_secs_f64();
    let expected = args.messages.saturating_mul(args.subscribers.into());
    let per_second = |count: u64, seconds: f64| count as f64 / seconds.max(1e-9);
    let publish_rate = per_second(args.messages, published.as_secs_f64());
    let delivery_rate = per_second(all.received, took);
    let missing = expected.saturating_sub(all.received + all.lost);
    let at = |quantile: f64| all.latency_us.value_at_quantile(quantile);
    if args.json {
        return print(
            &json!({
                "published": args.messages, "published_per_second": publish_rate.round(),
                "delivered": all.received, "delivered_per_second": delivery_rate.round(),
                "lost_and_told": all.lost, "missing": missing, "seconds": took, "size_bytes": args.size,
                "latency_us": { "p50": at(0.5), "p99": at(0.99), "p999": at(0.999), "max": all.latency_us.max() },
            })
            .to_string(),
        );
    }
    print(&format!("published   {:>12} messages, {publish_rate:.0}/s", args.messages))?;
    if args.subscribers > 0 {
        print(&format!("delivered   {:>12} messages, {delivery_rate:.0}/s", all.received))?;
        print(&format!("lost        {:>12} told as gaps, {missing} missing", all.lost))?;
        let ms = |us: u64| us as f64 / 1000.0;
        print(&format!(
            "latency     p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
            ms(at(0.5)),
            ms(at(0.99)),
            ms(at(0.999)),
            ms(all.latency_us.max())
        ))?;
    }
    if missing > 0 {
        return Err(Failure::Failed(anyhow!("{missing} messages neither came nor were told as lost")));
    }
    Ok(())
}
