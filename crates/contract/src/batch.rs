//! Publications on their way to the router: ranges into one buffer, so that a batch costs no allocation per message.

use pointsman_protocol::frame::{BodyKind, DeliveryView};

/// Where in the batch's bytes something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    fn text(self, texts: &str) -> &str {
        // Cut where it was put together, so this cannot fail; the empty text is no valid subject and matches nothing.
        texts.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// What the publisher wants to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Answer {
    /// Only refusals.
    #[default]
    Silent,
    /// An `ok` or an `error` with this id.
    Acknowledge(u64),
    /// What the publisher asked to hear of every publication, as its protocol has it.
    Report {
        /// That it was accepted.
        accepted: bool,
        /// That it names a reply subject and nobody is there to answer.
        unheard: bool,
    },
    /// A reply with this id (protocol.md#P6.1), within so many milliseconds.
    Reply {
        /// The request's id.
        id: u64,
        /// How long the request is remembered.
        timeout_ms: u32,
    },
}

/// One publication as a client sends it, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct PublicationView<'a> {
    /// Where to.
    pub subject: &'a str,
    /// Where an answer goes.
    pub reply: Option<&'a str>,
    /// The idempotency key.
    pub message_id: Option<&'a str>,
    /// The header block; empty when there are none.
    pub headers: &'a [u8],
    /// The body.
    pub payload: &'a [u8],
    /// Whether the body is known to be JSON.
    pub body: BodyKind,
    /// What the publisher wants to hear.
    pub answer: Answer,
}

impl<'a> PublicationView<'a> {
    /// What a receiver sees of it.
    #[must_use]
    pub fn delivery(&self) -> DeliveryView<'a> {
        DeliveryView {
            subject: self.subject,
            reply: self.reply,
            headers: self.headers,
            payload: self.payload,
            body: self.body,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Item {
    subject: Span,
    reply: Option<Span>,
    message_id: Option<Span>,
    headers: Span,
    payload: Span,
    body: BodyKind,
    answer: Answer,
}

/// Publications of one read, in order. Reused: [`clear`](Self::clear) keeps the memory.
#[derive(Debug, Default)]
pub struct Batch {
    /// Subjects and ids: known to be text, so they are not looked through again when they are read.
    texts: String,
    bytes: Vec<u8>,
    items: Vec<Item>,
}

/// Submit a batch at this size …
const BYTES_MAX: usize = 256 * 1024;
/// … or this many publications.
const ITEMS_MAX: usize = 1024;

impl Batch {
    /// Adds a copy of a publication.
    pub fn push(&mut self, publication: &PublicationView<'_>) {
        let item = Item {
            subject: self.copy_text(publication.subject),
            reply: publication.reply.map(|reply| self.copy_text(reply)),
            message_id: publication.message_id.map(|id| self.copy_text(id)),
            headers: self.copy(publication.headers),
            payload: self.copy(publication.payload),
            body: publication.body,
            answer: publication.answer,
        };
        self.items.push(item);
    }

    fn copy_text(&mut self, text: &str) -> Span {
        let start = offset(self.texts.len());
        self.texts.push_str(text);
        Span { start, end: offset(self.texts.len()) }
    }

    fn copy(&mut self, bytes: &[u8]) -> Span {
        let start = offset(self.bytes.len());
        self.bytes.extend_from_slice(bytes);
        Span { start, end: offset(self.bytes.len()) }
    }

    /// Whether it should be submitted before more is added: 256 KiB or 1,024 publications.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes() >= BYTES_MAX || self.items.len() >= ITEMS_MAX
    }

    /// Number of publications.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Bytes of subjects, headers and payloads.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len() + self.texts.len()
    }

    /// Removes all publications; gives memory beyond what batches need back.
    pub fn clear(&mut self) {
        self.items.clear();
        self.bytes.clear();
        self.texts.clear();
        if self.texts.capacity() > BYTES_MAX {
            self.texts = String::new();
        }
        if self.bytes.capacity() > 4 * BYTES_MAX {
            self.bytes = Vec::new();
        }
    }

    /// The batch as the router reads it.
    #[must_use]
    pub fn view(&self) -> BatchView<'_> {
        BatchView { texts: &self.texts, bytes: &self.bytes, items: &self.items }
    }
}

/// A borrowed batch.
#[derive(Debug, Clone, Copy)]
pub struct BatchView<'a> {
    texts: &'a str,
    bytes: &'a [u8],
    items: &'a [Item],
}

impl<'a> BatchView<'a> {
    /// Number of publications.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The publication at `at`.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<PublicationView<'a>> {
        self.items.get(at).map(|item| self.publication(item))
    }

    /// All publications, in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = PublicationView<'a>> + Clone + 'a {
        let this = *self;
        self.items.iter().map(move |item| this.publication(item))
    }

    fn publication(&self, item: &Item) -> PublicationView<'a> {
        PublicationView {
            subject: item.subject.text(self.texts),
            reply: item.reply.map(|span| span.text(self.texts)),
            message_id: item.message_id.map(|span| span.text(self.texts)),
            headers: item.headers.of(self.bytes),
            payload: item.payload.of(self.bytes),
            body: item.body,
            answer: item.answer,
        }
    }
}

fn offset(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
