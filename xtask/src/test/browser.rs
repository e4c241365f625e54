//! Browsers and the SDK against the real server.

use std::process::Command;

use anyhow::Result;

use super::server::{self, Server};
use super::{Outcome, Step, npm};
use crate::project::Project;
use crate::{command, node, tools};

/// Where the tests find the server.
const URL: &str = "POINTSMAN_TEST_URL";

pub(super) const STEPS: [Step; 5] = [
    Step { name: "browser-fake", about: "the pages in a browser, with answers that a test chooses", run: fake },
    Step { name: "browser-web", about: "the pages of a running server, in a browser", run: web },
    Step { name: "browser-outage", about: "the dashboard while its server is killed and comes back", run: outage },
    Step { name: "browser-example", about: "the Next.js example with a running server, in a browser", run: example },
    Step { name: "browser-sdk", about: "the SDK against a running server", run: sdk },
];

fn fake(project: &Project) -> Result<Outcome> {
    match tools::or_skip(page_tests(project, "web", "test:browser"))? {
        Ok(mut tests) => {
            node::build_if_stale(project, "web", &node::WEB)?;
            command::run(&mut tests).map(|()| Outcome::Passed)
        }
        Err(reason) => Ok(Outcome::Skipped(reason)),
    }
}

fn web(project: &Project) -> Result<Outcome> {
    let mut tests = match tools::or_skip(page_tests(project, "web", "test:browser"))? {
        Ok(tests) => tests,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    node::build_if_stale(project, "web", &node::WEB)?;
    let server = Server::start(project)?;
    command::run(tests.env(URL, server.http_url()))?;
    server.stop()?;
    Ok(Outcome::Passed)
}

/// Starts servers of its own.
fn outage(project: &Project) -> Result<Outcome> {
    let mut tests = match tools::or_skip(page_tests(project, "web", "test:outage"))? {
        Ok(tests) => tests,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    node::build_if_stale(project, "web", &node::WEB)?;
    command::run(tests.env("POINTSMAN_BIN", server::build(project)?))?;
    Ok(Outcome::Passed)
}

/// Starts servers of its own.
fn example(project: &Project) -> Result<Outcome> {
    let mut tests = match tools::or_skip(page_tests(project, npm::EXAMPLE, "test:browser"))? {
        Ok(tests) => tests,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    node::install(project, npm::EXAMPLE)?;
    command::run(tests.env("POINTSMAN_BIN", server::build(project)?))?;
    Ok(Outcome::Passed)
}

/// The command that tests pages in a browser, with the programs it needs in place.
fn page_tests(project: &Project, folder: &str, script: &str) -> Result<Command> {
    npm::provide_node()?;
    let chromium = tools::CHROMIUM.provide()?;
    let mut tests = node::npm(project, folder);
    tests.args(["run", script]).env("CHROMIUM", chromium);
    Ok(tests)
}

fn sdk(project: &Project) -> Result<Outcome> {
    if let Err(reason) = tools::or_skip(npm::provide_node())? {
        return Ok(Outcome::Skipped(reason));
    }
    node::install(project, "sdk")?;
    let server = Server::start(project)?;
    let mut tests = node::npm(project, "sdk");
    command::run(tests.args(["run", "test", "--", "test/integration"]).env(URL, server.websocket_url()))?;
    server.stop()?;
    Ok(Outcome::Passed)
}
