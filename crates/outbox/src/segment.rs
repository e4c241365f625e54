//! A stretch of queued bytes.

use bytes::Bytes;

use crate::gaps::Gaps;

/// Bytes of one or more whole wire messages.
#[derive(Debug)]
pub struct Segment {
    /// The bytes.
    pub data: Data,
    /// Counted wire messages in it (protocol.md#P7.2).
    pub counted: u32,
    /// Messages delivered by it.
    pub messages: u32,
    /// The losses that it tells and nothing else, while none of it has been written: they can be told again, together with later ones.
    pub notice: Option<Box<Gaps>>,
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
    /// Wire messages that are no notice.
    #[must_use]
    pub fn new(data: Data, counted: u32, messages: u32) -> Self {
        Self { data, counted, messages, notice: None }
    }

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
