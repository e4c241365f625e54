//! The header block: the one form in which headers travel inside the router (protocol.md#P5.4, protocol.md#P12).
//!
//! `NATS/1.0[ status]\r\n`, then `Name: value\r\n` per header, then `\r\n`. An empty block is no headers. Reading is lenient: a block that
//! came from elsewhere is passed on byte for byte, and what cannot be read of it is not shown.

/// Bytes of a block at most.
pub const HEADER_BYTES_MAX: usize = 4096;
const VERSION: &[u8] = b"NATS/1.0";
/// A block without headers, spelt out.
const EMPTY: &[u8] = b"NATS/1.0\r\n\r\n";

/// Why a header was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name is not an HTTP token.
    #[error("a header name is one or more letters, digits or any of !#$%&'*+-.^_`|~")]
    Name,
    /// The value would end the line.
    #[error("a header value holds a line break or another control character")]
    Value,
    /// The block is not laid out as one.
    #[error("the header block is not `NATS/1.0`, lines of `Name: value` and an empty line, each ended by CR LF")]
    Layout,
    /// The block is full.
    #[error("the headers take more than {HEADER_BYTES_MAX} bytes")]
    TooLarge,
}

/// A block being built. Only holds what is valid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderBlock(Vec<u8>);

impl HeaderBlock {
    /// A block without headers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a header; names may repeat.
    ///
    /// # Errors
    /// What is wrong with it. The block is as before.
    pub fn push(&mut self, name: &str, value: &str) -> Result<(), HeaderError> {
        check(name, value)?;
        let before = if self.0.is_empty() { EMPTY.len() } else { self.0.len() };
        if before + name.len() + value.len() + 4 > HEADER_BYTES_MAX {
            return Err(HeaderError::TooLarge);
        }
        if self.0.is_empty() {
            self.0.extend_from_slice(EMPTY);
        }
        self.0.truncate(self.0.len() - 2);
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        self.0.extend_from_slice(value.as_bytes());
        self.0.extend_from_slice(b"\r\n\r\n");
        Ok(())
    }

    /// The block.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The block, given away.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn check(name: &str, value: &str) -> Result<(), HeaderError> {
    if name.is_empty() || !name.bytes().all(is_name_byte) {
        return Err(HeaderError::Name);
    }
    if value.bytes().any(|byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
        return Err(HeaderError::Value);
    }
    Ok(())
}

/// Whether a client may send this block: empty, or laid out as [`HeaderBlock`] does it.
///
/// # Errors
/// What is wrong with it.
pub fn validate(block: &[u8]) -> Result<(), HeaderError> {
    if block.is_empty() {
        return Ok(());
    }
    if block.len() > HEADER_BYTES_MAX {
        return Err(HeaderError::TooLarge);
    }
    let text = std::str::from_utf8(block).map_err(|_| HeaderError::Layout)?;
    let lines = text.strip_prefix("NATS/1.0\r\n").and_then(|rest| rest.strip_suffix("\r\n"));
    for line in lines.ok_or(HeaderError::Layout)?.split_terminator("\r\n") {
        let (name, value) = line.split_once(": ").ok_or(HeaderError::Layout)?;
        check(name, value)?;
    }
    // Without the empty line at the end, the last header lost its own line end above.
    if block.ends_with(b"\r\n\r\n") { Ok(()) } else { Err(HeaderError::Layout) }
}

/// The headers of a block, in order. What cannot be read, or could not have been sent by a client, is left out.
pub fn iter(block: &[u8]) -> impl Iterator<Item = (&str, &str)> + Clone {
    let body = match block.strip_prefix(VERSION) {
        Some(rest) => memchr::memchr(b'\n', rest).and_then(|end| rest.get(end + 1..)).unwrap_or_default(),
        None => &[],
    };
    body.split(|byte| *byte == b'\n').filter_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        let (name, value) = line.strip_suffix('\r').unwrap_or(line).split_once(':')?;
        let value = value.trim_matches([' ', '\t']);
        check(name, value).is_ok().then_some((name, value))
    })
}

/// The status in the first line, as NATS uses it: 503 for "no responders".
#[must_use]
pub fn status(block: &[u8]) -> Option<u16> {
    let rest = block.strip_prefix(VERSION)?;
    let line = rest.get(..memchr::memchr(b'\r', rest)?)?;
    std::str::from_utf8(line).ok()?.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_in_order() {
        let mut block = HeaderBlock::new();
        block.push("trace", "abc").unwrap();
        block.push("Trace", "d: e").unwrap();
        assert_eq!(block.as_bytes(), b"NATS/1.0\r\ntrace: abc\r\nTrace: d: e\r\n\r\n");
        assert_eq!(iter(block.as_bytes()).collect::<Vec<_>>(), [("trace", "abc"), ("Trace", "d: e")]);
    }

    #[test]
    fn nothing_can_be_injected() {
        let mut block = HeaderBlock::new();
        assert_eq!(block.push("a\r\nb", "c"), Err(HeaderError::Name));
        assert_eq!(block.push("a", "b\r\nc: d"), Err(HeaderError::Value));
        assert_eq!(block.push("", "b"), Err(HeaderError::Name));
        assert_eq!(block.push("a", &"x".repeat(5000)), Err(HeaderError::TooLarge));
        assert_eq!(block, HeaderBlock::new());
    }

    #[test]
    fn only_well_formed_blocks_are_valid() {
        // protocol.md#P5.4, protocol.md#P12
        let long = [&b"NATS/1.0\r\na: "[..], &[b'x'; HEADER_BYTES_MAX], b"\r\n\r\n"].concat();
        for (block, expected) in [
            (&b""[..], Ok(())),
            (b"NATS/1.0\r\n\r\n", Ok(())),
            (b"NATS/1.0\r\na: b\r\na: \r\n\r\n", Ok(())),
            (b"NATS/1.0\r\na: b\r\n", Err(HeaderError::Layout)),
            (b"NATS/1.0\r\n", Err(HeaderError::Layout)),
            (b"NATS/1.0 503\r\n\r\n", Err(HeaderError::Layout)),
            (b"NATS/1.0\r\na:b\r\n\r\n", Err(HeaderError::Layout)),
            (b"NATS/1.0\r\n\r\na: b\r\n\r\n", Err(HeaderError::Layout)),
            (b"NATS/1.0\r\n\xff: b\r\n\r\n", Err(HeaderError::Layout)),
            (b"NATS/1.0\r\na b: c\r\n\r\n", Err(HeaderError::Name)),
            (b"NATS/1.0\r\n: c\r\n\r\n", Err(HeaderError::Name)),
            (b"NATS/1.0\r\na: b\nc: d\r\n\r\n", Err(HeaderError::Value)),
            (&long, Err(HeaderError::TooLarge)),
        ] {
            assert_eq!(validate(block), expected, "{:?}", String::from_utf8_lossy(block));
        }
    }

    #[test]
    fn garbage_has_no_headers() {
        for garbage in [
            &b""[..],
            b"NATS/1.0",
            b"HTTP/1.1\r\na: b\r\n",
            b"NATS/1.0\r\n\xff: x\r\n\r\n",
            b"NATS/1.0\r\nno colon\r\n\r\n",
            b"NATS/1.0\r\na b: c\r\n: d\r\n\r\n",
        ] {
            assert_eq!(iter(garbage).count(), 0, "{garbage:?}");
        }
        assert_eq!(status(b"NATS/1.0 503\r\n\r\n"), Some(503));
        assert_eq!(status(b"NATS/1.0\r\n\r\n"), None);
    }
}
