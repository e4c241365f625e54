//! What the server's frames do.

use std::borrow::Cow;

use bytes::Bytes;
use pointsman_protocol::frame::{BodyKind, Delivery, ErrorFrame, ServerFrame};
use tokio::sync::watch;

use crate::error::{Close, LinkError, Refusal};
use crate::headers::Headers;
use crate::inbox::SubscriptionEnd;
use crate::message::{BodyMark, Message};
use crate::outgoing::Outgoing;
use crate::pending::{Done, NotDone, Pending};
use crate::session::Session;
use crate::state::Refusals;
use crate::subscriptions::Subscriptions;

/// A part of a wire message is copied out of it unless it is at least this share: a small one must not keep a large one alive.
const SHARE: usize = 4;

/// Handles the frames of one wire message.
pub(crate) struct Receiver<'a> {
    pub(crate) message: &'a Bytes,
    pub(crate) outgoing: &'a Outgoing,
    pub(crate) refusals: &'a watch::Sender<Refusals>,
    pub(crate) session: &'a mut Session,
    pub(crate) subscriptions: &'a mut Subscriptions,
}

impl Receiver<'_> {
    pub(crate) fn frame(&mut self, frame: ServerFrame<'_>) -> Result<(), LinkError> {
        match frame {
            ServerFrame::Message { sids, messages } => {
                let messages = messages.into_iter().map(|delivery| self.delivered(delivery)).collect();
                self.subscriptions.deliver(&sids, messages);
            }
            ServerFrame::Reply { id, headers, payload, body } => {
                if let Some(pending) = self.outgoing.answered(id) {
                    pending.tell(Ok(Done::Reply(self.body(&headers, &payload, body))));
                }
            }
            ServerFrame::Ok { id } => match self.outgoing.answered(id) {
                Some(Pending::Unsubscribe { sid }) => self.subscriptions.end(sid, SubscriptionEnd::Unsubscribed),
                Some(pending) => pending.tell(Ok(Done::Ok)),
                None => {}
            },
            ServerFrame::Error(error) => self.error(&error),
            ServerFrame::Gap { sids, lost, reason } => self.subscriptions.gap(&sids, lost, &reason),
            ServerFrame::Ping { received } => {
                self.confirm(received)?;
                self.session.pinged();
            }
            ServerFrame::Pong { received } => {
                self.confirm(received)?;
                self.session.ponged();
            }
            ServerFrame::Close(close) => return Err(LinkError::Closed(Close::from_frame(&close))),
            ServerFrame::Ready(_) => return Err(LinkError::protocol("`ready` came a second time")),
        }
        Ok(())
    }

    fn confirm(&mut self, received: u64) -> Result<(), LinkError> {
        if let Some(ids_end) = self.session.confirm(received)? {
            self.outgoing.answers_lost(ids_end);
        }
        Ok(())
    }

    fn error(&mut self, error: &ErrorFrame<'_>) {
        let refusal = Refusal::from_frame(error);
        match (error.id, error.sid) {
            // Of an id that is not known, nobody waits for the answer any more.
            (Some(id), _) => match self.outgoing.answered(id) {
                // It is asked again when the answer was lost, and has been made before.
                Some(pending @ Pending::Subscribe { .. }) if refusal.is_sid_in_use() => pending.tell(Ok(Done::Ok)),
                Some(pending @ Pending::Subscribe { sid, .. }) => {
                    self.subscriptions.end(sid, SubscriptionEnd::Refused(refusal.clone()));
                    pending.tell(Err(NotDone::Refused(refusal)));
                }
                // It had ended before, by its maximum.
                Some(Pending::Unsubscribe { sid }) => self.subscriptions.end(sid, SubscriptionEnd::Unsubscribed),
                Some(pending) => pending.tell(Err(NotDone::Refused(refusal))),
                None => {}
            },
            // Of a subscription that was dropped, and had ended by itself before.
            (None, Some(_)) => {}
            (None, None) => self.refusals.send_modify(|refusals| {
                refusals.count += 1;
                refusals.last = Some(refusal);
            }),
        }
    }

    fn delivered(&self, delivery: Delivery<'_>) -> Message {
        let mut message = self.body(&delivery.headers, &delivery.payload, delivery.body);
        message.subject = delivery.subject.into_owned();
        message.reply = delivery.reply.map(Cow::into_owned);
        message
    }

    fn body(&self, headers: &[u8], payload: &[u8], body: BodyKind) -> Message {
        let mut message = Message::new(String::new(), self.part(payload));
        message.headers = Headers::from_block(self.part(headers));
        message.body = BodyMark(body);
        message
    }

    /// A part of the wire message, shared if it is a large one.
    fn part(&self, part: &[u8]) -> Bytes {
        if part.is_empty() {
            return Bytes::new();
        }
        let start = part.as_ptr().addr().wrapping_sub(self.message.as_ptr().addr());
        let inside = start.checked_add(part.len()).is_some_and(|end| end <= self.message.len());
        if inside && part.len() >= self.message.len() / SHARE {
            self.message.slice(start..start + part.len())
        } else {
            Bytes::copy_from_slice(part)
        }
    }
}
