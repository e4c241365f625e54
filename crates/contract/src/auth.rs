//! Finding out who connects.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use pointsman_protocol::codes::CloseCode;

use crate::identity::Identity;

/// What a peer shows.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    /// The name it gives itself, where the link's protocol has one beside the secret.
    pub user: Option<&'a str>,
    /// The token of the connect frame or of the HTTP request, or a password.
    pub token: Option<&'a str>,
    /// Where it comes from.
    pub address: Option<SocketAddr>,
}

/// Why nobody was let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AuthError {
    /// With what the link is closed.
    pub code: CloseCode,
    /// What to do; never says which part of a credential was wrong.
    pub message: String,
}

/// Turns credentials into an identity.
///
/// Implementers must compare secrets in constant time and must not log them.
#[async_trait]
pub trait Authenticator: fmt::Debug + Send + Sync + 'static {
    /// Who it is.
    ///
    /// # Errors
    /// When nobody is to be let in.
    /// # Cancel safety
    /// Dropping the future has no effect.
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Arc<Identity>, AuthError>;

    /// Whether it would still give out `identity` as it is. Asked when it takes the place of another: sessions whose identity it does not know are
    /// closed, so that a permission that was taken away ends at once.
    fn knows(&self, identity: &Identity) -> bool;
}
