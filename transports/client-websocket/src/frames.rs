//! Where frames of a client begin and end (RFC 6455, 5.2), so that whole messages can be taken where they lie.

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
const OPCODE: u8 = 0x0f;
/// Opcodes from here on are of control frames, which may stand between the fragments of a message.
const CONTROL: u8 = 0x8;
/// Two bytes, eight of a length, four of a mask.
const HEADER_BYTES_MAX: usize = 14;

/// A frame that is a whole message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) header: usize,
    pub(crate) len: usize,
    pub(crate) mask: [u8; 4],
}

/// The message at the beginning of `bytes`, if it is one frame of this opcode, masked, without extensions, of at most `max` bytes, and all there.
pub(crate) fn whole_message(bytes: &[u8], opcode: u8, max: usize) -> Option<Whole> {
    let [first, second, ..] = *bytes else { return None };
    if first != FIN | opcode || second & MASKED == 0 {
        return None;
    }
    let (mask_at, len) = match second & !MASKED {
        126 => (4, usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)).ok()?),
        short => (2, usize::from(short)),
    };
    let mask = *bytes.get(mask_at..)?.first_chunk()?;
    let header = mask_at + 4;
    (len <= max && bytes.len() - header >= len).then_some(Whole { header, len, mask })
}

/// Takes the mask off (RFC 6455, 5.3).
pub(crate) fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let twice = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (blocks, rest) = payload.as_chunks_mut::<8>();
    for block in blocks {
        *block = (u64::from_ne_bytes(*block) ^ twice).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Follows the frames of a connection from header to header.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    header: [u8; HEADER_BYTES_MAX],
    /// Bytes of the header that are there.
    have: usize,
    /// Bytes of the payload that are still to come.
    payload: u64,
    /// Whether a message has begun whose last fragment has not come.
    fragmented: bool,
}

impl Frames {
    /// Whether the next byte begins a frame, and no message is open.
    pub(crate) fn between_messages(&self) -> bool {
        self.have == 0 && self.payload == 0 && !self.fragmented
    }

    /// Goes on to the end of the frame, or of `bytes`. Returns how far that is.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        if self.payload == 0 {
            at = self.read_header(bytes);
        }
        let there = (bytes.len() - at) as u64;
        let now = self.payload.min(there);
        self.payload -= now;
        // Not more than there are bytes.
        at + usize::try_from(now).unwrap_or(0)
    }

    /// Takes bytes of a header. When it is whole, the payload's length is known.
    fn read_header(&mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            if let Some(place) = self.header.get_mut(self.have) {
                *place = *byte;
            }
            self.have += 1;
            if self.have == self.header_len() {
                self.begin();
                return at + 1;
            }
        }
        bytes.len()
    }

    /// How long the header is, as far as it is known.
    fn header_len(&self) -> usize {
        let [_, second, ..] = self.header;
        if self.have < 2 {
            return 2;
        }
        let extended = match second & !MASKED {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + extended + if second & MASKED == 0 { 0 } else { 4 }
    }

    fn begin(&mut self) {
        let [first, second, rest @ ..] = self.header;
        let [a, b, c, d, e, f, g, h, ..] = rest;
        self.payload = match second & !MASKED {
            126 => u64::from(u16::from_be_bytes([a, b])),
            127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            short => u64::from(short),
        };
        if first & OPCODE < CONTROL {
            self.fragmented = first & FIN == 0;
        }
        self.have = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![first];
        match payload.len() {
            len @ 0..126 => out.push(MASKED | u8::try_from(len).unwrap()),
            len @ 126..0x1_0000 => {
                out.push(MASKED | 126);
                out.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
            }
            len => {
                out.push(MASKED | 127);
                out.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        let mask = [1, 2, 3, 250];
        out.extend_from_slice(&mask);
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        out
    }

    #[test]
    fn a_whole_message_is_found_and_unmasked() {
        for len in [0usize, 1, 7, 8, 9, 125, 126, 127, 65_535, 65_536, 70_001] {
            let payload: Vec<u8> = (0..len).map(|at| u8::try_from(at % 253).unwrap()).collect();
            let mut bytes = frame(0x81, &payload);
            let found = whole_message(&bytes, 1, 1 << 20).unwrap();
            assert_eq!(found.header + found.len, bytes.len());
            unmask(&mut bytes[found.header..], found.mask);
            assert_eq!(&bytes[found.header..], payload);
            assert_eq!(whole_message(&bytes, 1, len.saturating_sub(1)).is_none(), len > 0, "over the limit");
            assert_eq!(whole_message(&bytes[..bytes.len() - 1], 1, 1 << 20), None, "not all there");
        }
        for other in [0x82, 0x01, 0xc1, 0x80, 0x89] {
            assert_eq!(whole_message(&frame(other, b"x"), 1, 9), None, "{other:x}");
        }
        assert_eq!(whole_message(&[0x81, 1, b'x'], 1, 9), None, "not masked");
    }

    #[test]
    fn the_ends_of_frames_are_found_in_any_pieces() {
        let frames = [
            (frame(0x81, &[b'x'; 300]), true),
            (frame(0x01, b"begun"), false),
            (frame(0x89, b"ping"), false),
            (frame(0x00, b""), false),
            (frame(0x80, b"over"), true),
            (frame(0x82, &[0; 70_000]), true),
            (vec![0x81, 3, 1, 2, 3], true),
        ];
        for piece in [1, 2, 3, 5, 13, 1000, 100_000] {
            let mut state = Frames::default();
            for (bytes, over) in &frames {
                for piece in bytes.chunks(piece) {
                    let mut rest = piece;
                    while !rest.is_empty() {
                        let went = state.advance(rest);
                        assert!(went > 0);
                        rest = &rest[went..];
                    }
                }
                assert_eq!(state.between_messages(), *over);
            }
        }
        // Several in one piece: it stops at the end of each.
        let two = [frames[0].0.clone(), frames[4].0.clone()].concat();
        assert_eq!(Frames::default().advance(&two), frames[0].0.len());
    }
}
