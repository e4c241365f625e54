//! Sent but unconfirmed wire messages.

use std::collections::VecDeque;

use crate::pool::Pool;
use crate::segment::{Data, Segment};

/// Own bytes are gathered into parts of this size, so that the buffers they were written from stay in use while hot.
const PART_BYTES: usize = 2 * 1024;

/// How much is kept for a resend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingLimits {
    /// Counted wire messages; 0 switches the ring off.
    pub messages: u32,
    /// Bytes.
    pub bytes: u32,
}

/// The resend ring: the tail of what was written, until the peer has confirmed it (protocol.md#P8.3).
#[derive(Debug, Default)]
pub struct Ring {
    parts: VecDeque<Segment>,
    counted: u32,
    bytes: u32,
    /// Number of the last counted message before the ring.
    base: u64,
}

impl Ring {
    /// Number of the last message that is not held any more: everything after it can be sent again.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.base
    }

    /// Number of the last message written.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.base + u64::from(self.counted)
    }

    /// The parts, oldest first.
    pub fn parts(&self) -> impl Iterator<Item = &Segment> {
        self.parts.iter()
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> u32 {
        self.bytes
    }

    /// Takes over a segment that has been written completely.
    pub fn keep(&mut self, segment: Segment, limits: RingLimits, pool: &mut Pool) {
        if segment.counted == 0 {
            // Nothing in it is sent again: it was for the link it went to.
            return discard(segment, pool);
        }
        let len = u32::try_from(segment.len()).unwrap_or(u32::MAX);
        if limits.messages == 0 || len > limits.bytes || segment.counted > limits.messages {
            self.forget_all(pool);
            self.base += u64::from(segment.counted);
            discard(segment, pool);
            return;
        }
        self.counted += segment.counted;
        self.bytes += len;
        self.append(segment, pool);
        while self.counted > limits.messages || self.bytes > limits.bytes {
            if !self.drop_first(pool) {
                break;
            }
        }
    }

    fn append(&mut self, segment: Segment, pool: &mut Pool) {
        if self.parts.capacity() == 0 {
            self.parts = pool.queue();
        }
        let small = segment.len() < PART_BYTES;
        match segment.data {
            Data::Own(own) if small => {
                if let Some(Segment { data: Data::Own(last), counted, messages, .. }) = self.parts.back_mut()
                    && last.len() + own.len() <= PART_BYTES
                {
                    pool.extend(last, &own);
                    *counted += segment.counted;
                    *messages += segment.messages;
                } else {
                    // A chunk of its own size: what was written from may be 64 KiB, and the ring is charged by content. Once the peer is some
                    // parts behind, the next one will be full as well.
                    let room = if self.parts.len() > 1 { PART_BYTES } else { own.len() };
                    let mut part = pool.buffer(room);
                    part.extend_from_slice(&own);
                    self.parts.push_back(Segment::new(Data::Own(part), segment.counted, segment.messages));
                }
                pool.recycle(own);
            }
            data => {
                self.parts.push_back(Segment::new(data, segment.counted, segment.messages));
            }
        }
    }

    /// Forgets what the peer has confirmed: everything up to number `received`.
    pub fn confirm(&mut self, received: u64, pool: &mut Pool) {
        while let Some(first) = self.parts.front() {
            if self.base + u64::from(first.counted) > received {
                break;
            }
            self.drop_first(pool);
        }
        if self.parts.is_empty() && self.parts.capacity() > 0 {
            pool.recycle_queue(std::mem::take(&mut self.parts));
        }
    }

    /// Empties the ring; numbering goes on. Returns the parts.
    pub fn take(&mut self) -> VecDeque<Segment> {
        self.counted = 0;
        self.bytes = 0;
        std::mem::take(&mut self.parts)
    }

    /// Sets the number of the last message before the ring. For a session that takes up again.
    pub fn rebase(&mut self, base: u64) {
        self.base = base;
    }

    fn drop_first(&mut self, pool: &mut Pool) -> bool {
        let Some(first) = self.parts.pop_front() else { return false };
        self.counted -= first.counted;
        self.bytes -= u32::try_from(first.len()).unwrap_or(u32::MAX);
        self.base += u64::from(first.counted);
        discard(first, pool);
        true
    }

    fn forget_all(&mut self, pool: &mut Pool) {
        while self.drop_first(pool) {}
    }
}

/// Gives the buffer of a segment back.
pub(crate) fn discard(segment: Segment, pool: &mut Pool) {
    if let Data::Own(own) = segment.data {
        pool.recycle(own);
    }
}
