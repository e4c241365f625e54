//! The subscriptions of the client's task.

use std::collections::{BTreeMap, HashMap};

use pointsman_protocol::frame::{ClientFrame, Refused, Subscription};

use crate::encoding::Packer;
use crate::error::{CloseCause, Refusal};
use crate::inbox::{Gap, GapReason, SubscriptionEnd};
use crate::message::Message;
use crate::outgoing::Outgoing;
use crate::pending::{Done, NotDone};
use crate::registered::Registered;

/// All that were sent to the server and have not ended, by sid.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    live: BTreeMap<u64, Registered>,
}

impl Subscriptions {
    pub(crate) fn add(&mut self, registered: Registered) {
        self.live.insert(registered.sid, registered);
    }

    /// The application does not want it any more.
    pub(crate) fn ending(&mut self, sid: u64) {
        if let Some(registered) = self.live.get_mut(&sid) {
            registered.ending = true;
        }
    }

    /// The application has dropped it: what still arrives is for nobody.
    pub(crate) fn abandoned(&mut self, sid: u64) {
        self.live.remove(&sid);
    }

    pub(crate) fn end(&mut self, sid: u64, end: SubscriptionEnd) {
        if let Some(registered) = self.live.remove(&sid) {
            registered.inbox.end(end);
        }
    }

    /// The sids of those that nobody has ended yet; they are ending from now on.
    pub(crate) fn end_all(&mut self) -> Vec<u64> {
        let live = self.live.values_mut().filter(|registered| !registered.ending);
        live.map(|registered| {
            registered.ending = true;
            registered.sid
        })
        .collect()
    }

    /// Hands messages to exactly the named subscriptions (protocol.md#P5.6).
    pub(crate) fn deliver(&mut self, sids: &[u64], mut messages: Vec<Message>) {
        let Some((last, others)) = sids.split_last() else { return };
        for sid in others {
            self.deliver_to(*sid, messages.len(), messages.iter().cloned());
        }
        self.deliver_to(*last, messages.len(), messages.drain(..));
    }

    fn deliver_to(&mut self, sid: u64, count: usize, messages: impl Iterator<Item = Message>) {
        let Some(registered) = self.live.get_mut(&sid) else { return };
        registered.inbox.deliver(messages);
        registered.delivered += count as u64;
        if registered.max.is_some_and(|max| registered.delivered >= max) {
            self.end(sid, SubscriptionEnd::MaxReached);
        }
    }

    /// The server told a loss.
    pub(crate) fn gap(&self, sids: &[u64], lost: Option<u64>, reason: &str) {
        for sid in sids {
            if let Some(registered) = self.live.get(sid) {
                registered.inbox.gap(Gap { lost, reason: GapReason::from_name(reason) });
            }
        }
    }

    /// Those to be made by a connect frame, as many as `bytes` hold.
    pub(crate) fn list(&self, bytes: usize) -> Vec<Subscription<'_>> {
        let mut left = bytes;
        let wanted = self.live.values().filter(|registered| !registered.ending);
        wanted
            .map_while(|registered| {
                left = left.checked_sub(registered.size())?;
                Some(registered.remaining())
            })
            .collect()
    }

    /// Whatever was on its way to them is lost, or may be (protocol.md#P8.4). Those that were ending have ended.
    pub(crate) fn session_gone(&mut self) {
        self.live.retain(|_, registered| {
            if registered.ending {
                registered.inbox.end(SubscriptionEnd::Unsubscribed);
            } else {
                registered.inbox.gap(Gap { lost: None, reason: GapReason::SessionGone });
            }
            !registered.ending
        });
    }

    /// The connect frame has made these, save the refused ones.
    pub(crate) fn listed(&mut self, listed: &[u64], refused: &[Refused<'_>], outgoing: &Outgoing) {
        let refused: HashMap<u64, &Refused<'_>> = refused.iter().map(|refused| (refused.sid, refused)).collect();
        let waiting = outgoing.subscribing();
        for sid in listed {
            let refusal = refused.get(sid).map(|refused| Refusal::from_refused(refused));
            let waiting = waiting.get(sid).and_then(|id| outgoing.answered(*id));
            if let Some(pending) = waiting {
                let refusal = refusal.clone();
                pending.tell(refusal.map_or(Ok(Done::Ok), |refusal| Err(NotDone::Refused(refusal))));
            }
            if let Some(refusal) = refusal {
                self.end(*sid, SubscriptionEnd::Refused(refusal));
            }
        }
    }

    /// Makes those for which the connect frame had no room.
    pub(crate) fn unlisted(&self, listed: &[u64], outgoing: &Outgoing, packer: &mut Packer) {
        let waiting = outgoing.subscribing();
        let rest = self.live.values().filter(|known| !known.ending && listed.binary_search(&known.sid).is_err());
        for registered in rest {
            let id = waiting.get(&registered.sid).copied();
            let id = Some(id.unwrap_or_else(|| outgoing.subscribe_again(registered.sid)));
            packer.push(&ClientFrame::Subscribe { id, subscription: registered.remaining() });
        }
    }

    /// Asks again what was sent and not answered, when answers may be lost. The server says if it has been done before.
    pub(crate) fn unanswered(&self, outgoing: &Outgoing, packer: &mut Packer) {
        for (sid, id) in outgoing.subscribing() {
            if let Some(registered) = self.live.get(&sid) {
                packer.push(&ClientFrame::Subscribe { id: Some(id), subscription: registered.remaining() });
            }
        }
        for (id, sid) in outgoing.unsubscribing() {
            if self.live.get(&sid).is_some_and(|registered| registered.ending) {
                packer.push(&ClientFrame::Unsubscribe { id: Some(id), sid, max: None });
            }
        }
    }

    pub(crate) fn close(&mut self, cause: &CloseCause) {
        for registered in std::mem::take(&mut self.live).into_values() {
            registered.inbox.end(SubscriptionEnd::Closed(cause.clone()));
        }
    }
}
