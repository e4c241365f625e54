//! What a client says, one operation at a time.

/// An operation, borrowed from the bytes it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op<'a> {
    /// `CONNECT {json}`: the text of its options.
    Connect(&'a [u8]),
    /// `PUB` or `HPUB`.
    Publish {
        /// Where to.
        subject: &'a [u8],
        /// Where an answer goes.
        reply: Option<&'a [u8]>,
        /// The header block of `HPUB`; empty for `PUB`.
        headers: &'a [u8],
        /// The body.
        payload: &'a [u8],
    },
    /// `SUB`.
    Subscribe {
        /// What to receive.
        pattern: &'a [u8],
        /// The queue group.
        queue: Option<&'a [u8]>,
        /// The client's name for it: any token.
        sid: &'a [u8],
    },
    /// `UNSUB`.
    Unsubscribe {
        /// Which.
        sid: &'a [u8],
        /// End after so many deliveries since it was made.
        max: Option<u64>,
    },
    /// `PING`.
    Ping,
    /// `PONG`.
    Pong,
    /// `+OK` and `INFO`, which a server has no use for.
    Nothing,
}

/// Why nothing more is read from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No operation begins or ends like this.
    #[error("an operation that is not known, or a payload that does not end where it should")]
    UnknownOperation,
    /// The control line is longer than allowed.
    #[error("a control line over the limit")]
    ControlLine,
    /// The payload is larger than allowed.
    #[error("a payload over the limit")]
    Payload,
    /// Fields are missing, too many, or no numbers.
    #[error("fields that cannot be read")]
    Fields,
    /// `HPUB` from a client that did not say that it has headers.
    #[error("headers from a client that did not agree on them")]
    Headers,
    /// The client said `-ERR`.
    #[error("the client reported an error")]
    ByClient,
}

impl Fault {
    /// What is said before the link is closed; some faults are answered by closing alone.
    #[must_use]
    pub fn text(self) -> Option<&'static str> {
        match self {
            Self::UnknownOperation => Some("Unknown Protocol Operation"),
            Self::ControlLine => Some("maximum control line exceeded"),
            Self::Payload => Some("Maximum Payload Violation"),
            Self::Fields | Self::Headers | Self::ByClient => None,
        }
    }
}
