//! Programs that the tasks need besides cargo.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command;
use crate::project::{Project, is_ci};

/// A program of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SystemTool {
    /// The names it may have.
    pub(crate) programs: &'static [&'static str],
    /// The Debian package.
    pub(crate) package: &'static str,
    /// What needs it.
    pub(crate) needed_for: &'static str,
}

/// A C and C++ compiler: some dependencies bring C.
pub(crate) const COMPILER: SystemTool =
    SystemTool { programs: &["c++"], package: "g++", needed_for: "building dependencies written in C" };
/// A browser for the tests of SDK and pages.
pub(crate) const CHROMIUM: SystemTool = SystemTool {
    programs: &["chromium", "chromium-browser", "google-chrome"],
    package: "chromium",
    needed_for: "browser tests",
};
/// Counts instructions.
pub(crate) const VALGRIND: SystemTool =
    SystemTool { programs: &["valgrind"], package: "valgrind", needed_for: "the instruction gate" };
/// Counts system calls.
pub(crate) const STRACE: SystemTool =
    SystemTool { programs: &["strace"], package: "strace", needed_for: "counting system calls in measurements" };
/// JavaScript outside of browsers.
pub(crate) const NODE: SystemTool =
    SystemTool { programs: &["node"], package: "nodejs", needed_for: "SDK, pages, examples" };
/// Its package manager.
pub(crate) const NPM: SystemTool =
    SystemTool { programs: &["npm"], package: "npm", needed_for: "SDK, pages, examples" };

/// All of them.
pub(crate) const SYSTEM_TOOLS: [SystemTool; 6] = [COMPILER, NODE, NPM, CHROMIUM, VALGRIND, STRACE];

impl SystemTool {
    /// Where it is.
    pub(crate) fn find(&self) -> Option<PathBuf> {
        let path = env::var_os("PATH")?;
        env::split_paths(&path)
            .flat_map(|folder| self.programs.iter().map(move |name| folder.join(name)))
            .find(|path| is_program(path))
    }

    /// Where it is, after installing it if that can be done without asking.
    ///
    /// What to do by hand is in the error.
    pub(crate) fn provide(&self) -> Result<PathBuf> {
        if let Some(found) = self.find() {
            return Ok(found);
        }
        install(&[*self])?;
        self.find()
            .with_context(|| format!("`{}` was installed and has no {}", self.package, self.programs.join(" or ")))
    }
}

/// Installs the packages of several tools with apt, as root only.
pub(crate) fn install(tools: &[SystemTool]) -> Result<()> {
    let packages: Vec<&str> = tools.iter().map(|tool| tool.package).collect();
    let list = packages.join(" ");
    let apt = SystemTool { programs: &["apt-get"], package: "apt", needed_for: "" };
    let Some(apt) = apt.find() else {
        bail!("install these with the package manager of this system (Debian's names): {list}");
    };
    if !is_root() {
        bail!("run `sudo apt-get install {list}`");
    }
    let apt_get = || {
        let mut command = std::process::Command::new(&apt);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    command::run(apt_get().arg("update").arg("--quiet"))?;
    command::run(apt_get().args(["install", "--quiet", "--yes", "--no-install-recommends"]).args(&packages))
}

/// A cargo tool of this checkout, installed if missing.
pub(crate) fn cargo_tool(project: &Project, name: &str) -> Result<PathBuf> {
    let tool = project.tool(name);
    if !is_program(&tool) {
        // Unoptimised: it is built more often than it works hard.
        let mut cargo = project.cargo();
        command::run(cargo.args(["install", "--locked", "--debug", name, "--root"]).arg(project.tools()))?;
    }
    Ok(tool)
}

/// A component of the Rust toolchain, added if rustup is there.
pub(crate) fn rust_component(program: &str, component: &str) -> Result<()> {
    if command::answers("cargo", &[program, "--version"]) {
        return Ok(());
    }
    command::run(std::process::Command::new("rustup").args(["component", "add", component]))
        .with_context(|| format!("cargo has no `{program}`; install the component {component} of the Rust toolchain"))
}

/// The answer to a tool that is missing: a failure in CI, where a check must not be left out unseen, and a reason to skip elsewhere.
pub(crate) fn or_skip<T>(provided: Result<T>) -> Result<Result<T, String>> {
    match provided {
        Ok(tool) => Ok(Ok(tool)),
        Err(error) if is_ci() => Err(error),
        Err(error) => Ok(Err(format!("{error:#}"))),
    }
}

fn is_program(path: &Path) -> bool {
    path.is_file()
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    // This process is the owner of its own entry.
    Path::new("/proc/self").metadata().is_ok_and(|data| data.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_found_by_any_of_its_names() {
        let shell = SystemTool { programs: &["a-name-nobody-has", "sh"], package: "dash", needed_for: "tests" };
        assert!(shell.find().is_some_and(|path| path.ends_with("sh")));
        assert_eq!(shell.provide().unwrap(), shell.find().unwrap());
        let nobody = SystemTool { programs: &["a-name-nobody-has"], package: "none", needed_for: "tests" };
        assert_eq!(nobody.find(), None);
    }
}
