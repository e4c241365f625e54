//! Checks of the dependencies (deny.toml).

use anyhow::Result;

use super::{Outcome, Step};
use crate::project::Project;
use crate::{command, tools};

pub(super) const STEPS: [Step; 2] = [
    Step { name: "deny", about: "licences, bans and sources of dependencies", run: deny },
    Step { name: "advisories", about: "no dependency has a known vulnerability or was yanked", run: advisories },
];

fn deny(project: &Project) -> Result<Outcome> {
    let tool = tools::cargo_tool(project, "cargo-deny")?;
    let mut deny = project.command(tool);
    deny.args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]);
    command::run(&mut deny).map(|()| Outcome::Passed)
}

/// The list of vulnerabilities comes from the internet, and not every machine that builds reaches it.
fn advisories(project: &Project) -> Result<Outcome> {
    let tool = tools::cargo_tool(project, "cargo-deny")?;
    if let Err(error) = command::output(project.command(&tool).args(["fetch", "db"])) {
        let text = format!("{error:#}");
        let cause = text.lines().rfind(|line| line.starts_with("fatal: ") || line.starts_with("Caused by"));
        let cause = cause.or_else(|| text.lines().last()).unwrap_or_default();
        return Ok(Outcome::Skipped(format!("the advisory database cannot be reached: {cause}")));
    }
    command::run(project.command(&tool).args(["check", "advisories"])).map(|()| Outcome::Passed)
}
