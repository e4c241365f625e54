//! What can be configured. `config/default.toml` explains every key; a test keeps the two equal.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pointsman_auth::tokens::{StaticToken, StaticTokens};
use pointsman_client_nats::config::NatsConfig;
use pointsman_client_websocket::config::WebSocketConfig;
use pointsman_contract::component::Table;
use pointsman_contract::identity::{Identity, Rules};
use pointsman_outbox::outbox::{Limits, SlowConsumer};
use pointsman_outbox::ring::RingLimits;
use pointsman_protocol::subject::{self, Pattern};
use pointsman_router::router::RouterConfig;
use pointsman_session::config::SessionConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use crate::units::{ByteSize, Span};

pub mod load;
pub mod report;

/// `config/default.toml`, as shipped.
pub const DEFAULT_TOML: &str = include_str!("../config/default.toml");

/// Keys whose change needs a restart.
const RESTART: &[&str] = &[
    "backplane",
    "store",
    "http.listen",
    "http.header_timeout",
    "http.write_timeout",
    "http.header_bytes_max",
    "http.header_fields_max",
    "http.pages",
    "nats",
    "session.heartbeat",
    "router",
    "log",
    "runtime",
];

/// All settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Version of this file's form.
    pub version: u32,
    /// Node to node: a kind, a URL whose scheme is the kind, or a table with `kind`.
    pub backplane: Choice,
    /// Where critical events are kept: `none`.
    pub store: Choice,
    /// The HTTP port.
    pub http: Http,
    /// The HTTP API.
    pub api: Api,
    /// The WebSocket adapter.
    pub websocket: WebSocket,
    /// The NATS adapter.
    pub nats: Nats,
    /// Sessions of every link kind.
    pub session: Session,
    /// What waits for a socket.
    pub outbox: Outbox,
    /// The router.
    pub router: Router,
    /// Who may connect.
    pub auth: Auth,
    /// Going away.
    pub drain: Drain,
    /// Logs.
    pub log: Log,
    /// Threads.
    pub runtime: Runtime,
}

/// A component: its kind, and its keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Choice {
    /// A kind, or a URL whose scheme is the kind.
    Name(String),
    /// A table with `kind` and the kind's own keys.
    Table(BTreeMap<String, serde_json::Value>),
}

impl Choice {
    /// The kind and its keys; a URL stands under `url`.
    #[must_use]
    pub fn resolve(&self) -> (String, Table) {
        match self {
            Self::Name(name) => match name.split_once(':') {
                Some((kind, _)) => (kind.to_owned(), Table::from_iter([("url".to_owned(), name.as_str().into())])),
                None => (name.clone(), Table::new()),
            },
            Self::Table(table) => {
                let mut table: Table = table.clone().into_iter().collect();
                let kind = table.remove("kind").and_then(|kind| kind.as_str().map(str::to_owned));
                (kind.unwrap_or_default(), table)
            }
        }
    }
}

/// A secret: its text, or where to find it. Never shown.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Secret {
    /// The text itself; empty for none.
    Text(String),
    /// In a file, without the line's end.
    File {
        /// Its path.
        file: PathBuf,
    },
    /// In an environment variable.
    Env {
        /// Its name.
        env: String,
    },
}

impl Default for Secret {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) if text.is_empty() => f.write_str("\"\""),
            Self::Text(_) => f.write_str("***"),
            Self::File { file } => write!(f, "file {}", file.display()),
            Self::Env { env } => write!(f, "env {env}"),
        }
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => to.serialize_str(if text.is_empty() { "" } else { "***" }),
            Self::File { file } => BTreeMap::from([("file", file.display().to_string())]).serialize(to),
            Self::Env { env } => BTreeMap::from([("env", env)]).serialize(to),
        }
    }
}

/// A secret is a line; a file much larger is some other file.
const SECRET_BYTES_MAX: u64 = 64 << 10;

fn read_secret(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(file)?.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text)?;
    if read as u64 > SECRET_BYTES_MAX {
        return Err(std::io::Error::other("it has more than 64KiB, which no secret has"));
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

impl Secret {
    /// The secret itself; `None` when there is none.
    ///
    /// # Errors
    /// When the file cannot be read or the variable is not set.
    pub fn resolve(&self) -> Result<Option<String>, String> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::File { file } => read_secret(file)
                .map_err(|error| format!("the secret's file {} cannot be read: {error}", file.display()))?,
            Self::Env { env } => {
                std::env::var(env).map_err(|_| format!("the environment variable {env} is not set"))?
            }
        };
        Ok(Some(text).filter(|text| !text.is_empty()))
    }
}

/// The HTTP port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address and port.
    pub listen: SocketAddr,
    /// For the headers of a request.
    pub header_timeout: Span,
    /// For the body of a request.
    pub body_timeout: Span,
    /// For a client to take what is sent to it.
    pub write_timeout: Span,
    /// Of all headers of a request.
    pub header_bytes_max: ByteSize,
    /// Header fields of a request.
    pub header_fields_max: usize,
    /// Of the body of a request.
    pub body_bytes_max: ByteSize,
    /// Connections at the same time.
    pub connections_max: usize,
    /// Connections of one address (IPv6: of one /64); 0 for no limit.
    pub connections_per_address_max: usize,
    /// Whether `/demo` and `/console` are served.
    pub pages: bool,
}

/// The HTTP API.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Bearer token of the API.
    pub token: Secret,
    /// Whether the API is open to everybody who reaches the port.
    pub anonymous: bool,
}

/// The WebSocket adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WebSocket {
    /// Origins a browser may come from.
    pub allowed_origins: Vec<String>,
    /// Whether a client without an origin may come in.
    pub allow_missing_origin: bool,
    /// Of one frame.
    pub frame_bytes_max: ByteSize,
}

/// The NATS adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Nats {
    /// Address and port; empty for none.
    pub listen: String,
    /// Of one payload, headers included.
    pub payload_bytes_max: ByteSize,
    /// Of the arguments of one operation.
    pub control_line_max: ByteSize,
    /// Connections at the same time.
    pub connections_max: usize,
    /// Bytes that may wait for one client.
    pub pending_bytes_max: ByteSize,
}

/// Sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Session {
    /// From the opening of a link to its connect frame.
    pub handshake_timeout: Span,
    /// How often an idle link is pinged.
    pub heartbeat: Span,
    /// How long a session without a link is kept.
    pub keep: Span,
    /// Subscriptions of one session.
    pub subscriptions_max: u32,
    /// Unanswered requests of one session.
    pub requests_max: u32,
    /// The longest a request may wait.
    pub request_timeout_max: Span,
    /// Unreadable frames before the link is closed.
    pub bad_frames_max: u32,
    /// How long a closing link may take to write what waits.
    pub close_timeout: Span,
}

/// What waits for a socket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Outbox {
    /// Bytes that may wait for one session.
    pub bytes_max: ByteSize,
    /// Messages that may wait for one session.
    pub messages_max: u32,
    /// What happens at either limit.
    pub slow_consumer: SlowConsumerChoice,
    /// Sent but unconfirmed bytes kept for a resend.
    pub resend_bytes_max: ByteSize,
    /// Sent but unconfirmed messages kept for a resend.
    pub resend_messages_max: u32,
}

/// What happens to a session that does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SlowConsumerChoice {
    /// The oldest waiting deliveries go.
    DropOldest,
    /// New deliveries go.
    DropNewest,
    /// The link is closed.
    Disconnect,
}

/// The router.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Router {
    /// Sessions of the node.
    pub sessions_max: usize,
    /// Subscriptions of the node.
    pub subscriptions_max: usize,
    /// Of one payload.
    pub payload_bytes_max: ByteSize,
    /// Matches each worker remembers.
    pub cache_entries: usize,
}

/// Who may connect.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Clients without a token.
    pub anonymous: Anonymous,
    /// Known tokens.
    pub tokens: Vec<Token>,
}

/// Clients without a token.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Anonymous {
    /// Whether they come in.
    pub enabled: bool,
    /// What they may publish.
    pub publish: Permission,
    /// What they may subscribe to.
    pub subscribe: Permission,
}

/// A known token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// A name for operators.
    pub name: String,
    /// The token.
    pub token: Secret,
    /// The user it stands for.
    #[serde(default)]
    pub user: Option<String>,
    /// What it may publish.
    #[serde(default)]
    pub publish: Permission,
    /// What it may subscribe to.
    #[serde(default)]
    pub subscribe: Permission,
}

/// Patterns. Deny wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Permission {
    /// Allowed patterns.
    pub allow: Vec<String>,
    /// Denied patterns.
    pub deny: Vec<String>,
}

impl Default for Permission {
    fn default() -> Self {
        Self { allow: vec![">".into()], deny: Vec::new() }
    }
}

/// Going away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Drain {
    /// How long the node stays after it was told to end.
    pub timeout: Span,
    /// Over how long clients are told to spread their return.
    pub spread: Span,
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `auto`, `human` or `json`.
    pub format: LogFormat,
    /// A level, or directives as in `info,pointsman_session=debug`.
    pub level: String,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// For machines.
    Json,
}

/// Threads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Runtime {
    /// Working threads; 0 for one per processor.
    pub workers: usize,
}

const fn seconds(seconds: u64) -> Span {
    Span(Duration::from_secs(seconds))
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: 1,
            backplane: Choice::Name("redis://127.0.0.1:6379".into()),
            store: Choice::Name("none".into()),
            http: Http::default(),
            api: Api::default(),
            websocket: WebSocket::default(),
            nats: Nats::default(),
            session: Session::default(),
            outbox: Outbox::default(),
            router: Router::default(),
            auth: Auth::default(),
            drain: Drain::default(),
            log: Log::default(),
            runtime: Runtime::default(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7422)),
            header_timeout: seconds(10),
            body_timeout: seconds(10),
            write_timeout: seconds(10),
            header_bytes_max: ByteSize(16 << 10),
            header_fields_max: 64,
            body_bytes_max: ByteSize(1 << 20),
            connections_max: 100_000,
            connections_per_address_max: 0,
            pages: true,
        }
    }
}

impl Default for WebSocket {
    fn default() -> Self {
        Self { allowed_origins: vec!["same".into()], allow_missing_origin: true, frame_bytes_max: ByteSize(64 << 10) }
    }
}

impl Default for Nats {
    fn default() -> Self {
        Self {
            listen: String::new(),
            payload_bytes_max: ByteSize(1 << 20),
            control_line_max: ByteSize(4 << 10),
            connections_max: 65_536,
            pending_bytes_max: ByteSize(64 << 20),
        }
    }
}

impl Default for Session {
    fn default() -> Self {
        Self {
            handshake_timeout: seconds(10),
            heartbeat: seconds(25),
            keep: seconds(30),
            subscriptions_max: 1000,
            requests_max: 100,
            request_timeout_max: seconds(60),
            bad_frames_max: 10,
            close_timeout: seconds(10),
        }
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            bytes_max: ByteSize(1 << 20),
            messages_max: 10_000,
            slow_consumer: SlowConsumerChoice::DropOldest,
            resend_bytes_max: ByteSize(256 << 10),
            resend_messages_max: 1024,
        }
    }
}

impl Default for Router {
    fn default() -> Self {
        let config = RouterConfig::default();
        Self {
            sessions_max: config.sessions_max,
            subscriptions_max: config.subscriptions_max,
            payload_bytes_max: ByteSize(u64::from(config.payload_bytes_max)),
            cache_entries: config.cache_entries,
        }
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self { timeout: seconds(10), spread: seconds(5) }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Auto, level: "info".into() }
    }
}

/// A key and what is wrong with it.
pub type Fault = (String, String);

impl Permission {
    fn rules(&self, key: &str, faults: &mut Vec<Fault>) -> Rules {
        let mut patterns = |list: &[String], name: &str| -> Vec<Pattern> {
            list.iter()
                .filter_map(|text| match Pattern::parse(text) {
                    Ok(pattern) => Some(pattern),
                    Err(error) => {
                        faults.push((format!("{key}.{name}"), format!("`{text}` is not a pattern: {error}")));
                        None
                    }
                })
                .collect()
        };
        let everything = self.allow.len() == 1 && self.allow.first().is_some_and(|allow| allow == ">");
        let allow = patterns(&self.allow, "allow");
        Rules { allow: (!everything).then_some(allow), deny: patterns(&self.deny, "deny") }
    }
}

/// Whether a text is a log level or a list of directives. A lone word that is no level would be taken for the name of a target, and a misspelt level would
/// go unseen.
fn is_level(text: &str) -> bool {
    let known = |part: &str| part.contains('=') || part.trim().parse::<tracing::level_filters::LevelFilter>().is_ok();
    text.split(',').all(known) && tracing_subscriber::EnvFilter::try_new(text).is_ok()
}

impl Settings {
    /// What no single key can say: ranges, and keys that do not go together. Pure.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut check = |ok: bool, key: &str, message: &str| {
            if !ok {
                faults.push((key.to_owned(), message.to_owned()));
            }
        };
        check(self.version == 1, "version", "this server reads version 1 of the file");
        let heartbeat = self.session.heartbeat.0;
        check(
            heartbeat >= Duration::from_secs(2) && heartbeat.subsec_nanos() == 0,
            "session.heartbeat",
            "must be whole seconds, at least 2s",
        );
        for (key, span) in [
            ("http.header_timeout", self.http.header_timeout),
            ("http.body_timeout", self.http.body_timeout),
            ("http.write_timeout", self.http.write_timeout),
            ("session.handshake_timeout", self.session.handshake_timeout),
            ("session.request_timeout_max", self.session.request_timeout_max),
            ("session.close_timeout", self.session.close_timeout),
        ] {
            check(!span.0.is_zero(), key, "must be more than 0s");
        }
        check(self.http.header_bytes_max.0 >= 8 << 10, "http.header_bytes_max", "must be at least 8KiB");
        check(self.http.header_fields_max >= 16, "http.header_fields_max", "must be at least 16");
        check(self.http.connections_max > 0, "http.connections_max", "must be at least 1");
        check(
            (1 << 10..=64 << 20).contains(&self.websocket.frame_bytes_max.0),
            "websocket.frame_bytes_max",
            "must be from 1KiB to 64MiB",
        );
        check((1 << 10..=1 << 30).contains(&self.outbox.bytes_max.0), "outbox.bytes_max", "must be from 1KiB to 1GiB");
        check(self.outbox.messages_max > 0, "outbox.messages_max", "must be at least 1");
        check(self.outbox.resend_bytes_max.0 <= 64 << 20, "outbox.resend_bytes_max", "must be at most 64MiB");
        check(self.session.bad_frames_max > 0, "session.bad_frames_max", "must be at least 1");
        check(self.router.payload_bytes_max.0 <= 64 << 20, "router.payload_bytes_max", "must be at most 64MiB");
        check(
            is_level(&self.log.level),
            "log.level",
            "is neither a level (error, warn, info, debug, trace) nor a list of directives",
        );
        check(
            self.nats.listen.is_empty() || self.nats.listen.parse::<SocketAddr>().is_ok(),
            "nats.listen",
            "is no address and port, as in \"127.0.0.1:4222\"; leave it empty for none",
        );
        check(
            self.nats.payload_bytes_max <= self.router.payload_bytes_max,
            "nats.payload_bytes_max",
            "must be at most `router.payload_bytes_max`",
        );
        check(self.nats.control_line_max.0 >= 256, "nats.control_line_max", "must be at least 256B");
        check(
            self.nats.pending_bytes_max.0 >= self.nats.payload_bytes_max.0 && self.nats.pending_bytes_max.0 <= 1 << 30,
            "nats.pending_bytes_max",
            "must be at least `nats.payload_bytes_max` and at most 1GiB",
        );
        let (store, _) = self.store.resolve();
        check(store == "none", "store", "this build has no event store; available: none");
        for origin in &self.websocket.allowed_origins {
            let exact = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            check(
                origin == "*" || origin == "same" || exact.is_some_and(|host| !host.is_empty() && !host.contains('/')),
                "websocket.allowed_origins",
                &format!(
                    "`{origin}` is not an origin; write scheme, host and port without a path, or \"same\", or \"*\""
                ),
            );
        }
        self.identities(&mut faults);
        faults
    }

    fn identities(&self, faults: &mut Vec<Fault>) -> (Vec<Arc<Identity>>, Option<Arc<Identity>>) {
        let mut known = Vec::new();
        for (at, token) in self.auth.tokens.iter().enumerate() {
            let key = format!("auth.tokens[{at}]");
            if let Some(user) = &token.user
                && let Err(error) = subject::validate_token(user)
            {
                faults.push((format!("{key}.user"), format!("`{user}` cannot stand in a subject: {error}")));
            }
            known.push(Arc::new(Identity {
                user: token.user.as_deref().map(Into::into),
                credential: token.name.as_str().into(),
                publish: token.publish.rules(&format!("{key}.publish"), faults),
                subscribe: token.subscribe.rules(&format!("{key}.subscribe"), faults),
                trusted: false,
            }));
        }
        let open = &self.auth.anonymous;
        let anonymous = Identity {
            publish: open.publish.rules("auth.anonymous.publish", faults),
            subscribe: open.subscribe.rules("auth.anonymous.subscribe", faults),
            ..Identity::anonymous()
        };
        (known, open.enabled.then(|| Arc::new(anonymous)))
    }

    /// Who may connect.
    ///
    /// # Errors
    /// A secret that cannot be read.
    pub fn authenticator(&self) -> Result<StaticTokens, Fault> {
        let (identities, anonymous) = self.identities(&mut Vec::new());
        let mut tokens = Vec::new();
        for (at, (token, identity)) in self.auth.tokens.iter().zip(identities).enumerate() {
            let key = format!("auth.tokens[{at}].token");
            let secret = token.token.resolve().map_err(|message| (key.clone(), message))?;
            let secret = secret.ok_or((key, "an empty token would let everybody in; give it a secret".to_owned()))?;
            tokens.push(StaticToken { token: secret, identity });
        }
        Ok(StaticTokens::new(tokens, anonymous))
    }

    /// For the sessions.
    #[must_use]
    pub fn session_config(&self) -> SessionConfig {
        let session = &self.session;
        SessionConfig {
            handshake_timeout: session.handshake_timeout.0,
            heartbeat: session.heartbeat.0,
            keep: session.keep.0,
            subscriptions_max: session.subscriptions_max,
            requests_max: session.requests_max,
            request_timeout_max: session.request_timeout_max.0,
            frame_bytes_max: self.websocket.frame_bytes_max.as_u32(),
            payload_bytes_max: self.router.payload_bytes_max.as_u32(),
            bad_frames_max: session.bad_frames_max,
            close_timeout: session.close_timeout.0,
            outbox: Limits {
                bytes: self.outbox.bytes_max.as_u32(),
                messages: self.outbox.messages_max,
                slow_consumer: match self.outbox.slow_consumer {
                    SlowConsumerChoice::DropOldest => SlowConsumer::DropOldest,
                    SlowConsumerChoice::DropNewest => SlowConsumer::DropNewest,
                    SlowConsumerChoice::Disconnect => SlowConsumer::Disconnect,
                },
                ring: RingLimits {
                    bytes: self.outbox.resend_bytes_max.as_u32(),
                    messages: self.outbox.resend_messages_max,
                },
            },
        }
    }

    /// For the WebSocket adapter.
    #[must_use]
    pub fn websocket_config(&self) -> WebSocketConfig {
        WebSocketConfig {
            allowed_origins: self.websocket.allowed_origins.clone(),
            allow_missing_origin: self.websocket.allow_missing_origin,
            frame_bytes_max: self.websocket.frame_bytes_max.len(),
            message_bytes_max: self.websocket.frame_bytes_max.len(),
        }
    }

    /// For the NATS adapter: where it listens, and how; `None` where it does not.
    #[must_use]
    pub fn nats_config(&self) -> Option<(SocketAddr, NatsConfig)> {
        let address = self.nats.listen.parse().ok()?;
        let config = NatsConfig {
            control_line_max: self.nats.control_line_max.len(),
            payload_bytes_max: self.nats.payload_bytes_max.len(),
            connections_max: self.nats.connections_max,
            pending_bytes_max: self.nats.pending_bytes_max.as_u32(),
            auth_required: !self.auth.anonymous.enabled,
        };
        Some((address, config))
    }

    /// For the router.
    #[must_use]
    pub fn router_config(&self) -> RouterConfig {
        RouterConfig {
            sessions_max: self.router.sessions_max,
            subscriptions_max: self.router.subscriptions_max,
            payload_bytes_max: self.router.payload_bytes_max.as_u32(),
            cache_entries: self.router.cache_entries,
        }
    }

    /// Whether a change of `key` needs a restart; the keys that `config/default.toml` marks so.
    #[must_use]
    pub fn needs_restart(key: &str) -> bool {
        RESTART.iter().any(|known| key == *known || key.strip_prefix(known).is_some_and(|rest| rest.starts_with('.')))
    }

    /// Keys in which `self` and `other` differ.
    #[must_use]
    pub fn changes(&self, other: &Self) -> Vec<String> {
        load::changes(self, other)
    }

    /// What `pointsman dev` starts from: loopback, memory, everybody is let in.
    #[must_use]
    pub fn dev() -> Table {
        let value = serde_json::json!({
            "backplane": "memory",
            "api": { "anonymous": true },
            "auth": { "anonymous": { "enabled": true } },
            "nats": { "listen": "127.0.0.1:4222" },
            "websocket": { "allowed_origins": ["same", "http://localhost:3000", "http://127.0.0.1:3000", "http://localhost:5173"] },
        });
        value.as_object().cloned().unwrap_or_default()
    }
}
