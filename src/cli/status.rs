//! `pointsman status`.

use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use serde_json::Value;

use super::connection::{ConnectionArgs, time};
use super::{Failure, print};

/// The whole exchange with the node.
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pointsman status
  pointsman status --watch 1s
  pointsman status --json | jq .sessions

Exit code 0 if the node is ready, 1 if it is not or cannot be reached.")]
pub(super) struct StatusArgs {
    /// As a JSON object
    #[arg(long)]
    json: bool,
    /// Again and again, at this interval
    #[arg(long, value_name = "TIME", value_parser = time)]
    watch: Option<Duration>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

pub(super) fn run(args: &StatusArgs) -> Result<(), Failure> {
    loop {
        let status = ask(args)?;
        if args.json {
            print(&status.to_string())?;
        } else {
            print(&table(&status))?;
        }
        match args.watch {
            Some(interval) => std::thread::sleep(interval.max(Duration::from_millis(100))),
            None if status["ready"] == Value::Bool(true) => return Ok(()),
            None => return Err(Failure::Failed(anyhow!("the node is not ready; /readyz names what is missing"))),
        }
    }
}

fn ask(args: &StatusArgs) -> Result<Value, Failure> {
    let url = args.connection.http("/v1/status");
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false).build().into();
    let mut request = agent.get(&url);
    if let Some(token) = args.connection.token()? {
        request = request.header("Authorization", &format!("Bearer {token}"));
    }
    let mut response =
        request.call().with_context(|| format!("{url} cannot be reached; is the node running there?"))?;
    let body: Value =
        response.body_mut().read_json().with_context(|| format!("{url} did not answer as a node does"))?;
    if response.status().is_success() {
        return Ok(body);
    }
    let say = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    Err(Failure::Failed(anyhow!("{url} answered {}: {}. {}", response.status(), say("detail"), say("next_step"))))
}

fn table(status: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let dropped = status["messages_dropped_total"].as_object().map_or_else(String::new, |reasons| {
        reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ")
    });
    let backplane = format!("{} ({})", text(&status["backplane"]["kind"]), text(&status["backplane"]["state"]));
    let memory = status["memory_bytes"].as_u64().unwrap_or(0) >> 20;
    [
        ("node", text(&status["node"])),
        ("version", text(&status["version"])),
        ("ready", text(&status["ready"])),
        ("up", format!("{} s", status["uptime_seconds"])),
        ("backplane", backplane),
        ("connections", text(&status["connections"])),
        ("sessions", text(&status["sessions"])),
        ("subscriptions", text(&status["subscriptions"])),
        ("received", format!("{} messages", status["messages_received_total"])),
        ("delivered", format!("{} messages", status["messages_delivered_total"])),
        ("dropped", dropped),
        ("memory", format!("{memory} MiB")),
    ]
    .map(|(name, value)| format!("{name:14}{value}"))
    .join("\n")
}
