//! `pointsman serve` and `pointsman dev`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use pointsman_contract::component::Table;
use pointsman_session::worker::flush_before_park;
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, print};
use crate::assembly::Plan;
use crate::builtin::Builtin;
use crate::logging;
use crate::server::Server;
use crate::settings::Settings;
use crate::settings::load::{Loaded, Sources, load};

/// Where settings come from.
#[derive(Debug, Clone, Args)]
pub(super) struct SettingsArgs {
    /// The configuration file (TOML)
    #[arg(long, short, value_name = "FILE", env = "POINTSMAN_CONFIG", overrides_with = "config")]
    pub(super) config: Option<PathBuf>,
    /// Address and port of the HTTP port; port 0 takes a free one [setting http.listen]
    #[arg(long, value_name = "ADDRESS", overrides_with = "listen")]
    pub(super) listen: Option<String>,
    /// Node to node: a kind or a URL [setting backplane]
    #[arg(long, value_name = "KIND|URL", overrides_with = "backplane")]
    pub(super) backplane: Option<String>,
    /// Any other setting, as in `--set session.keep=60s`; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pointsman serve --backplane memory
  pointsman serve --config /etc/pointsman.toml
  POINTSMAN_HTTP__LISTEN=0.0.0.0:7422 pointsman serve --config pointsman.toml

Signals: TERM and INT drain and end, a second one ends at once; HUP reads the configuration again, all or nothing.")]
pub(super) struct ServeArgs {
    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pointsman dev
  pointsman dev --listen 127.0.0.1:8000
  pointsman dev --no-metrics")]
pub(super) struct DevArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Do not publish this host's figures as `metrics.updated`
    #[arg(long)]
    no_metrics: bool,
}

impl SettingsArgs {
    pub(super) fn sources(&self, verb: Option<(&'static str, Table)>) -> Result<Sources, Failure> {
        let mut flags = Table::new();
        for (key, text) in [("http.listen", &self.listen), ("backplane", &self.backplane)] {
            if let Some(text) = text {
                put(&mut flags, key, Value::String(text.clone()));
            }
        }
        for pair in &self.set {
            let Some((key, text)) = pair.split_once('=') else {
                return Err(Failure::Usage(format!("`--set {pair}` has no `=`; write `--set key=value`")));
            };
            put(&mut flags, key.trim(), value(text));
        }
        let environment = std::env::vars().filter(|(name, _)| name.starts_with("POINTSMAN_")).collect();
        Ok(Sources { verb, file: self.config.clone(), environment, flags })
    }
}

/// A value as in TOML; what is none is a text.
fn value(text: &str) -> Value {
    toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn put(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let entry = table.entry(section).or_insert_with(|| Value::Object(Table::new()));
            if !entry.is_object() {
                *entry = Value::Object(Table::new());
            }
            if let Value::Object(inner) = entry {
                put(inner, rest, value);
            }
        }
    }
}

/// What `dev` starts from.
pub(super) fn dev_verb() -> (&'static str, Table) {
    ("dev", Settings::dev())
}

/// The same for a node on a free port, which takes free ports for everything.
fn dev_verb_at(listen: Option<&str>) -> (&'static str, Table) {
    let (verb, mut table) = dev_verb();
    if listen.is_some_and(|listen| listen.ends_with(":0")) {
        put(&mut table, "nats.listen", Value::String("127.0.0.1:0".to_owned()));
    }
    (verb, table)
}

pub(super) fn serve(args: &ServeArgs, builtin: fn() -> Builtin) -> Result<(), Failure> {
    let sources = args.settings.sources(None)?;
    start(&sources, builtin, |server| {
        if server.lets_nobody_in() {
            tracing::warn!("no client can connect: `auth.tokens` is empty and `auth.anonymous.enabled` is false");
        }
        tell_ready(server);
        Ok(())
    })
}

pub(super) fn dev(args: &DevArgs, builtin: fn() -> Builtin) -> Result<(), Failure> {
    let sources = args.settings.sources(Some(dev_verb_at(args.settings.listen.as_deref())))?;
    start(&sources, builtin, move |server| {
        if !args.no_metrics {
            server.publish_host_metrics();
        }
        tell_ready(server);
        print(&greeting(server))
    })
}

fn nats_address(server: &Server) -> Option<String> {
    server.endpoints().find(|endpoint| endpoint.name == "nats").map(|endpoint| endpoint.address.to_string())
}

fn tell_ready(server: &Server) {
    let nats = nats_address(server);
    tracing::info!(address = %server.address(), nats, node = server.node(), "ready");
}

fn greeting(server: &Server) -> String {
    let at = server.address();
    let nats = nats_address(server).map_or_else(|| "none".to_owned(), |address| format!("nats://{address}"));
    format!(
        "
  Dashboard   http://{at}/demo
  Console     http://{at}/console

  Publish     curl http://{at}/v1/publish -H 'Content-Type: application/json' -d '{{\"subject\":\"hello.world\",\"data\":{{\"n\":1}}}}'
  Subscribe   pointsman sub --url {at} 'hello.>'

  NATS        {nats}

  In a page   import {{ createClient }} from 'pointsman'
              const client = createClient({{ url: 'ws://{at}/v1/ws' }})
              client.events.subscribe('hello.>', (message) => console.log(message.subject, message.data))

  Development only: everybody who reaches this port may publish and subscribe. Stop with Ctrl-C.
"
    )
}

fn start(
    sources: &Sources,
    builtin: fn() -> Builtin,
    ready: impl FnOnce(&Server) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let loaded = load(sources)?;
    let plan = Plan::new(&loaded, &builtin())?;
    logging::init(&loaded.settings.log).map_err(|message| Failure::Failed(anyhow::anyhow!(message)))?;
    raise_open_files();
    let runtime = runtime(&loaded)?;
    runtime.block_on(async {
        let mut signals = Signals::new().context("signals cannot be caught")?;
        let server = Server::start(plan).await.map_err(|error| Failure::Failed(error.into()))?;
        ready(&server)?;
        let server = Arc::new(server);
        let stop = signals.until_told_to_end(|| reload(&server, sources, builtin));
        let running = Arc::clone(&server);
        running.run(stop).await.map_err(|error| Failure::Failed(error.into()))?;
        tracing::info!("ended");
        Ok(())
    })
}

fn runtime(loaded: &Loaded) -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if loaded.settings.runtime.workers > 0 {
        builder.worker_threads(loaded.settings.runtime.workers);
    }
    let built = builder.thread_name("pointsman").enable_all().on_thread_park(flush_before_park).build();
    Ok(built.context("the runtime's threads cannot be started")?)
}

/// A router holds a file per client; the soft limit of open files is meant for other programs.
fn raise_open_files() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => tracing::debug!(files, "open files allowed"),
        Err(error) => tracing::warn!(%error, "the limit of open files could not be raised"),
    }
}

/// Reads the configuration again. What is wrong changes nothing.
fn reload(server: &Server, sources: &Sources, builtin: fn() -> Builtin) {
    let plan = load(sources).and_then(|loaded| Plan::new(&loaded, &builtin()));
    match plan {
        Ok(plan) => {
            let applied = server.apply(plan);
            tracing::info!(changed = applied.changed.join(", "), "the configuration was read again");
            if !applied.restart.is_empty() {
                tracing::warn!(keys = applied.restart.join(", "), "these keys have changed and need a restart");
            }
        }
        Err(faults) => {
            for fault in &faults.0 {
                tracing::error!(at = %fault.origin, key = fault.key, "{}", fault.message);
            }
            tracing::error!("the configuration was not applied; the one before stays in force");
        }
    }
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Ends at the first TERM or INT; from then on a second one ends the process.
    async fn until_told_to_end(&mut self, reload: impl Fn()) {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => reload(),
                _ = self.terminate.recv() => break,
                _ = self.interrupt.recv() => break,
            }
        }
        tracing::info!("draining; a second signal ends at once");
        let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return;
        };
        // Ends with the process, which is what it waits for.
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            std::process::exit(1);
        });
    }
}
