//! `/v1/connections`: who is there.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use pointsman_contract::problem::Problem;
use pointsman_protocol::codes::ErrorCode;
use pointsman_session::session::{SessionId, SessionInfo};
use serde::{Deserialize, Serialize};

use super::{ApiError, App, bad_request};

const SUBSCRIPTIONS_SHOWN: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    #[serde(default = "Page::limit")]
    limit: usize,
    #[serde(default)]
    after: u64,
}

impl Page {
    fn limit() -> usize {
        100
    }
}

#[derive(Serialize)]
pub(super) struct Connections {
    connections: Vec<Connection>,
    total: usize,
    next: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct Connection {
    session: String,
    user: Option<Box<str>>,
    name: Box<str>,
    link: &'static str,
    codec: &'static str,
    address: Option<String>,
    connected_ms_ago: u64,
    attached: bool,
    subscriptions: usize,
    pending_messages: u32,
    pending_bytes: u32,
    received_messages: u64,
    delivered_messages: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_list: Option<Vec<Subscribed>>,
}

#[derive(Serialize)]
struct Subscribed {
    sid: u64,
    pattern: String,
    queue: Option<String>,
}

fn connection(app: &App, info: SessionInfo, with_list: bool) -> Connection {
    let list = app.connections.subscriptions(&info, usize::MAX);
    Connection {
        session: info.id.to_string(),
        user: info.user,
        name: info.name,
        link: info.peer.kind.name(),
        codec: info.codec,
        address: info.peer.address.map(|address| address.to_string()),
        connected_ms_ago: u64::try_from(info.connected.as_millis()).unwrap_or(u64::MAX),
        attached: info.attached,
        subscriptions: list.len(),
        pending_messages: info.pending_messages,
        pending_bytes: info.pending_bytes,
        received_messages: info.received_messages,
        delivered_messages: info.delivered_messages,
        subscription_list: with_list.then(|| {
            list.into_iter()
                .take(SUBSCRIPTIONS_SHOWN)
                .map(|(sid, pattern, queue)| Subscribed { sid, pattern, queue })
                .collect()
        }),
    }
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Connections>, ApiError> {
    let next_step = "`limit` is from 1 to 1000, `after` what `next` of the page before said.";
    let Query(page) = page.map_err(|error| bad_request(error.body_text(), next_step))?;
    if !(1..=1000).contains(&page.limit) {
        return Err(bad_request(format!("`limit` is {}", page.limit), next_step).into());
    }
    let found = app.connections.page(page.after, page.limit);
    let next = (found.len() == page.limit).then(|| found.last().map(|info| info.key.0)).flatten();
    let connections = found.into_iter().map(|info| connection(&app, info, false)).collect();
    Ok(Json(Connections { connections, total: app.connections.len(), next }))
}

fn unknown(name: &str) -> ApiError {
    let detail = format!("there is no session `{name}` on this node");
    Problem::new(ErrorCode::NotFound, detail, "GET /v1/connections lists them.").into()
}

pub(super) async fn one(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Json<Connection>, ApiError> {
    let session = SessionId::parse(&name).and_then(|id| app.connections.get(id)).ok_or_else(|| unknown(&name))?;
    Ok(Json(connection(&app, session.info(), true)))
}

pub(super) async fn close(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<StatusCode, ApiError> {
    match SessionId::parse(&name) {
        Some(id) if app.connections.remove(id) => Ok(StatusCode::NO_CONTENT),
        _ => Err(unknown(&name)),
    }
}
