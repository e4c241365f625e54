//! `cargo xtask setup`: everything the other tasks need, as far as it can be installed without asking.

use anyhow::{Result, bail};

use crate::project::Project;
use crate::tools::{self, SYSTEM_TOOLS};
use crate::{command, node};

/// Folders with npm packages; an example that is not there is left out.
const PACKAGES: [&str; 3] = ["sdk", "web", "examples/dashboard-next"];

/// One line of the table.
struct Row {
    what: String,
    needed_for: &'static str,
    state: Result<String>,
}

/// Installs, then tells what is there.
pub(crate) fn run(project: &Project) -> Result<()> {
    let mut rows = system();
    rows.extend([("fmt", "rustfmt"), ("clippy", "clippy")].map(|(program, component)| Row {
        what: component.into(),
        needed_for: "cargo xtask test",
        state: tools::rust_component(program, component).map(|()| "ready".into()),
    }));
    rows.push(Row {
        what: "cargo-deny".into(),
        needed_for: "licences and bans",
        state: tools::cargo_tool(project, "cargo-deny").map(|path| project.shown(&path)),
    });
    rows.extend(PACKAGES.into_iter().filter(|folder| project.path(folder).join("package-lock.json").exists()).map(
        |folder| Row {
            what: format!("{folder}/node_modules"),
            needed_for: "SDK, pages, examples",
            state: node::install(project, folder).map(|()| "ready".into()),
        },
    ));
    rows.push(nightly());
    print!("\n{}", table(&rows));
    let missing = rows.iter().filter(|row| row.state.is_err()).count();
    if missing > 0 {
        bail!("{missing} of {} could not be installed", rows.len());
    }
    Ok(())
}

/// One call of apt for all that is missing.
fn system() -> Vec<Row> {
    let missing: Vec<_> = SYSTEM_TOOLS.into_iter().filter(|tool| tool.find().is_none()).collect();
    let problem = if missing.is_empty() { None } else { tools::install(&missing).err() };
    let row = |tool: tools::SystemTool| Row {
        what: tool.package.into(),
        needed_for: tool.needed_for,
        state: match (tool.find(), &problem) {
            (Some(path), _) if tool == tools::NODE => node::check_version().map(|()| path.display().to_string()),
            (Some(path), _) => Ok(path.display().to_string()),
            (None, Some(problem)) => Err(anyhow::anyhow!("{problem:#}")),
            (None, None) => Err(anyhow::anyhow!("the package was installed without {}", tool.programs.join(" or "))),
        },
    };
    SYSTEM_TOOLS.into_iter().map(row).collect()
}

/// Only fuzzing needs it, so it is nobody's fault if it is not there.
fn nightly() -> Row {
    let is_there = command::answers("rustup", &["run", "nightly", "rustc", "--version"]);
    let state = if is_there { "ready" } else { "not installed; `rustup toolchain install nightly --profile minimal`" };
    Row { what: "Rust nightly".into(), needed_for: "cargo xtask fuzz, only", state: Ok(state.into()) }
}

fn table(rows: &[Row]) -> String {
    rows.iter().fold(String::new(), |table, row| {
        let (mark, state) = match &row.state {
            Ok(state) => ("ok     ", state.clone()),
            Err(error) => ("MISSING", format!("{error:#}")),
        };
        table + &format!("{mark}  {:<38}  {:<38}  {state}\n", row.what, row.needed_for)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_says_what_to_do() {
        let row = |what: &str, state| Row { what: what.into(), needed_for: "tests", state };
        let rows = [row("here", Ok("/bin/here".into())), row("gone", Err(anyhow::anyhow!("run `get gone`")))];
        let table = table(&rows);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("ok") && lines[0].ends_with("/bin/here"));
        assert!(lines[1].starts_with("MISSING") && lines[1].ends_with("run `get gone`"));
    }
}
