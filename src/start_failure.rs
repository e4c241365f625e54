//! Why a server did not start.

use std::net::SocketAddr;

use pointsman_contract::component::StartError;
use pointsman_contract::refusal::Refusal;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartFailure {
    /// The port cannot be had.
    #[error("{address} cannot be listened on: {source}. Choose another with `--listen`, or end what uses it")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// An endpoint besides the HTTP port cannot be had.
    #[error(
        "{address} cannot be listened on ({setting}): {source}. Choose another with `--set {setting}='host:port'`, none with `--set {setting}=''`, or end what uses it"
    )]
    Endpoint {
        /// The setting that names it.
        setting: &'static str,
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The backplane did not start.
    #[error("the backplane did not start: {0}")]
    Backplane(#[from] StartError),
    /// The router takes no session, its own publisher included.
    #[error("the router takes no session: {0}; raise `router.sessions_max`")]
    Router(Refusal),
}
