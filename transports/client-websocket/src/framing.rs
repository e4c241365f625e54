//! WebSocket frames of a server: never masked, never fragmented (protocol.md#P1.5).

/// A text message.
pub const TEXT: u8 = 0x1;
/// A binary message.
pub const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const FIN: u8 = 0x80;
/// A close frame carries at most 125 bytes, two of them the code.
const CLOSE_TEXT_MAX: usize = 123;
/// Room left for the header while the payload is encoded.
const HEADER_ROOM: usize = 4;

/// Appends a frame whose payload `encode` appends. The header takes the shortest form (RFC 6455, 5.2).
pub fn frame(opcode: u8, out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_ROOM]);
    encode(out);
    let len = out.len() - start - HEADER_ROOM;
    let first = FIN | opcode;
    if let Ok(short) = u8::try_from(len)
        && short <= 125
    {
        out.copy_within(start + HEADER_ROOM.., start + 2);
        out.truncate(start + 2 + len);
        put(out, start, &[first, short]);
    } else if let Ok(medium) = u16::try_from(len) {
        let [a, b] = medium.to_be_bytes();
        put(out, start, &[first, 126, a, b]);
    } else {
        out.splice(start..start, [0; 6]);
        put(out, start, &[first, 127]);
        put(out, start + 2, &(len as u64).to_be_bytes());
    }
}

/// Appends a close frame.
pub fn close(code: u16, message: &str, out: &mut Vec<u8>) {
    let mut text = message;
    while text.len() > CLOSE_TEXT_MAX {
        let mut shorter = text.chars();
        shorter.next_back();
        text = shorter.as_str();
    }
    frame(CLOSE, out, |out| {
        out.extend_from_slice(&code.to_be_bytes());
        out.extend_from_slice(text.as_bytes());
    });
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = out.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

/// Takes the first frame of a server's bytes apart: opcode, payload, length with header.
#[must_use]
pub fn first_frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (&first, rest) = bytes.split_first()?;
    let (&second, rest) = rest.split_first()?;
    let (header, len): (usize, usize) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(rest.get(..8)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    let payload = bytes.get(header..header.checked_add(len)?)?;
    Some((first & 0x0f, payload, header + len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_as_it_was_with_the_shortest_header() {
        for (len, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10), (100_000, 10)] {
            let payload: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let mut out = vec![0xee];
            frame(BINARY, &mut out, |out| out.extend_from_slice(&payload));
            assert_eq!(out.len(), 1 + header + len);
            let (opcode, found, total) = first_frame(&out[1..]).unwrap();
            assert_eq!((opcode, found, total), (BINARY, &payload[..], header + len));
            assert_eq!(first_frame(&out[1..out.len() - 1]).is_none(), len > 0 || header > 1);
        }
    }

    #[test]
    fn a_long_close_message_is_cut_between_characters() {
        let mut out = Vec::new();
        close(3001, &"ü".repeat(100), &mut out);
        let (opcode, payload, _) = first_frame(&out).unwrap();
        assert_eq!(opcode, 8);
        assert!(payload.len() <= 125);
        assert!(std::str::from_utf8(&payload[2..]).is_ok());
    }
}
