//! The queue itself.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::Waker;

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::gaps::Gaps;
use crate::pipe::{Framing, Pipe};
use crate::pool::Pool;
use crate::ring::{Ring, RingLimits};
use crate::segment::{Data, Segment};

mod log;
mod overflow;

/// Vectors in one write. Linux takes 1,024; past 64 the gain is nothing.
const SLICES_MAX: usize = 64;

/// A buffer begins with room for a few messages.
const BUFFER_BYTES: usize = 1024;

/// Bounds of an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes waiting for the socket, in flight included.
    pub bytes: u32,
    /// Messages waiting for the socket.
    pub messages: u32,
    /// What to do at either.
    pub slow_consumer: SlowConsumer,
    /// What is kept after it was written.
    pub ring: RingLimits,
}

/// What happens to a session that does not read as fast as it is sent to. A gap is told in each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SlowConsumer {
    /// Make room: the oldest waiting deliveries go. A dashboard sees the newest figures.
    #[default]
    DropOldest,
    /// What is waiting stays, the new delivery goes.
    DropNewest,
    /// The link is closed.
    Disconnect,
}

/// What an outbox is doing. Changes only under its lock.
///
/// `Promised` means that somebody has it on a dirty list, so that everybody else has nothing more to do than to push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing to write.
    Idle,
    /// On a dirty list.
    Promised,
    /// Somebody is writing; the one who is looks again before it leaves.
    Writing,
    /// The socket took no more; the link's task goes on when it does.
    Blocked,
    /// No link. Deliveries wait.
    Detached,
    /// The session is over; pushes are thrown away.
    Closed,
}

/// What came of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Pushed {
    /// Queued, and the caller has to put the outbox on its dirty list.
    First,
    /// Queued; somebody will flush it.
    Queued,
    /// Queued by dropping so many older messages; `first` as in [`First`](Self::First).
    DroppedOldest {
        /// Messages dropped.
        messages: u32,
        /// Whether the caller has to put the outbox on its dirty list.
        first: bool,
    },
    /// Not queued: the limit. A gap is recorded.
    DroppedNewest {
        /// Messages dropped: those not queued, and older ones where dropping them did not make enough room.
        messages: u32,
        /// Whether the caller has to put the outbox on its dirty list, for the gap.
        first: bool,
    },
    /// Not queued: the limit, and the link is to be closed for it. Its task has been woken.
    Disconnect,
    /// Not queued: the session is over, or its last bytes are queued already.
    Closed,
}

/// The bounded outgoing queue of one session.
#[derive(Debug)]
pub struct Outbox {
    state: Mutex<State>,
    waker: AtomicWaker,
    framing: Arc<dyn Framing>,
    limits: Limits,
}

#[derive(Debug)]
struct State {
    queue: VecDeque<Segment>,
    /// Bytes of the first segment that have been written.
    front_written: usize,
    pending_bytes: u32,
    pending_messages: u32,
    phase: Phase,
    wake_when_drained: bool,
    overflowed: bool,
    /// The last bytes of the session are queued; nothing goes behind them.
    ending: bool,
    lost: bool,
    pipe: Option<Arc<dyn Pipe>>,
    ring: Ring,
    /// Losses behind everything that waits, not told yet.
    gaps: Gaps,
    sent_messages: u64,
    sent_bytes: u64,
}

/// What waits in an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pending {
    /// Bytes waiting.
    pub bytes: u32,
    /// Messages waiting.
    pub messages: u32,
    /// Bytes kept for a resend.
    pub resend_bytes: u32,
    /// Messages written since the start.
    pub sent_messages: u64,
    /// Bytes written since the start.
    pub sent_bytes: u64,
}

/// What a flush came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flushed {
    /// Write calls made.
    pub writes: u32,
    /// Bytes written.
    pub bytes: u64,
    /// The link is lost: a write failed for another reason than a full socket.
    pub lost: bool,
}

/// A loss at attach (protocol.md#P8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attached {
    /// Messages that the client has not received and that are not held any more.
    pub skipped: u64,
    /// Messages that will be sent again.
    pub resent: u64,
}

impl Outbox {
    /// An outbox without a link.
    #[must_use]
    pub fn new(framing: Arc<dyn Framing>, limits: Limits) -> Self {
        Self {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                front_written: 0,
                pending_bytes: 0,
                pending_messages: 0,
                phase: Phase::Detached,
                wake_when_drained: false,
                overflowed: false,
                ending: false,
                lost: false,
                pipe: None,
                ring: Ring::default(),
                gaps: Gaps::default(),
                sent_messages: 0,
                sent_bytes: 0,
            }),
            waker: AtomicWaker::new(),
            framing,
            limits,
        }
    }

    /// The limits it was made with.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The phase at this moment. For the link's task and for tests; it may have changed when the caller looks at it.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.state.lock().phase
    }

    /// What waits.
    #[must_use]
    pub fn pending(&self) -> Pending {
        let state = self.state.lock();
        Pending {
            bytes: state.pending_bytes,
            messages: state.pending_messages,
            resend_bytes: state.ring.bytes(),
            sent_messages: state.sent_messages,
            sent_bytes: state.sent_bytes,
        }
    }

    /// Registers the task that is woken when the outbox is blocked, overflowed or has been written out while closing.
    pub fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Wakes the link's task.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// Queues a delivery by copying it. `sids` are named in the gap if it has to be dropped.
    pub fn push(&self, bytes: &[u8], messages: u32, sids: &[u64], pool: &mut Pool) -> Pushed {
        let mut state = self.state.lock();
        match self.admit(&mut state, bytes.len(), messages, sids, pool) {
            Ok(dropped) => {
                state.append(bytes, 1, messages, pool);
                self.pushed(&mut state, dropped)
            }
            Err(refused) => refused,
        }
    }

    /// Queues a delivery by sharing it. The chunk is charged in full.
    pub fn push_shared(&self, bytes: &Bytes, messages: u32, sids: &[u64], pool: &mut Pool) -> Pushed {
        let mut state = self.state.lock();
        match self.admit(&mut state, bytes.len(), messages, sids, pool) {
            Ok(dropped) => {
                state.share(bytes.clone(), 1, messages, pool);
                self.pushed(&mut state, dropped)
            }
            Err(refused) => refused,
        }
    }

    /// Queues something that is not a delivery (an answer, a heartbeat, a close): never dropped by the slow-consumer policy.
    /// `counted` is the number of counted wire messages in it. What bounds it is that the session makes it only in answer to its own peer,
    /// whose reading stops while the outbox is over its limit ([`over_limit`](Self::over_limit)).
    pub fn push_control(&self, bytes: &[u8], counted: u32, pool: &mut Pool) -> Pushed {
        let mut state = self.state.lock();
        if state.is_over() {
            return Pushed::Closed;
        }
        self.tell_gaps(&mut state, pool);
        state.append(bytes, counted, 0, pool);
        self.pushed(&mut state, 0)
    }

    /// Queues the last bytes of a session (a close, not counted): what waits and the losses not told yet go out before them, and what is pushed
    /// afterwards is thrown away, so that they stay the last.
    pub fn push_last(&self, bytes: &[u8], pool: &mut Pool) -> Pushed {
        let mut state = self.state.lock();
        if state.is_over() {
            return Pushed::Closed;
        }
        self.tell_gaps(&mut state, pool);
        state.append(bytes, 0, 0, pool);
        state.ending = true;
        self.pushed(&mut state, 0)
    }

    /// Whether more waits than the limit allows: the session stops reading from this peer until it has read.
    #[must_use]
    pub fn over_limit(&self) -> bool {
        let state = self.state.lock();
        state.pending_bytes > self.limits.bytes
    }

    /// Whether the slow-consumer policy asks for the link to be closed.
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.state.lock().overflowed
    }

    /// Whether a write failed for another reason than a full socket.
    #[must_use]
    pub fn lost(&self) -> bool {
        self.state.lock().lost
    }

    /// Whether everything has been written, with nobody writing.
    #[must_use]
    pub fn drained(&self) -> bool {
        let state = self.state.lock();
        state.queue.is_empty() && !matches!(state.phase, Phase::Writing | Phase::Promised)
    }

    /// The link's task is woken once everything has been written; at once if it has been.
    pub fn wake_when_drained(&self) {
        let mut state = self.state.lock();
        state.wake_when_drained = true;
        if state.phase == Phase::Idle {
            drop(state);
            self.waker.wake();
        }
    }

    /// The peer has received everything up to message number `received`.
    pub fn confirm(&self, received: u64, pool: &mut Pool) {
        self.state.lock().ring.confirm(received, pool);
    }

    /// Writes what waits, until the socket takes no more. Whoever calls it has the outbox from a dirty list, or is the link's task
    /// with a writable socket.
    pub fn flush(&self, pool: &mut Pool) -> Flushed {
        let mut flushed = Flushed::default();
        let (pipe, mut taken, mut written) = {
            let mut state = self.state.lock();
            if !matches!(state.phase, Phase::Promised | Phase::Blocked) {
                return flushed;
            }
            let Some(pipe) = state.pipe.clone() else {
                state.phase = Phase::Detached;
                return flushed;
            };
            state.phase = Phase::Writing;
            let queue = std::mem::take(&mut state.queue);
            let written = std::mem::take(&mut state.front_written);
            (pipe, queue, written)
        };
        loop {
            let end = write_all(&*pipe, &mut taken, &mut written, pool, self, &mut flushed);
            let mut state = self.state.lock();
            match end {
                Ok(true) if state.queue.is_empty() && state.gaps.is_empty() => {
                    state.phase = Phase::Idle;
                    let wake = std::mem::take(&mut state.wake_when_drained);
                    let other = std::mem::take(&mut state.queue);
                    drop(state);
                    if wake {
                        self.waker.wake();
                    }
                    pool.recycle_queue(taken);
                    pool.recycle_queue(other);
                    return flushed;
                }
                Ok(true) => {
                    self.tell_gaps(&mut state, pool);
                    std::mem::swap(&mut taken, &mut state.queue);
                }
                Ok(false) | Err(_) => {
                    state.put_back(taken, written);
                    state.phase = Phase::Blocked;
                    state.lost |= end.is_err();
                    flushed.lost = state.lost;
                    drop(state);
                    self.waker.wake();
                    return flushed;
                }
            }
        }
    }

    /// Takes a written segment into the ring.
    fn written(&self, segment: Segment, pool: &mut Pool) {
        let mut state = self.state.lock();
        state.pending_bytes = state.pending_bytes.saturating_sub(len_u32(segment.len()));
        state.pending_messages = state.pending_messages.saturating_sub(segment.messages);
        state.sent_messages += u64::from(segment.messages);
        state.sent_bytes += segment.len() as u64;
        state.ring.keep(segment, self.limits.ring, pool);
    }

    fn pushed(&self, state: &mut State, dropped: u32) -> Pushed {
        match (dropped, state.promise()) {
            (0, true) => Pushed::First,
            (0, false) => Pushed::Queued,
            (messages, first) => Pushed::DroppedOldest { messages, first },
        }
    }

    /// Tells the losses recorded, behind everything that waits.
    fn tell_gaps(&self, state: &mut State, pool: &mut Pool) {
        if !state.gaps.is_empty() {
            let gaps = std::mem::take(&mut state.gaps);
            let notice = self.notice(gaps, state, pool);
            notice.into_iter().for_each(|notice| state.enqueue(notice, pool));
        }
    }

    /// Losses as a segment, charged; its place is the caller's matter. `None` where the protocol has no notice.
    fn notice(&self, gaps: Gaps, state: &mut State, pool: &mut Pool) -> Option<Segment> {
        let mut bytes = pool.buffer(0);
        let counted = gaps.encode(&*self.framing, "slow_consumer", &mut bytes);
        if bytes.is_empty() {
            pool.recycle(bytes);
            return None;
        }
        state.pending_bytes = state.pending_bytes.saturating_add(len_u32(bytes.len()));
        Some(Segment { data: Data::Own(bytes), counted, messages: 0, notice: Some(Box::new(gaps)) })
    }
}

impl State {
    /// Whether pushes are thrown away.
    fn is_over(&self) -> bool {
        self.ending || self.phase == Phase::Closed
    }

    fn append(&mut self, bytes: &[u8], counted: u32, messages: u32, pool: &mut Pool) {
        if bytes.is_empty() {
            return;
        }
        self.pending_bytes = self.pending_bytes.saturating_add(len_u32(bytes.len()));
        self.pending_messages = self.pending_messages.saturating_add(messages);
        // What is half on the wire takes no more, so that what comes now can still be dropped.
        let open = self.queue.len() > 1 || self.front_written == 0;
        if open
            && let Some(Segment { data: Data::Own(own), counted: c, messages: m, notice: None }) = self.queue.back_mut()
            && own.len() < 64 * 1024
        {
            pool.extend(own, bytes);
            *c += counted;
            *m += messages;
            return;
        }
        let mut own = pool.buffer(bytes.len().max(BUFFER_BYTES));
        own.extend_from_slice(bytes);
        self.enqueue(Segment::new(Data::Own(own), counted, messages), pool);
    }

    fn share(&mut self, bytes: Bytes, counted: u32, messages: u32, pool: &mut Pool) {
        if bytes.is_empty() {
            return;
        }
        self.pending_bytes = self.pending_bytes.saturating_add(len_u32(bytes.len()));
        self.pending_messages = self.pending_messages.saturating_add(messages);
        self.enqueue(Segment::new(Data::Shared(bytes), counted, messages), pool);
    }

    fn enqueue(&mut self, segment: Segment, pool: &mut Pool) {
        if self.queue.capacity() == 0 {
            self.queue = pool.queue();
        }
        self.queue.push_back(segment);
    }

    /// Puts what a flush could not write in front of what has come since.
    fn put_back(&mut self, mut rest: VecDeque<Segment>, written: usize) {
        rest.append(&mut self.queue);
        self.queue = rest;
        self.front_written = written;
    }

    /// Whether the caller has to put the outbox on its dirty list.
    fn promise(&mut self) -> bool {
        let first = self.phase == Phase::Idle;
        if first {
            self.phase = Phase::Promised;
        }
        first
    }
}

/// Writes segments from the front until all are gone (`true`) or the socket takes no more (`false`).
fn write_all(
    pipe: &dyn Pipe,
    taken: &mut VecDeque<Segment>,
    written: &mut usize,
    pool: &mut Pool,
    outbox: &Outbox,
    flushed: &mut Flushed,
) -> io::Result<bool> {
    while !taken.is_empty() {
        let result = {
            // Not an array: almost always there is one segment, and clearing 64 places would cost more than the rest of this.
            let mut slices: SmallVec<[IoSlice<'_>; SLICES_MAX]> = SmallVec::new();
            let mut skip = *written;
            for segment in taken.iter().take(SLICES_MAX) {
                slices.push(IoSlice::new(segment.bytes().get(skip..).unwrap_or_default()));
                skip = 0;
            }
            pipe.try_write_vectored(&slices)
        };
        let mut n = match result {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        flushed.writes += 1;
        flushed.bytes += n as u64;
        while n > 0 {
            let Some(front) = taken.front() else { break };
            let left = front.len() - *written;
            if n < left {
                *written += n;
                break;
            }
            n -= left;
            *written = 0;
            if let Some(done) = taken.pop_front() {
                outbox.written(done, pool);
            }
        }
    }
    Ok(true)
}

fn len_u32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
