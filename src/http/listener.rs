//! Accepts connections and serves them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use pointsman_contract::client::{ConnectionPermit, Endpoint, ListenError, Listener, PeerAddress, Shutdown};
use pointsman_session::tcp::prepare;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::places::Places;
use super::stream::{HttpStream, TwoLengths};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 4096;
/// After an accept that failed (no file handles left, most often) nothing is tried for so long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Limits of one connection before it is a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HttpLimits {
    pub(crate) header_timeout: Duration,
    pub(crate) header_bytes_max: usize,
    pub(crate) header_fields_max: usize,
    pub(crate) write_timeout: Duration,
}

/// The HTTP port.
#[derive(Debug)]
pub(crate) struct HttpListener {
    socket: TcpListener,
    address: SocketAddr,
    routes: Router,
    limits: HttpLimits,
    places: Arc<Places>,
    tasks: TaskTracker,
}

/// Binds the port.
///
/// # Errors
/// When the address cannot be had.
pub(crate) fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A node that was killed must be able to come back at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl HttpListener {
    /// A listener on a bound socket; its connections run as tasks of `tasks`, as the links of the adapters in `routes` do.
    ///
    /// # Errors
    /// When the socket does not say where it is bound.
    pub(crate) fn new(
        socket: TcpListener,
        routes: Router,
        limits: HttpLimits,
        places: Arc<Places>,
        tasks: TaskTracker,
    ) -> std::io::Result<Self> {
        let address = socket.local_addr()?;
        Ok(Self { socket, address, routes, limits, places, tasks })
    }

    fn accepted(&self, socket: TcpStream, peer: SocketAddr, shutdown: &Shutdown) {
        let Some(place) = self.places.take(peer) else {
            tracing::debug!(%peer, "a connection was closed at once: all places are taken");
            return;
        };
        prepare(&socket);
        let shutdown = shutdown.clone();
        let serving =
            serve(socket, peer, ConnectionPermit(Arc::new(place)), self.routes.clone(), self.limits, shutdown);
        self.tasks.spawn(serving);
    }
}

async fn serve(
    socket: TcpStream,
    peer: SocketAddr,
    permit: ConnectionPermit,
    routes: Router,
    limits: HttpLimits,
    shutdown: Shutdown,
) {
    let two_lengths = TwoLengths::default();
    let stream = HttpStream::new(socket, two_lengths.clone(), limits.write_timeout);
    let service = service_fn(move |request: Request<Incoming>| {
        let routes = routes.clone();
        let mut request = request.map(Body::new);
        let extensions = request.extensions_mut();
        extensions.insert(PeerAddress(peer));
        extensions.insert(permit.clone());
        extensions.insert(two_lengths.clone());
        async move { Ok::<_, Infallible>(routes.oneshot(request).await.unwrap_or_else(|never| match never {})) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.header_bytes_max)
        .max_headers(limits.header_fields_max)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.abort.cancelled() => return,
        () = shutdown.drain.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = shutdown.abort.cancelled() => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended");
    }
}

#[async_trait]
impl Listener for HttpListener {
    fn endpoint(&self) -> Endpoint {
        Endpoint { name: "http", address: self.address }
    }

    async fn run(&self, shutdown: Shutdown) -> Result<(), ListenError> {
        loop {
            let accepted = tokio::select! {
                () = shutdown.drain.cancelled() => break,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((socket, peer)) => self.accepted(socket, peer, &shutdown),
                // The peer went away while it waited; nothing is wrong here.
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted; raise the limit of open files if that is what is missing");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => {}
            () = shutdown.abort.cancelled() => self.tasks.wait().await,
        }
        Ok(())
    }
}

fn is_of_the_peer(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
