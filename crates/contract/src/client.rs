//! Client to node: endpoints that accept links.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

/// What kind of link a peer is connected by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkKind {
    /// WebSocket.
    WebSocket,
    /// Server-sent events with a companion POST.
    Sse,
    /// Long-poll.
    LongPoll,
    /// QUIC.
    Quic,
    /// The NATS protocol over TCP.
    Nats,
    /// Inside the process: the HTTP API, tests.
    Local,
}

impl LinkKind {
    /// Its name in metrics, logs and the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
            Self::LongPoll => "long-poll",
            Self::Quic => "quic",
            Self::Nats => "nats",
            Self::Local => "local",
        }
    }
}

/// An address as bound: port 0 is already resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What it speaks: `http`, `quic`, `nats`.
    pub name: &'static str,
    /// Where.
    pub address: SocketAddr,
}

/// An endpoint is lost.
#[derive(Debug, thiserror::Error)]
#[error("the endpoint {name} at {address} is lost: {source}")]
pub struct ListenError {
    /// Which.
    pub name: &'static str,
    /// Where.
    pub address: SocketAddr,
    /// Why.
    pub source: std::io::Error,
}

/// The two steps of going away.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Stop accepting; existing links are told to go elsewhere.
    pub drain: CancellationToken,
    /// The deadline has passed: end now.
    pub abort: CancellationToken,
}

/// One configured endpoint.
///
/// Implementers must log and retry a failed accept themselves (with a pause, so that a full file table does not spin); `Err` means that the endpoint is lost.
#[async_trait]
pub trait Listener: fmt::Debug + Send + Sync + 'static {
    /// Where it listens.
    fn endpoint(&self) -> Endpoint;
    /// Accepts until [`Shutdown::drain`]; returns when its links have ended or [`Shutdown::abort`] came.
    ///
    /// # Errors
    /// When the endpoint is lost.
    async fn run(&self, shutdown: Shutdown) -> Result<(), ListenError>;
}

/// The address an HTTP request comes from, as an extension of the request: the connection's, or that of the client a trusted proxy named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// A connection's place among those the HTTP port may hold, as an extension of the request. Whoever takes the connection over keeps it until the link has
/// ended, so that links count as connections.
#[derive(Clone)]
pub struct ConnectionPermit(pub Arc<dyn Any + Send + Sync>);

impl fmt::Debug for ConnectionPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionPermit")
    }
}
