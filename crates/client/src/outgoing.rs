//! The queue between the application and the client's task, and the calls that wait for an answer.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use pointsman_protocol::frame::{ClientFrame, Subscription};
use tokio::sync::{Notify, oneshot};

use crate::chunks::{Action, Chunk, Chunks};
use crate::encoding::Encoding;
use crate::error::{CloseCause, InvalidMessage};
use crate::inbox::Inbox;
use crate::pending::{Answer, NotDone, Pending, tell};
use crate::publication::{FRAME_OVERHEAD, Publication};
use crate::registered::Registered;
use crate::subscribe_options::SubscribeOptions;

/// Why something was not queued.
#[derive(Debug)]
pub(crate) enum NotQueued {
    Full { messages: usize, bytes: usize },
    Closed(CloseCause),
    Invalid(InvalidMessage),
}

/// Limits of the queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutgoingLimits {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

#[derive(Debug)]
struct Queue {
    chunks: Chunks,
    payload_bytes: usize,
    next_id: u64,
    next_sid: u64,
    /// Ids below it were given to the task.
    taken_end: u64,
    pending: HashMap<u64, Pending>,
    closed: Option<CloseCause>,
    /// Something queued since the last flush went down with a session, and nobody was told.
    lost: bool,
    waker: Option<Waker>,
}

/// The queue between the application and the client's task.
///
/// Bounded in messages and bytes for everything that an application can do at will. Beyond the limits go only ends of subscriptions, of
/// which there are no more than subscriptions.
#[derive(Debug)]
pub(crate) struct Outgoing {
    limits: OutgoingLimits,
    queue: Mutex<Queue>,
    room: Notify,
}

impl Outgoing {
    pub(crate) fn new(encoding: Encoding, limits: OutgoingLimits) -> Self {
        Self {
            limits,
            queue: Mutex::new(Queue {
                chunks: Chunks::new(encoding),
                payload_bytes: usize::MAX,
                next_id: 1,
                next_sid: 1,
                taken_end: 1,
                pending: HashMap::new(),
                closed: None,
                lost: false,
                waker: None,
            }),
            room: Notify::new(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, queue: &Queue) -> Result<(), NotQueued> {
        if let Some(cause) = &queue.closed {
            return Err(NotQueued::Closed(cause.clone()));
        }
        let (messages, bytes) = queue.chunks.waiting();
        if messages >= self.limits.messages || bytes >= self.limits.bytes {
            return Err(NotQueued::Full { messages, bytes });
        }
        Ok(())
    }

    fn wake(mut queue: MutexGuard<'_, Queue>) {
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn push_publication<'a>(
        &self,
        publication: &Publication<'a>,
        frame: impl FnOnce(&mut Queue) -> (ClientFrame<'a>, Option<(u64, Pending)>),
    ) -> Result<(), NotQueued> {
        publication.check().map_err(NotQueued::Invalid)?;
        let mut queue = self.queue();
        self.admit(&queue)?;
        if publication.payload.len() > queue.payload_bytes {
            let (bytes, max) = (publication.payload.len(), queue.payload_bytes);
            return Err(NotQueued::Invalid(InvalidMessage::PayloadTooLarge { bytes, max }));
        }
        let (frame, pending) = frame(&mut queue);
        queue.append(&frame, publication.estimate()).map_err(NotQueued::Invalid)?;
        queue.pending.extend(pending);
        Self::wake(queue);
        Ok(())
    }

    pub(crate) fn publish(&self, publication: &Publication<'_>) -> Result<(), NotQueued> {
        self.push_publication(publication, |_| (publication.frame(None), None))
    }

    /// Publishes with an id; the answer comes through the receiver.
    pub(crate) fn publish_acknowledged(
        &self,
        publication: &Publication<'_>,
    ) -> Result<(u64, oneshot::Receiver<Answer>), NotQueued> {
        let (answer, receiver) = oneshot::channel();
        let mut given = 0;
        self.push_publication(publication, |queue| {
            given = queue.id();
            (publication.frame(Some(given)), Some((given, Pending::Publish(answer))))
        })?;
        Ok((given, receiver))
    }

    /// Asks; the reply comes through the receiver.
    pub(crate) fn request(
        &self,
        publication: &Publication<'_>,
        timeout_ms: u32,
    ) -> Result<(u64, oneshot::Receiver<Answer>), NotQueued> {
        let (answer, receiver) = oneshot::channel();
        let mut given = 0;
        self.push_publication(publication, |queue| {
            given = queue.id();
            (publication.request(given, timeout_ms), Some((given, Pending::Request(answer))))
        })?;
        Ok((given, receiver))
    }

    /// Subscribes; gives the sid, the id of the call, and where its answer comes.
    pub(crate) fn subscribe(
        &self,
        options: &SubscribeOptions,
        inbox: &Arc<Inbox>,
    ) -> Result<(u64, oneshot::Receiver<Answer>), NotQueued> {
        let (answer, receiver) = oneshot::channel();
        let mut queue = self.queue();
        self.admit(&queue)?;
        let (id, sid) = (queue.id(), queue.next_sid);
        queue.next_sid += 1;
        let subscription = Subscription {
            sid,
            pattern: options.pattern.as_str().into(),
            queue: options.queue.as_deref().map(Into::into),
            max: options.max,
        };
        let estimate = FRAME_OVERHEAD + options.pattern.len() + options.queue.as_ref().map_or(0, String::len);
        let frame = ClientFrame::Subscribe { id: Some(id), subscription };
        queue.append(&frame, estimate).map_err(NotQueued::Invalid)?;
        let registered = Registered {
            sid,
            pattern: options.pattern.clone(),
            queue: options.queue.clone(),
            max: options.max,
            delivered: 0,
            ending: false,
            inbox: Arc::clone(inbox),
        };
        queue.act(Action::Subscribe(registered));
        queue.pending.insert(id, Pending::Subscribe { sid, answer: Some(answer) });
        Self::wake(queue);
        Ok((sid, receiver))
    }

    /// Ends a subscription. With `answer`, the application waits for the end of its inbox.
    pub(crate) fn unsubscribe(&self, sid: u64, answer: bool) {
        let mut queue = self.queue();
        if queue.closed.is_some() {
            return;
        }
        let id = answer.then(|| queue.id());
        let frame = ClientFrame::Unsubscribe { id, sid, max: None };
        // A frame of a few bytes fits within every limit that leaves room for a connect frame.
        if queue.append(&frame, FRAME_OVERHEAD).is_err() {
            return;
        }
        if let Some(id) = id {
            queue.pending.insert(id, Pending::Unsubscribe { sid });
        }
        queue.act(if answer { Action::Unsubscribe { sid } } else { Action::Abandon { sid } });
        Self::wake(queue);
    }

    /// Asks to be told when the server has handled everything queued before.
    pub(crate) fn flush(&self, unsubscribe_all: bool) -> Result<oneshot::Receiver<Result<(), NotDone>>, NotQueued> {
        let (told, receiver) = oneshot::channel();
        let mut queue = self.queue();
        if let Some(cause) = &queue.closed {
            return Err(NotQueued::Closed(cause.clone()));
        }
        if std::mem::take(&mut queue.lost) {
            tell(told, Err(NotDone::Unknown));
            return Ok(receiver);
        }
        // Waiters that gave up must not gather while there is no link.
        queue.chunks.retain_actions(|action| !matches!(action, Action::Flush(told) if told.is_closed()));
        if unsubscribe_all {
            queue.act(Action::UnsubscribeAll);
        }
        queue.act(Action::Flush(told));
        Self::wake(queue);
        Ok(receiver)
    }

    /// Waits until there is room, or the client is closed.
    pub(crate) async fn writable(&self) {
        loop {
            let mut room = pin!(self.room.notified());
            room.as_mut().enable();
            if !matches!(self.admit(&self.queue()), Err(NotQueued::Full { .. })) {
                return;
            }
            room.await;
        }
    }

    /// Nobody waits for this answer any more.
    pub(crate) fn forget(&self, id: u64) {
        self.queue().pending.remove(&id);
    }

    /// Calls that wait for an answer.
    #[cfg(test)]
    pub(crate) fn unanswered(&self) -> usize {
        self.queue().pending.len()
    }

    /// Messages and bytes that wait.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        self.queue().chunks.waiting()
    }

    // What follows is for the client's task.

    /// The next wire message; without one, the task is woken when there is.
    pub(crate) fn take(&self, cx: &Context<'_>) -> Option<Chunk> {
        let mut queue = self.queue();
        let was_full = self.admit(&queue).is_err();
        let Some(chunk) = queue.chunks.pop() else {
            if !queue.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                queue.waker = Some(cx.waker().clone());
            }
            return None;
        };
        queue.taken_end = chunk.ids_end.max(queue.taken_end);
        drop(queue);
        if was_full {
            self.room.notify_waiters();
        }
        Some(chunk)
    }

    pub(crate) fn answered(&self, id: u64) -> Option<Pending> {
        self.queue().pending.remove(&id)
    }

    /// The ids of the unanswered subscribe calls, by sid.
    pub(crate) fn subscribing(&self) -> HashMap<u64, u64> {
        let queue = self.queue();
        let subscribing = queue.pending.iter().filter_map(|(id, pending)| match pending {
            Pending::Subscribe { sid, .. } => Some((*sid, *id)),
            Pending::Publish(_) | Pending::Request(_) | Pending::Unsubscribe { .. } => None,
        });
        subscribing.collect()
    }

    /// The unanswered calls that end a subscription: id and sid.
    pub(crate) fn unsubscribing(&self) -> Vec<(u64, u64)> {
        let queue = self.queue();
        let unsubscribing = queue.pending.iter().filter_map(|(id, pending)| match pending {
            Pending::Unsubscribe { sid } => Some((*id, *sid)),
            Pending::Publish(_) | Pending::Request(_) | Pending::Subscribe { .. } => None,
        });
        unsubscribing.collect()
    }

    /// An id for a subscription that the client makes again by itself.
    pub(crate) fn subscribe_again(&self, sid: u64) -> u64 {
        let mut queue = self.queue();
        let id = queue.id();
        queue.pending.insert(id, Pending::Subscribe { sid, answer: None });
        id
    }

    /// The answers to publishes below an id are lost.
    pub(crate) fn answers_lost(&self, ids_end: u64) {
        let mut queue = self.queue();
        let lost = queue.pending.extract_if(|id, pending| *id < ids_end && matches!(pending, Pending::Publish(_)));
        for (_, pending) in lost {
            pending.tell(Err(NotDone::Unknown));
        }
    }

    /// The limits of the server. Wire messages that have become too large for it are taken apart; what is too large by itself is not sent.
    /// Gives the number of publishes of which nobody is told.
    pub(crate) fn set_limits(&self, frame_bytes: usize, payload_bytes: usize) -> u64 {
        let mut queue = self.queue();
        queue.payload_bytes = payload_bytes;
        let mut untold = 0;
        for (id, error) in queue.chunks.set_frame_bytes(frame_bytes) {
            match id.and_then(|id| queue.pending.remove(&id)) {
                Some(pending) => pending.tell(Err(NotDone::Invalid(error))),
                None => untold += 1,
            }
        }
        queue.lost |= untold > 0;
        untold
    }

    /// Fails what was sent and not answered, when the session it was sent on is gone. With `lost`, something was sent that the server may not
    /// have handled, and nobody was told: the next flush is, since it waits for everything queued before.
    pub(crate) fn session_gone(&self, lost: bool) {
        let mut queue = self.queue();
        let taken_end = queue.taken_end;
        let sent =
            queue.pending.extract_if(|id, pending| *id < taken_end && !matches!(pending, Pending::Subscribe { .. }));
        for (_, pending) in sent {
            pending.tell(Err(NotDone::Unknown));
        }
        if !lost {
            return;
        }
        queue.lost = true;
        for told in queue.chunks.take_flushes() {
            queue.lost &= told.send(Err(NotDone::Unknown)).is_err();
        }
    }

    /// Takes nothing new.
    pub(crate) fn refuse(&self, cause: &CloseCause) {
        let mut queue = self.queue();
        if queue.closed.is_none() {
            queue.closed = Some(cause.clone());
        }
        drop(queue);
        self.room.notify_waiters();
    }

    /// Lets go of everything and tells those who wait.
    pub(crate) fn close(&self, cause: &CloseCause) {
        self.refuse(cause);
        let mut queue = self.queue();
        queue.waker = None;
        let flushes = queue.chunks.take_flushes();
        queue.chunks.clear();
        let pending = std::mem::take(&mut queue.pending);
        let taken_end = queue.taken_end;
        drop(queue);
        for (id, pending) in pending {
            let sent = id < taken_end && !matches!(pending, Pending::Subscribe { .. });
            pending.tell(Err(if sent { NotDone::Unknown } else { NotDone::Closed(cause.clone()) }));
        }
        for told in flushes {
            tell(told, Err(NotDone::Closed(cause.clone())));
        }
    }
}

impl Queue {
    fn id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    fn append(&mut self, frame: &ClientFrame<'_>, estimate: usize) -> Result<(), InvalidMessage> {
        self.chunks.append(frame, estimate, self.next_id)
    }

    fn act(&mut self, action: Action) {
        self.chunks.act(action, self.next_id);
    }
}
