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

#[cfg(test)]
mod tests {
    use super::*;

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
