//! One round of work and the flush at its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::outbox::{Outbox, Pushed};
use crate::pool::Pool;

/// A busy worker never parks, so it flushes after so many batches …
const BATCHES_MAX: u32 = 32;
/// … or so many bytes pushed …
const BYTES_MAX: u64 = 256 * 1024;
/// … or so long after the first push.
const AGE_MAX: Duration = Duration::from_micros(100);

/// The outboxes that one worker has touched and not flushed yet.
///
/// # Ordering
/// Outboxes are flushed in the order first touched.
/// # Limits
/// An outbox stands on at most one dirty list once; the list is as long as there are sessions at most.
#[derive(Debug, Default)]
pub struct Tick {
    dirty: Vec<Arc<Outbox>>,
    spare: Vec<Arc<Outbox>>,
    /// The spare buffers.
    pub pool: Pool,
    first: Option<Instant>,
    batches: u32,
    bytes: u64,
    written: Written,
}

/// What the flushes of a tick came to since it was last asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Write calls.
    pub writes: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Tick {
    /// Whether there is nothing to flush.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.dirty.is_empty()
    }

    /// Notes the result of a push to `outbox`.
    pub fn touched(&mut self, outbox: &Arc<Outbox>, pushed: Pushed, bytes: usize) {
        self.bytes += bytes as u64;
        if matches!(
            pushed,
            Pushed::First | Pushed::DroppedOldest { first: true, .. } | Pushed::DroppedNewest { first: true, .. }
        ) {
            self.dirty.push(Arc::clone(outbox));
        }
    }

    /// Queues something that is not a delivery and notes it.
    pub fn control(&mut self, outbox: &Arc<Outbox>, bytes: &[u8], counted: u32) {
        let pushed = outbox.push_control(bytes, counted, &mut self.pool);
        self.touched(outbox, pushed, bytes.len());
    }

    /// Queues the last bytes of a session and notes it.
    pub fn last(&mut self, outbox: &Arc<Outbox>, bytes: &[u8]) {
        let pushed = outbox.push_last(bytes, &mut self.pool);
        self.touched(outbox, pushed, bytes.len());
    }

    /// Says that a batch has been worked off at `now`; flushes when it is time.
    pub fn batch_done(&mut self, now: Instant) {
        if self.dirty.is_empty() {
            return;
        }
        self.batches += 1;
        let first = *self.first.get_or_insert(now);
        if self.batches >= BATCHES_MAX || self.bytes >= BYTES_MAX || now.duration_since(first) >= AGE_MAX {
            self.flush();
        }
    }

    /// Writes out every outbox on the list.
    pub fn flush(&mut self) {
        self.first = None;
        self.batches = 0;
        self.bytes = 0;
        let mut list = std::mem::replace(&mut self.dirty, std::mem::take(&mut self.spare));
        for outbox in list.drain(..) {
            let flushed = outbox.flush(&mut self.pool);
            self.written.writes += u64::from(flushed.writes);
            self.written.bytes += flushed.bytes;
        }
        self.spare = list;
    }

    /// Takes the sums since the last call.
    pub fn take_written(&mut self) -> Written {
        std::mem::take(&mut self.written)
    }
}
