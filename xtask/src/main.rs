//! Tasks of the project, run as `cargo xtask <task>`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench;
mod command;
mod dev;
mod fuzz;
mod node;
mod project;
mod setup;
mod test;
mod tools;
mod torture;

use crate::project::Project;

/// Tasks of the project.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Builds what is needed and runs `pointsman dev`.
    Dev(dev::Arguments),
    /// Installs what the other tasks need, or says what to install.
    Setup,
    /// Runs every check, as CI does.
    Test(test::Arguments),
    /// Runs measurements.
    Bench(bench::Arguments),
    /// Runs the scenarios under faults in their long form.
    Torture(torture::Arguments),
    /// Runs fuzz targets on the nightly toolchain.
    Fuzz(fuzz::Arguments),
}

fn main() -> ExitCode {
    match run(&Project::find(), Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(project: &Project, task: Task) -> Result<ExitCode> {
    let done = match task {
        Task::Dev(arguments) => dev::run(project, &arguments),
        Task::Setup => setup::run(project),
        Task::Test(arguments) => return test::run(project, &arguments),
        Task::Bench(arguments) => bench::run(project, &arguments),
        Task::Torture(arguments) => torture::run(project, &arguments),
        Task::Fuzz(arguments) => fuzz::run(project, &arguments),
    };
    done.map(|()| ExitCode::SUCCESS)
}
