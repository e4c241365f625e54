//! What the client's task needs to know.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::backoff::ReconnectPolicy;
use crate::encoding::Encoding;
use crate::outgoing::OutgoingLimits;

/// Gives a token for each connect.
type TokenSource = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// What the client's task needs to know.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) token: TokenSource,
    pub(crate) name: Option<String>,
    pub(crate) echo: bool,
    pub(crate) encoding: Encoding,
    pub(crate) reconnect: ReconnectPolicy,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) outgoing: OutgoingLimits,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token is a secret.
        f.debug_struct("Settings")
            .field("name", &self.name)
            .field("echo", &self.echo)
            .field("encoding", &self.encoding)
            .field("reconnect", &self.reconnect)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("outgoing", &self.outgoing)
            .finish_non_exhaustive()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            token: Arc::new(|| None),
            name: None,
            echo: true,
            encoding: Encoding::default(),
            reconnect: ReconnectPolicy::default(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(5),
            outgoing: OutgoingLimits { messages: 65_536, bytes: 16 * 1024 * 1024 },
        }
    }
}
