//! From an HTTP request to a link.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, Method, StatusCode};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use parking_lot::RwLock;
use pointsman_contract::client::{ConnectionPermit, LinkKind, PeerAddress};
use pointsman_contract::problem::{self, Problem};
use pointsman_protocol::codes::ErrorCode;
use pointsman_session::context::SessionContext;
use pointsman_session::drive::drive;
use pointsman_session::link::Peer;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;
use tungstenite::handshake::derive_accept_key;

use crate::codec::WebSocketCodec;
use crate::config::WebSocketConfig;
use crate::link::WebSocketLink;
use crate::origin;

/// Gets the bare stream out of an upgraded connection, with what had already been read of it. Only the HTTP server knows what it wraps streams in.
pub type TakeOver = fn(Upgraded) -> Result<(TcpStream, Bytes), Upgraded>;

/// What [`TakeOver`] is for a server that serves plain `TokioIo<TcpStream>`.
///
/// # Errors
/// Gives the connection back when it is something else.
pub fn plain(upgraded: Upgraded) -> Result<(TcpStream, Bytes), Upgraded> {
    let parts = upgraded.downcast::<TokioIo<TcpStream>>()?;
    Ok((parts.io.into_inner(), parts.read_buf))
}

/// The adapter: the path `/v1/ws`, to be merged into the HTTP server's routes.
///
/// The HTTP server must serve its connections with upgrades switched on, and put a [`PeerAddress`] and a [`ConnectionPermit`] into each request.
#[derive(Debug, Clone)]
pub struct WebSocket {
    config: Arc<RwLock<Arc<WebSocketConfig>>>,
    take_over: TakeOver,
    sessions: Arc<SessionContext>,
    links: TaskTracker,
}

impl WebSocket {
    /// An adapter whose links run as tasks of `links`.
    #[must_use]
    pub fn new(
        config: WebSocketConfig,
        sessions: Arc<SessionContext>,
        links: TaskTracker,
        take_over: TakeOver,
    ) -> Self {
        Self { config: Arc::new(RwLock::new(Arc::new(config))), take_over, sessions, links }
    }

    /// Changes what is accepted from now on.
    pub fn set_config(&self, config: WebSocketConfig) {
        *self.config.write() = Arc::new(config);
    }

    /// Its routes.
    pub fn routes(&self) -> Router {
        Router::new().route("/v1/ws", any(upgrade)).with_state(self.clone())
    }
}

fn refuse(status: StatusCode, code: ErrorCode, detail: &str, next_step: &str) -> Box<Response> {
    let problem = Problem::new(code, detail, next_step).status(status.as_u16());
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(problem::CONTENT_TYPE));
    if status == StatusCode::UPGRADE_REQUIRED {
        let headers = response.headers_mut();
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    Box::new(response)
}

fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(token))
}

/// What a valid upgrade asks for: the key to answer, and the codec.
fn check(config: &WebSocketConfig, request: &Request) -> Result<(HeaderValue, WebSocketCodec), Box<Response>> {
    let headers = request.headers();
    if request.method() != Method::GET
        || !lists(headers, &CONNECTION, "upgrade")
        || !lists(headers, &UPGRADE, "websocket")
    {
        return Err(refuse(
            StatusCode::UPGRADE_REQUIRED,
            ErrorCode::BadRequest,
            "this path speaks WebSocket only",
            "Send GET with `Connection: Upgrade` and `Upgrade: websocket`; a proxy in between may have removed them.",
        ));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version.as_bytes() != b"13") {
        return Err(refuse(
            StatusCode::UPGRADE_REQUIRED,
            ErrorCode::BadRequest,
            "only version 13 of WebSocket is spoken here",
            "Send `Sec-WebSocket-Version: 13`.",
        ));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| is_key(key.as_bytes())).ok_or_else(|| {
        refuse(
            StatusCode::BAD_REQUEST,
            ErrorCode::BadRequest,
            "`Sec-WebSocket-Key` is missing or is not 16 bytes in base64",
            "Use a WebSocket client; they send it.",
        )
    })?;
    if !origin::is_allowed(config, headers) {
        return Err(refuse(
            StatusCode::FORBIDDEN,
            ErrorCode::PermissionDenied,
            "the page's origin is not on the list of this server",
            "Add the origin to `websocket.allowed_origins`.",
        ));
    }
    let codec = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|name| WebSocketCodec::of_subprotocol(name.trim()))
        .ok_or_else(|| {
            refuse(
                StatusCode::BAD_REQUEST,
                ErrorCode::Unsupported,
                "no subprotocol was offered that this server speaks",
                "Offer `pointsman.v1.json` or `pointsman.v1.postcard` in `Sec-WebSocket-Protocol`.",
            )
        })?;
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).map_err(|_| {
        refuse(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, "the key cannot be answered", "Use a WebSocket client.")
    })?;
    Ok((accept, codec))
}

/// 16 bytes in base64.
fn is_key(key: &[u8]) -> bool {
    key.len() == 24
        && key.ends_with(b"==")
        && key.iter().take(22).all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
}

async fn upgrade(State(adapter): State<WebSocket>, mut request: Request) -> Response {
    let config = Arc::clone(&adapter.config.read());
    let (accept, codec) = match check(&config, &request) {
        Ok(checked) => checked,
        Err(response) => return *response,
    };
    if adapter.sessions.is_draining() {
        return *refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::Draining,
            "this node is going away",
            "Connect to another node.",
        );
    }
    let address = request.extensions().get::<PeerAddress>().map(|peer| peer.0);
    let peer = Peer { kind: LinkKind::WebSocket, address };
    let upgrading = hyper::upgrade::on(&mut request);
    let permit = request.extensions().get::<ConnectionPermit>().cloned();
    let sessions = Arc::clone(&adapter.sessions);
    let take_over = adapter.take_over;
    adapter.links.spawn(async move {
        let upgraded = match upgrading.await {
            Ok(upgraded) => upgraded,
            Err(error) => {
                tracing::debug!(%error, "an upgrade did not happen");
                return;
            }
        };
        let Ok((stream, already_read)) = take_over(upgraded) else {
            tracing::error!(
                "the HTTP server serves another kind of stream than it says; WebSocket links cannot be taken over"
            );
            return;
        };
        let link = WebSocketLink::new(stream, already_read.to_vec(), peer, codec, &config);
        drop(config);
        // It is a part of the HTTP connection's buffer, and would keep all of that for as long as the link lives.
        drop(already_read);
        let reason = drive(link, sessions).await;
        tracing::debug!(reason = reason.name(), "a link ended");
        drop(permit);
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(codec.subprotocol()));
    response
}
