//! The event store.

use std::fmt;
use std::time::{Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use pointsman_protocol::subject::{Pattern, Subject};

/// Number of an event in its stream, from 1, without a hole within an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

/// An incarnation of a stream: random, minted anew when history was lost or rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub u128);

/// A place in a stream. The tag is random per append batch, so that a rewritten history is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The incarnation.
    pub epoch: Epoch,
    /// The number.
    pub offset: Offset,
    /// The tag of the batch that wrote it.
    pub tag: u64,
}

/// How far a store's numbering reaches, and what its acknowledgement means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreCapabilities {
    /// One numbering for all nodes, or for this one only.
    pub scope: StoreScope,
    /// Whether an acknowledged event survives the loss of the process and of power.
    pub durable: bool,
}

/// Whose numbering it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreScope {
    /// This node's.
    Node,
    /// The whole cluster's.
    Cluster,
}

/// An event to be appended.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The stream.
    pub stream: Box<str>,
    /// The subject.
    pub subject: Subject,
    /// The header block.
    pub headers: Bytes,
    /// The payload.
    pub payload: Bytes,
    /// The idempotency key.
    pub message_id: Box<str>,
}

/// An event as stored.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Where it stands.
    pub position: Position,
    /// When the store took it; the only time axis.
    pub stored_at: SystemTime,
    /// The subject.
    pub subject: Subject,
    /// The header block.
    pub headers: Bytes,
    /// The payload.
    pub payload: Bytes,
}

/// Where to read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadFrom {
    /// After a known position.
    After(Position),
    /// From the first event held.
    Start,
    /// From the first event stored at or after a time.
    Time(SystemTime),
}

/// A bounded read.
#[derive(Debug, Clone)]
pub struct ReadQuery {
    /// The stream.
    pub stream: Box<str>,
    /// Where to begin.
    pub from: ReadFrom,
    /// Only events under this pattern; the position advances over the others.
    pub pattern: Option<Pattern>,
    /// At most so many events …
    pub events_max: u32,
    /// … and bytes.
    pub bytes_max: u32,
}

/// Whether a page is all there was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Nothing is missing.
    Complete,
    /// Events before `first` are not held any more.
    Gap {
        /// The first one held.
        first: Offset,
    },
    /// The stream was made anew.
    NewEpoch {
        /// Its epoch now.
        epoch: Epoch,
    },
}

/// A page of events.
#[derive(Debug, Clone)]
pub struct ReadPage {
    /// In stream order.
    pub events: Vec<StoredEvent>,
    /// Where to go on.
    pub next: Position,
    /// Whether something is missing before the first event.
    pub coverage: Coverage,
}

/// Why a store did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be reached or written; nothing was stored, try again.
    #[error("the store is unavailable: {cause}")]
    Unavailable {
        /// What it met.
        cause: String,
    },
    /// Whether it was stored is not known; try again with the same message ids only.
    #[error("the outcome of the append is unknown: {cause}")]
    Unknown {
        /// What it met.
        cause: String,
    },
    /// An event is at fault.
    #[error("event {index} of the batch cannot be stored: {cause}")]
    Event {
        /// Which.
        index: usize,
        /// Why.
        cause: String,
    },
}

/// Keeps events in streams.
///
/// Implementers must acknowledge only after the commit, assign offsets in commit order, and answer a read with its [`Coverage`]: never a partial
/// page that looks whole.
#[async_trait]
pub trait EventStore: fmt::Debug + Send + Sync + 'static {
    /// What it promises; constant.
    fn capabilities(&self) -> StoreCapabilities;
    /// Appends all or nothing; positions in the order of the batch.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] when the commit may or may not have happened.
    async fn append(&self, batch: Vec<NewEvent>) -> Result<Vec<Position>, StoreError>;
    /// Reads one page, in one snapshot.
    ///
    /// # Errors
    /// When the store cannot be read. A gap is an answer, not an error.
    async fn read(&self, query: ReadQuery) -> Result<ReadPage, StoreError>;
    /// The last position of each stream; `None` for an empty one.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn heads(&self, streams: &[Box<str>]) -> Result<Vec<Option<Position>>, StoreError>;
    /// Forgets everything before `before`.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn trim(&self, stream: &str, before: Offset) -> Result<(), StoreError>;
    /// Writes out what waits and ends. Idempotent.
    ///
    /// # Errors
    /// When the deadline passed first.
    async fn close(&self, deadline: Instant) -> Result<(), StoreError>;
}
