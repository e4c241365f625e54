//! Looks for request heads that give a body two lengths (RFC 9112, 6.1): how a request is smuggled past a proxy that believes the other one.

/// Longest part of a line that is looked at; the names and lengths of interest are shorter.
const LINE_BYTES: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    /// In a head.
    #[default]
    Head,
    /// In a body of known length, of which so many bytes are left.
    Body(u64),
    /// Nothing more is looked at: the server closes the connection after a request with a transfer coding.
    Over,
}

/// Follows the bytes of a connection from head to head.
#[derive(Debug, Default)]
pub(super) struct Heads {
    place: Place,
    line: Vec<u8>,
    length: Option<u64>,
    coded: bool,
    two_lengths: bool,
}

impl Heads {
    /// Whether a head had both `Content-Length` and `Transfer-Encoding`, or two different lengths.
    pub(super) fn two_lengths(&self) -> bool {
        self.two_lengths
    }

    /// Looks at the next bytes of the connection.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            match self.place {
                Place::Over => return,
                Place::Body(left) => {
                    let here = left.min(bytes.len() as u64);
                    self.place = if here == left { Place::Head } else { Place::Body(left - here) };
                    bytes = bytes.get(usize::try_from(here).unwrap_or(usize::MAX)..).unwrap_or_default();
                }
                Place::Head => {
                    bytes = rest;
                    match first {
                        b'\n' => self.line_end(),
                        byte if self.line.len() < LINE_BYTES => self.line.push(byte),
                        _ => {}
                    }
                }
            }
        }
    }

    fn line_end(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        if line.is_empty() {
            self.head_end();
            return;
        }
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { return };
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.coded = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let length = std::str::from_utf8(value).ok().and_then(|value| value.trim().parse().ok());
            self.two_lengths |= self.length.is_some() && self.length != length;
            self.length = length;
        }
    }

    fn head_end(&mut self) {
        self.two_lengths |= self.coded && self.length.is_some();
        let length = self.length.take();
        self.place = match length {
            _ if std::mem::take(&mut self.coded) || self.two_lengths => Place::Over,
            Some(length) if length > 0 => Place::Body(length),
            _ => Place::Head,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smuggled(text: &str) -> bool {
        let whole = {
            let mut heads = Heads::default();
            heads.read(text.as_bytes());
            heads.two_lengths()
        };
        // The same at every split.
        for at in 0..text.len() {
            let mut heads = Heads::default();
            heads.read(&text.as_bytes()[..at]);
            heads.read(&text.as_bytes()[at..]);
            assert_eq!(heads.two_lengths(), whole, "split at {at}");
        }
        whole
    }

    #[test]
    fn two_lengths_are_seen_in_any_request_of_a_connection() {
        let plain = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
        let coded = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        let both = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nCONTENT-LENGTH: 5\r\n\r\n";
        let other = "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: identity\r\n\r\n";
        let twice = "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n";
        let same = "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello";
        for (text, expected) in [
            (plain.to_owned(), false),
            (coded.to_owned(), false),
            (both.to_owned(), true),
            (other.to_owned(), true),
            (twice.to_owned(), true),
            (same.to_owned(), false),
            (format!("{plain}{both}"), true),
            (format!("{plain}{plain}{plain}{twice}"), true),
            // A body is not a head.
            ("POST / HTTP/1.1\r\nContent-Length: 58\r\n\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nGET / HT".into(), false),
            ("GET / HTTP/1.1\r\nX: Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n".into(), false),
        ] {
            assert_eq!(smuggled(&text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_line_keeps_no_memory() {
        let mut heads = Heads::default();
        heads.read(&vec![b'a'; 1 << 20]);
        assert!(heads.line.capacity() <= 2 * LINE_BYTES);
    }
}
