//! What a client sends, taken apart: bytes in, whole messages out, without a socket.

use std::io::{self, Read, Write};

use pointsman_protocol::codes::CloseCode;
use pointsman_session::close::CloseReason;
use pointsman_session::link::Receive;
use tungstenite::error::CapacityError;
use tungstenite::protocol::{Role, WebSocketConfig as Settings, WebSocketContext};
use tungstenite::{Error, Message};

use crate::codec::WebSocketCodec;
use crate::config::WebSocketConfig;
use crate::frames::{Frames, unmask, whole_message};

/// What the context keeps per link. Reads go through the thread's buffer, so a small one costs no system calls.
const CONTEXT_BYTES: usize = 1024;

/// Puts the messages of one link together (RFC 6455, 5): frames may arrive in any pieces.
#[derive(Debug)]
pub struct MessageReader {
    codec: WebSocketCodec,
    context: WebSocketContext,
    frames: Frames,
    message_bytes_max: usize,
}

impl MessageReader {
    /// A reader for a link whose upgrade brought `already_read` with it.
    #[must_use]
    pub fn new(already_read: Vec<u8>, codec: WebSocketCodec, config: &WebSocketConfig) -> Self {
        let settings = Settings::default()
            .read_buffer_size(CONTEXT_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(64 * 1024)
            .max_frame_size(Some(config.frame_bytes_max))
            .max_message_size(Some(config.message_bytes_max));
        let mut frames = Frames::default();
        let mut walked = 0;
        while let Some(rest) = already_read.get(walked..).filter(|rest| !rest.is_empty()) {
            walked += frames.advance(rest);
        }
        Self {
            codec,
            context: WebSocketContext::from_partially_read(already_read, Role::Server, Some(settings)),
            frames,
            message_bytes_max: config.frame_bytes_max.min(config.message_bytes_max),
        }
    }

    /// The form of the frames inside the messages.
    #[must_use]
    pub fn codec(&self) -> WebSocketCodec {
        self.codec
    }

    /// Hands over every message that `bytes` completes, in order, and what the link itself answers. Payloads are unmasked where they lie.
    ///
    /// # Errors
    /// How the link ends. What came before the end was handed over; nothing may be taken after it.
    pub fn take(&mut self, mut bytes: &mut [u8], into: &mut dyn Receive) -> Result<(), CloseReason> {
        if bytes.is_empty() {
            return self.feed(&[], into);
        }
        while !bytes.is_empty() {
            if self.frames.between_messages() {
                let (taken, rest) = self.take_whole(bytes, into)?;
                bytes = rest;
                if taken {
                    continue;
                }
            }
            // Everything else is the context's: it gets one frame, or what there is of it.
            let (frame, rest) = bytes.split_at_mut(self.frames.advance(bytes));
            self.feed(frame, into)?;
            bytes = rest;
        }
        Ok(())
    }

    /// Takes the frame at the beginning of `bytes` without a copy, if it is a whole message of the right kind and there is nothing else to be said of it.
    fn take_whole<'b>(&self, bytes: &'b mut [u8], into: &mut dyn Receive) -> Result<(bool, &'b mut [u8]), CloseReason> {
        let Some(found) = whole_message(bytes, self.codec.opcode(), self.message_bytes_max) else {
            return Ok((false, bytes));
        };
        let (frame, rest) = bytes.split_at_mut(found.header + found.len);
        let payload = frame.get_mut(found.header..).unwrap_or_default();
        unmask(payload, found.mask);
        if self.codec == WebSocketCodec::Json && std::str::from_utf8(payload).is_err() {
            return Err(not_utf8());
        }
        into.message(payload);
        Ok((true, rest))
    }

    fn feed(&mut self, bytes: &[u8], into: &mut dyn Receive) -> Result<(), CloseReason> {
        let mut tap = Tap { bytes, answers: Vec::new() };
        let end = loop {
            match self.context.read(&mut tap) {
                Ok(Message::Text(text)) if self.codec == WebSocketCodec::Json => into.message(text.as_bytes()),
                Ok(Message::Binary(bytes)) if self.codec == WebSocketCodec::Postcard => into.message(&bytes),
                Ok(Message::Text(_) | Message::Binary(_)) => {
                    break Some(CloseReason::server(
                        CloseCode::Protocol,
                        format!(
                            "the subprotocol {} takes {} messages only",
                            self.codec.subprotocol(),
                            if self.codec == WebSocketCodec::Json { "text" } else { "binary" }
                        ),
                    ));
                }
                Ok(Message::Close(frame)) => {
                    break Some(CloseReason::Peer { code: frame.map(|frame| u16::from(frame.code)) });
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break None,
                Err(error) => break Some(end_of(&error)),
            }
        };
        if end.is_none() {
            // What is left of it after an end is the context's own close, and the session writes a better one.
            let _nothing_to_write = self.context.flush(&mut tap);
        }
        // A pong that waits goes the way of everything else: through the outbox.
        if !tap.answers.is_empty() {
            into.answer(&tap.answers);
        }
        end.map_or(Ok(()), Err)
    }
}

fn not_utf8() -> CloseReason {
    CloseReason::Violation { code: 1007, message: "a text message is not UTF-8".to_owned() }
}

/// How a link ends that broke the rules (RFC 6455, 7.4.1).
fn end_of(error: &Error) -> CloseReason {
    let code = match error {
        Error::ConnectionClosed | Error::AlreadyClosed => return CloseReason::Peer { code: None },
        Error::Io(_) => return CloseReason::Lost,
        // The top bit of a length must be 0 (RFC 6455, 5.2): that is no length at all.
        Error::Capacity(CapacityError::MessageTooLong { size, .. }) if *size as u64 >> 63 != 0 => 1002,
        Error::Capacity(_) => 1009,
        Error::Utf8(_) => return not_utf8(),
        _ => 1002,
    };
    CloseReason::Violation { code, message: error.to_string() }
}

/// Stands for the socket: reads from a slice, writes to a list.
struct Tap<'a> {
    bytes: &'a [u8],
    answers: Vec<u8>,
}

impl Read for Tap<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.bytes.read(out)
    }
}

impl Write for Tap<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.answers.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use pointsman_protocol::frame::{ClientFrame, FrameError};

    use super::*;

    /// What a link handed over.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Taken {
        messages: Vec<Vec<u8>>,
        answers: Vec<u8>,
    }

    impl Receive for Taken {
        fn message(&mut self, bytes: &[u8]) {
            self.messages.push(bytes.to_vec());
        }
        fn answer(&mut self, bytes: &[u8]) {
            self.answers.extend_from_slice(bytes);
        }
        fn frame(&mut self, _: Result<ClientFrame<'_>, FrameError>) {
            panic!("a WebSocket has wire messages");
        }
    }

    /// A client's frame; a mask of zeros leaves the payload as it is.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![first, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0];
        out.extend_from_slice(payload);
        out
    }

    fn read(codec: WebSocketCodec, pieces: &[&[u8]]) -> (Taken, Option<CloseReason>) {
        let config = WebSocketConfig {
            allowed_origins: Vec::new(),
            allow_missing_origin: true,
            frame_bytes_max: 100,
            message_bytes_max: 100,
        };
        let mut reader = MessageReader::new(Vec::new(), codec, &config);
        let mut taken = Taken::default();
        let end = pieces.iter().find_map(|piece| reader.take(&mut piece.to_vec(), &mut taken).err());
        (taken, end)
    }

    #[test]
    fn pieces_make_no_difference() {
        let bytes = [frame(0x01, b"[1,"), frame(0x89, b"?"), frame(0x80, b"2]"), frame(0x81, b"{}")].concat();
        let expected = Taken { messages: vec![b"[1,2]".to_vec(), b"{}".to_vec()], answers: vec![0x8a, 1, b'?'] };
        for at in 0..=bytes.len() {
            let (a, b) = bytes.split_at(at);
            let (taken, end) = read(WebSocketCodec::Json, &[a, b]);
            assert_eq!((&taken, end), (&expected, None), "cut at {at}");
        }
        let bytes: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(WebSocketCodec::Json, &bytes), (expected, None));
    }

    #[test]
    fn a_broken_rule_ends_the_link_with_its_code_after_what_came_before() {
        let violation = |bytes: &[u8]| {
            let bytes = [frame(0x81, b"{}").as_slice(), bytes].concat();
            let (taken, end) = read(WebSocketCodec::Json, &bytes.chunks(3).collect::<Vec<_>>());
            assert_eq!(taken.messages, [b"{}"]);
            match end {
                Some(CloseReason::Violation { code, .. }) => code,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(violation(&[0x81, 0x01, b'x']), 1002, "not masked");
        assert_eq!(violation(&frame(0x83, b"x")), 1002, "an opcode that nobody defined");
        assert_eq!(violation(&frame(0xc1, b"x")), 1002, "a reserved bit");
        assert_eq!(violation(&frame(0x81, &[0xff])), 1007, "not UTF-8");
        assert_eq!(violation(&frame(0x81, &[b'x'; 101])), 1009, "too large");
        assert_eq!(violation(&[frame(0x01, &[b'x'; 60]), frame(0x80, &[b'x'; 60])].concat()), 1009, "too large in two");
    }

    #[test]
    fn a_message_of_the_other_type_is_refused() {
        for (codec, first) in [(WebSocketCodec::Json, 0x82), (WebSocketCodec::Postcard, 0x81)] {
            let (taken, end) = read(codec, &[&frame(first, b"{}")]);
            assert!(taken.messages.is_empty());
            assert!(matches!(end, Some(CloseReason::Server { code: CloseCode::Protocol, .. })), "{end:?}");
        }
    }
}
