//! How a client is set up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::address::Address;
use crate::backoff::ReconnectPolicy;
use crate::client::Client;
use crate::driver::Driver;
use crate::encoding::Encoding;
use crate::error::ConnectError;
use crate::link::Dial;
use crate::link::websocket::WebSocketDial;
use crate::outgoing::{Outgoing, OutgoingLimits};
use crate::owner::Owner;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::state::{ConnectionState, Refusals};

/// Sets up a client; made by [`Client::builder`].
#[derive(Debug, Clone)]
#[must_use = "nothing happens before `connect`"]
pub struct ClientBuilder {
    url: String,
    settings: Settings,
}

impl Client {
    /// Connects with the defaults of [`ClientBuilder`].
    ///
    /// # Errors
    /// The address is not valid, nobody answers there, or the server refuses.
    ///
    /// # Cancel safety
    /// Nothing is left behind when the future is dropped.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::builder(url).connect().await
    }

    /// Begins to set up a client for `ws://host:port[/path]`, `http://…` or `host:port`.
    pub fn builder(url: &str) -> ClientBuilder {
        ClientBuilder { url: url.to_owned(), settings: Settings::default() }
    }
}

impl ClientBuilder {
    /// Who this is.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        let token = token.into();
        self.settings.token = Arc::new(move || Some(token.clone()));
        self
    }

    /// Where to get a token before each connect, for tokens that expire. Called on the client's task: it must not block.
    pub fn token_source(mut self, source: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        self.settings.token = Arc::new(source);
        self
    }

    /// What operators see of this client, at most 128 bytes.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = Some(name.into());
        self
    }

    /// Whether the client's own publications are delivered to its own subscriptions; default true.
    pub fn echo(mut self, echo: bool) -> Self {
        self.settings.echo = echo;
        self
    }

    /// The form of frames on the wire; default postcard.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.settings.encoding = encoding;
        self
    }

    /// How to connect again after a lost link.
    pub fn reconnect(mut self, policy: ReconnectPolicy) -> Self {
        self.settings.reconnect = policy;
        self
    }

    /// How long opening a link may take, up to the server's `ready`; default 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long requests and acknowledged publishes wait for their answer; default 5 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.request_timeout = timeout;
        self
    }

    /// How many messages, and bytes of them on the wire, wait for the server; default 65,536 and 16 MiB. The last one may be larger than
    /// what is left of the bytes. At the limit, `publish` gives the message back and the other calls wait.
    pub fn outgoing_max(mut self, messages: usize, bytes: usize) -> Self {
        self.settings.outgoing = OutgoingLimits { messages: messages.max(1), bytes: bytes.max(1) };
        self
    }

    /// Connects: one attempt. Afterwards the client connects again by itself.
    ///
    /// # Errors
    /// The address is not valid, nobody answers there, or the server refuses.
    ///
    /// # Cancel safety
    /// Nothing is left behind when the future is dropped.
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let address = Address::parse(&self.url)?;
        let dial = WebSocketDial { address, encoding: self.settings.encoding };
        connect_by(Arc::new(dial), self.settings).await
    }
}

/// Connects over any kind of link.
pub(crate) async fn connect_by(dial: Arc<dyn Dial>, settings: Settings) -> Result<Client, ConnectError> {
    let shared = Arc::new(Shared {
        outgoing: Outgoing::new(settings.encoding, settings.outgoing),
        state: watch::Sender::new(ConnectionState::Connecting),
        refusals: watch::Sender::new(Refusals::default()),
        closing: CancellationToken::new(),
        request_timeout: settings.request_timeout,
    });
    let mut driver = Driver::new(Arc::clone(&shared), dial, settings);
    let link = driver.open().await?;
    let task = tokio::spawn(driver.run(link));
    Ok(Client { owner: Arc::new(Owner::new(shared, task)) })
}
