//! The HTTP port: API, health, metrics, pages, and whatever client adapters bring.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use pointsman_contract::backplane::Backplane;
use pointsman_contract::problem::{self, Problem};
use pointsman_protocol::codes::ErrorCode;
use pointsman_router::router::Router;
use pointsman_session::context::SessionContext;
use subtle::ConstantTimeEq;

use crate::connection_manager::ConnectionManager;
use crate::publisher::Publisher;

mod connections;
mod heads;
pub(crate) mod listener;
mod metrics;
mod pages;
pub(crate) mod places;
mod publish;
mod status;
mod stream;

pub(crate) use stream::take_over;

/// What the API needs of the settings; exchanged whole at a reload.
#[derive(Debug)]
pub(crate) struct ApiConfig {
    pub(crate) token: Option<String>,
    pub(crate) anonymous: bool,
    pub(crate) body_bytes_max: usize,
    pub(crate) body_timeout: std::time::Duration,
}

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) router: Arc<Router>,
    pub(crate) sessions: Arc<SessionContext>,
    pub(crate) backplane: Arc<dyn Backplane>,
    pub(crate) backplane_kind: &'static str,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) connections: ConnectionManager,
    pub(crate) config: ArcSwap<ApiConfig>,
    pub(crate) places: Arc<places::Places>,
    pub(crate) node: String,
    pub(crate) started: Instant,
    pub(crate) metrics: metrics::Metrics,
}

/// An error as the API answers it.
#[derive(Debug)]
pub(crate) struct ApiError(Box<Problem>);

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, problem::CONTENT_TYPE)], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

fn bad_request(detail: impl Into<String>, next_step: &str) -> Problem {
    Problem::new(ErrorCode::BadRequest, detail, next_step)
}

/// All routes but those of the client adapters.
pub(crate) fn routes(app: &Arc<App>, with_pages: bool) -> axum::Router {
    let api = axum::Router::new()
        .route("/v1/publish", post(publish::publish).fallback(not_allowed))
        .route("/v1/publish/{subject}", post(publish::publish_raw).fallback(not_allowed))
        .route("/v1/connections", get(connections::list).fallback(not_allowed))
        .route("/v1/connections/{session}", get(connections::one).delete(connections::close).fallback(not_allowed))
        .route("/v1/status", get(status::status).fallback(not_allowed))
        .route_layer(middleware::from_fn_with_state(Arc::clone(app), authorize));
    let open = axum::Router::new()
        .route("/livez", get(status::livez))
        .route("/readyz", get(status::readyz))
        .route("/healthz", get(status::readyz))
        .route("/metrics", get(metrics::metrics));
    let mut all = api.merge(open);
    if with_pages {
        all = all.merge(pages::routes());
    }
    // Bodies are bounded where they are read, with an answer of our own.
    all.with_state(Arc::clone(app)).layer(DefaultBodyLimit::disable())
}

/// Everything together, with what holds for every request.
pub(crate) fn whole(routes: axum::Router) -> axum::Router {
    routes.fallback(not_found).layer(middleware::from_fn(guard))
}

async fn not_found(request: Request) -> ApiError {
    let detail = format!("there is nothing at `{}`", request.uri().path());
    Problem::new(
        ErrorCode::NotFound,
        detail,
        "See /demo, /console, /v1/publish, /v1/connections, /v1/status, /metrics.",
    )
    .into()
}

async fn not_allowed(request: Request) -> ApiError {
    let detail = format!("`{}` does not take {}", request.uri().path(), request.method());
    bad_request(detail, "Use the method the documentation of the API names.").status(405).into()
}

/// What RFC 9112 asks of every request: exactly one Host in HTTP/1.1 (3.2), and one length of the body (6.1). Either is how requests are smuggled past a
/// proxy. The connection is closed after a request with a transfer coding, since nothing after it has been looked over.
async fn guard(request: Request, next: Next) -> Response {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    let no_host_needed = request.version() == Version::HTTP_10 && hosts == 0;
    let coded = request.headers().contains_key(header::TRANSFER_ENCODING);
    let two_lengths = request.extensions().get::<stream::TwoLengths>().is_some_and(stream::TwoLengths::seen);
    let fault = if two_lengths {
        Some(bad_request(
            "the request gives its body two lengths",
            "Send either Content-Length or Transfer-Encoding, and one of it.",
        ))
    } else if hosts != 1 && !no_host_needed {
        Some(bad_request(format!("the request has {hosts} Host headers"), "Send exactly one Host header."))
    } else {
        None
    };
    let closing = coded || fault.is_some();
    let mut response = match fault {
        Some(problem) => ApiError::from(problem).into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if closing {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Lets in who shows the API's token, or everybody where the API is open.
async fn authorize(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let config = app.config.load();
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let known = match (&config.token, given) {
        (Some(token), Some(given)) => bool::from(token.as_bytes().ct_eq(given.as_bytes())),
        _ => false,
    };
    // An open API is for the machine's own programs; a page of another origin must not use it.
    let foreign = request.headers().get(header::ORIGIN).is_some_and(|origin| {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        origin.to_str().ok().and_then(|origin| origin.split_once("://")).is_none_or(|(_, origin)| origin != host)
    });
    if known || (config.anonymous && given.is_none() && !foreign) {
        drop(config);
        return next.run(request).await;
    }
    let detail = match (given, &config.token) {
        (Some(_), _) => "the token is not the one of this API",
        (None, Some(_)) => "the API needs a token",
        (None, None) if config.anonymous => "the open API cannot be used by pages of another origin",
        (None, None) => "the API is closed: this server has no token configured for it",
    };
    let next_step = "Send `Authorization: Bearer <token>` with the token of `api.token`, or set `api.anonymous = true` for development.";
    ApiError::from(Problem::new(ErrorCode::Unauthenticated, detail, next_step)).into_response()
}

/// Reads a body within its limits.
async fn read_body(app: &App, request: Request) -> Result<axum::body::Bytes, ApiError> {
    let (limit, timeout) = {
        let config = app.config.load();
        (config.body_bytes_max, config.body_timeout)
    };
    let too_large = |size: String| {
        Problem::new(
            ErrorCode::PayloadTooLarge,
            format!("the body has {size}, the limit is {limit} bytes"),
            "Send fewer or smaller messages, or raise `http.body_bytes_max`.",
        )
    };
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if let Some(announced) = announced.filter(|announced: &u64| *announced > limit as u64) {
        return Err(too_large(format!("{announced} bytes")).into());
    }
    let reading = axum::body::to_bytes(Body::new(request.into_body()), limit);
    match tokio::time::timeout(timeout, reading).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            let error = error.into_inner();
            if error.is::<http_body_util::LengthLimitError>() {
                Err(too_large("more".into()).into())
            } else {
                Err(bad_request(format!("the body could not be read: {error}"), "Send the request again.").into())
            }
        }
        Err(_) => {
            let detail = format!("the body did not come within {} s", timeout.as_secs());
            Err(bad_request(detail, "Send the body without pauses.").status(408).into())
        }
    }
}
