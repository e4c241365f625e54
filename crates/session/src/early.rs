//! What a link heard before it had a session.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use pointsman_contract::codec::Codec;
use pointsman_protocol::codes::CloseCode;
use pointsman_protocol::frame::{ClientFrame, Connect, FrameError};

use crate::close::CloseReason;
use crate::link::{Link, Receive};

/// What may come before the connect frame has been handled. A link is not read again after its first message, so this is more than one read.
const BYTES_MAX: usize = 256 * 1024;
/// What an entry costs besides its bytes.
const ENTRY_COST: usize = 32;
const NOT_CONNECT: &str = "the first frame of a link must be `connect`";

/// One thing that was heard.
pub(crate) enum Heard {
    /// A wire message. The first one begins with `connect`, which has been handled.
    Message(Vec<u8>),
    /// A frame of a link without wire messages.
    Frame(Result<ClientFrame<'static>, FrameError>),
    /// What the link itself has to answer.
    Answer(Vec<u8>),
}

/// What came before the session was there, in order.
#[derive(Default)]
pub(crate) struct Early {
    pub(crate) heard: VecDeque<Heard>,
    /// Whether there is a message or a frame.
    begun: bool,
    /// Bytes held besides the first message, which the link's own limit bounds.
    bytes: usize,
}

impl Early {
    pub(crate) fn is_empty(&self) -> bool {
        self.heard.is_empty()
    }

    /// Whether the peer has said something.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    fn add(&mut self, bytes: usize, heard: impl FnOnce() -> Heard) {
        self.bytes = self.bytes.saturating_add(bytes).saturating_add(ENTRY_COST);
        if self.bytes <= BYTES_MAX {
            self.heard.push_back(heard());
        }
    }

    /// Whether there was room for all of it.
    pub(crate) fn check(&self) -> Result<(), CloseReason> {
        if self.bytes <= BYTES_MAX {
            return Ok(());
        }
        let message = format!(
            "more than {BYTES_MAX} bytes came before this link had a session; wait for `ready` before sending so much"
        );
        Err(CloseReason::server(CloseCode::Protocol, message))
    }

    /// The connect frame that must come first, or what the link takes its peer to have said instead.
    pub(crate) fn connect<L: Link>(&mut self, link: &L) -> Result<Connect<'static>, CloseReason> {
        let refused = |message: String| CloseReason::server(CloseCode::Protocol, message);
        let Some(at) = self.heard.iter().position(|heard| !matches!(heard, Heard::Answer(_))) else {
            return Err(refused(NOT_CONNECT.to_owned()));
        };
        match self.heard.get(at) {
            Some(Heard::Message(message)) => connect_of(&*link.codec(), message).map_err(refused),
            Some(Heard::Frame(Ok(ClientFrame::Connect(connect)))) => {
                let connect = connect.clone();
                self.heard.remove(at);
                Ok(connect)
            }
            _ => link.implied_connect().ok_or_else(|| refused(NOT_CONNECT.to_owned())),
        }
    }
}

impl Receive for Early {
    fn message(&mut self, bytes: &[u8]) {
        if std::mem::replace(&mut self.begun, true) {
            self.add(bytes.len(), || Heard::Message(bytes.to_vec()));
        } else {
            self.heard.push_back(Heard::Message(bytes.to_vec()));
        }
    }

    fn answer(&mut self, bytes: &[u8]) {
        self.add(bytes.len(), || Heard::Answer(bytes.to_vec()));
    }

    fn frame(&mut self, frame: Result<ClientFrame<'_>, FrameError>) {
        self.begun = true;
        let bytes = match &frame {
            Ok(ClientFrame::Publish(publish)) => publish.payload.len() + publish.headers.len() + publish.subject.len(),
            _ => 0,
        };
        self.add(bytes, || Heard::Frame(frame.map(ClientFrame::into_owned)));
    }
}

/// The connect frame that a link's first wire message must begin with.
fn connect_of(codec: &dyn Codec, message: &[u8]) -> Result<Connect<'static>, String> {
    let mut found = None;
    codec.decode(message, &mut |frame| {
        found = Some(match frame {
            Ok(frame) => match frame.into_owned() {
                ClientFrame::Connect(connect) => Ok(connect),
                _ => Err(NOT_CONNECT.to_owned()),
            },
            Err(error) => Err(format!("{NOT_CONNECT}: {error}")),
        });
        ControlFlow::Break(())
    });
    found.unwrap_or_else(|| Err(NOT_CONNECT.to_owned()))
}
