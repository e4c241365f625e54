//! Browsers and the SDK against the real server.

use anyhow::Result;

use super::server::Server;
use super::{Outcome, Step, npm};
use crate::project::Project;
use crate::{command, node, tools};

/// Where the tests find the server.
const URL: &str = "POINTSMAN_TEST_URL";

pub(super) const STEPS: [Step; 2] = [
    Step { name: "browser-sdk", about: "the SDK against a running server", run: sdk },
    Step { name: "browser-web", about: "the pages of a running server, in a browser", run: web },
];

fn sdk(project: &Project) -> Result<Outcome> {
    if let Err(reason) = tools::or_skip(npm::provide_node())? {
        return Ok(Outcome::Skipped(reason));
    }
    node::install(project, "sdk")?;
    let server = Server::start(project)?;
    command::run(node::npm(project, "sdk").args(["run", "test"]).env(URL, server.websocket_url()))?;
    server.stop()?;
    Ok(Outcome::Passed)
}

fn web(project: &Project) -> Result<Outcome> {
    let tools = npm::provide_node().and_then(|()| tools::CHROMIUM.provide());
    let chromium = match tools::or_skip(tools)? {
        Ok(chromium) => chromium,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    node::build_if_stale(project, "web", &node::WEB)?;
    let server = Server::start(project)?;
    let mut tests = node::npm(project, "web");
    tests.args(["run", "test:browser"]).env(URL, server.http_url()).env("CHROMIUM", chromium);
    command::run(&mut tests)?;
    server.stop()?;
    Ok(Outcome::Passed)
}
