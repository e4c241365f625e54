//! A subscription, as the application holds it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use tokio::task::coop;

use crate::error::FlushError;
use crate::inbox::{Inbox, Received, SubscriptionEnd};
use crate::message::Message;
use crate::owner::Owner;

/// A live subscription: a stream of messages and gaps. Keeps the client alive; dropping it unsubscribes.
///
/// It goes on over lost links and lost sessions, and yields a [`Gap`](crate::Gap) wherever something was, or may have been, lost. The stream
/// ends after [`unsubscribe`](Self::unsubscribe), after `max` deliveries, when a new session refuses it, and when the client is closed;
/// [`ended`](Self::ended) says which.
#[derive(Debug)]
pub struct Subscription {
    pub(crate) owner: Arc<Owner>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) sid: u64,
    pub(crate) pattern: String,
}

impl Subscription {
    /// What it is subscribed to.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Its number within the session.
    #[must_use]
    pub fn sid(&self) -> u64 {
        self.sid
    }

    /// The next message or gap; `None` after the end.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Received> {
        std::future::poll_fn(|cx| self.poll_received(cx)).await
    }

    /// The next message; gaps are passed over. For those to whom a loss makes no difference.
    ///
    /// # Cancel safety
    /// No message is lost when the future is dropped.
    pub async fn next_message(&mut self) -> Option<Message> {
        loop {
            if let Received::Message(message) = self.next().await? {
                return Some(message);
            }
        }
    }

    /// Messages that wait to be taken, and their bytes.
    #[must_use]
    pub fn pending(&self) -> (usize, usize) {
        self.inbox.pending()
    }

    /// Why nothing more will arrive; `None` while it is live. What had arrived before is still yielded.
    #[must_use]
    pub fn ended(&self) -> Option<SubscriptionEnd> {
        self.inbox.ended()
    }

    /// Unsubscribes and waits until the server has done so. What arrived before is still yielded, then the stream ends.
    ///
    /// # Errors
    /// The client was closed meanwhile. The subscription is over all the same.
    ///
    /// # Cancel safety
    /// Once polled, the subscription ends even if the future is dropped.
    pub async fn unsubscribe(&mut self) -> Result<(), FlushError> {
        self.owner.unsubscribe(self.sid, &self.inbox).await
    }

    fn poll_received(&self, cx: &mut Context<'_>) -> Poll<Option<Received>> {
        // A reader of a buffer that never runs dry has to let the client's task have its turn.
        let budget = ready!(coop::poll_proceed(cx));
        let received = self.inbox.poll_next(cx);
        if received.is_ready() {
            budget.made_progress();
        }
        received
    }
}

impl Stream for Subscription {
    type Item = Received;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Received>> {
        self.poll_received(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.inbox.begin_end() {
            self.owner.abandon(self.sid);
        }
        self.inbox.discard();
    }
}
