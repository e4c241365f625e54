//! `pointsman.v1` over WebSocket, in its two forms.

use std::ops::ControlFlow;

use pointsman_contract::codec::Codec;
use pointsman_outbox::pipe::{Delivered, Framing, WireMessage};
use pointsman_protocol::frame::{BodyKind, ClientFrame, DeliveryView, FrameError, ServerFrame};
use pointsman_protocol::{binary, json};

use crate::framing::{self, BINARY, TEXT};

/// The form of the frames inside WebSocket messages (protocol.md#P1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebSocketCodec {
    /// JSON in text messages.
    Json,
    /// Postcard in binary messages.
    Postcard,
}

impl WebSocketCodec {
    /// The codec of a subprotocol.
    #[must_use]
    pub fn of_subprotocol(name: &str) -> Option<Self> {
        match name {
            "pointsman.v1.json" => Some(Self::Json),
            "pointsman.v1.postcard" => Some(Self::Postcard),
            _ => None,
        }
    }

    /// The name of its subprotocol.
    #[must_use]
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "pointsman.v1.json",
            Self::Postcard => "pointsman.v1.postcard",
        }
    }

    pub(crate) fn opcode(self) -> u8 {
        match self {
            Self::Json => TEXT,
            Self::Postcard => BINARY,
        }
    }

    /// Whether a server message is one of the two that are not counted (protocol.md#P7.2).
    fn is_uncounted(self, payload: &[u8]) -> bool {
        match self {
            Self::Json => payload.starts_with(br#"{"op":"ready""#) || payload.starts_with(br#"{"op":"close""#),
            Self::Postcard => matches!(payload.first(), Some(0 | 8)),
        }
    }
}

impl Framing for WebSocketCodec {
    fn next_message<'a>(&self, bytes: &'a [u8]) -> Option<WireMessage<'a>> {
        let (opcode, payload, wire_len) = framing::first_frame(bytes)?;
        let counted = matches!(opcode, TEXT | BINARY) && !self.is_uncounted(payload);
        Some(WireMessage { wire_len, counted, payload: if counted { payload } else { &[] } })
    }

    fn delivered(&self, payload: &[u8]) -> Option<Delivered> {
        let info = match self {
            Self::Json => json::inspect_message(payload),
            Self::Postcard => binary::inspect_message(payload),
        }?;
        Some(Delivered { sids: info.sids, messages: info.messages })
    }

    fn encode_gap(&self, sids: &[u64], lost: u64, reason: &str, out: &mut Vec<u8>) {
        let gap = ServerFrame::Gap { sids: sids.to_vec(), lost: (lost > 0).then_some(lost), reason: reason.into() };
        self.encode_frame(&gap, out);
    }
}

impl Codec for WebSocketCodec {
    fn key(&self) -> u16 {
        match self {
            Self::Json => 1,
            Self::Postcard => 2,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Postcard => "postcard",
        }
    }

    fn encode_run<'a>(
        &self,
        sids: &[u64],
        run: &mut dyn ExactSizeIterator<Item = DeliveryView<'a>>,
        out: &mut Vec<u8>,
    ) {
        framing::frame(self.opcode(), out, |out| match self {
            Self::Json => json::encode_message(sids, run, out),
            Self::Postcard => binary::encode_message(sids, run, out),
        });
    }

    fn encode_reply(&self, id: u64, headers: &[u8], payload: &[u8], body: BodyKind, out: &mut Vec<u8>) {
        framing::frame(self.opcode(), out, |out| match self {
            Self::Json => json::encode_reply(id, headers, payload, body, out),
            Self::Postcard => binary::encode_reply(id, headers, payload, body, out),
        });
    }

    fn encode_frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        framing::frame(self.opcode(), out, |out| match self {
            Self::Json => json::encode_server(frame, out),
            Self::Postcard => binary::encode_server(frame, out),
        });
    }

    fn decode(
        &self,
        wire_message: &[u8],
        sink: &mut dyn FnMut(Result<ClientFrame<'_>, FrameError>) -> ControlFlow<()>,
    ) {
        let mut sink = |frame: Result<ClientFrame<'_>, FrameError>| sink(frame);
        match self {
            Self::Json => json::decode_client(wire_message, &mut sink),
            Self::Postcard => binary::decode_client(wire_message, &mut sink),
        }
    }
}
