//! Health and status.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pointsman_contract::health::Health;
use serde::Serialize;

use super::App;

pub(super) async fn livez() -> &'static str {
    "ok\n"
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    components: Vec<Component>,
}

#[derive(Serialize)]
struct Component {
    name: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

fn ready(app: &App) -> Ready {
    let health = app.backplane.health().borrow().clone();
    let backplane = Component { name: "backplane", state: health.name(), cause: health.cause().map(str::to_owned) };
    let draining = app.sessions.is_draining();
    let node = Component {
        name: "node",
        state: if draining { "draining" } else { "up" },
        cause: draining.then(|| "the node was told to end; clients are sent to other nodes".to_owned()),
    };
    Ready { ready: !draining && !matches!(health, Health::Down { .. }), components: vec![node, backplane] }
}

pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let ready = ready(&app);
    let status = if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ready)).into_response()
}

#[derive(Serialize)]
pub(super) struct Status {
    node: String,
    version: &'static str,
    uptime_seconds: u64,
    ready: bool,
    connections: usize,
    sessions: usize,
    subscriptions: usize,
    messages_received_total: u64,
    messages_delivered_total: u64,
    messages_dropped_total: BTreeMap<&'static str, u64>,
    bytes_received_total: u64,
    bytes_delivered_total: u64,
    backplane: BackplaneStatus,
    memory_bytes: u64,
}

#[derive(Serialize)]
struct BackplaneStatus {
    kind: &'static str,
    state: &'static str,
}

pub(super) async fn status(State(app): State<Arc<App>>) -> Json<Status> {
    let counts = app.router.stats();
    Json(Status {
        node: app.node.clone(),
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: app.started.elapsed().as_secs(),
        ready: ready(&app).ready,
        connections: app.sessions.links(),
        sessions: app.sessions.sessions.len(),
        subscriptions: app.router.subscription_count(),
        messages_received_total: counts.received_messages,
        messages_delivered_total: counts.delivered_messages,
        messages_dropped_total: BTreeMap::from([
            ("slow_consumer", counts.dropped_slow_consumer),
            ("policy", counts.dropped_policy),
            ("backplane", counts.dropped_backplane),
        ]),
        bytes_received_total: counts.received_bytes,
        bytes_delivered_total: counts.delivered_bytes,
        backplane: BackplaneStatus { kind: app.backplane_kind, state: app.backplane.health().borrow().name() },
        memory_bytes: resident_bytes(),
    })
}

/// Resident memory of this process; 0 where the system does not say.
pub(super) fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_ascii_whitespace().nth(1)?.parse::<u64>().ok());
    // The kernel counts in pages; 4 KiB on every platform that is built for.
    pages.map_or(0, |pages| pages * 4096)
}
