//! What the scenarios have in common that use the Rust client.

use std::future::Future;
use std::time::Duration;

use pointsman_client::{Client, ClientBuilder, ConnectionState, ReconnectPolicy};

use crate::node::DEADLINE;

/// Comes back at once.
pub(crate) const AT_ONCE: ReconnectPolicy =
    ReconnectPolicy { min_delay: Duration::from_millis(1), max_delay: Duration::from_millis(5), attempts: None };

/// A client that comes back at once and waits as long as everything here does.
pub(crate) fn builder(url: &str) -> ClientBuilder {
    Client::builder(url).reconnect(AT_ONCE).request_timeout(DEADLINE)
}

/// The id of the session of a client, once it is connected, and whether its link took it up.
pub(crate) async fn session(client: &Client) -> (String, bool) {
    let mut state = client.state();
    let connected = state.wait_for(ConnectionState::is_connected).await.unwrap();
    match &*connected {
        ConnectionState::Connected { session, resumed, .. } => (session.clone(), *resumed),
        other => panic!("{other:?}"),
    }
}

/// Waits for something that comes long before the deadline.
pub(crate) async fn within<T>(what: &str, waiting: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, waiting).await {
        Ok(value) => value,
        Err(_) => panic!("in vain: {what}"),
    }
}

/// A runtime for the clients of a scenario.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}
