//! One subscription of the client's task.

use std::sync::Arc;

use pointsman_protocol::frame::Subscription;

use crate::inbox::Inbox;

/// What a subscription takes of a connect frame besides its strings, at most (JSON).
const OVERHEAD: usize = 128;

/// A subscription as the client's task knows it.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) sid: u64,
    pub(crate) pattern: String,
    pub(crate) queue: Option<String>,
    pub(crate) max: Option<u64>,
    pub(crate) delivered: u64,
    /// The server has been asked to end it.
    pub(crate) ending: bool,
    pub(crate) inbox: Arc<Inbox>,
}

impl Registered {
    /// As it has to be made on a new session.
    pub(crate) fn remaining(&self) -> Subscription<'_> {
        Subscription {
            sid: self.sid,
            pattern: self.pattern.as_str().into(),
            queue: self.queue.as_deref().map(Into::into),
            max: self.max.map(|max| max.saturating_sub(self.delivered)),
        }
    }

    /// What it takes of a connect frame, at most.
    pub(crate) fn size(&self) -> usize {
        // JSON may escape every byte.
        OVERHEAD + 2 * (self.pattern.len() + self.queue.as_ref().map_or(0, String::len))
    }
}
