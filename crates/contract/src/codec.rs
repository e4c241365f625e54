//! How a link's peer wants its bytes.

use pointsman_outbox::pipe::Framing;
use pointsman_protocol::frame::{BodyKind, ClientFrame, DeliveryView, FrameError, ServerFrame};
use std::ops::ControlFlow;

use crate::refusal::Refused;

/// A pure codec of one link kind: no socket, no state of a connection.
///
/// Implementers must be deterministic: two codecs with the same [`key`](Self::key) give the same bytes for the same run and the same list of
/// subscriptions, since the router encodes once and sends to all.
pub trait Codec: Framing {
    /// Names the encoding.
    fn key(&self) -> u16;
    /// A short name for operators: `json`, `postcard`.
    fn name(&self) -> &'static str;
    /// Appends one framed wire message that delivers `run` to `sids`.
    fn encode_run<'a>(&self, sids: &[u64], run: &mut dyn ExactSizeIterator<Item = DeliveryView<'a>>, out: &mut Vec<u8>);
    /// Appends one framed wire message with the reply to a request.
    fn encode_reply(&self, id: u64, headers: &[u8], payload: &[u8], body: BodyKind, out: &mut Vec<u8>);
    /// Appends one framed wire message with one frame.
    fn encode_frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>);
    /// Appends what tells the peer that something it asked for was not done.
    fn encode_refused(&self, refused: &Refused<'_>, out: &mut Vec<u8>) {
        self.encode_frame(&ServerFrame::Error(refused.frame()), out);
    }
    /// Decodes a wire message (without its framing), frame by frame, until the sink breaks off.
    fn decode(&self, wire_message: &[u8], sink: &mut dyn FnMut(Result<ClientFrame<'_>, FrameError>) -> ControlFlow<()>);
}
