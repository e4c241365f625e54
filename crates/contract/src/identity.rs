//! Who is there, and what that one may do.

use pointsman_protocol::subject::{self, Pattern};

/// Patterns allowed and denied. Deny wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// `None` allows everything that is not reserved.
    pub allow: Option<Vec<Pattern>>,
    /// Denied whatever `allow` says.
    pub deny: Vec<Pattern>,
}

impl Rules {
    /// Whether a concrete subject is allowed.
    #[must_use]
    pub fn permit(&self, subject: &str) -> bool {
        let allowed = self
            .allow
            .as_ref()
            .is_none_or(|allow| allow.iter().any(|pattern| subject::matches(pattern.as_str(), subject)));
        allowed && !self.deny.iter().any(|pattern| subject::matches(pattern.as_str(), subject))
    }

    /// Whether one may subscribe to a pattern: it must lie within one allowed pattern and not within a denied one. A pattern that only overlaps a
    /// denied one is allowed; what is denied is taken out at delivery.
    #[must_use]
    pub fn permit_pattern(&self, pattern: &str) -> bool {
        let allowed = self
            .allow
            .as_ref()
            .is_none_or(|allow| allow.iter().any(|wider| subject::pattern_covers(wider.as_str(), pattern)));
        allowed && !self.deny.iter().any(|wider| subject::pattern_covers(wider.as_str(), pattern))
    }

    /// Whether a delivery under `pattern` needs [`permit`](Self::permit) per subject.
    #[must_use]
    pub fn cuts(&self, pattern: &str) -> bool {
        self.deny.iter().any(|denied| subject::patterns_overlap(denied.as_str(), pattern))
    }

    /// Whether it allows everything.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.allow.is_none() && self.deny.is_empty()
    }
}

/// The result of authentication, for as long as the session lives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user; `None` for an anonymous session. Always one plain token, so it can stand in a subject.
    pub user: Option<Box<str>>,
    /// Which credential it came from, for operators; never the credential itself.
    pub credential: Box<str>,
    /// What it may publish.
    pub publish: Rules,
    /// What it may read, on every path: live, resume, page.
    pub subscribe: Rules,
    /// An operator or the server's own API: may publish to reserved subjects too.
    pub trusted: bool,
}

impl Identity {
    /// Nobody in particular, with no rules.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { credential: "anonymous".into(), ..Self::default() }
    }

    /// The server itself: its HTTP API and its own events.
    #[must_use]
    pub fn server() -> Self {
        Self { credential: "server".into(), trusted: true, ..Self::default() }
    }
}
