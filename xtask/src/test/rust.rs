//! Checks of the Rust code.

use anyhow::{Result, bail};

use super::{Outcome, Step};
use crate::project::Project;
use crate::{bench, command, tools};

const FUZZ: &str = "fuzz/Cargo.toml";

pub(super) const STEPS: [Step; 8] = [
    Step { name: "format", about: "rustfmt would change nothing", run: format },
    Step { name: "clippy", about: "no lint of the workspace is broken", run: clippy },
    Step { name: "rustdoc", about: "documentation builds without a warning", run: rustdoc },
    Step { name: "test", about: "tests of the workspace", run: test },
    Step { name: "tidy", about: "the rules of the code base (tests/tidy.rs)", run: tidy },
    Step { name: "crates", about: "each package builds alone, with its own features", run: crates },
    Step { name: "fuzz-targets", about: "fuzz targets compile", run: fuzz_targets },
    Step {
        name: "instructions",
        about: "instruction counts of the hot path stay within their limits",
        run: instructions,
    },
];

fn cargo(project: &Project, arguments: &[&str]) -> Result<Outcome> {
    command::run(project.cargo().args(arguments)).map(|()| Outcome::Passed)
}

fn format(project: &Project) -> Result<Outcome> {
    tools::rust_component("fmt", "rustfmt")?;
    cargo(project, &["fmt", "--all", "--check"])?;
    cargo(project, &["fmt", "--check", "--manifest-path", FUZZ])
}

fn tidy(project: &Project) -> Result<Outcome> {
    cargo(project, &["test", "--workspace", "--test", "tidy"])
}

fn clippy(project: &Project) -> Result<Outcome> {
    tools::rust_component("clippy", "clippy")?;
    cargo(project, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

fn rustdoc(project: &Project) -> Result<Outcome> {
    let mut cargo = project.cargo();
    cargo.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--workspace", "--no-deps"]);
    command::run(&mut cargo).map(|()| Outcome::Passed)
}

fn test(project: &Project) -> Result<Outcome> {
    cargo(project, &["test", "--workspace", "--no-fail-fast"])
}

/// Built together, packages lend each other features; a user builds one of them.
fn crates(project: &Project) -> Result<Outcome> {
    let mut broken = Vec::new();
    for package in project.packages()? {
        if command::run(project.cargo().args(["check", "--quiet", "-p", &package])).is_err() {
            broken.push(package);
        }
    }
    if !broken.is_empty() {
        bail!("these packages do not build alone: {}", broken.join(", "));
    }
    Ok(Outcome::Passed)
}

/// A workspace of its own, as its programs are built with other flags. What both build is built once.
fn fuzz_targets(project: &Project) -> Result<Outcome> {
    tools::COMPILER.provide()?;
    let mut cargo = project.cargo();
    cargo.args(["clippy", "--manifest-path", FUZZ, "--target-dir"]).arg(project.target());
    command::run(cargo.args(["--", "-D", "warnings"])).map(|()| Outcome::Passed)
}

fn instructions(project: &Project) -> Result<Outcome> {
    if let Err(reason) = tools::or_skip(tools::VALGRIND.provide())? {
        return Ok(Outcome::Skipped(reason));
    }
    bench::measure(project, "gate", &[]).map(|()| Outcome::Passed)
}
