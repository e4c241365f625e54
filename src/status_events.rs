//! `system.status.changed`: what happens to the node, as an event like any other.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use pointsman_contract::health::Health;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::http::App;

/// The subject of these events.
pub const SUBJECT: &str = "system.status.changed";

#[derive(Serialize)]
struct StatusChanged<'a> {
    at: u64,
    node: &'a str,
    component: &'a str,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
}

/// Milliseconds since 1970; 0 before.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn publish(app: &App, component: &str, state: &str, cause: Option<&str>) {
    let event = StatusChanged { at: now_ms(), node: &app.node, component, state, cause };
    let published = serde_json::to_vec(&event)
        .map_err(|error| error.to_string())
        .and_then(|json| app.publisher.publish_json(SUBJECT, &json).map_err(|refusal| refusal.to_string()));
    if let Err(error) = published {
        tracing::warn!(%error, component, state, "a change of state could not be published");
    }
}

/// Says that the node is going away, while its clients can still hear it.
pub(crate) fn draining(app: &App) {
    publish(app, "node", "down", Some("the node was told to end; clients go to other nodes"));
}

/// Publishes each change of the backplane's health until `stop`.
pub(crate) async fn watch_backplane(app: Arc<App>, stop: CancellationToken) {
    let mut health = app.backplane.health();
    let mut told = Health::Up;
    loop {
        let now = health.borrow_and_update().clone();
        if now != told {
            match now.cause() {
                Some(cause) => tracing::warn!(state = now.name(), cause, "the backplane has changed"),
                None => tracing::info!(state = now.name(), "the backplane has changed"),
            }
            publish(&app, "backplane", now.name(), now.cause());
            told = now;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = health.changed() => if changed.is_err() { return },
        }
    }
}
