//! What the client's task and its handles have in common.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::outgoing::Outgoing;
use crate::state::{ConnectionState, Refusals};

/// What the client's task and its handles have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) outgoing: Outgoing,
    pub(crate) state: watch::Sender<ConnectionState>,
    pub(crate) refusals: watch::Sender<Refusals>,
    /// Tells the task to end.
    pub(crate) closing: CancellationToken,
    pub(crate) request_timeout: Duration,
}
