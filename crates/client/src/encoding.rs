//! The two forms of a wire message (protocol.md#P1.3).

use std::ops::ControlFlow;

use bytes::Bytes;
use pointsman_protocol::frame::{ClientFrame, FrameError, ServerFrame};
use pointsman_protocol::{binary, json};

/// The form of frames on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// Postcard: binary, the cheaper one for both ends.
    #[default]
    Postcard,
    /// JSON: to be read by eyes and by middleboxes.
    Json,
}

impl Encoding {
    /// The WebSocket subprotocol (protocol.md#P1.2).
    #[must_use]
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::Postcard => "pointsman.v1.postcard",
            Self::Json => "pointsman.v1.json",
        }
    }

    /// Appends a frame to a wire message that is being written.
    pub(crate) fn append(self, frame: &ClientFrame<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Postcard => binary::encode_client(frame, out),
            Self::Json => {
                out.push(if out.is_empty() { b'[' } else { b',' });
                json::encode_client(frame, out);
            }
        }
    }

    /// Ends a wire message that holds `frames` frames.
    pub(crate) fn seal(self, mut message: Vec<u8>, frames: usize) -> Bytes {
        match self {
            Self::Postcard => message.into(),
            Self::Json if frames == 1 => Bytes::from(message).slice(1..),
            Self::Json => {
                message.push(b']');
                message.into()
            }
        }
    }

    pub(crate) fn decode_server(
        self,
        message: &[u8],
        sink: &mut impl FnMut(Result<ServerFrame<'_>, FrameError>) -> ControlFlow<()>,
    ) {
        match self {
            Self::Postcard => binary::decode_server(message, sink),
            Self::Json => json::decode_server(message, sink),
        }
    }

    pub(crate) fn decode_client(
        self,
        message: &[u8],
        sink: &mut impl FnMut(Result<ClientFrame<'_>, FrameError>) -> ControlFlow<()>,
    ) {
        match self {
            Self::Postcard => binary::decode_client(message, sink),
            Self::Json => json::decode_client(message, sink),
        }
    }
}

/// Packs frames into as few wire messages as a limit allows.
#[derive(Debug)]
pub(crate) struct Packer {
    encoding: Encoding,
    frame_bytes: usize,
    messages: Vec<Bytes>,
    open: Vec<u8>,
    frames: usize,
}

impl Packer {
    pub(crate) fn new(encoding: Encoding, frame_bytes: usize) -> Self {
        Self { encoding, frame_bytes, messages: Vec::new(), open: Vec::new(), frames: 0 }
    }

    pub(crate) fn push(&mut self, frame: &ClientFrame<'_>) {
        let before = self.open.len();
        self.encoding.append(frame, &mut self.open);
        // The closing bracket of a JSON array takes one byte more.
        if self.open.len() >= self.frame_bytes && self.frames > 0 {
            self.open.truncate(before);
            self.seal();
            self.encoding.append(frame, &mut self.open);
        }
        self.frames += 1;
    }

    fn seal(&mut self) {
        if self.frames > 0 {
            self.messages.push(self.encoding.seal(std::mem::take(&mut self.open), self.frames));
            self.frames = 0;
        }
    }

    pub(crate) fn finish(mut self) -> Vec<Bytes> {
        self.seal();
        self.messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_packed_up_to_the_limit() {
        for encoding in [Encoding::Postcard, Encoding::Json] {
            let mut packer = Packer::new(encoding, 100);
            for received in 0..200 {
                packer.push(&ClientFrame::Ping { received });
            }
            let messages = packer.finish();
            let mut next = 0;
            for message in &messages {
                assert!(message.len() <= 100, "{}", message.len());
                encoding.decode_client(message, &mut |frame| {
                    assert_eq!(frame, Ok(ClientFrame::Ping { received: next }));
                    next += 1;
                    ControlFlow::Continue(())
                });
            }
            assert_eq!(next, 200);
            assert!(messages.iter().rev().skip(1).all(|message| message.len() > 60));
        }
        assert!(Packer::new(Encoding::Json, 1).finish().is_empty());
    }

    #[test]
    fn what_is_written_is_read_whatever_the_number_of_frames() {
        for encoding in [Encoding::Postcard, Encoding::Json] {
            for frames in 1..4_usize {
                let mut out = Vec::new();
                for received in 0..frames {
                    encoding.append(&ClientFrame::Ping { received: received as u64 }, &mut out);
                }
                let message = encoding.seal(out, frames);
                let mut found = Vec::new();
                encoding.decode_client(&message, &mut |frame| {
                    found.push(frame.unwrap().into_owned());
                    ControlFlow::Continue(())
                });
                let expected: Vec<_> = (0..frames as u64).map(|received| ClientFrame::Ping { received }).collect();
                assert_eq!(found, expected, "{encoding:?}");
            }
        }
    }
}
