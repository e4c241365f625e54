//! The client, as the application holds it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pointsman_protocol::subject::{validate_pattern, validate_token};
use serde::Serialize;
use tokio::sync::{oneshot, watch};

use crate::error::{
    AcknowledgeError, CloseCause, FlushError, PublishError, PublishJsonError, RequestError, RespondError,
    SubscribeError,
};
use crate::inbox::Inbox;
use crate::message::Message;
use crate::outgoing::{NotQueued, Outgoing};
use crate::owner::Owner;
use crate::pending::{Answer, Done, NotDone};
use crate::publication::Publication;
use crate::state::{ConnectionState, Refusals};
use crate::subscribe_options::SubscribeOptions;
use crate::subscription::Subscription;

/// A connection to a Pointsman server. Cheap to clone; all clones share one session and one task.
///
/// Dropping the last clone and the last [`Subscription`] ends the task at once, without sending what waits:
/// [`close`](Self::close) or [`drain`](Self::drain) say goodbye.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) owner: Arc<Owner>,
}

impl Client {
    fn outgoing(&self) -> &Outgoing {
        &self.owner.shared.outgoing
    }

    /// Queues a message to be published. At most once: what was on its way when the session was lost is not sent again.
    ///
    /// While there is no link the message waits in the queue.
    ///
    /// # Errors
    /// The queue is full, the client is closed, or the message is not valid. The message comes back.
    pub fn publish(
        &self,
        subject: impl AsRef<str> + Into<String>,
        payload: impl Into<Bytes>,
    ) -> Result<(), PublishError> {
        let payload = payload.into();
        let publication = Publication::plain(subject.as_ref(), &payload);
        match self.outgoing().publish(&publication) {
            Ok(()) => Ok(()),
            Err(why) => Err(not_published(why, Message::new(subject, payload))),
        }
    }

    /// Queues a message with headers, a reply subject or a message id to be published; otherwise like [`publish`](Self::publish).
    ///
    /// # Errors
    /// The queue is full, the client is closed, or the message is not valid. The message comes back.
    pub fn publish_message(&self, message: Message) -> Result<(), PublishError> {
        match self.outgoing().publish(&Publication::of(&message)) {
            Ok(()) => Ok(()),
            Err(why) => Err(not_published(why, message)),
        }
    }

    /// Queues a value to be published as JSON; otherwise like [`publish`](Self::publish).
    ///
    /// # Errors
    /// The value has no JSON form, or as for [`publish`](Self::publish).
    pub fn publish_json<T: Serialize + ?Sized>(
        &self,
        subject: impl Into<String>,
        value: &T,
    ) -> Result<(), PublishJsonError> {
        Ok(self.publish_message(Message::from_json(subject, value)?)?)
    }

    /// Waits until the queue to the server has room, or the client is closed.
    ///
    /// # Cancel safety
    /// Cancel safe: it only waits.
    pub async fn writable(&self) {
        self.outgoing().writable().await;
    }

    /// Messages that wait to be sent, and their bytes on the wire.
    #[must_use]
    pub fn pending(&self) -> (usize, usize) {
        self.outgoing().waiting()
    }

    /// Publishes a message and waits until the server has accepted it (protocol.md#P5.5). Waits for room in the queue.
    ///
    /// # Errors
    /// See [`AcknowledgeError`]; it says for each whether the message may have been accepted.
    ///
    /// # Cancel safety
    /// When the future is dropped, the message may have been sent or not.
    pub async fn publish_acknowledged(&self, message: Message) -> Result<(), AcknowledgeError> {
        let after = self.owner.shared.request_timeout;
        let mut sent = false;
        match tokio::time::timeout(after, self.acknowledged(&message, &mut sent)).await {
            Ok(result) => result,
            Err(_) if sent => Err(AcknowledgeError::Timeout { after }),
            Err(_) => Err(AcknowledgeError::NotSent { after }),
        }
    }

    async fn acknowledged(&self, message: &Message, sent: &mut bool) -> Result<(), AcknowledgeError> {
        let publication = Publication::of(message);
        let (id, answer) = loop {
            match self.outgoing().publish_acknowledged(&publication) {
                Ok(sent) => break sent,
                Err(NotQueued::Full { .. }) => self.outgoing().writable().await,
                Err(NotQueued::Closed(cause)) => return Err(AcknowledgeError::Closed(cause)),
                Err(NotQueued::Invalid(invalid)) => return Err(invalid.into()),
            }
        };
        *sent = true;
        match self.answer(id, answer).await {
            Ok(_) => Ok(()),
            Err(NotDone::Refused(refusal)) if refusal.is_no_responders() => Err(AcknowledgeError::NoResponders),
            Err(NotDone::Refused(refusal)) => Err(AcknowledgeError::Refused(refusal)),
            Err(NotDone::Unknown) => Err(AcknowledgeError::OutcomeUnknown),
            Err(NotDone::Closed(cause)) => Err(AcknowledgeError::Closed(cause)),
            Err(NotDone::Invalid(invalid)) => Err(invalid.into()),
        }
    }

    /// Asks and waits for one reply, at most as long as [`ClientBuilder::request_timeout`](crate::ClientBuilder::request_timeout) says.
    ///
    /// # Errors
    /// See [`RequestError`].
    ///
    /// # Cancel safety
    /// When the future is dropped, the request may have been sent or not; its reply is thrown away.
    pub async fn request(
        &self,
        subject: impl Into<String>,
        payload: impl Into<Bytes>,
    ) -> Result<Message, RequestError> {
        self.request_message(Message::new(subject, payload), self.owner.shared.request_timeout).await
    }

    /// Asks with headers and waits for one reply, at most for `timeout`. A reply subject of the message is ignored.
    ///
    /// # Errors
    /// See [`RequestError`].
    ///
    /// # Cancel safety
    /// When the future is dropped, the request may have been sent or not; its reply is thrown away.
    pub async fn request_message(&self, message: Message, timeout: Duration) -> Result<Message, RequestError> {
        match tokio::time::timeout(timeout, self.asked(&message, timeout)).await {
            Ok(Ok(mut reply)) => {
                reply.subject = message.subject;
                Ok(reply)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(RequestError::Timeout { after: timeout }),
        }
    }

    async fn asked(&self, message: &Message, timeout: Duration) -> Result<Message, RequestError> {
        let publication = Publication { reply: None, message_id: None, ..Publication::of(message) };
        let timeout_ms = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX).max(1);
        let (id, answer) = loop {
            match self.outgoing().request(&publication, timeout_ms) {
                Ok(sent) => break sent,
                Err(NotQueued::Full { .. }) => self.outgoing().writable().await,
                Err(NotQueued::Closed(cause)) => return Err(RequestError::Closed(cause)),
                Err(NotQueued::Invalid(invalid)) => return Err(invalid.into()),
            }
        };
        match self.answer(id, answer).await {
            Ok(Done::Reply(reply)) => Ok(reply),
            Ok(Done::Ok) => Err(RequestError::OutcomeUnknown),
            Err(NotDone::Refused(refusal)) if refusal.is_no_responders() => Err(RequestError::NoResponders),
            Err(NotDone::Refused(refusal)) if refusal.is_timeout() => Err(RequestError::Timeout { after: timeout }),
            Err(NotDone::Refused(refusal)) => Err(RequestError::Refused(refusal)),
            Err(NotDone::Unknown) => Err(RequestError::OutcomeUnknown),
            Err(NotDone::Closed(cause)) => Err(RequestError::Closed(cause)),
            Err(NotDone::Invalid(invalid)) => Err(invalid.into()),
        }
    }

    /// Queues the answer to a message that was a request.
    ///
    /// # Errors
    /// The message names no reply subject, or as for [`publish`](Self::publish).
    pub fn respond(&self, message: &Message, payload: impl Into<Bytes>) -> Result<(), RespondError> {
        match &message.reply {
            Some(reply) => Ok(self.publish(reply, payload)?),
            None => Err(RespondError::NoReply { subject: message.subject.clone() }),
        }
    }

    /// Subscribes to a pattern and waits until the server has done so: what is accepted from then on is delivered.
    ///
    /// # Errors
    /// The pattern is not valid, the server refuses, or the client is closed.
    ///
    /// # Cancel safety
    /// When the future is dropped, there is no subscription.
    pub async fn subscribe(&self, pattern: impl Into<String>) -> Result<Subscription, SubscribeError> {
        self.subscribe_with(SubscribeOptions::new(pattern)).await
    }

    /// Subscribes with a queue group, a maximum, or bounds of its own; otherwise like [`subscribe`](Self::subscribe).
    ///
    /// # Errors
    /// The pattern or the queue group is not valid, the server refuses, or the client is closed.
    ///
    /// # Cancel safety
    /// When the future is dropped, there is no subscription.
    pub async fn subscribe_with(&self, options: impl Into<SubscribeOptions>) -> Result<Subscription, SubscribeError> {
        let options = options.into();
        validate_pattern(&options.pattern)
            .map_err(|source| SubscribeError::Pattern { pattern: options.pattern.clone(), source })?;
        if let Some(queue) = &options.queue {
            validate_token(queue).map_err(|source| SubscribeError::Queue { queue: queue.clone(), source })?;
        }
        let inbox = Arc::new(Inbox::new(options.limits()));
        let (sid, answer) = loop {
            match self.outgoing().subscribe(&options, &inbox) {
                Ok(sent) => break sent,
                Err(NotQueued::Full { .. }) => self.outgoing().writable().await,
                Err(NotQueued::Closed(cause)) => return Err(SubscribeError::Closed(cause)),
                Err(NotQueued::Invalid(invalid)) => return Err(invalid.into()),
            }
        };
        // Dropped with the future, it unsubscribes.
        let subscription = Subscription { owner: Arc::clone(&self.owner), inbox, sid, pattern: options.pattern };
        match answer.await.unwrap_or(Err(NotDone::Closed(CloseCause::ByClient))) {
            Ok(_) => Ok(subscription),
            Err(why) => {
                subscription.inbox.discard();
                Err(match why {
                    NotDone::Refused(refusal) => SubscribeError::Refused(refusal),
                    NotDone::Closed(cause) => SubscribeError::Closed(cause),
                    NotDone::Invalid(invalid) => invalid.into(),
                    // A subscription is made again on every session.
                    NotDone::Unknown => SubscribeError::Closed(CloseCause::ByClient),
                })
            }
        }
    }

    /// What the connection does; a change that nobody looked at is replaced by the next one.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<ConnectionState> {
        self.owner.shared.state.subscribe()
    }

    /// What the server refused of publications that asked for no answer.
    #[must_use]
    pub fn refusals(&self) -> watch::Receiver<Refusals> {
        self.owner.shared.refusals.subscribe()
    }

    /// Waits until the server has handled everything that was queued before.
    ///
    /// # Errors
    /// The client is closed, or a session ended first: since the last flush, something was on its way whose outcome is not known.
    ///
    /// # Cancel safety
    /// Cancel safe: what was queued is sent all the same.
    pub async fn flush(&self) -> Result<(), FlushError> {
        self.barrier(false).await
    }

    async fn barrier(&self, unsubscribe_all: bool) -> Result<(), FlushError> {
        let told = match self.outgoing().flush(unsubscribe_all) {
            Ok(told) => told,
            Err(NotQueued::Closed(cause)) => return Err(FlushError::Closed(cause)),
            Err(NotQueued::Full { .. } | NotQueued::Invalid(_)) => return Err(FlushError::OutcomeUnknown),
        };
        match told.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(NotDone::Closed(cause))) => Err(FlushError::Closed(cause)),
            Ok(Err(_)) => Err(FlushError::OutcomeUnknown),
            Err(_) => Err(FlushError::Closed(CloseCause::ByClient)),
        }
    }

    /// Ends all subscriptions, waits until the server has handled everything that was queued, and closes.
    ///
    /// Subscriptions still yield what had arrived. To answer that too, first end them with [`Subscription::unsubscribe`] and read them to
    /// their end. While there is no link it waits for one: bound it with a timeout where that matters.
    ///
    /// # Errors
    /// The session ended first, so that it is not known what the server handled; the client is closed nevertheless.
    ///
    /// # Cancel safety
    /// When the future is dropped, the subscriptions may have been ended or not; the client stays open.
    pub async fn drain(&self) -> Result<(), FlushError> {
        let drained = self.barrier(true).await;
        self.close().await;
        drained
    }

    /// Sends what is queued as far as the link takes it within 5 s, says goodbye, and ends the session. Without a link, what is queued is
    /// lost: its callers are told, for plain publishes [`pending`](Self::pending) tells beforehand.
    ///
    /// # Cancel safety
    /// Once polled, the client closes even if the future is dropped.
    pub async fn close(&self) {
        let shared = &self.owner.shared;
        shared.outgoing.refuse(&CloseCause::ByClient);
        shared.closing.cancel();
        let mut state = shared.state.subscribe();
        // The guard is let go before the next wait: with it the future could not move between threads.
        drop(state.wait_for(ConnectionState::is_closed).await);
        if let Some(task) = self.owner.join_handle() {
            let _ended = task.await;
        }
    }

    async fn answer(&self, id: u64, answer: oneshot::Receiver<Answer>) -> Answer {
        let _waiting = Waiting { outgoing: self.outgoing(), id };
        answer.await.unwrap_or(Err(NotDone::Unknown))
    }
}

/// Takes an unanswered call off the books when its caller has gone.
struct Waiting<'a> {
    outgoing: &'a Outgoing,
    id: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.outgoing.forget(self.id);
    }
}

fn not_published(why: NotQueued, message: Message) -> PublishError {
    let message = Box::new(message);
    match why {
        NotQueued::Full { messages, bytes } => PublishError::Full { messages, bytes, message },
        NotQueued::Closed(cause) => PublishError::Closed { cause, message },
        NotQueued::Invalid(cause) => PublishError::Invalid { cause, message },
    }
}
