//! `cargo xtask bench`: the programs of benches/.

use anyhow::{Result, bail};

use crate::command;
use crate::project::Project;

/// The package of the measurements.
const PACKAGE: &str = "pointsman-benches";

/// Arguments of the task.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The program to run; left out, they are listed.
    program: Option<String>,
    /// Passed to it.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Measures with the release profile.
pub(crate) fn run(project: &Project, arguments: &Arguments) -> Result<()> {
    let known = project.programs(PACKAGE)?;
    let list = || known.iter().map(|name| format!("  cargo xtask bench {name}")).collect::<Vec<_>>().join("\n");
    let Some(program) = &arguments.program else {
        println!("The measurements of this project (benches/):\n{}", list());
        return Ok(());
    };
    if !known.contains(program) {
        bail!("there is no measurement `{program}`; there are:\n{}", list());
    }
    // Some measure a whole server, and expect it beside them.
    command::run(project.cargo().args(["build", "--release", "--bin", "pointsman"]))?;
    measure(project, program, &arguments.rest)
}

/// Builds the programs of benches/, as some start others, and runs one.
pub(crate) fn measure(project: &Project, program: &str, arguments: &[String]) -> Result<()> {
    command::run(project.cargo().args(["build", "--release", "-p", PACKAGE, "--bins"]))?;
    let mut cargo = project.cargo();
    cargo.args(["run", "--quiet", "--release", "-p", PACKAGE, "--bin", program, "--"]).args(arguments);
    command::run(&mut cargo)
}
