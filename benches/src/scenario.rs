//! One publisher, many receivers.

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::task::LocalSet;

use crate::client::{self, Form, Load, SUBJECT, Target};
use crate::sample;
use crate::server::Server;
use crate::summary::percentile;

/// How long a burst may take to arrive.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(20);
/// Before anything is measured.
const WARM_UP: Duration = Duration::from_millis(250);

/// How the publisher goes about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many publications at once, the next ones when all have arrived.
    Bursts(usize),
    /// So many single publications a second.
    PerSecond(u32),
}

/// What is done to a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scenario {
    /// Links that are subscribed.
    pub receivers: usize,
    /// How it is published.
    pub pace: Pace,
    /// Publications in a wire message of the publisher.
    pub per_message: usize,
    /// Bytes of a payload.
    pub payload: usize,
    /// How long it is measured.
    pub duration: Duration,
    /// Whether one more receiver is there that does not read: its receive buffer in bytes.
    pub slow_reader: Option<u32>,
}

impl Scenario {
    /// Its name in tables.
    #[must_use]
    pub fn name(&self) -> String {
        match self.pace {
            Pace::Bursts(_) => format!("1x{} bursts", self.receivers),
            Pace::PerSecond(rate) => format!("1x{} at {rate}/s", self.receivers),
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Outcome {
    /// Whether every delivery arrived, and no more.
    pub complete: bool,
    /// Deliveries that did not arrive; negative where there were more than sent.
    pub missing: i64,
    /// Links that ended.
    pub lost: usize,
    /// Deliveries while it was measured.
    pub deliveries: u64,
    /// Processor seconds of the server while it was measured.
    pub processor: f64,
    /// Seconds it was measured.
    pub seconds: f64,
    /// Processor seconds per million deliveries.
    pub per_million: f64,
    /// Bytes resident afterwards.
    pub resident: u64,
    /// Latencies in microseconds where single publications are sent: half, 99 of 100, all are below.
    pub latency: Option<[f64; 3]>,
}

/// Does it.
///
/// # Errors
/// When the server cannot be reached or ends.
pub fn run(server: &Server, form: Form, scenario: &Scenario) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, measure(server, form, scenario))
}

async fn measure(server: &Server, form: Form, scenario: &Scenario) -> anyhow::Result<Outcome> {
    let target = Target { address: server.address, source: None, form, receive_buffer: None };
    let load = Rc::new(Load::default());
    let timed = matches!(scenario.pace, Pace::PerSecond(_));
    for _ in 0..scenario.receivers {
        let link = client::open(target, &[(1, SUBJECT)]).await?;
        tokio::task::spawn_local(client::receive(link, form, Rc::clone(&load), timed));
    }
    let slow = match scenario.slow_reader {
        None => None,
        Some(bytes) => Some(client::open(Target { receive_buffer: Some(bytes), ..target }, &[(1, SUBJECT)]).await?),
    };
    let mut publisher = client::open(target, &[]).await?;
    load.until_ready(scenario.receivers).await?;
    let payload = sample::payload(scenario.payload);
    let mut publishing =
        Publishing { publisher: &mut publisher, load: &load, scenario, form, payload: &payload, sent: 0 };
    let mut complete = publishing.go_on(WARM_UP).await?;
    load.latencies.borrow_mut().clear();
    let before = (load.delivered.get(), server.processor_time()?, Instant::now());
    complete &= publishing.go_on(scenario.duration).await?;
    let seconds = before.2.elapsed().as_secs_f64();
    let processor = (server.processor_time()? - before.1).as_secs_f64();
    let deliveries = load.delivered.get() - before.0;
    let resident = server.resident()?;
    drop(slow);
    let expected = publishing.sent * scenario.receivers as u64;
    let missing = i64::try_from(expected).unwrap_or(i64::MAX) - i64::try_from(load.delivered.get()).unwrap_or(0);
    let mut latencies = load.latencies.take();
    let latency = (!latencies.is_empty())
        .then(|| [0.5, 0.99, 1.0].map(|share| percentile(&mut latencies, share) as f64 / 1000.0));
    Ok(Outcome {
        complete: complete && load.lost.get() == 0,
        missing,
        lost: load.lost.get(),
        deliveries,
        processor,
        seconds,
        per_million: processor * 1e6 / deliveries.max(1) as f64,
        resident,
        latency,
    })
}

struct Publishing<'a> {
    publisher: &'a mut client::Opened,
    load: &'a Load,
    scenario: &'a Scenario,
    form: Form,
    payload: &'a [u8],
    sent: u64,
}

impl Publishing<'_> {
    /// Publishes for so long and waits for what is on its way. `false` when something did not arrive.
    async fn go_on(&mut self, duration: Duration) -> anyhow::Result<bool> {
        let until = Instant::now() + duration;
        match self.scenario.pace {
            Pace::Bursts(count) => {
                let bytes = client::publications(self.form, self.payload, count, self.scenario.per_message);
                while Instant::now() < until {
                    self.publisher.stream.write_all(&bytes).await?;
                    self.sent += count as u64;
                    if !self.arrived().await {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Pace::PerSecond(rate) => {
                let bytes = client::publications(self.form, self.payload, 1, 1);
                let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
                while Instant::now() < until {
                    ticks.tick().await;
                    self.load.sent.borrow_mut().push(Instant::now());
                    self.publisher.stream.write_all(&bytes).await?;
                    self.sent += 1;
                }
                Ok(self.arrived().await)
            }
        }
    }

    async fn arrived(&self) -> bool {
        self.load.reach(self.sent * self.scenario.receivers as u64, ARRIVAL_TIMEOUT).await
    }
}
