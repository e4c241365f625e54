//! Checks of the SDK, the pages and the example.

use anyhow::Result;

use super::{Outcome, Step};
use crate::project::Project;
use crate::{node, tools};

/// The Next.js example.
pub(super) const EXAMPLE: &str = "examples/dashboard-next";

pub(super) const STEPS: [Step; 11] = [
    Step { name: "sdk-check", about: "types of the SDK", run: |project| script(project, "sdk", "check") },
    Step { name: "sdk-test", about: "tests of the SDK", run: |project| script(project, "sdk", "test") },
    Step { name: "sdk-build", about: "the SDK builds", run: |project| script(project, "sdk", "build") },
    Step { name: "sdk-size", about: "the SDK stays within its size", run: |project| built_sdk(project, "size") },
    Step {
        name: "sdk-package",
        about: "the package resolves as it says",
        run: |project| built_sdk(project, "lint:package"),
    },
    Step { name: "web-check", about: "types of the pages", run: |project| script(project, "web", "check") },
    Step { name: "web-unit", about: "tests of the pages", run: |project| script(project, "web", "unit") },
    Step { name: "web-build", about: "the pages build", run: |project| script(project, "web", "build") },
    Step {
        name: "example-check",
        about: "types of the Next.js example",
        run: |project| script(project, EXAMPLE, "check"),
    },
    Step {
        name: "example-test",
        about: "tests of the Next.js example",
        run: |project| script(project, EXAMPLE, "test"),
    },
    Step {
        name: "example-build",
        about: "the Next.js example builds on the SDK as it is published",
        run: |project| script(project, EXAMPLE, "build"),
    },
];

/// Runs a script that looks at what the SDK's build has made.
fn built_sdk(project: &Project, name: &str) -> Result<Outcome> {
    if tools::or_skip(provide_node())?.is_ok() {
        node::build_if_stale(project, "sdk", &node::SDK)?;
    }
    script(project, "sdk", name)
}

/// Runs a script, or says what is missing for it.
pub(super) fn script(project: &Project, folder: &str, name: &str) -> Result<Outcome> {
    if let Err(reason) = tools::or_skip(provide_node())? {
        return Ok(Outcome::Skipped(reason));
    }
    node::script(project, folder, name).map(|()| Outcome::Passed)
}

/// Node and npm, installed if that can be done without asking.
pub(super) fn provide_node() -> Result<()> {
    tools::NODE.provide()?;
    tools::NPM.provide()?;
    node::check_version()
}
