//! How the verbs of clients reach a node.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use pointsman_client::{Client, ConnectionState};

use super::Failure;

/// Where and as whom.
#[derive(Debug, Clone, Args)]
pub(super) struct ConnectionArgs {
    /// The node: `host:port`, or `ws://host:port/path`
    #[arg(long, env = "POINTSMAN_URL", default_value = "127.0.0.1:7422", value_name = "URL")]
    pub(super) url: String,
    /// A file with the token; POINTSMAN_TOKEN has it otherwise. A token on the command line could be read by everybody on the machine
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// What operators see this client as
    #[arg(long, default_value = "pointsman-cli", value_name = "NAME")]
    pub(super) name: String,
}

impl ConnectionArgs {
    /// The token, if there is one.
    pub(super) fn token(&self) -> Result<Option<String>, Failure> {
        if let Some(file) = &self.token_file {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("the token's file {} cannot be read", file.display()))?;
            return Ok(Some(text.trim_end().to_owned()));
        }
        match std::env::var("POINTSMAN_TOKEN") {
            Ok(token) => Ok(Some(token).filter(|token| !token.is_empty())),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(error) => Err(Failure::Failed(anyhow!("POINTSMAN_TOKEN cannot be read: {error}"))),
        }
    }

    /// A client that is connected.
    pub(super) async fn connect(&self) -> Result<Client, Failure> {
        let mut builder = Client::builder(&self.url).name(&self.name);
        if let Some(token) = self.token()? {
            builder = builder.token(token);
        }
        builder.connect().await.map_err(|error| Failure::Failed(error.into()))
    }

    /// The node's HTTP address for `path`.
    pub(super) fn http(&self, path: &str) -> String {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let host = rest.split('/').next().unwrap_or_default();
        format!("http://{host}{path}")
    }
}

/// Tells a person what becomes of the connection, on standard error, until the client is closed.
pub(super) async fn tell_states(client: Client) {
    let mut states = client.state();
    loop {
        let line = match &*states.borrow_and_update() {
            ConnectionState::Reconnecting { attempt, next_delay, cause, .. } => {
                Some(format!("connection lost ({cause}); attempt {attempt} in {} ms", next_delay.as_millis()))
            }
            ConnectionState::Closed { .. } => return,
            _ => None,
        };
        if let Some(line) = line {
            eprintln!("{line}");
        }
        if states.changed().await.is_err() {
            return;
        }
    }
}

/// A time as the settings write it.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    text.parse::<crate::units::Span>().map(|span| span.0)
}
