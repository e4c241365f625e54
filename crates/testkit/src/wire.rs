//! How wire messages lie in the bytes of a test's link.

use std::fmt;
use std::sync::Arc;

use pointsman_contract::codec::Codec;
use pointsman_protocol::frame::{ClientFrame, ServerFrame};

/// One unit of a link's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// A wire message.
    Data(Vec<u8>),
    /// Asks the other link layer for a [`Pong`](Self::Pong).
    Ping(Vec<u8>),
    /// Answers it.
    Pong(Vec<u8>),
    /// The link's own close.
    Close {
        /// Its code; none for a close without one.
        code: Option<u16>,
        /// What it says.
        message: String,
    },
}

/// The framing of a link kind, both directions, and the client's half of the codec.
pub trait Wire: fmt::Debug + Send + Sync + 'static {
    /// The server's half.
    fn codec(&self) -> Arc<dyn Codec>;
    /// Takes the first whole unit off and says how many bytes it took.
    fn first(&self, bytes: &[u8]) -> Option<(Unit, usize)>;
    /// Appends a unit.
    fn put(&self, unit: &Unit, out: &mut Vec<u8>);
    /// The payload of a wire message with these frames.
    fn encode(&self, frames: &[ClientFrame<'_>]) -> Vec<u8>;
    /// The frames of a wire message of the server.
    fn decode(&self, payload: &[u8]) -> Vec<ServerFrame<'static>>;
}
