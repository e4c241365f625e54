//! From a run and its destinations to bytes in outboxes.

use std::sync::Arc;

use bytes::Bytes;
use pointsman_contract::codec::Codec;
use pointsman_outbox::outbox::{Outbox, Pushed};
use pointsman_outbox::tick::Tick;
use pointsman_protocol::frame::DeliveryView;
use smallvec::SmallVec;

use crate::destination::{Destination, FanSet, QueueGroup};
use crate::member::Subscription;
use crate::stats::Counts;

/// A run at least this long is shared instead of copied …
const SHARE_BYTES: usize = 4 * 1024;
/// … or one of this size with many receivers.
const SHARE_BYTES_MANY: usize = 512;
const MANY: usize = 32;

/// What a delivery writes to.
pub(crate) struct Delivery<'w> {
    pub(crate) tick: &'w mut Tick,
    pub(crate) scratch: &'w mut Vec<u8>,
    pub(crate) counts: &'w mut Counts,
    /// Subscriptions that had their last delivery.
    pub(crate) ended: &'w mut Vec<Arc<Subscription>>,
    pub(crate) random: &'w mut u64,
    /// The publisher's own outbox, where it does not want to hear itself.
    pub(crate) not_to: Option<&'w Arc<Outbox>>,
}

/// The runs of a batch as something that can be iterated more than once.
pub(crate) trait Run<'a> {
    fn len(&self) -> usize;
    fn messages(&self) -> impl ExactSizeIterator<Item = DeliveryView<'a>> + Clone;
}

impl<'a, I: ExactSizeIterator<Item = DeliveryView<'a>> + Clone> Run<'a> for I {
    fn len(&self) -> usize {
        ExactSizeIterator::len(self)
    }
    fn messages(&self) -> impl ExactSizeIterator<Item = DeliveryView<'a>> + Clone {
        self.clone()
    }
}

impl Delivery<'_> {
    /// Delivers a run. Returns to how many receivers at least one message went.
    pub(crate) fn deliver<'a>(&mut self, destination: &Destination, run: &impl Run<'a>) -> usize {
        match destination {
            Destination::Nobody => 0,
            Destination::One(subscription) => {
                let member = &subscription.member.member;
                self.push_to(&member.outbox, &*member.codec, &[subscription.sid], run.messages())
            }
            Destination::Set(set) => self.deliver_set(set, run),
        }
    }

    fn deliver_set<'a>(&mut self, set: &FanSet, run: &impl Run<'a>) -> usize {
        let mut reached = 0;
        let messages = u32::try_from(run.len()).unwrap_or(u32::MAX);
        for group in &set.groups {
            self.scratch.clear();
            group.codec.encode_run(&group.sids, &mut run.messages(), self.scratch);
            let len = self.scratch.len();
            let share =
                group.to.len() > 1 && (len >= SHARE_BYTES || (len >= SHARE_BYTES_MANY && group.to.len() >= MANY));
            let shared = share.then(|| Bytes::copy_from_slice(self.scratch));
            for outbox in &group.to {
                if self.is_own(outbox) {
                    continue;
                }
                let pushed = match &shared {
                    Some(bytes) => outbox.push_shared(bytes, messages, &group.sids, &mut self.tick.pool),
                    None => outbox.push(self.scratch, messages, &group.sids, &mut self.tick.pool),
                };
                reached += self.count(outbox, pushed, messages, len);
            }
        }
        for subscription in &set.special {
            for message in run.messages() {
                reached += self.deliver_limited(subscription, message);
            }
        }
        if set.several.is_empty() {
            for queue in &set.queues {
                for message in run.messages() {
                    reached += self.deliver_queue(queue, message, &mut |_| false);
                }
            }
        } else {
            for message in run.messages() {
                reached += self.deliver_several(set, message);
            }
        }
        reached
    }

    fn push_to<'a>(
        &mut self,
        outbox: &Arc<Outbox>,
        codec: &dyn Codec,
        sids: &[u64],
        mut run: impl ExactSizeIterator<Item = DeliveryView<'a>>,
    ) -> usize {
        if self.is_own(outbox) {
            return 0;
        }
        let messages = u32::try_from(run.len()).unwrap_or(u32::MAX);
        self.scratch.clear();
        codec.encode_run(sids, &mut run, self.scratch);
        let pushed = outbox.push(self.scratch, messages, sids, &mut self.tick.pool);
        self.count(outbox, pushed, messages, self.scratch.len())
    }

    /// One message to a subscription whose deliveries are counted.
    fn deliver_limited(&mut self, subscription: &Arc<Subscription>, message: DeliveryView<'_>) -> usize {
        let member = &subscription.member.member;
        if self.is_own(&member.outbox) || !self.take(subscription) {
            return 0;
        }
        self.push_to(&member.outbox, &*member.codec, &[subscription.sid], std::iter::once(message))
    }

    /// Takes one delivery of a subscription, if it has any left.
    fn take(&mut self, subscription: &Arc<Subscription>) -> bool {
        let Some(last) = subscription.take() else { return false };
        if last {
            self.ended.push(Arc::clone(subscription));
        }
        true
    }

    /// One message to one member of a queue group: a random one first, the next where that one cannot take it. `elsewhere` says that it
    /// sees to the delivery itself.
    fn deliver_queue(
        &mut self,
        queue: &QueueGroup,
        message: DeliveryView<'_>,
        elsewhere: &mut impl FnMut(&Subscription) -> bool,
    ) -> usize {
        let members = queue.members.len();
        let start = if members > 1 { self.next_random() % members } else { 0 };
        let mut full = None;
        for step in 0..members {
            let Some(subscription) = queue.members.get((start + step) % members) else { continue };
            let member = &subscription.member.member;
            if self.is_own(&member.outbox) {
                continue;
            }
            let Some(last) = subscription.take() else { continue };
            if !elsewhere(subscription) {
                self.scratch.clear();
                member.codec.encode_run(&[subscription.sid], &mut std::iter::once(message), self.scratch);
                // Without a number: no loss is told as long as another member may take it.
                let pushed = member.outbox.push(self.scratch, 1, &[], &mut self.tick.pool);
                if let Pushed::DroppedNewest { .. } | Pushed::Disconnect | Pushed::Closed = pushed {
                    self.tick.touched(&member.outbox, pushed, 0);
                    self.counts.slow_disconnects += u64::from(pushed == Pushed::Disconnect);
                    subscription.give_back();
                    full = Some(subscription);
                    continue;
                }
                self.count(&member.outbox, pushed, 1, self.scratch.len());
            }
            if last {
                self.ended.push(Arc::clone(subscription));
            }
            return 1;
        }
        full.map_or(0, |subscription| self.deliver_limited(subscription, message))
    }

    /// One message to everybody who is served message by message: each gets it once, with all the numbers it is for.
    fn deliver_several(&mut self, set: &FanSet, message: DeliveryView<'_>) -> usize {
        let mut reached = 0;
        let mut chosen: SmallVec<[(usize, u64); 8]> = SmallVec::new();
        for queue in &set.queues {
            reached += self.deliver_queue(queue, message, &mut |subscription| {
                let place = set.place_in_several(subscription);
                chosen.extend(place.map(|at| (at, subscription.sid)));
                place.is_some()
            });
        }
        for (at, several) in set.several.iter().enumerate() {
            let member = &several.member.member;
            if self.is_own(&member.outbox) {
                continue;
            }
            let mut sids: SmallVec<[u64; 8]> = SmallVec::from_slice(&several.plain);
            sids.extend(several.limited.iter().filter(|limited| self.take(limited)).map(|limited| limited.sid));
            sids.extend(chosen.iter().filter(|(place, _)| *place == at).map(|(_, sid)| *sid));
            if sids.is_empty() {
                continue;
            }
            sids.sort_unstable();
            reached += self.push_to(&member.outbox, &*member.codec, &sids, std::iter::once(message));
        }
        reached
    }

    fn is_own(&self, outbox: &Arc<Outbox>) -> bool {
        self.not_to.is_some_and(|own| Arc::ptr_eq(own, outbox))
    }

    /// Counts a push and returns 1 if it was taken.
    fn count(&mut self, outbox: &Arc<Outbox>, pushed: Pushed, messages: u32, len: usize) -> usize {
        self.tick.touched(outbox, pushed, len);
        match pushed {
            Pushed::First | Pushed::Queued => {}
            Pushed::DroppedOldest { messages: dropped, .. } => self.counts.dropped_slow_consumer += u64::from(dropped),
            Pushed::DroppedNewest { messages: dropped, .. } => {
                self.counts.dropped_slow_consumer += u64::from(dropped);
                return 0;
            }
            Pushed::Disconnect => {
                self.counts.dropped_slow_consumer += u64::from(messages);
                self.counts.slow_disconnects += 1;
                return 0;
            }
            Pushed::Closed => return 0,
        }
        self.counts.delivered_messages += u64::from(messages);
        self.counts.delivered_bytes += len as u64;
        1
    }

    /// xorshift64*: which member of a group is picked needs to be even, not unpredictable.
    fn next_random(&mut self) -> usize {
        let mut x = *self.random;
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        *self.random = x;
        usize::try_from(x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap_or(0)
    }
}
