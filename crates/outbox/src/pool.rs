//! Buffers that are used again.

use std::collections::VecDeque;

use crate::segment::Segment;

/// Buffers kept at most.
const BUFFERS_MAX: usize = 64;
/// A larger buffer is given back to the allocator.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Queues kept at most, and the longest that is kept.
const QUEUES_MAX: usize = 256;
const QUEUE_LEN_MAX: usize = 64;

/// The spare buffers of one worker: at most 64 of at most 64 KiB, and the queues that outboxes hold only while they are busy.
#[derive(Debug, Default)]
pub struct Pool {
    buffers: Vec<Vec<u8>>,
    queues: Vec<VecDeque<Segment>>,
}

impl Pool {
    /// An empty buffer.
    pub fn buffer(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_else(|| Vec::with_capacity(1024))
    }

    /// Takes a buffer back.
    pub fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.buffers.len() < BUFFERS_MAX && buffer.capacity() <= BUFFER_BYTES_MAX && buffer.capacity() > 0 {
            buffer.clear();
            self.buffers.push(buffer);
        }
    }

    /// An empty queue.
    pub fn queue(&mut self) -> VecDeque<Segment> {
        self.queues.pop().unwrap_or_default()
    }

    /// Takes a queue back.
    pub fn recycle_queue(&mut self, mut queue: VecDeque<Segment>) {
        if self.queues.len() < QUEUES_MAX && (1..=QUEUE_LEN_MAX).contains(&queue.capacity()) {
            queue.clear();
            self.queues.push(queue);
        }
    }
}
