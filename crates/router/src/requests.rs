//! Requests that wait for a reply, and the subjects their replies come to.

use std::fmt::Write;
use std::time::Instant;

use hashbrown::HashMap;

/// A session's unanswered requests: id → when to forget it.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    pub(crate) waiting: HashMap<u64, Instant>,
}

/// The first token of reply subjects.
pub(crate) const REPLY_ROOT: &str = "_R.";

/// A reply subject taken apart (protocol.md#P6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReplySubject {
    pub(crate) node: u64,
    pub(crate) session: u64,
    pub(crate) tag: u64,
    pub(crate) id: u64,
}

impl ReplySubject {
    pub(crate) fn write(self, out: &mut String) {
        out.clear();
        // Writing to a string cannot fail.
        let _infallible =
            write!(out, "{REPLY_ROOT}{:016x}.{:x}-{:016x}.{}", self.node, self.session, self.tag, self.id);
    }

    pub(crate) fn parse(subject: &str) -> Option<Self> {
        let mut tokens = subject.strip_prefix(REPLY_ROOT)?.split('.');
        let node = u64::from_str_radix(tokens.next()?, 16).ok()?;
        let (session, tag) = tokens.next()?.split_once('-')?;
        let session = u64::from_str_radix(session, 16).ok()?;
        let tag = u64::from_str_radix(tag, 16).ok()?;
        let id = tokens.next()?.parse().ok()?;
        tokens.next().is_none().then_some(Self { node, session, tag, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_subject_comes_back_as_it_was() {
        let subject = ReplySubject { node: 7, session: 300, tag: u64::MAX, id: 12 };
        let mut text = String::new();
        subject.write(&mut text);
        assert_eq!(ReplySubject::parse(&text), Some(subject));
        assert!(pointsman_protocol::subject::validate_subject(&text).is_ok());
        for bad in ["_R.", "_R.1", "_R.1.2.3", "_R.x.1-2.3", "_R.1.1-2.3.4", "_R.1.1-2.-3", "a.b"] {
            assert_eq!(ReplySubject::parse(bad), None, "{bad}");
        }
    }
}
