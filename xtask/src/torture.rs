//! `cargo xtask torture`: the scenarios of tests/scenarios.rs in their long form, on the release build.

use anyhow::Result;

use crate::command;
use crate::project::Project;

/// Arguments of the task.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Runs only the scenarios whose names contain one of these.
    names: Vec<String>,
    /// Bytes from one cut to the next.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    step: u64,
}

/// Cuts links at every byte, or at some, and repeats what depends on chance. All of it takes the better part of an hour.
pub(crate) fn run(project: &Project, arguments: &Arguments) -> Result<()> {
    let mut cargo = project.cargo();
    cargo.args(["test", "--release", "-p", "pointsman", "--test", "scenarios", "--"]);
    cargo.env("POINTSMAN_TORTURE", arguments.step.to_string()).arg("--nocapture").args(&arguments.names);
    command::run(&mut cargo)
}
