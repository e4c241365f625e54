//! The binary under faults: links that break at every byte, nodes that are killed, clients that do not read, storms, drains and reloads under load.
//! After each of them **received ∪ told gaps = sent**, nothing came twice, and everything came in order (protocol.md#P8 and P9.1).
//!
//! Faults come from a proxy on the loopback, from signals, and from sockets that are left unread. Nothing here depends on how fast things are: each test
//! waits for conditions. `--nocapture` shows figures.
//!
//! The default run cuts links at positions spread over the session's bytes. With `POINTSMAN_TORTURE=1` it cuts at every byte (with 7, at every seventh), and
//! the other scenarios run longer; `cargo xtask torture` does that with the release build.
#![allow(
    clippy::unwrap_used,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "tests state their expectations"
)]

#[allow(dead_code, reason = "shared with the tests of the binary, which use more of it")]
#[path = "server/node.rs"]
mod node;

#[path = "scenarios/figures.rs"]
mod figures;
#[path = "scenarios/json.rs"]
mod json;
#[path = "scenarios/proxy.rs"]
mod proxy;
#[path = "scenarios/record.rs"]
mod record;
#[path = "scenarios/rust.rs"]
mod rust;

#[path = "scenarios/cut.rs"]
mod cut;
#[path = "scenarios/cut_json.rs"]
mod cut_json;
#[path = "scenarios/cut_rust.rs"]
mod cut_rust;
#[path = "scenarios/drain.rs"]
mod drain;
#[path = "scenarios/half_open.rs"]
mod half_open;
#[path = "scenarios/kill.rs"]
mod kill;
#[path = "scenarios/queues.rs"]
mod queues;
#[path = "scenarios/reload.rs"]
mod reload;
#[path = "scenarios/slow.rs"]
mod slow;
#[path = "scenarios/storm.rs"]
mod storm;

/// Bytes from one cut to the next, where the long form of the scenarios was asked for.
fn torture() -> Option<u64> {
    let step = std::env::var("POINTSMAN_TORTURE").ok()?;
    Some(step.parse().ok().filter(|step| *step > 0).expect("POINTSMAN_TORTURE is the number of bytes between two cuts"))
}

/// Whether the long form of each scenario was asked for.
fn is_torture() -> bool {
    torture().is_some()
}
