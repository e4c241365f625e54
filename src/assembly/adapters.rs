//! The client adapters of the HTTP port.

use std::sync::Arc;

use axum::Router;
use pointsman_client_websocket::codec::WebSocketCodec;
use pointsman_client_websocket::upgrade::WebSocket;
use pointsman_contract::codec::Codec;
use pointsman_session::context::SessionContext;
use tokio_util::task::TaskTracker;

use crate::http::take_over;
use crate::settings::Settings;

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

/// The codec of a session that is never sent anything: the server's own.
pub(crate) fn own_codec() -> Arc<dyn Codec> {
    Arc::new(WebSocketCodec::Json)
}
