//! Kinds that configuration can choose, and the registry that knows them.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Keys and values of one component's section, whatever format they came from.
pub type Table = Map<String, Value>;

/// A trait that components can fill.
pub trait Role: 'static {
    /// Its section of the configuration.
    const SECTION: &'static str;
    /// The trait object.
    type Object: ?Sized + Send + Sync;
    /// What a component gets at its start.
    type Context: Send;
}

/// A configuration that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}")]
pub struct ConfigError {
    /// The key at fault, below the component's section.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl ConfigError {
    /// An error at `key`.
    #[must_use]
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }
}

/// A component that did not start.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StartError {
    /// What happened and what to change.
    pub message: String,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Something that only one component may have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Claim {
    /// A TCP or UDP port.
    Port(std::net::SocketAddr),
    /// A file.
    File(std::path::PathBuf),
    /// A subject root.
    Subjects(String),
}

/// A validated configuration of one kind, ready to start.
pub trait Component: Sized + fmt::Debug + Send + 'static {
    /// Its name in the configuration.
    const KIND: &'static str;
    /// What it fills.
    type Role: Role;
    /// Its keys. Should deny unknown fields.
    type Config: DeserializeOwned;
    /// Checks the configuration; pure, no I/O.
    ///
    /// # Errors
    /// The first key at fault.
    fn validate(config: Self::Config) -> Result<Self, ConfigError>;
    /// What it takes for itself; no two components may claim the same.
    fn claims(&self) -> Vec<Claim> {
        Vec::new()
    }
    /// Starts it.
    fn start(
        self,
        cx: <Self::Role as Role>::Context,
    ) -> impl Future<Output = Result<Arc<<Self::Role as Role>::Object>, StartError>> + Send;
}

type Started<R> = Pin<Box<dyn Future<Output = Result<Arc<<R as Role>::Object>, StartError>> + Send>>;
type StartFn<R> = Box<dyn FnOnce(<R as Role>::Context) -> Started<R> + Send>;
type Factory<R> = fn(Table) -> Result<Ready<R>, ConfigError>;

/// A component with its kind erased.
pub struct Ready<R: Role> {
    /// Its kind.
    pub kind: &'static str,
    /// Its claims.
    pub claims: Vec<Claim>,
    start: StartFn<R>,
}

impl<R: Role> fmt::Debug for Ready<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("kind", &self.kind).field("claims", &self.claims).finish_non_exhaustive()
    }
}

impl<R: Role> Ready<R> {
    /// Starts it.
    ///
    /// # Errors
    /// What the component says.
    pub async fn start(self, cx: R::Context) -> Result<Arc<R::Object>, StartError> {
        (self.start)(cx).await
    }
}

/// The kinds of one role: an explicit value, built in one place, open to whoever embeds the server.
pub struct Registry<R: Role> {
    kinds: BTreeMap<&'static str, Factory<R>>,
}

impl<R: Role> fmt::Debug for Registry<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("section", &R::SECTION)
            .field("kinds", &self.kinds().collect::<Vec<_>>())
            .finish()
    }
}

impl<R: Role> Default for Registry<R> {
    fn default() -> Self {
        Self { kinds: BTreeMap::new() }
    }
}

impl<R: Role> Registry<R> {
    /// A registry without kinds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a kind; one of the same name takes the place of the earlier.
    #[must_use]
    pub fn with<C: Component<Role = R>>(mut self) -> Self {
        self.kinds.insert(C::KIND, |table| {
            let config = C::Config::deserialize(Value::Object(table))
                .map_err(|error| ConfigError::new(R::SECTION, error.to_string()))?;
            let component = C::validate(config)?;
            Ok(Ready {
                kind: C::KIND,
                claims: component.claims(),
                start: Box::new(move |cx| Box::pin(component.start(cx))),
            })
        });
        self
    }

    /// The kinds, in the order of their names.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.kinds.keys().copied()
    }

    /// Validates the configuration of a kind.
    ///
    /// # Errors
    /// An unknown kind, or what the kind says.
    pub fn resolve(&self, kind: &str, table: Table) -> Result<Ready<R>, ConfigError> {
        let Some(factory) = self.kinds.get(kind) else {
            let known: Vec<_> = self.kinds().collect();
            return Err(ConfigError::new(
                R::SECTION,
                format!("this build has no {} `{kind}`; available: {}", R::SECTION, known.join(", ")),
            ));
        };
        factory(table)
    }
}
