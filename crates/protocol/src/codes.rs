//! The numeric codes (protocol.md#P10). Numbers are never used again: a gap is a retired code.

/// What a client should do about a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Nothing: the same request gets the same answer.
    Stop,
    /// Try again, with jitter.
    Now,
    /// Try again later; the message may say when.
    Later,
}

macro_rules! codes {
    ($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal, $text:literal;)* }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum $name { $($(#[$doc])* $variant = $code),* }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its number.
            #[must_use]
            pub fn code(self) -> u16 {
                self as u16
            }

            /// Its name, as it stands on the wire.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// The code with a number.
            #[must_use]
            pub fn from_code(code: u16) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

codes! {
    /// Why one request was not carried out.
    ErrorCode {
        /// The frame could not be read.
        BadFrame = 100, "bad_frame";
        /// There is no such operation.
        UnknownOp = 101, "unknown_op";
        /// The subject is not valid.
        BadSubject = 102, "bad_subject";
        /// The pattern is not valid.
        BadPattern = 103, "bad_pattern";
        /// The identity may not do this.
        PermissionDenied = 104, "permission_denied";
        /// The payload is larger than allowed.
        PayloadTooLarge = 105, "payload_too_large";
        /// The session holds as many subscriptions as it may.
        TooManySubscriptions = 106, "too_many_subscriptions";
        /// The subscription number is in use.
        SidInUse = 107, "sid_in_use";
        /// There is no subscription with this number.
        UnknownSid = 108, "unknown_sid";
        /// The headers are not valid or too large.
        BadHeaders = 109, "bad_headers";
        /// This server does not do that (yet).
        Unsupported = 110, "unsupported";
        /// The queue group's name is not valid.
        BadQueue = 111, "bad_queue";
        /// No token, or one that is not valid.
        Unauthenticated = 112, "unauthenticated";
        /// There is no such thing.
        NotFound = 113, "not_found";
        /// The request contradicts itself or is not complete.
        BadRequest = 114, "bad_request";
        /// The session waits for as many replies as it may.
        TooManyRequestsInFlight = 115, "too_many_requests_in_flight";
        /// Nobody is subscribed who could answer.
        NoResponders = 200, "no_responders";
        /// Nobody answered in time.
        Timeout = 201, "timeout";
        /// It contradicts what is there.
        Conflict = 202, "conflict";
        /// A rate limit.
        RateLimited = 300, "rate_limited";
        /// The node is at one of its limits.
        Overloaded = 301, "overloaded";
        /// The store cannot be reached.
        StoreUnavailable = 302, "store_unavailable";
        /// The node is going away.
        Draining = 303, "draining";
        /// The backplane cannot be reached.
        BackplaneUnavailable = 304, "backplane_unavailable";
    }
}

codes! {
    /// Why a link was closed by the server.
    CloseCode {
        /// The node is going away; connect again, to any node.
        Draining = 3001, "draining";
        /// Get a new token and connect again.
        TokenExpired = 3005, "token_expired";
        /// The outbox limit was hit and the policy is to disconnect.
        SlowConsumer = 3008, "slow_consumer";
        /// Nothing was heard from the client.
        Heartbeat = 3009, "heartbeat";
        /// A fault of the node, reported in its log.
        Internal = 3010, "internal";
        /// The node is at a limit of connections or memory.
        Overloaded = 3300, "overloaded";
        /// Too many connects.
        RateLimited = 3301, "rate_limited";
        /// No token, or one that is not valid.
        Unauthenticated = 3500, "unauthenticated";
        /// Frames that cannot be read, or a wrong first frame.
        Protocol = 3501, "protocol";
        /// This version of the protocol is not spoken here.
        Version = 3502, "version";
        /// A frame over the limit.
        TooLarge = 3503, "too_large";
        /// An operator closed the session.
        Kicked = 3504, "kicked";
        /// Another link attached to the session.
        Superseded = 3505, "superseded";
        /// The identity may not connect here.
        PermissionDenied = 3506, "permission_denied";
    }
}

impl ErrorCode {
    /// What a client should do: the range says it.
    #[must_use]
    pub fn retry(self) -> Retry {
        match self.code() {
            200..300 => Retry::Now,
            300..400 => Retry::Later,
            _ => Retry::Stop,
        }
    }
}

impl CloseCode {
    /// What a client should do: the range says it.
    #[must_use]
    pub fn retry(self) -> Retry {
        match self.code() {
            3000..3300 => Retry::Now,
            3300..3500 => Retry::Later,
            _ => Retry::Stop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_come_back() {
        let mut names = std::collections::HashSet::new();
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_code(code.code()), Some(*code));
            assert!(names.insert(code.name()));
        }
        let mut names = std::collections::HashSet::new();
        for code in CloseCode::ALL {
            assert_eq!(CloseCode::from_code(code.code()), Some(*code));
            assert!(names.insert(code.name()));
        }
        assert_eq!(ErrorCode::NoResponders.retry(), Retry::Now);
        assert_eq!(CloseCode::Kicked.retry(), Retry::Stop);
        assert_eq!(CloseCode::Overloaded.retry(), Retry::Later);
    }
}
