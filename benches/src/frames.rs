//! WebSocket frames (RFC 6455, 5.2) as a load generator needs them: masked ones are written, bare ones are skipped over and counted.

use memchr::memmem::Finder;

/// A text message.
pub const TEXT: u8 = 1;
/// A binary message.
pub const BINARY: u8 = 2;
/// A close.
pub const CLOSE: u8 = 8;
const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Appends a header; the shortest form.
pub fn header(opcode: u8, len: usize, masked: bool, out: &mut Vec<u8>) {
    let mask = if masked { MASKED } else { 0 };
    out.push(FIN | opcode);
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short), _) if short <= 125 => out.push(mask | short),
        (_, Ok(medium)) => {
            out.push(mask | 126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(mask | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

/// Appends a masked frame, as clients send them.
pub fn masked(opcode: u8, payload: &[u8], key: [u8; 4], out: &mut Vec<u8>) {
    header(opcode, payload.len(), true, out);
    out.extend_from_slice(&key);
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// A frame header read from the front of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The opcode.
    pub opcode: u8,
    /// Its own bytes, the mask's key included.
    pub bytes: usize,
    /// Bytes of the payload.
    pub payload: usize,
    /// The key of the mask.
    pub key: Option<[u8; 4]>,
}

/// Reads a header; `None` when it is not there in full.
#[must_use]
pub fn read_header(bytes: &[u8]) -> Option<Header> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (mut used, payload) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    let mut key = None;
    if second & MASKED != 0 {
        key = Some(bytes.get(used..used + 4)?.try_into().ok()?);
        used += 4;
    }
    Some(Header { opcode: first & 0x0f, bytes: used, payload, key })
}

/// Goes through a stream of frames as it comes in pieces: counts the data messages, and how often a mark stands in them.
#[derive(Debug)]
pub struct Scanner<'m> {
    mark: &'m Finder<'m>,
    /// The beginning of a header whose rest has not come.
    partial: Vec<u8>,
    /// Bytes of the open frame's payload that have not come.
    missing: usize,
    opcode: u8,
    /// The end of the last piece, in which a mark may have begun.
    tail: Vec<u8>,
    /// Data messages that have begun.
    pub messages: u64,
    /// Marks seen.
    pub marks: u64,
    /// Whether a close has come.
    pub closed: bool,
}

impl<'m> Scanner<'m> {
    /// A scanner at the beginning of a frame.
    #[must_use]
    pub fn new(mark: &'m Finder<'m>) -> Self {
        Self {
            mark,
            partial: Vec::new(),
            missing: 0,
            opcode: 0,
            tail: Vec::new(),
            messages: 0,
            marks: 0,
            closed: false,
        }
    }

    /// Takes the next piece. `small` sees the payload of each data message that came in one piece and has fewer than 512 bytes: that is how a
    /// client learns of `ready` and `ping` without reading what it only counts.
    pub fn feed(&mut self, mut bytes: &[u8], small: &mut impl FnMut(&[u8])) {
        while !bytes.is_empty() {
            if self.missing == 0 {
                let Some(rest) = self.begin(bytes) else { return };
                bytes = rest;
                if self.missing > 0 && self.missing < 512 && self.opcode <= BINARY {
                    bytes.get(..self.missing).into_iter().for_each(&mut *small);
                }
                continue;
            }
            let (payload, rest) = bytes.split_at(self.missing.min(bytes.len()));
            self.missing -= payload.len();
            if self.opcode <= BINARY {
                self.count(payload);
            }
            bytes = rest;
        }
    }

    /// Reads a header; `None` when more bytes are needed.
    fn begin<'b>(&mut self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let (header, used) = if self.partial.is_empty() {
            match read_header(bytes) {
                Some(header) => (header, header.bytes),
                None => {
                    self.partial.extend_from_slice(bytes);
                    return None;
                }
            }
        } else {
            let before = self.partial.len();
            self.partial.extend_from_slice(bytes.get(..bytes.len().min(14 - before)).unwrap_or_default());
            let header = read_header(&self.partial)?;
            self.partial.clear();
            (header, header.bytes - before)
        };
        self.missing = header.payload;
        self.opcode = header.opcode;
        self.messages += u64::from(matches!(header.opcode, TEXT | BINARY));
        self.closed |= header.opcode == CLOSE;
        self.tail.clear();
        bytes.get(used..)
    }

    fn count(&mut self, piece: &[u8]) {
        let longest = self.mark.needle().len() - 1;
        if !self.tail.is_empty() {
            let before = self.tail.len();
            self.tail.extend_from_slice(piece.get(..piece.len().min(longest)).unwrap_or_default());
            self.marks += self.mark.find_iter(&self.tail).count() as u64;
            self.tail.truncate(before);
        }
        self.marks += self.mark.find_iter(piece).count() as u64;
        if self.missing > 0 {
            self.tail.extend_from_slice(piece);
            let cut = self.tail.len().saturating_sub(longest);
            self.tail.drain(..cut);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scanner_counts_the_same_however_the_stream_is_cut() {
        let mut stream = Vec::new();
        let mut bare = |opcode, payload: &[u8]| {
            header(opcode, payload.len(), false, &mut stream);
            stream.extend_from_slice(payload);
        };
        bare(TEXT, b"{\"op\":\"ready\"}");
        bare(BINARY, &b"markmarkmamark".repeat(40));
        bare(9, b"mark");
        bare(BINARY, b"");
        bare(BINARY, &b"xmark".repeat(20_000));
        bare(BINARY, b"ma");
        bare(BINARY, b"rk");
        let mark = Finder::new("mark");
        for cut in [1, 2, 3, 5, 7, 64, 1000, 65_536, usize::MAX] {
            let mut scanner = Scanner::new(&mark);
            let mut seen = 0;
            for piece in stream.chunks(cut.min(stream.len())) {
                scanner.feed(piece, &mut |payload| seen += usize::from(payload.starts_with(b"{\"op\"")));
            }
            assert_eq!((scanner.messages, scanner.marks), (6, 120 + 20_000), "cut at {cut}");
            assert_eq!(seen, usize::from(cut >= 64));
        }
    }

    #[test]
    fn a_masked_frame_can_be_read_again() {
        for len in [0, 5, 125, 126, 70_000] {
            let payload = vec![7; len];
            let mut out = Vec::new();
            masked(TEXT, &payload, [1, 2, 3, 4], &mut out);
            let header = read_header(&out).unwrap();
            assert_eq!((header.opcode, header.payload, header.key), (TEXT, len, Some([1, 2, 3, 4])));
            assert_eq!(out.len(), header.bytes + len);
            assert!(out[header.bytes..].iter().zip([1, 2, 3, 4].iter().cycle()).all(|(byte, key)| byte ^ key == 7));
        }
    }
}
