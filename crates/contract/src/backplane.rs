//! Node to node.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use pointsman_protocol::frame::DeliveryView;
use pointsman_protocol::subject::Pattern;
use tokio::sync::watch;

use crate::component::Role;
use crate::health::Health;

/// What a backplane can do. Declared here, proved by the conformance suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackplaneCapabilities {
    /// Whether it needs [`Backplane::update_interest`]; without, every node gets everything.
    pub needs_interest: bool,
    /// Whether a publisher's own publications come back to it (they are dropped by origin).
    pub echoes_own: bool,
    /// Whether publications of one origin on one subject arrive in order.
    pub ordered: bool,
    /// Whether a loss between two nodes is noticed and told as a gap.
    pub tells_gaps: bool,
    /// Largest payload, in bytes.
    pub payload_bytes_max: u32,
}

impl BackplaneCapabilities {
    /// Capabilities of the memory kind, to start from.
    #[must_use]
    pub const fn new(payload_bytes_max: u32) -> Self {
        Self { needs_interest: false, echoes_own: false, ordered: true, tells_gaps: true, payload_bytes_max }
    }
}

/// A batch that did not fit whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the backplane's outbox is full; {accepted} publications of the run were taken")]
pub struct Full {
    /// How many were taken, from the front.
    pub accepted: usize,
}

/// A run on its way to other nodes: consecutive publications, borrowed.
pub type RunIter<'r, 'a> = &'r mut dyn ExactSizeIterator<Item = DeliveryView<'a>>;

/// A change of what this node wants to hear.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterestChange {
    /// Ascends; a change with a version not above the last one is ignored.
    pub version: u64,
    /// Patterns wanted from now on.
    pub add: Vec<Pattern>,
    /// Patterns no more wanted.
    pub remove: Vec<Pattern>,
}

/// Why the control plane of a backplane failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackplaneError {
    /// It cannot be reached; it goes on trying.
    #[error("the backplane is down: {cause}")]
    Unavailable {
        /// What the last attempt met.
        cause: String,
    },
    /// The deadline passed first.
    #[error("the deadline passed before the backplane had finished; what was unsent is counted as lost")]
    Deadline,
    /// It has been closed.
    #[error("the backplane is closed")]
    Closed,
}

/// Carries publications between nodes. At most once, unless [`capabilities`](Self::capabilities) says more.
///
/// Implementers must:
/// - number what they take before anything can drop it, so that a loss is known to the receiver (clause `gap_is_told`);
/// - keep the order of one origin and subject (clause `fifo_per_subject`);
/// - never deliver a publication to the node it came from (clause `own_echo_is_dropped`), nor twice (clause `delivered_once`);
/// - bound what waits, and give back what does not fit (clause `full_gives_back`).
#[async_trait]
pub trait Backplane: fmt::Debug + Send + Sync + 'static {
    /// What it can do; constant.
    fn capabilities(&self) -> BackplaneCapabilities;

    /// Whether anybody else may be listening. `false` lets the router skip [`publish`](Self::publish).
    fn has_peers(&self) -> bool;

    /// Copies a run into its pipeline, never waits.
    ///
    /// # Errors
    /// [`Full`] when the pipeline holds as much as it may.
    fn publish(&self, run: RunIter<'_, '_>) -> Result<(), Full>;

    /// Makes the node's interest equal to what the changes add up to. Idempotent, re-applied after a reconnect. `Ok` means confirmed: what is published
    /// anywhere from now on arrives.
    ///
    /// # Errors
    /// When it cannot be confirmed now; the change is kept and applied later.
    /// # Cancel safety
    /// The change is applied whether or not the future is polled to its end.
    async fn update_interest(&self, change: InterestChange) -> Result<(), BackplaneError>;

    /// Its health, now and on change.
    fn health(&self) -> watch::Receiver<Health>;

    /// Sends what waits, then ends. Idempotent.
    ///
    /// # Errors
    /// [`BackplaneError::Deadline`] when not everything was sent.
    async fn close(&self, deadline: Instant) -> Result<(), BackplaneError>;
}

/// What arrives from other nodes.
pub trait Inbound: fmt::Debug + Send + Sync + 'static {
    /// Delivers a run of one origin, in order, borrowed from the reader's buffer. Returns without waiting.
    fn deliver(&self, run: RunIter<'_, '_>);
    /// Publications of another node on `subjects` (a pattern) were lost, `lost` of them where that is known.
    fn gap(&self, subjects: &str, lost: Option<u64>);
}

/// The role of backplanes in the registry.
#[derive(Debug)]
pub struct BackplaneRole;

/// What a backplane gets at its start.
#[derive(Debug)]
pub struct BackplaneContext {
    /// Where what arrives goes.
    pub inbound: Arc<dyn Inbound>,
    /// This boot of this node, random.
    pub node: u64,
    /// Cancelled at shutdown.
    pub shutdown: tokio_util::sync::CancellationToken,
}

impl Role for BackplaneRole {
    const SECTION: &'static str = "backplane";
    type Object = dyn Backplane;
    type Context = BackplaneContext;
}
