//! From a run and its destinations to bytes in outboxes.

use std::sync::Arc;

use bytes::Bytes;
use pointsman_contract::codec::Codec;
use pointsman_outbox::outbox::{Outbox, Pushed};
use pointsman_outbox::tick::Tick;
use pointsman_protocol::frame::DeliveryView;

use crate::destination::{Destination, FanSet, QueueGroup};
use crate::stats::Counts;
use crate::subscription::Subscription;

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
                self.to_one(&member.outbox, &*member.codec, &[subscription.sid], run.messages())
            }
            Destination::Set(set) => self.to_set(set, run),
        }
    }

    fn to_set<'a>(&mut self, set: &FanSet, run: &impl Run<'a>) -> usize {
        let mut reached = 0;
        let messages = u32::try_from(run.len()).unwrap_or(u32::MAX);
        for group in &set.groups {
            self.scratch.clear();
            group.codec.encode_run(&group.sids, &mut run.messages(), self.scratch);
            let len = self.scratch.len();
            let share = group.to.len() > 1
                && (len >= SHARE_BYTES || (len >= SHARE_BYTES_MANY && group.to.len() >= MANY));
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
                reached += self.to_limited(subscription, message);
            }
        }
        for queue in &set.queues {
            reached += self.to_queue(queue, run);
        }
        reached
    }

    fn to_one<'a>(
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
    fn to_limited(&mut self, subscription: &Arc<Subscription>, message: DeliveryView<'_>) -> usize {
        let member = &subscription.member.member;
        if self.is_own(&member.outbox) {
            return 0;
        }
        let Some(last) = subscription.take() else { return 0 };
        if last {
            self.ended.push(Arc::clone(subscription));
        }
        self.to_one(&member.outbox, &*member.codec, &[subscription.sid], std::iter::once(message))
    }

    /// Each message of the run to one member: a random one first, the next where that one cannot take it. Consecutive messages
    /// for the same member go together.
    fn to_queue<'a>(&mut self, queue: &QueueGroup, run: &impl Run<'a>) -> usize {
        let members = queue.members.len();
        if members == 1 {
            return queue.members.first().map_or(0, |only| {
                run.messages().map(|message| self.to_limited(only, message)).sum()
            });
        }
        let mut reached = 0;
        for message in run.messages() {
            let start = self.next_random() % members;
            for step in 0..members {
                let Some(member) = queue.members.get((start + step) % members) else { continue };
                if self.to_limited(member, message) > 0 {
                    reached += 1;
                    break;
                }
            }
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
            Pushed::DroppedNewest => {
                self.counts.dropped_slow_consumer += u64::from(messages);
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
