//! What keeps the client's task running.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;

use crate::error::{CloseCause, FlushError};
use crate::inbox::{Inbox, SubscriptionEnd};
use crate::shared::Shared;

/// Owns the task: the last handle to go ends it.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Owner {
    pub(crate) fn new(shared: Arc<Shared>, task: JoinHandle<()>) -> Self {
        Self { shared, task: Mutex::new(Some(task)) }
    }

    pub(crate) fn abandon(&self, sid: u64) {
        self.shared.outgoing.unsubscribe(sid, false);
    }

    pub(crate) async fn unsubscribe(&self, sid: u64, inbox: &Inbox) -> Result<(), FlushError> {
        if inbox.begin_end() {
            self.shared.outgoing.unsubscribe(sid, true);
        }
        match std::future::poll_fn(|cx| inbox.poll_ended(cx)).await {
            SubscriptionEnd::Closed(cause) => Err(FlushError::Closed(cause)),
            _ => Ok(()),
        }
    }

    /// The task, once.
    pub(crate) fn join_handle(&self) -> Option<JoinHandle<()>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.outgoing.refuse(&CloseCause::ByClient);
        if let Some(task) = self.join_handle() {
            task.abort();
        }
    }
}
