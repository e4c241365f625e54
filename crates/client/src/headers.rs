//! Headers of a message.

use std::fmt;

use bytes::Bytes;
use pointsman_protocol::headers::{self, HeaderBlock, HeaderError};

/// An ordered list of (name, value), at most 4 KiB on the wire; names may repeat (protocol.md#P5.4).
///
/// Cloning costs a reference count.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    block: Bytes,
}

impl Headers {
    /// No headers.
    #[must_use]
    pub const fn new() -> Self {
        Self { block: Bytes::new() }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        headers::iter(&self.block)
    }

    /// The first value of a name. Case matters, as it does on the wire.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(known, value)| (known == name).then_some(value))
    }

    /// All values of a name, in order.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.iter().filter_map(move |(known, value)| (known == name).then_some(value))
    }

    /// Adds one at the end.
    ///
    /// # Errors
    /// The name is no HTTP token, the value holds a control character, or they would take more than 4 KiB. They are as before.
    pub fn push(&mut self, name: &str, value: &str) -> Result<(), HeaderError> {
        let mut block = HeaderBlock::new();
        for (name, value) in self.iter() {
            block.push(name, value)?;
        }
        block.push(name, value)?;
        self.block = block.into_bytes().into();
        Ok(())
    }

    pub(crate) fn from_block(block: Bytes) -> Self {
        Self { block }
    }

    /// As they stand on the wire (protocol.md#P12).
    #[must_use]
    pub fn as_block(&self) -> &[u8] {
        &self.block
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_their_order_and_repeat() {
        let mut headers = Headers::new();
        assert!(headers.is_empty());
        headers.push("trace", "a").unwrap();
        headers.push("kind", "b").unwrap();
        headers.push("trace", "c").unwrap();
        assert_eq!(headers.get("trace"), Some("a"));
        assert_eq!(headers.get("Trace"), None);
        assert_eq!(headers.get_all("trace").collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("trace", "a"), ("kind", "b"), ("trace", "c")]);
    }

    #[test]
    fn a_bad_header_changes_nothing() {
        let mut headers = Headers::new();
        headers.push("a", "b").unwrap();
        let before = headers.clone();
        assert_eq!(headers.push("a b", "c"), Err(HeaderError::Name));
        assert_eq!(headers.push("a", "b\r\nc: d"), Err(HeaderError::Value));
        assert_eq!(headers.push("a", &"x".repeat(5000)), Err(HeaderError::TooLarge));
        assert_eq!(headers, before);
    }
}
