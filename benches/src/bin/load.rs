//! Measures a whole server from outside.
//!
//! `load compare` puts it beside `raw` and beside itself, `load idle` opens many links that do nothing, `load slow-reader` looks at what one reader
//! that does not read does to the others. Run it from a release build: the binaries of the servers are expected beside this one.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::{Args, Parser, Subcommand};
use pointsman_benches::client::{self, Form, Load, Target};
use pointsman_benches::process;
use pointsman_benches::scenario::{self, Outcome, Pace, Scenario};
use pointsman_benches::server::{Program, Server};
use pointsman_benches::summary::Summary;
use serde::Serialize;
use tokio::task::LocalSet;

#[derive(Debug, Parser)]
#[command(about = "Measures a whole server from outside")]
struct Arguments {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// The server; by default the one beside this program
    #[arg(long, global = true)]
    pointsman: Option<PathBuf>,
    /// A setting of the server as KEY=VALUE in the environment's form (POINTSMAN_…); may be repeated
    #[arg(long = "set", global = true, value_parser = setting)]
    settings: Vec<(String, String)>,
    /// The form of the frames
    #[arg(long, global = true, value_enum, default_value = "json")]
    form: Form,
    /// Bytes of a payload
    #[arg(long, global = true, default_value_t = 128)]
    payload: usize,
    /// The core of the server; the load takes the next one
    #[arg(long, global = true, default_value_t = 0)]
    core: usize,
    /// Prints the figures as JSON too
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Processor time per delivery, beside `raw` and beside itself, in turns and with fresh processes
    Compare {
        /// Repetitions
        #[arg(long, default_value_t = 7)]
        repetitions: usize,
        /// Seconds of each measurement
        #[arg(long, default_value_t = 1.0)]
        seconds: f64,
        /// Publications in a wire message of the publisher
        #[arg(long, default_value_t = 1)]
        per_message: usize,
        /// Only scenarios whose name contains this
        #[arg(long)]
        only: Option<String>,
    },
    /// Memory and processor time of links that do nothing
    Idle {
        /// How many
        #[arg(long, default_value_t = 10_000)]
        links: usize,
        /// Seconds of rest over which processor time is taken
        #[arg(long, default_value_t = 30)]
        seconds: u64,
    },
    /// What a reader that does not read does to 100 others
    SlowReader {
        /// Seconds of each measurement
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
        /// Publications a second
        #[arg(long, default_value_t = 300)]
        rate: u32,
        /// Repetitions
        #[arg(long, default_value_t = 3)]
        repetitions: usize,
    },
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn main() -> anyhow::Result<()> {
    let Arguments { what, common } = Arguments::parse();
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build: the figures say nothing");
    }
    process::pin(common.core + 1).context("the load needs a core of its own")?;
    let _limit = process::raise_open_files();
    match what {
        What::Compare { repetitions, seconds, per_message, only } => {
            let scenarios = scenarios(Duration::from_secs_f64(seconds), per_message, common.payload);
            let chosen = scenarios.into_iter().filter(|one| only.as_ref().is_none_or(|only| one.name().contains(only)));
            compare(&common, &chosen.collect::<Vec<_>>(), repetitions)
        }
        What::Idle { links, seconds } => idle(&common, links, Duration::from_secs(seconds)),
        What::SlowReader { seconds, rate, repetitions } => {
            slow_reader(&common, Duration::from_secs_f64(seconds), rate, repetitions)
        }
    }
}

fn scenarios(duration: Duration, per_message: usize, payload: usize) -> Vec<Scenario> {
    let bursts = |receivers, count| Scenario {
        receivers,
        pace: Pace::Bursts(count),
        per_message,
        payload,
        duration,
        slow_reader: None,
    };
    let paced = Scenario { pace: Pace::PerSecond(300), duration: 3 * duration, ..bursts(100, 0) };
    vec![bursts(1, 512), bursts(10, 512), bursts(100, 256), bursts(1000, 128), paced]
}

fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(
        path.exists(),
        "`{}` is missing; build it with `cargo build --release -p pointsman -p pointsman-benches`",
        path.display()
    );
    Ok(path)
}

fn pointsman(common: &Common) -> anyhow::Result<Program> {
    Ok(Program::Pointsman(match &common.pointsman {
        Some(path) => path.clone(),
        None => beside("pointsman")?,
    }))
}

/// A row of the comparison.
#[derive(Debug, Serialize)]
struct Row {
    scenario: String,
    /// Whether every delivery of every repetition arrived.
    complete: bool,
    /// Processor seconds per million deliveries.
    pointsman: Summary,
    raw: Summary,
    /// Ratio within a repetition.
    ratio: Summary,
    /// The same binary twice: the noise.
    ratio_same: Summary,
    /// Deliveries a second of elapsed time.
    per_second: Summary,
    /// Bytes resident after the load.
    resident: Summary,
}

fn compare(common: &Common, scenarios: &[Scenario], repetitions: usize) -> anyhow::Result<()> {
    let ours = pointsman(common)?;
    let mut rows = Vec::new();
    println!(
        "{:<16} {:>22} {:>22} {:>20} {:>20} {:>9} {:>8} complete",
        "scenario", "pointsman s/M", "raw s/M", "ratio", "same/same", "M/s", "RSS MiB"
    );
    for scenario in scenarios {
        let raw = Program::Raw(beside("raw")?, scenario.per_message);
        let mut runs: [Vec<Outcome>; 3] = Default::default();
        for repetition in 0..repetitions {
            // ABBA: each program goes first as often as last, so a machine that slows down slows both.
            let order = if repetition % 2 == 0 { [0, 1, 2] } else { [2, 1, 0] };
            for which in order {
                let program = if which == 1 { &raw } else { &ours };
                let server = Server::start(program, Some(common.core), &common.settings)?;
                let outcome = scenario::run(&server, common.form, scenario)?;
                if !outcome.complete {
                    eprintln!("incomplete: {} on {program:?}: {outcome:?}", scenario.name());
                }
                if let Some(runs) = runs.get_mut(which) {
                    runs.push(outcome);
                }
            }
        }
        let row = row(scenario, &runs).context("no repetitions")?;
        println!(
            "{:<16} {:>22} {:>22} {:>20} {:>20} {:>9.3} {:>8.1} {}",
            row.scenario,
            row.pointsman.to_string(),
            row.raw.to_string(),
            format!("{:.2} ({:.2}-{:.2})", row.ratio.median, row.ratio.min, row.ratio.max),
            format!("{:.2} ({:.2}-{:.2})", row.ratio_same.median, row.ratio_same.min, row.ratio_same.max),
            row.per_second.median / 1e6,
            row.resident.median / f64::from(1 << 20),
            row.complete
        );
        rows.push(row);
    }
    if common.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    }
    ensure!(rows.iter().all(|row| row.complete), "deliveries are missing: the figures of those rows say nothing");
    Ok(())
}

fn row(scenario: &Scenario, [first, raw, second]: &[Vec<Outcome>; 3]) -> Option<Row> {
    let of = |runs: &[Outcome], value: fn(&Outcome) -> f64| Summary::of(&runs.iter().map(value).collect::<Vec<_>>());
    let ratio = |a: &[Outcome], b: &[Outcome]| {
        Summary::of(&a.iter().zip(b).map(|(a, b)| a.per_million / b.per_million).collect::<Vec<_>>())
    };
    let mut both = first.clone();
    both.extend_from_slice(second);
    Some(Row {
        scenario: scenario.name(),
        complete: both.iter().chain(raw).all(|outcome| outcome.complete),
        pointsman: of(&both, |outcome| outcome.per_million)?,
        raw: of(raw, |outcome| outcome.per_million)?,
        ratio: ratio(first, raw)?,
        ratio_same: ratio(second, first)?,
        per_second: of(&both, |outcome| outcome.deliveries as f64 / outcome.seconds)?,
        resident: of(&both, |outcome| outcome.resident as f64)?,
    })
}

/// Figures of links that do nothing.
#[derive(Debug, Serialize)]
struct IdleFigures {
    links: usize,
    /// Bytes resident before the first link and with all of them.
    before: u64,
    with_links: u64,
    per_link: u64,
    /// Processor seconds for opening one link.
    opening: f64,
    /// Cores in use over the rest.
    cores: f64,
    /// Bytes per link right after each link got one burst, and five seconds later.
    per_link_after_burst: u64,
    per_link_later: u64,
}

fn idle(common: &Common, links: usize, rest: Duration) -> anyhow::Result<()> {
    let server = Server::start(&pointsman(common)?, Some(common.core), &common.settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = LocalSet::new().block_on(&runtime, idle_links(&server, common, links, rest))?;
    println!(
        "{} links: {} B each (RSS {:.1} -> {:.1} MiB), opening {:.1} us, at rest {:.4} cores; after a burst {} B each, 5 s later {} B",
        figures.links,
        figures.per_link,
        figures.before as f64 / f64::from(1 << 20),
        figures.with_links as f64 / f64::from(1 << 20),
        figures.opening * 1e6,
        figures.cores,
        figures.per_link_after_burst,
        figures.per_link_later,
    );
    if common.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    }
    Ok(())
}

async fn idle_links(server: &Server, common: &Common, links: usize, rest: Duration) -> anyhow::Result<IdleFigures> {
    let load = Rc::new(Load::default());
    let target = Target { address: server.address, source: None, form: common.form, receive_buffer: None };
    let open = async |first: usize, count: usize| -> anyhow::Result<()> {
        for at in first..first + count {
            // A few addresses, since each has only so many ports.
            let last = u8::try_from(1 + at % 8).unwrap_or(1);
            let target = Target { source: Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))), ..target };
            let link = client::open(target, &[(1, client::SUBJECT)]).await?;
            tokio::task::spawn_local(client::receive(link, common.form, Rc::clone(&load), false));
        }
        load.until_ready(first + count).await
    };
    // What the first link makes the server set up is not the price of a link.
    open(0, 10).await?;
    let (before, opening) = (server.resident()?, server.processor_time()?);
    open(10, links).await?;
    let opening = (server.processor_time()? - opening).as_secs_f64() / links as f64;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let with_links = server.resident()?;
    let (start, used) = (Instant::now(), server.processor_time()?);
    tokio::time::sleep(rest).await;
    let cores = (server.processor_time()? - used).as_secs_f64() / start.elapsed().as_secs_f64();
    let mut publisher = client::open(target, &[]).await?;
    let burst = client::publications(common.form, &pointsman_benches::sample::payload(common.payload), 16, 16);
    tokio::io::AsyncWriteExt::write_all(&mut publisher.stream, &burst).await?;
    let everything = 16 * (10 + links) as u64;
    ensure!(load.reach(everything, Duration::from_secs(30)).await, "deliveries or links are missing");
    let per_link = |resident: u64| resident.saturating_sub(before) / links.max(1) as u64;
    let per_link_after_burst = per_link(server.resident()?);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let per_link_later = per_link(server.resident()?);
    ensure!(load.lost.get() == 0, "{} links were lost", load.lost.get());
    Ok(IdleFigures {
        links,
        before,
        with_links,
        per_link: per_link(with_links),
        opening,
        cores,
        per_link_after_burst,
        per_link_later,
    })
}

/// Figures with and without a reader that does not read.
#[derive(Debug, Serialize)]
struct SlowReaderFigures {
    complete: bool,
    /// Microseconds below which 99 of 100 deliveries to the others arrive.
    p99_without: Summary,
    p99_with: Summary,
    /// Bytes resident at the end.
    resident_without: Summary,
    resident_with: Summary,
}

fn slow_reader(common: &Common, duration: Duration, rate: u32, repetitions: usize) -> anyhow::Result<()> {
    let program = pointsman(common)?;
    let scenario = Scenario {
        receivers: 100,
        pace: Pace::PerSecond(rate),
        per_message: 1,
        payload: common.payload,
        duration,
        slow_reader: None,
    };
    let mut runs: [Vec<Outcome>; 2] = Default::default();
    for repetition in 0..repetitions {
        for which in if repetition % 2 == 0 { [0, 1] } else { [1, 0] } {
            let server = Server::start(&program, Some(common.core), &common.settings)?;
            let slow_reader = (which == 1).then_some(128);
            let outcome = scenario::run(&server, common.form, &Scenario { slow_reader, ..scenario })?;
            if let Some(runs) = runs.get_mut(which) {
                runs.push(outcome);
            }
        }
    }
    let of = |runs: &[Outcome], value: fn(&Outcome) -> f64| {
        Summary::of(&runs.iter().map(value).collect::<Vec<_>>()).context("no repetitions")
    };
    let p99 = |outcome: &Outcome| outcome.latency.map_or(f64::NAN, |[_, p99, _]| p99);
    let [without, with] = &runs;
    let figures = SlowReaderFigures {
        complete: without.iter().chain(with).all(|outcome| outcome.complete),
        p99_without: of(without, p99)?,
        p99_with: of(with, p99)?,
        resident_without: of(without, |outcome| outcome.resident as f64)?,
        resident_with: of(with, |outcome| outcome.resident as f64)?,
    };
    println!(
        "p99 of 100 readers: alone {:.0} us ({:.0}-{:.0}), beside one that does not read {:.0} us ({:.0}-{:.0}); RSS {:.1} and {:.1} MiB; complete {}",
        figures.p99_without.median,
        figures.p99_without.min,
        figures.p99_without.max,
        figures.p99_with.median,
        figures.p99_with.min,
        figures.p99_with.max,
        figures.resident_without.median / f64::from(1 << 20),
        figures.resident_with.median / f64::from(1 << 20),
        figures.complete
    );
    if common.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    }
    ensure!(figures.complete, "deliveries to the others are missing");
    Ok(())
}
