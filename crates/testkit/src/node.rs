//! A node without sockets: a router and its sessions.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pointsman_contract::auth::{AuthError, Authenticator, Credentials};
use pointsman_contract::identity::Identity;
use pointsman_contract::policy::Policy;
use pointsman_outbox::outbox::{Limits, SlowConsumer};
use pointsman_outbox::ring::RingLimits;
use pointsman_protocol::codes::CloseCode;
use pointsman_router::router::{Router, RouterConfig};
use pointsman_session::close::CloseReason;
use pointsman_session::config::SessionConfig;
use pointsman_session::context::SessionContext;
use pointsman_session::drive::drive;
use pointsman_session::heartbeat;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::link::{self, Remote};
use crate::wire::Wire;

/// A test that waits for longer hangs. Generous, since it is only reached by a test that fails.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Lets in whoever names a user as the token `user:<name>`, and strangers without a token. Everything else is refused.
#[derive(Debug, Default)]
pub struct AnyUser;

#[async_trait::async_trait]
impl Authenticator for AnyUser {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Arc<Identity>, AuthError> {
        let Some(token) = credentials.token else { return Ok(Arc::new(Identity::anonymous())) };
        let user = token.strip_prefix("user:").ok_or_else(|| AuthError {
            code: CloseCode::Unauthenticated,
            message: "the token is not valid here".into(),
        })?;
        Ok(Arc::new(Identity { user: Some(user.into()), credential: user.into(), ..Identity::default() }))
    }

    fn knows(&self, _: &Identity) -> bool {
        true
    }
}

/// Bounds that no test meets by accident.
#[must_use]
pub fn config() -> SessionConfig {
    SessionConfig {
        handshake_timeout: Duration::from_secs(10),
        heartbeat: Duration::from_secs(25),
        keep: Duration::from_secs(30),
        subscriptions_max: 1000,
        requests_max: 100,
        request_timeout_max: Duration::from_secs(60),
        frame_bytes_max: 64 * 1024,
        payload_bytes_max: 1024 * 1024,
        bad_frames_max: 10,
        close_timeout: Duration::from_secs(10),
        outbox: Limits {
            bytes: 1024 * 1024,
            messages: 10_000,
            slow_consumer: SlowConsumer::DropOldest,
            ring: RingLimits { messages: 1024, bytes: 256 * 1024 },
        },
    }
}

/// A node, for as long as it is held.
#[derive(Debug)]
pub struct Node {
    /// Its router.
    pub router: Arc<Router>,
    /// Its sessions.
    pub sessions: Arc<SessionContext>,
    _wheel: DropGuard,
}

impl Node {
    /// Starts one on this runtime, its wheel turning.
    #[must_use]
    pub fn start(config: SessionConfig) -> Self {
        Self::with(config, RouterConfig::default(), Arc::new(AnyUser), Vec::new())
    }

    /// The same with parts of the test's own.
    #[must_use]
    pub fn with(
        config: SessionConfig,
        router: RouterConfig,
        auth: Arc<dyn Authenticator>,
        policies: Vec<Arc<dyn Policy>>,
    ) -> Self {
        let router = Arc::new(Router::new(router, 0x7e57, policies));
        let port = Arc::<Router>::clone(&router);
        let sessions = Arc::new(SessionContext::new(port, auth, config, "7e57", "pointsman/test"));
        let stop = CancellationToken::new();
        tokio::spawn(heartbeat::beat(Arc::clone(&sessions), stop.clone()));
        Self { router, sessions, _wheel: stop.drop_guard() }
    }

    /// Opens a link to it.
    pub fn dial(&self, wire: &Arc<dyn Wire>) -> (Remote, JoinHandle<CloseReason>) {
        let (link, remote) = link::pair(Arc::clone(wire));
        (remote, tokio::spawn(drive(link, Arc::clone(&self.sessions))))
    }

    /// Waits until nothing is left: no session, no member of the router, no subscription, no link.
    pub async fn until_empty(&self) {
        until("the node is empty", || {
            self.sessions.sessions.is_empty()
                && self.router.sessions() == 0
                && self.router.subscription_count() == 0
                && self.sessions.links() == 0
        })
        .await;
    }
}

/// Waits until `condition` holds, which nobody signals.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    in_time(what, wait).await;
}

/// The result of `work`; fails where it does not come.
pub async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    // Under a stopped clock time passes only while nothing can be done, so that this is the same in both worlds.
    match tokio::time::timeout(DEADLINE * 20, work).await {
        Ok(done) => done,
        Err(_) => panic!("it did not come to this: {what}"),
    }
}
