//! The server: settings, assembly, HTTP port, command line.
//!
//! The binary `pointsman` is a few lines around [`cli`]; everything else is here so that an embedder can start a [`server::Server`] with kinds of its own
//! ([`builtin::Builtin`]) and tests can run one inside their process.
//!
//! # Invariants
//! - Only [`builtin`] and [`assembly`] know concrete components.
//! - Every task is owned by the server and has ended when [`server::Server::run`] returns.
//! - A configuration is applied whole or not at all.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests state their expectations"))]

pub mod assembly;
pub mod builtin;
pub mod cli;
pub mod connection_manager;
mod host;
mod http;
pub mod logging;
pub mod publisher;
pub mod server;
pub mod settings;
pub mod start_failure;
pub mod status_events;
pub mod units;
