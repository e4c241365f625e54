//! Counts the instructions of each workload and compares them with `instructions.json`.
//!
//! Each workload runs twice under callgrind, with different numbers of operations; the difference is free of what it takes to set it up. One that
//! needs more than the committed number by more than the tolerance fails. `--write` makes the numbers of this run the committed ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use pointsman_benches::workload::{self, Workload};
use serde::{Deserialize, Serialize};

#[derive(Debug, Parser)]
#[command(about = "Counts the instructions of each workload and compares them with the committed numbers")]
struct Arguments {
    /// Makes the numbers of this run the committed ones
    #[arg(long)]
    write: bool,
    /// How much more than the committed number is a failure, in percent
    #[arg(long, default_value_t = 2.0)]
    tolerance: f64,
    /// Only workloads whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// The committed numbers
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.json"))]
    file: PathBuf,
}

/// The committed numbers.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Baseline {
    /// The compiler they were made with: another one makes other code.
    rustc: String,
    /// Instructions per operation.
    instructions: BTreeMap<String, u64>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    ensure!(!cfg!(debug_assertions), "instructions of a debug build say nothing; build with --release");
    let harness = std::env::current_exe()?.with_file_name("harness");
    ensure!(
        harness.exists(),
        "`{}` is missing; build it with `cargo build --release -p pointsman-benches`",
        harness.display()
    );
    let mut baseline: Baseline = match std::fs::read(&arguments.file) {
        Ok(json) => serde_json::from_slice(&json).with_context(|| format!("reading {}", arguments.file.display()))?,
        Err(_) if arguments.write => Baseline::default(),
        Err(error) => bail!("{}: {error}; `gate --write` makes it", arguments.file.display()),
    };
    let rustc = rustc_version()?;
    if baseline.rustc != rustc && !arguments.write {
        println!("the committed numbers are of {}, this is {rustc}: differences may be the compiler's", baseline.rustc);
    }
    let mut failed = 0;
    println!("{:<20} {:>12} {:>12} {:>9}", "workload", "committed", "now", "change");
    for workload in workload::all() {
        if arguments.only.as_ref().is_some_and(|only| !workload.name.contains(only.as_str())) {
            continue;
        }
        let now = instructions(&harness, &workload)?;
        let before = baseline.instructions.insert(workload.name.clone(), now);
        let change = before.map(|before| 100.0 * (now as f64 / before.max(1) as f64 - 1.0));
        let verdict = match change {
            None if arguments.write => "new",
            None => "FAILED: no committed number; `--write` takes this one",
            Some(change) if change > arguments.tolerance && !arguments.write => "FAILED: more than committed",
            Some(change) if change < -arguments.tolerance => "better; `--write` keeps it",
            Some(_) => "",
        };
        failed += u32::from(verdict.starts_with("FAILED"));
        let (before, change) = (
            before.map_or("-".into(), |n| n.to_string()),
            change.map_or("-".into(), |change| format!("{change:+.2}%")),
        );
        println!("{:<20} {before:>12} {now:>12} {change:>9}  {verdict}", workload.name);
    }
    if arguments.write {
        baseline.rustc = rustc;
        if arguments.only.is_none() {
            let known: Vec<String> = workload::all().into_iter().map(|workload| workload.name).collect();
            baseline.instructions.retain(|name, _| known.contains(name));
        }
        let mut json = serde_json::to_string_pretty(&baseline)?;
        json.push('\n');
        std::fs::write(&arguments.file, json).with_context(|| format!("writing {}", arguments.file.display()))?;
    }
    if failed > 0 {
        println!("{failed} workloads need more instructions than committed");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Instructions of one operation.
fn instructions(harness: &Path, workload: &Workload) -> anyhow::Result<u64> {
    let few = workload.iterations.div_ceil(4).max(10);
    let many = few + workload.iterations;
    let difference = collected(harness, workload, many)?.saturating_sub(collected(harness, workload, few)?);
    Ok(difference.div_ceil(many - few))
}

/// Instructions of a whole run.
fn collected(harness: &Path, workload: &Workload, iterations: u64) -> anyhow::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(harness)
        .arg(&workload.name)
        .arg(iterations.to_string())
        .output()
        .context("valgrind did not start; install it")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{}` failed under valgrind:\n{text}", workload.name);
    text.lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
        .with_context(|| format!("valgrind did not say how many instructions `{}` took:\n{text}", workload.name))
}

fn rustc_version() -> anyhow::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().context("rustc did not start")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
