//! Runs one workload so often and prints nothing, so that it can be run under an instruction counter or a profiler.
//!
//! `harness --list` names the workloads; `harness run-copy-100 1000` does a thousand operations; with `--time` it prints how long one takes.

use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use pointsman_benches::workload;

#[derive(Debug, Parser)]
#[command(about = "Runs one operation of the hot path so often")]
struct Arguments {
    /// Names the workloads
    #[arg(long)]
    list: bool,
    /// Prints the time of one operation
    #[arg(long)]
    time: bool,
    /// Which one
    #[arg(required_unless_present = "list")]
    workload: Option<String>,
    /// How often
    #[arg(default_value_t = 1000)]
    iterations: u64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.list {
        for workload in workload::all() {
            println!("{:<20} {}", workload.name, workload.about);
        }
        return Ok(());
    }
    let name = arguments.workload.unwrap_or_default();
    let workload = workload::find(&name)
        .with_context(|| format!("there is no workload `{name}`; `harness --list` names those there are"))?;
    let mut operation = workload.prepare();
    if arguments.time {
        (0..arguments.iterations / 10).for_each(|_| operation());
    }
    let start = Instant::now();
    (0..arguments.iterations).for_each(|_| operation());
    if arguments.time {
        let nanoseconds = start.elapsed().as_secs_f64() * 1e9 / arguments.iterations.max(1) as f64;
        println!("{name}: {nanoseconds:.1} ns");
    }
    Ok(())
}
