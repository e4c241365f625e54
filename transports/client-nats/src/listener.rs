//! Accepts clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pointsman_contract::client::{Endpoint, ListenError, Listener, Shutdown};
use pointsman_session::context::SessionContext;
use pointsman_session::drive::drive;
use pointsman_session::tcp::prepare;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use crate::codec::NatsCodec;
use crate::config::NatsConfig;
use crate::info::Node;
use crate::link::{NatsLink, Shared};
use crate::sids::Sids;

/// After an accept that failed (no file handles left, most often) nothing is tried for so long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The NATS port.
#[derive(Debug)]
pub struct NatsListener {
    socket: TcpListener,
    shared: Arc<Shared>,
    sessions: Arc<SessionContext>,
    open: Arc<AtomicUsize>,
    next_client: AtomicU64,
    tasks: TaskTracker,
}

/// Counts a connection while it lives.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl NatsListener {
    /// A listener on a bound socket, for the node `id` of the server `server` (name and version).
    ///
    /// # Errors
    /// When the socket does not say where it is bound.
    pub fn new(
        socket: TcpListener,
        config: NatsConfig,
        id: &str,
        server: &str,
        sessions: Arc<SessionContext>,
    ) -> std::io::Result<Self> {
        let address = socket.local_addr()?;
        let sids = Arc::new(Sids::default());
        let shared = Arc::new(Shared {
            config,
            node: Node { id: id.to_owned(), server: server.to_owned(), address },
            with_headers: Arc::new(NatsCodec::new(true, Arc::clone(&sids))),
            without_headers: Arc::new(NatsCodec::new(false, Arc::clone(&sids))),
            sids,
        });
        Ok(Self {
            socket,
            shared,
            sessions,
            open: Arc::default(),
            next_client: AtomicU64::new(1),
            tasks: TaskTracker::new(),
        })
    }

    fn accepted(&self, socket: TcpStream, peer: SocketAddr) {
        let open = Open(Arc::clone(&self.open));
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.shared.config.connections_max {
            // The place is given back with `open`.
            refuse(&socket);
            return;
        }
        prepare(&socket);
        let client_id = self.next_client.fetch_add(1, Ordering::Relaxed);
        let link = NatsLink::new(socket, peer, client_id, Arc::clone(&self.shared));
        let sessions = Arc::clone(&self.sessions);
        self.tasks.spawn(async move {
            let reason = drive(link, sessions).await;
            tracing::debug!(reason = reason.name(), client_id, "a link ended");
            drop(open);
        });
    }
}

/// Says why and closes.
fn refuse(socket: &TcpStream) {
    // A socket that takes nothing hears nothing.
    let _unsent = socket.try_write(b"-ERR 'maximum connections exceeded'\r\n");
}

#[async_trait]
impl Listener for NatsListener {
    fn endpoint(&self) -> Endpoint {
        Endpoint { name: "nats", address: self.shared.node.address }
    }

    async fn run(&self, shutdown: Shutdown) -> Result<(), ListenError> {
        loop {
            let accepted = tokio::select! {
                () = shutdown.drain.cancelled() => break,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((socket, peer)) => self.accepted(socket, peer),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted; raise the limit of open files if that is what is missing");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        self.tasks.close();
        self.tasks.wait().await;
        Ok(())
    }
}
