//! Buffers that are used again.

use std::collections::VecDeque;

use crate::segment::Segment;

/// Capacity of the smallest buffers; each class holds buffers twice as large as the one before.
const SMALLEST: usize = 256;
/// A larger buffer is given back to the allocator.
const LARGEST: usize = 64 * 1024;
const CLASSES: usize = (LARGEST / SMALLEST).ilog2() as usize + 1;
/// Bytes kept at most.
const BYTES_MAX: usize = 4 << 20;
/// The longest queue that is kept, and places of all of them.
const QUEUE_LEN_MAX: usize = 64;
const PLACES_MAX: usize = 32 * 1024;

/// The spare buffers of one worker: at most 4 MiB of them, and the queues that outboxes hold only while they are busy.
///
/// Buffers stand in classes by capacity, so that many small ones (a fan-out) and a few large ones (bursts) each find their like again: in
/// the steady state nothing is allocated.
#[derive(Debug, Default)]
pub struct Pool {
    classes: [Vec<Vec<u8>>; CLASSES],
    bytes: usize,
    queues: Vec<VecDeque<Segment>>,
    places: usize,
}

/// The class whose buffers hold `bytes`.
fn class_of(bytes: usize) -> usize {
    bytes.div_ceil(SMALLEST).next_power_of_two().ilog2() as usize
}

impl Pool {
    /// An empty buffer for at least `room` bytes.
    pub fn buffer(&mut self, room: usize) -> Vec<u8> {
        let class = class_of(room);
        let Some(spare) = self.classes.get_mut(class) else { return Vec::with_capacity(room) };
        match spare.pop() {
            Some(buffer) => {
                self.bytes -= buffer.capacity();
                buffer
            }
            None => Vec::with_capacity(SMALLEST << class),
        }
    }

    /// Appends to a buffer; one that has no room is exchanged for a larger one.
    pub fn extend(&mut self, buffer: &mut Vec<u8>, bytes: &[u8]) {
        let len = buffer.len() + bytes.len();
        if len > buffer.capacity() {
            let mut larger = self.buffer(len);
            larger.extend_from_slice(buffer);
            self.recycle(std::mem::replace(buffer, larger));
        }
        buffer.extend_from_slice(bytes);
    }

    /// Takes a buffer back.
    pub fn recycle(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        if !(SMALLEST..=LARGEST).contains(&capacity) || self.bytes + capacity > BYTES_MAX {
            return;
        }
        // One of an odd capacity serves the class below, whose size it surely has.
        let class = class_of(capacity + 1) - 1;
        if let Some(spare) = self.classes.get_mut(class) {
            buffer.clear();
            self.bytes += capacity;
            spare.push(buffer);
        }
    }

    /// An empty queue.
    pub fn queue(&mut self) -> VecDeque<Segment> {
        let queue = self.queues.pop().unwrap_or_default();
        self.places -= queue.capacity();
        queue
    }

    /// Takes a queue back.
    pub fn recycle_queue(&mut self, mut queue: VecDeque<Segment>) {
        let capacity = queue.capacity();
        if (1..=QUEUE_LEN_MAX).contains(&capacity) && self.places + capacity <= PLACES_MAX {
            queue.clear();
            self.places += capacity;
            self.queues.push(queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_to_those_that_have_use_for_it() {
        let mut pool = Pool::default();
        for room in [0, 1, 256, 257, 512, 1000, 4096, 65_536] {
            let buffer = pool.buffer(room);
            assert!(buffer.capacity() >= room.max(SMALLEST) && buffer.is_empty());
            let place = buffer.as_ptr();
            pool.recycle(buffer);
            let again = pool.buffer(room);
            assert_eq!(again.as_ptr(), place, "{room}");
            pool.recycle(again);
        }
        pool.recycle(Vec::with_capacity(700));
        assert!(pool.buffer(1024).capacity() >= 1024);
        assert_eq!(pool.buffer(65_537).capacity(), 65_537);
    }

    #[test]
    fn a_buffer_grows_by_exchange() {
        let mut pool = Pool::default();
        let mut buffer = pool.buffer(10);
        let mut expected = Vec::new();
        for round in 0..200 {
            let bytes = [round; 33];
            pool.extend(&mut buffer, &bytes);
            expected.extend_from_slice(&bytes);
        }
        assert_eq!(buffer, expected);
        assert_eq!(pool.buffer(256).capacity(), 256);
        assert_eq!(pool.buffer(512).capacity(), 512);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut pool = Pool::default();
        for _ in 0..100 {
            pool.recycle(Vec::with_capacity(LARGEST));
            pool.recycle(Vec::with_capacity(LARGEST + 1));
            pool.recycle(Vec::with_capacity(SMALLEST - 1));
        }
        assert_eq!(pool.bytes, BYTES_MAX);
        assert_eq!(pool.classes.iter().map(Vec::len).sum::<usize>(), 64);
        for _ in 0..2000 {
            pool.recycle_queue(VecDeque::with_capacity(QUEUE_LEN_MAX));
            pool.recycle_queue(VecDeque::with_capacity(QUEUE_LEN_MAX + 1));
            pool.recycle_queue(VecDeque::new());
        }
        assert_eq!((pool.places, pool.queues.len()), (PLACES_MAX, PLACES_MAX / QUEUE_LEN_MAX));
        while pool.places > 0 {
            assert_eq!(pool.queue().capacity(), QUEUE_LEN_MAX);
        }
    }
}
