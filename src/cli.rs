//! The command line. Results go to standard output, everything else to standard error.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::builtin::Builtin;
use crate::settings::report::ConfigFaults;

mod bench;
mod config;
mod connection;
mod message;
mod publish;
mod reply;
mod request;
mod serve;
mod status;
mod subscribe;

/// Exit code of a configuration that cannot be used (`EX_CONFIG` of sysexits.h).
const EXIT_CONFIG: u8 = 78;

/// Pointsman: a message router between services and screens.
#[derive(Debug, Parser)]
#[command(name = "pointsman", version, about, long_about = None, max_term_width = 110, after_help = EXAMPLES)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  pointsman dev                                  a router with pages, on loopback
  pointsman sub 'metrics.>'                      what is published, as it comes
  pointsman pub orders.created '{\"id\":1}'        one message
  pointsman serve --backplane memory --config pointsman.toml";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run a router for development: loopback, memory backplane, everybody let in, a dashboard of this host
    Dev(serve::DevArgs),
    /// Run a node
    Serve(serve::ServeArgs),
    /// Publish messages: from the arguments, from standard input, or one a line
    Pub(publish::PubArgs),
    /// Subscribe to patterns and print what comes
    Sub(subscribe::SubArgs),
    /// Send a request and print the reply
    Req(request::ReqArgs),
    /// Answer requests: with a text, with their own body, or with what a command prints
    Reply(reply::ReplyArgs),
    /// Measure throughput and latency through a running node
    Bench(bench::BenchArgs),
    /// Show how a node is
    Status(status::StatusArgs),
    /// Check, show and write configurations
    #[command(subcommand)]
    Config(config::ConfigVerb),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Why a verb failed.
#[derive(Debug)]
enum Failure {
    /// The arguments do not go together.
    Usage(String),
    /// The configuration cannot be used.
    Config(ConfigFaults),
    /// It was tried and failed.
    Failed(anyhow::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => f.write_str(message),
            Self::Config(faults) => write!(f, "{faults}"),
            Self::Failed(error) => write!(f, "{error:#}"),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<ConfigFaults> for Failure {
    fn from(faults: ConfigFaults) -> Self {
        Self::Config(faults)
    }
}

/// Reads the process's arguments, does what they say, and says how the process should end.
#[must_use]
pub fn run() -> ExitCode {
    run_with(Builtin::default)
}

/// The same with kinds of an embedder's own.
#[must_use]
pub fn run_with(builtin: fn() -> Builtin) -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => {
            // Help and version are no errors and go to standard output; clap knows which is which.
            let _closed = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let done = match command.verb {
        Verb::Dev(args) => serve::dev(&args, builtin),
        Verb::Serve(args) => serve::serve(&args, builtin),
        Verb::Pub(args) => publish::run(args),
        Verb::Sub(args) => subscribe::run(args),
        Verb::Req(args) => request::run(&args),
        Verb::Reply(args) => reply::run(args),
        Verb::Bench(args) => bench::run(args),
        Verb::Status(args) => status::run(&args),
        Verb::Config(verb) => config::run(verb, builtin),
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut Command::command(), "pointsman", &mut std::io::stdout());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let mut out = std::io::stderr().lock();
            let _closed = match &failure {
                Failure::Usage(message) => writeln!(out, "error: {message}\n\nFor more information, try '--help'."),
                other => writeln!(out, "error: {other}"),
            };
            ExitCode::from(match failure {
                Failure::Usage(_) => 2,
                Failure::Config(_) => EXIT_CONFIG,
                Failure::Failed(_) => 1,
            })
        }
    }
}

/// Runs an asynchronous verb to its end, or until the user interrupts it.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(anyhow::Error::new(error).context("no threads can be started")))?;
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    result
}

/// Writes a line of results. A reader that has gone away ends the process quietly, as it does any other in a pipe.
fn print(line: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n")) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => {
            other.map_err(|error| Failure::Failed(anyhow::Error::new(error).context("the output cannot be written")))
        }
    }
}
