//! Where things lie.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command;

/// The checkout.
#[derive(Debug)]
pub(crate) struct Project {
    root: PathBuf,
}

impl Project {
    /// The checkout this program was built from.
    pub(crate) fn find() -> Self {
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { root: xtask.parent().unwrap_or(xtask).to_path_buf() }
    }

    /// A path inside.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// A path as it is shown: without the part above the checkout.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    /// Where cargo puts what it builds.
    pub(crate) fn target(&self) -> PathBuf {
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.path("target"), |dir| self.root.join(dir))
    }

    /// A program installed by `cargo install` for this checkout only.
    pub(crate) fn tool(&self, name: &str) -> PathBuf {
        self.tools().join("bin").join(name)
    }

    /// Where such programs are installed.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target().join("tools")
    }

    /// A program started in the root of the checkout.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// The cargo that runs this task.
    pub(crate) fn cargo(&self) -> Command {
        self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// Names of the packages of the workspace.
    pub(crate) fn packages(&self) -> Result<Vec<String>> {
        Ok(names(self.metadata()?.get("packages")))
    }

    /// Names of the programs of a package.
    pub(crate) fn programs(&self, package: &str) -> Result<Vec<String>> {
        let metadata = self.metadata()?;
        let packages = metadata.get("packages").and_then(Value::as_array).into_iter().flatten();
        let targets = packages
            .filter(|found| found.get("name").and_then(Value::as_str) == Some(package))
            .flat_map(|found| found.get("targets").and_then(Value::as_array).into_iter().flatten());
        let is_program = |target: &&Value| {
            let kinds = target.get("kind").and_then(Value::as_array);
            kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "bin"))
        };
        Ok(targets.filter(is_program).filter_map(name).collect())
    }

    fn metadata(&self) -> Result<Value> {
        let mut cargo = self.cargo();
        let text = command::output(cargo.args(["metadata", "--no-deps", "--format-version", "1"]))?;
        serde_json::from_str(&text).context("cargo metadata printed something that is not JSON")
    }
}

/// Whether this runs unattended: then a missing tool is installed or fails the run, and nothing is skipped for it.
pub(crate) fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

fn name(value: &Value) -> Option<String> {
    value.get("name").and_then(Value::as_str).map(str::to_owned)
}

fn names(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(name).collect()
}
