//! Links come and go: attach, detach, resend.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Attached, Outbox, Phase, Pushed, State, len_u32};
use crate::gaps::Gaps;
use crate::pipe::Pipe;
use crate::pool::Pool;
use crate::segment::{Data, Segment};

impl Outbox {
    /// Takes the link away. What waits stays. Returns once nobody writes to the pipe any more, which is at most one write call later;
    /// `true` when the link is left at the end of a wire message.
    pub fn detach(&self) -> bool {
        let mut state = self.settled();
        let clean = state.front_written == 0 && !state.lost;
        state.pipe = None;
        state.lost = false;
        state.wake_when_drained = false;
        state.overflowed = false;
        if state.phase != Phase::Closed {
            state.phase = Phase::Detached;
        }
        clean
    }

    /// Number of the last counted message that is wholly on the wire: nobody can have received more.
    #[must_use]
    pub fn sent(&self) -> u64 {
        let state = self.settled();
        state.ring.base() + self.sent_since_base(&state)
    }

    /// Gives a detached outbox (a new one is) a link whose client has received everything up to number `received`. `greeting` (uncounted) goes out first,
    /// made with what is known of the loss; then gap notices for `sids` if anything was skipped; then what the client has not received, then what waits.
    ///
    /// Returns `None` when the client claims to have received more than was ever sent.
    pub fn attach(
        &self,
        pipe: Arc<dyn Pipe>,
        received: u64,
        sids: &[u64],
        greeting: impl FnOnce(Attached, &mut Vec<u8>),
        pool: &mut Pool,
    ) -> Option<(Attached, Pushed)> {
        let mut state = self.settled();
        if state.phase != Phase::Detached {
            return None;
        }
        let base = state.ring.base();
        let skipped = base.saturating_sub(received);
        let confirmed = received.saturating_sub(base);
        let sent = self.sent_since_base(&state);
        if confirmed > sent {
            return None;
        }
        let log = self.rebuild(&mut state, confirmed);
        let resent = sent - confirmed;
        let attached = Attached { skipped, resent };
        let mut first = Vec::new();
        greeting(attached, &mut first);
        let mut counted = 0;
        if skipped > 0 {
            let mut all = Gaps::default();
            for &sid in sids {
                all.add(sid, 0);
            }
            counted = all.encode(&*self.framing, "resend_overflow", &mut first);
        }
        state.ring.rebase(received.max(base));
        state.pending_bytes = 0;
        state.pending_messages = 0;
        state.front_written = 0;
        state.queue = VecDeque::new();
        state.append(&first, counted, 0, pool);
        for segment in log {
            state.pending_bytes = state.pending_bytes.saturating_add(len_u32(segment.len()));
            state.pending_messages = state.pending_messages.saturating_add(segment.messages);
            state.queue.push_back(segment);
        }
        state.pipe = Some(pipe);
        state.lost = false;
        state.wake_when_drained = false;
        state.phase = Phase::Idle;
        let pushed = self.pushed(&mut state, 0);
        Some((attached, pushed))
    }

    /// Ends the outbox: nothing is queued any more, everything held is freed.
    pub fn close(&self) {
        let mut state = self.settled();
        state.phase = Phase::Closed;
        state.pipe = None;
        state.queue = VecDeque::new();
        state.pending_bytes = 0;
        state.pending_messages = 0;
        drop(state.ring.take());
        state.gaps = Gaps::default();
    }

    /// The state at a moment when nobody writes. A writer never blocks, so this is at most one system call away.
    fn settled(&self) -> parking_lot::MutexGuard<'_, State> {
        loop {
            let state = self.state.lock();
            if state.phase != Phase::Writing {
                return state;
            }
            drop(state);
            std::thread::yield_now();
        }
    }

    /// Counted messages from the base of the ring to the last one that is wholly on the wire.
    fn sent_since_base(&self, state: &State) -> u64 {
        let mut sent = state.ring.head() - state.ring.base();
        let mut rest =
            state.queue.front().and_then(|front| front.bytes().get(..state.front_written)).unwrap_or_default();
        while let Some(message) = self.framing.next_message(rest) {
            sent += u64::from(message.counted);
            rest = rest.get(message.wire_len..).unwrap_or_default();
        }
        sent
    }

    /// Ring and queue as one log without its first `confirmed` counted messages and without what is not counted (which belonged to
    /// the old link).
    fn rebuild(&self, state: &mut State, confirmed: u64) -> Vec<Segment> {
        let mut skip = confirmed;
        let mut log = Vec::new();
        let ring = state.ring.take();
        let queue = std::mem::take(&mut state.queue);
        for segment in ring.into_iter().chain(queue) {
            let mut kept = Vec::new();
            let mut counted = 0;
            let mut messages = 0;
            let mut rest = segment.bytes();
            while let Some(message) = self.framing.next_message(rest) {
                let (wire, tail) = rest.split_at(message.wire_len.min(rest.len()));
                rest = tail;
                if !message.counted {
                    continue;
                }
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                kept.extend_from_slice(wire);
                counted += 1;
                messages += self.framing.delivered(message.payload).map_or(0, |delivered| delivered.messages);
            }
            if counted > 0 {
                let whole = kept.len() == segment.len();
                let notice = segment.notice.filter(|_| whole);
                log.push(Segment { data: Data::Own(kept), counted, messages, notice });
            }
        }
        log
    }
}
