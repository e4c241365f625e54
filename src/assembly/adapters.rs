//! The client adapters: those of the HTTP port, and those with a port of their own.

use std::sync::Arc;

use axum::Router;
use pointsman_client_nats::listener::NatsListener;
use pointsman_client_websocket::upgrade::WebSocket;
use pointsman_contract::client::Listener;
use pointsman_session::context::SessionContext;
use tokio_util::task::TaskTracker;

use crate::http::listener::bind;
use crate::http::take_over;

use crate::settings::Settings;
use crate::start_failure::StartFailure;

/// What serves clients beside the API: for now WebSocket.
#[derive(Debug)]
pub(crate) struct HttpAdapters {
    websocket: WebSocket,
}

impl HttpAdapters {
    /// Adapters whose connections belong to `sessions` and are counted by `links`.
    pub(crate) fn new(settings: &Settings, sessions: &Arc<SessionContext>, links: &TaskTracker) -> Self {
        let sessions = Arc::clone(sessions);
        Self { websocket: WebSocket::new(settings.websocket_config(), sessions, links.clone(), take_over) }
    }

    /// Their routes.
    pub(crate) fn routes(&self) -> Router {
        self.websocket.routes()
    }

    /// Changes what is accepted from now on.
    pub(crate) fn apply(&self, settings: &Settings) {
        self.websocket.set_config(settings.websocket_config());
    }
}

/// Opens the ports of the adapters that have one of their own, for the node `node` of the server `server` (name and version).
///
/// # Errors
/// The first port that cannot be had.
pub(crate) fn endpoints(
    settings: &Settings,
    node: &str,
    server: &str,
    sessions: &Arc<SessionContext>,
) -> Result<Vec<Box<dyn Listener>>, StartFailure> {
    let mut all: Vec<Box<dyn Listener>> = Vec::new();
    if let Some((address, config)) = settings.nats_config() {
        let listener = bind(address)
            .and_then(|socket| NatsListener::new(socket, config, node, server, Arc::clone(sessions)))
            .map_err(|source| StartFailure::Endpoint { setting: "nats.listen", address, source })?;
        all.push(Box::new(listener));
    }
    Ok(all)
}
