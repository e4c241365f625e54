//! Logs: for people on a terminal, JSON lines otherwise. Always on standard error; results are on standard output.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::{Log, LogFormat};

/// Installs the process's log.
///
/// # Errors
/// When the level cannot be read, or the process has a log already.
pub fn init(log: &Log) -> Result<(), String> {
    let filter = EnvFilter::try_new(&log.level).map_err(|error| format!("log.level: {error}"))?;
    let terminal = std::io::stderr().is_terminal();
    let human = match log.format {
        LogFormat::Auto => terminal,
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let base = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let installed = if human {
        base.with(layer.with_ansi(terminal).with_target(false).compact()).try_init()
    } else {
        base.with(layer.json().flatten_event(true).with_current_span(false).with_span_list(false)).try_init()
    };
    installed.map_err(|error| error.to_string())
}
