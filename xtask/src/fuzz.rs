//! `cargo xtask fuzz`: bytes made up by libFuzzer against the parsers.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project::Project;
use crate::{command, tools};

/// Arguments of the task.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The target; left out, each in turn.
    target: Option<String>,
    /// How long each target runs.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
}

/// Finds in fuzz/corpus stay on this machine; a crash is written to fuzz/artifacts and fails the task.
pub(crate) fn run(project: &Project, arguments: &Arguments) -> Result<()> {
    let known = targets(&project.path("fuzz/fuzz_targets"))?;
    let chosen = match &arguments.target {
        None => known,
        Some(name) if known.contains(name) => vec![name.clone()],
        Some(name) => bail!("there is no fuzz target `{name}`; there are: {}", known.join(", ")),
    };
    if !command::answers("rustup", &["run", "nightly", "cargo", "--version"]) {
        bail!("fuzzing needs the nightly toolchain: `rustup toolchain install nightly --profile minimal`");
    }
    tools::cargo_tool(project, "cargo-fuzz")?;
    chosen.iter().try_for_each(|target| one(project, target, arguments.seconds))
}

fn one(project: &Project, target: &str, seconds: u32) -> Result<()> {
    let found = project.path("fuzz/corpus").join(target);
    fs::create_dir_all(&found).with_context(|| format!("{} could not be made", project.shown(&found)))?;
    let mut command = nightly(project);
    command.arg(project.tool("cargo-fuzz")).args(["fuzz", "run", target]);
    // The first folder takes what is found, the second is only read.
    command.arg(found).arg(project.path("fuzz/seeds").join(target));
    command.arg("--").args([format!("-max_total_time={seconds}"), "-timeout=10".into(), "-rss_limit_mb=2048".into()]);
    command::run(&mut command)
}

/// A command under the nightly toolchain. The cargo that runs this task must not leak into it.
fn nightly(project: &Project) -> Command {
    let mut command = project.command("rustup");
    command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN").args(["run", "nightly"]);
    command
}

/// Every file of the folder is a target.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .with_context(|| format!("{} could not be read", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}
