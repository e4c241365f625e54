//! `cargo xtask dev`: the pages if they are not built, then the server.

use anyhow::{Context, Result};

use crate::project::Project;
use crate::{command, node};

/// Arguments of the task.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Passed to `pointsman dev`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Ends when the server does.
pub(crate) fn run(project: &Project, arguments: &Arguments) -> Result<()> {
    pages(project)?;
    let mut cargo = project.cargo();
    cargo.args(["run", "--release", "--bin", "pointsman", "--", "dev"]).args(&arguments.rest);
    println!("$ {}", command::shown(&cargo));
    become_it(cargo)
}

/// Builds the pages. Without Node the server runs without them.
fn pages(project: &Project) -> Result<()> {
    if let Err(error) = node::check_version() {
        println!("/demo and /console are left out: {error:#}");
        return Ok(());
    }
    node::build_if_stale(project, "web", &node::WEB).context("the pages could not be built")
}

/// Replaces this process, so that signals reach the server and its exit code is this one's.
#[cfg(unix)]
fn become_it(mut command: std::process::Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(command.exec()).context("cargo could not be started")
}

#[cfg(not(unix))]
fn become_it(mut command: std::process::Command) -> Result<()> {
    command::run(&mut command)
}
