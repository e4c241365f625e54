//! npm packages of this checkout.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command;
use crate::project::Project;

/// The oldest Node that the packages are built with.
const NODE_MIN: (u32, u32) = (20, 19);

/// What a build reads and what it makes, inside the checkout.
#[derive(Debug)]
pub(crate) struct Build {
    /// Files and folders.
    pub(crate) inputs: &'static [&'static str],
    /// A folder that the build replaces.
    pub(crate) output: &'static str,
}

/// The pages.
pub(crate) const WEB: Build = Build {
    inputs: &["web/src", "web/package-lock.json", "web/vite.config.ts", "web/demo.html", "web/console.html", "sdk/src"],
    output: "web/dist",
};

/// The SDK.
pub(crate) const SDK: Build = Build {
    inputs: &["sdk/src", "sdk/scripts", "sdk/package-lock.json", "sdk/vite.config.ts", "sdk/tsconfig.build.json"],
    output: "sdk/dist",
};

/// Whether Node is there and new enough.
pub(crate) fn check_version() -> Result<()> {
    let text = command::output(Command::new("node").arg("--version")).context("Node is not installed")?;
    let (major, minor) = NODE_MIN;
    match version(&text) {
        Some(found) if found >= NODE_MIN => Ok(()),
        _ => bail!("Node {} is too old: at least {major}.{minor} is needed", text.trim()),
    }
}

/// Major and minor of `v20.19.5`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// npm in a folder of the checkout.
pub(crate) fn npm(project: &Project, folder: &str) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(project.path(folder)).arg("--no-update-notifier");
    npm
}

/// Installs exactly what the lock file says, unless that was done already. A package that needs more than that has a script `setup`.
pub(crate) fn install(project: &Project, folder: &str) -> Result<()> {
    if scripts(project, folder)?.contains(&"setup".to_owned()) {
        return command::run(npm(project, folder).args(["run", "setup"]));
    }
    let lock = project.path(folder).join("package-lock.json");
    // npm writes this file at the end of an install.
    let installed = project.path(folder).join("node_modules/.package-lock.json");
    let is_fresh = modified(&installed).zip(modified(&lock)).is_some_and(|(done, wanted)| done >= wanted);
    if is_fresh {
        return Ok(());
    }
    command::run(npm(project, folder).args(["ci", "--no-audit", "--no-fund"]))
}

/// Names of a package's scripts.
pub(crate) fn scripts(project: &Project, folder: &str) -> Result<Vec<String>> {
    let file = project.path(folder).join("package.json");
    let text = fs::read_to_string(&file).with_context(|| format!("{} could not be read", project.shown(&file)))?;
    let package: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", project.shown(&file)))?;
    let scripts = package.get("scripts").and_then(Value::as_object);
    Ok(scripts.into_iter().flatten().map(|(name, _)| name.clone()).collect())
}

/// Runs a script of a package.
pub(crate) fn script(project: &Project, folder: &str, name: &str) -> Result<()> {
    install(project, folder)?;
    command::run(npm(project, folder).args(["run", name]))
}

/// Builds a package, unless its output is younger than everything it is made from.
pub(crate) fn build_if_stale(project: &Project, folder: &str, build: &Build) -> Result<()> {
    let inputs = build.inputs.iter().map(|input| project.path(input));
    if is_stale(inputs, &project.path(build.output))? {
        script(project, folder, "build")?;
    }
    Ok(())
}

fn is_stale(inputs: impl Iterator<Item = PathBuf>, output: &Path) -> Result<bool> {
    let built = newest(output)?;
    let Some(built) = built else { return Ok(true) };
    for input in inputs {
        if newest(&input)?.is_some_and(|changed| changed > built) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// When the youngest file below was written.
fn newest(path: &Path) -> Result<Option<SystemTime>> {
    if !path.is_dir() {
        return Ok(modified(path));
    }
    let mut found = None;
    for entry in fs::read_dir(path).with_context(|| format!("{} could not be read", path.display()))? {
        found = found.max(newest(&entry?.path())?);
    }
    Ok(found)
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn versions_of_node_are_read() {
        assert_eq!(version("v20.19.5\n"), Some((20, 19)));
        assert_eq!(version("v24.0.0"), Some((24, 0)));
        assert_eq!(version("20"), None);
        assert!(version("v20.9.0") < Some(NODE_MIN));
    }

    #[test]
    fn an_output_is_stale_when_missing_or_older_than_any_input() {
        let folder = std::env::temp_dir().join(format!("xtask-stale-{}", std::process::id()));
        let (input, output) = (folder.join("src/deep"), folder.join("dist"));
        fs::create_dir_all(&input).unwrap();
        fs::write(input.join("a.ts"), "").unwrap();
        let stale = || is_stale([folder.join("src"), folder.join("missing")].into_iter(), &output).unwrap();
        assert!(stale());
        fs::create_dir_all(&output).unwrap();
        assert!(stale(), "an empty folder is no build");
        let at = |file: PathBuf, seconds| {
            let file = fs::File::options().write(true).create(true).truncate(false).open(file).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        };
        at(input.join("a.ts"), 10);
        at(output.join("a.js"), 20);
        assert!(!stale());
        at(input.join("a.ts"), 30);
        assert!(stale());
        fs::remove_dir_all(&folder).unwrap();
    }
}
