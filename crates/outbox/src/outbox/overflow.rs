//! What happens at the limit.

use super::{Outbox, Phase, Pushed, SlowConsumer, State, len_u32};
use crate::gaps::Gaps;
use crate::pipe::{Delivered, Framing};
use crate::pool::Pool;
use crate::ring::discard;
use crate::segment::{Data, Segment};

impl Outbox {
    /// Makes room for a delivery, or says why there is none. `Ok` is the number of older messages dropped for it.
    pub(super) fn admit(
        &self,
        state: &mut State,
        bytes: usize,
        messages: u32,
        sids: &[u64],
        pool: &mut Pool,
    ) -> Result<u32, Pushed> {
        if state.is_over() {
            return Err(Pushed::Closed);
        }
        if self.fits(state, bytes, messages) {
            self.tell_gaps(state, pool);
            return Ok(0);
        }
        match self.limits.slow_consumer {
            SlowConsumer::DropOldest => {
                let mut dropped = 0;
                if self.room_can_be_made(state, bytes, messages) {
                    let fits;
                    (dropped, fits) = self.drop_oldest(state, bytes, messages, pool);
                    if fits {
                        self.tell_gaps(state, pool);
                        return Ok(dropped);
                    }
                }
                record(state, sids, messages);
                Err(Pushed::DroppedNewest { messages: messages + dropped, first: state.promise() })
            }
            SlowConsumer::DropNewest => {
                record(state, sids, messages);
                Err(Pushed::DroppedNewest { messages, first: state.promise() })
            }
            SlowConsumer::Disconnect => {
                record(state, sids, messages);
                // Where there is no link to close, the gap is told when the session takes up again.
                if state.phase == Phase::Detached || state.overflowed {
                    return Err(Pushed::DroppedNewest { messages, first: state.promise() });
                }
                state.overflowed = true;
                self.wake();
                Err(Pushed::Disconnect)
            }
        }
    }

    fn fits(&self, state: &State, bytes: usize, messages: u32) -> bool {
        u64::from(state.pending_bytes) + bytes as u64 <= u64::from(self.limits.bytes)
            && state.pending_messages.saturating_add(messages) <= self.limits.messages
    }

    /// Whether dropping all deliveries that can be dropped would let it in. May be wrong where they share a segment with answers.
    fn room_can_be_made(&self, state: &State, bytes: usize, messages: u32) -> bool {
        let (mut kept_bytes, mut kept_messages) = (u64::from(state.pending_bytes), state.pending_messages);
        for segment in state.queue.iter().skip(usize::from(state.front_written > 0)) {
            if segment.messages > 0 || segment.notice.is_some() {
                kept_bytes = kept_bytes.saturating_sub(segment.len() as u64);
                kept_messages = kept_messages.saturating_sub(segment.messages);
            }
        }
        kept_bytes + bytes as u64 <= u64::from(self.limits.bytes)
            && kept_messages.saturating_add(messages) <= self.limits.messages
    }

    /// Drops whole segments from the front, but neither the one that is half on the wire nor anything that is not a delivery, and tells it
    /// in their place. Returns how many messages it dropped and whether the delivery fits now.
    ///
    /// Half of the limit is freed at once, so that a flood does not take this slow way for each message.
    fn drop_oldest(&self, state: &mut State, bytes: usize, messages: u32, pool: &mut Pool) -> (u32, bool) {
        let goal_bytes = (u64::from(self.limits.bytes) / 2).saturating_sub(bytes as u64);
        let goal_messages = (self.limits.messages / 2).saturating_sub(messages);
        let mut gaps = Gaps::default();
        let mut dropped = 0;
        let mut at = usize::from(state.front_written > 0);
        while at < state.queue.len()
            && (u64::from(state.pending_bytes) > goal_bytes || state.pending_messages > goal_messages)
        {
            let Some(segment) = state.queue.remove(at) else { break };
            state.pending_bytes = state.pending_bytes.saturating_sub(len_u32(segment.len()));
            state.pending_messages = state.pending_messages.saturating_sub(segment.messages);
            dropped += segment.messages;
            let kept = match &segment.notice {
                Some(told) => {
                    gaps.merge(told);
                    None
                }
                None => strip(&*self.framing, &segment, |delivered| gaps.record(delivered)),
            };
            discard(segment, pool);
            if let Some(kept) = kept {
                state.pending_bytes = state.pending_bytes.saturating_add(len_u32(kept.len()));
                state.queue.insert(at, kept);
                at += 1;
            }
        }
        // The notice itself does not count: it stands for what it says was lost.
        let fits = self.fits(state, bytes, messages);
        if !gaps.is_empty()
            && let Some(notice) = self.notice(gaps, state, pool)
        {
            state.queue.insert(at, notice);
        }
        (dropped, fits)
    }
}

fn record(state: &mut State, sids: &[u64], messages: u32) {
    for &sid in sids {
        state.gaps.add(sid, u64::from(messages));
    }
}

/// What is left of a segment without its deliveries.
fn strip(framing: &dyn Framing, segment: &Segment, mut lost: impl FnMut(&Delivered)) -> Option<Segment> {
    let mut kept = Vec::new();
    let mut counted = 0;
    let mut rest = segment.bytes();
    while let Some(message) = framing.next_message(rest) {
        let (wire, tail) = rest.split_at(message.wire_len.min(rest.len()));
        match framing.delivered(message.payload) {
            Some(delivered) => lost(&delivered),
            None => {
                kept.extend_from_slice(wire);
                counted += u32::from(message.counted);
            }
        }
        rest = tail;
    }
    (!kept.is_empty()).then_some(Segment::new(Data::Own(kept), counted, 0))
}
