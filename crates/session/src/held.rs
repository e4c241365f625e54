//! A link's hold on its session.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::close::CloseReason;
use crate::context::SessionContext;
use crate::session::Session;

/// A session for as long as a link has it. Given up when dropped, so that a link that ends by a panic or with its runtime leaves nothing behind either.
#[derive(Debug)]
pub(crate) struct Held {
    cx: Arc<SessionContext>,
    pub(crate) session: Arc<Session>,
    pub(crate) generation: u32,
    reason: CloseReason,
}

impl Held {
    pub(crate) fn new(cx: &Arc<SessionContext>, session: &Arc<Session>, generation: u32) -> Self {
        Self { cx: Arc::clone(cx), session: Arc::clone(session), generation, reason: CloseReason::Lost }
    }

    /// Gives the session up. What becomes of it depends on why.
    pub(crate) fn leave(mut self, reason: &CloseReason) {
        self.reason = reason.clone();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut ingest = self.session.ingest();
        if ingest.generation != self.generation {
            return;
        }
        let keep = self.session.manner.resumable && self.cx.config().keep > Duration::ZERO && !self.cx.is_draining();
        if keep && self.reason.keeps_session() && !ingest.is_ending() {
            self.session.outbox.detach();
            ingest.attached = false;
            ingest.detached_at = Some(Instant::now());
            ingest.close = None;
            self.cx.keep(&self.session);
        } else {
            drop(ingest);
            self.cx.end(&self.session);
        }
    }
}
