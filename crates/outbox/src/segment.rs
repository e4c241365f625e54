//! A stretch of queued bytes.

use bytes::Bytes;

/// Bytes of one or more whole wire messages.
#[derive(Debug)]
pub struct Segment {
    /// The bytes.
    pub data: Data,
    /// Counted wire messages in it (protocol.md#P7.2).
    pub counted: u32,
    /// Messages delivered by it.
    pub messages: u32,
}

/// Where the bytes are.
#[derive(Debug)]
pub enum Data {
    /// A buffer of this outbox alone; more may be appended while it is last in the queue.
    Own(Vec<u8>),
    /// An exact-size chunk shared with other outboxes; each of them is charged for all of it.
    Shared(Bytes),
}

impl Segment {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.data {
            Data::Own(own) => own,
            Data::Shared(shared) => shared,
        }
    }

    /// Their number.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }
}
