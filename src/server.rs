//! A running server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures_util::future::try_join_all;
use parking_lot::Mutex;
use pointsman_contract::auth::Authenticator;
use pointsman_contract::backplane::BackplaneContext;
use pointsman_contract::client::{Endpoint, ListenError, Listener, Shutdown};
use pointsman_protocol::codes::CloseCode;
use pointsman_router::router::Router;
use pointsman_session::close::CloseReason;
use pointsman_session::context::SessionContext;
use pointsman_session::heartbeat;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::assembly::Plan;
use crate::assembly::adapters::{HttpAdapters, endpoints};
use crate::connection_manager::ConnectionManager;
use crate::http::listener::{HttpLimits, HttpListener, bind};
use crate::http::places::{PlaceLimits, Places};
use crate::http::{App, routes, whole};
use crate::publisher::Publisher;
use crate::settings::Settings;
use crate::start_failure::StartFailure;
use crate::status_events;

/// Name and version.
const SERVER: &str = concat!("pointsman/", env!("CARGO_PKG_VERSION"));
/// How long the backplane may take to send what waits, after the last client has left.
const BACKPLANE_CLOSE: Duration = Duration::from_secs(2);

/// What a change of the configuration came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Keys that changed and hold from now on.
    pub changed: Vec<String>,
    /// Keys that changed and hold after a restart.
    pub restart: Vec<String>,
}

/// A server whose port is open. Clients are served while [`run`](Self::run) is polled.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    adapters: HttpAdapters,
    listener: HttpListener,
    /// Endpoints besides the HTTP port.
    endpoints: Vec<Box<dyn Listener>>,
    settings: Mutex<Settings>,
    shutdown: Shutdown,
    /// Ends the server's own tasks, last.
    stop: CancellationToken,
    own_tasks: TaskTracker,
    draining: AtomicBool,
}

impl Server {
    /// Opens the port and starts the components.
    ///
    /// # Errors
    /// When the port or a component cannot be had.
    pub async fn start(plan: Plan) -> Result<Self, StartFailure> {
        let settings = plan.settings;
        let address = settings.http.listen;
        let socket = bind(address).map_err(|source| StartFailure::Listen { address, source })?;
        let node: u64 = rand::random();
        let node_name = format!("{node:016x}");
        let router = Arc::new(Router::new(settings.router_config(), node, plan.policies));
        let stop = CancellationToken::new();
        let backplane_kind = plan.backplane.kind;
        let inbound = Arc::<Router>::clone(&router);
        let cx = BackplaneContext { inbound, node, shutdown: stop.clone() };
        let backplane = plan.backplane.start(cx).await?;
        router.join(Arc::clone(&backplane));
        let sessions = Arc::new(SessionContext::new(
            Arc::<Router>::clone(&router),
            plan.authenticator,
            settings.session_config(),
            &node_name,
            SERVER,
        ));
        let links = TaskTracker::new();
        let places = Arc::new(Places::new(place_limits(&settings)));
        let adapters = HttpAdapters::new(&settings, &sessions, &links);
        let publisher = Arc::new(Publisher::new(Arc::clone(&router)).map_err(StartFailure::Router)?);
        let app = Arc::new(App {
            connections: ConnectionManager::new(Arc::clone(&sessions), Arc::clone(&publisher)),
            publisher,
            router,
            sessions,
            backplane,
            backplane_kind,
            config: ArcSwap::from_pointee(plan.api),
            places: Arc::clone(&places),
            node: node_name,
            started: Instant::now(),
            metrics: Default::default(),
        });
        let all = whole(routes(&app, settings.http.pages).merge(adapters.routes()));
        let listener = HttpListener::new(socket, all, http_limits(&settings), places, links)
            .map_err(|source| StartFailure::Listen { address, source })?;
        let endpoints = endpoints(&settings, &app.node, SERVER, &app.sessions)?;
        let own_tasks = TaskTracker::new();
        own_tasks.spawn(heartbeat::beat(Arc::clone(&app.sessions), stop.clone()));
        own_tasks.spawn(status_events::watch_backplane(Arc::clone(&app), stop.clone()));
        Ok(Self {
            app,
            adapters,
            listener,
            endpoints,
            settings: Mutex::new(settings),
            shutdown: Shutdown::default(),
            stop,
            own_tasks,
            draining: AtomicBool::new(false),
        })
    }

    /// Where it listens; port 0 is resolved.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.endpoint().address
    }

    /// Where it serves clients besides the HTTP port.
    pub fn endpoints(&self) -> impl Iterator<Item = Endpoint> + '_ {
        self.endpoints.iter().map(|listener| listener.endpoint())
    }

    /// This boot of this node.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.app.node
    }

    /// Whether the configuration names no client at all.
    #[must_use]
    pub fn lets_nobody_in(&self) -> bool {
        let settings = self.settings.lock();
        settings.auth.tokens.is_empty() && !settings.auth.anonymous.enabled
    }

    /// Who is connected.
    #[must_use]
    pub fn connections(&self) -> &ConnectionManager {
        &self.app.connections
    }

    /// Publishes the host's figures as `metrics.updated` once a second, until the server ends.
    pub fn publish_host_metrics(&self) {
        let publishing = crate::host::publish(Arc::clone(&self.app), self.stop.clone());
        self.own_tasks.spawn(publishing);
    }

    /// Applies a plan to the running server: everything that does not need a restart.
    pub fn apply(&self, plan: Plan) -> Applied {
        let mut current = self.settings.lock();
        let applied = difference(&current, &plan.settings);
        let settings = plan.settings;
        self.app.sessions.set_config(settings.session_config());
        self.adapters.apply(&settings);
        self.app.places.set_limits(place_limits(&settings));
        self.app.config.store(Arc::new(plan.api));
        let authenticator: Arc<dyn Authenticator> = plan.authenticator;
        self.app.sessions.set_authenticator(&authenticator);
        *current = settings;
        applied
    }

    /// Serves until `stop`, then drains: no new clients, existing ones are told to go elsewhere, what waits is written out, at most for `drain.timeout`.
    /// When it returns, every task of the server has ended.
    ///
    /// # Errors
    /// When the port is lost.
    /// # Cancel safety
    /// Dropping the future leaves clients unserved; it is meant to be polled to its end.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) -> Result<(), ListenError> {
        let mut serving = std::pin::pin!(self.serve());
        let early = tokio::select! {
            ended = serving.as_mut() => Some(ended),
            () = stop => None,
        };
        self.drain();
        let timeout = self.settings.lock().drain.timeout.0;
        let result = match early {
            Some(ended) => ended,
            None => match tokio::time::timeout(timeout, serving.as_mut()).await {
                Ok(ended) => ended,
                Err(_) => {
                    tracing::warn!(
                        links = self.app.sessions.links(),
                        "not every client left in time; the rest is cut off"
                    );
                    self.shutdown.abort.cancel();
                    self.app.sessions.abort();
                    serving.await
                }
            },
        };
        if let Err(error) = self.app.backplane.close(Instant::now() + BACKPLANE_CLOSE).await {
            tracing::warn!(%error, "the backplane did not end cleanly");
        }
        self.stop.cancel();
        self.own_tasks.close();
        self.own_tasks.wait().await;
        result
    }

    /// Serves on every endpoint. Ends when all have ended, or when one is lost.
    async fn serve(&self) -> Result<(), ListenError> {
        let http = self.listener.run(self.shutdown.clone());
        let others = try_join_all(self.endpoints.iter().map(|listener| listener.run(self.shutdown.clone())));
        tokio::try_join!(http, others).map(|_| ())
    }

    /// Begins to go away. Does nothing the second time.
    fn drain(&self) {
        if self.draining.swap(true, Ordering::AcqRel) {
            return;
        }
        let spread = self.settings.lock().drain.spread.0;
        status_events::draining(&self.app);
        self.app.publisher.refuse();
        self.shutdown.drain.cancel();
        self.app.sessions.drain(|| CloseReason::Server {
            code: CloseCode::Draining,
            message: "this node is going away; connect again, to any node".into(),
            retry_after: Some(spread.mul_f64(rand::random())),
        });
    }
}

fn place_limits(settings: &Settings) -> PlaceLimits {
    PlaceLimits { all: settings.http.connections_max, per_address: settings.http.connections_per_address_max }
}

fn http_limits(settings: &Settings) -> HttpLimits {
    HttpLimits {
        header_timeout: settings.http.header_timeout.0,
        header_bytes_max: settings.http.header_bytes_max.len(),
        header_fields_max: settings.http.header_fields_max,
        write_timeout: settings.http.write_timeout.0,
    }
}

fn difference(before: &Settings, after: &Settings) -> Applied {
    let mut applied = Applied::default();
    for key in before.changes(after) {
        if Settings::needs_restart(&key) { applied.restart.push(key) } else { applied.changed.push(key) }
    }
    applied
}
