//! Subjects and patterns (protocol.md#P2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of a subject or pattern at most.
pub const SUBJECT_BYTES_MAX: usize = 256;
/// Tokens at most.
pub const TOKENS_MAX: usize = 16;

/// Why a subject, pattern or token is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubjectError {
    /// Nothing at all.
    #[error("it is empty; a subject has at least one token")]
    Empty,
    /// Two dots in a row, or one at an end.
    #[error("the token at byte {at} is empty; tokens are joined by single dots")]
    EmptyToken {
        /// Where.
        at: usize,
    },
    /// A space or control character.
    #[error("byte {at} is a space or control character, which no token may hold")]
    Character {
        /// Where.
        at: usize,
    },
    /// `*` or `>` where a concrete subject is wanted.
    #[error("the token at byte {at} is a wildcard; a message is published to a concrete subject")]
    Wildcard {
        /// Where.
        at: usize,
    },
    /// `>` before the last token.
    #[error("`>` at byte {at} is not the last token; it stands for the rest")]
    RestNotLast {
        /// Where.
        at: usize,
    },
    /// A dot in a token.
    #[error("byte {at} is a dot, which a single token may not hold")]
    Dot {
        /// Where.
        at: usize,
    },
    /// Too long.
    #[error("it has {bytes} bytes, the limit is {SUBJECT_BYTES_MAX}")]
    TooLong {
        /// How long.
        bytes: usize,
    },
    /// Too many tokens.
    #[error("it has more than {TOKENS_MAX} tokens")]
    TooManyTokens,
}

fn scan(text: &str, mut token: impl FnMut(usize, &[u8], bool) -> Result<(), SubjectError>) -> Result<(), SubjectError> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return Err(SubjectError::Empty);
    }
    if bytes.len() > SUBJECT_BYTES_MAX {
        return Err(SubjectError::TooLong { bytes: bytes.len() });
    }
    let mut start = 0;
    let mut tokens = 0;
    for (at, &byte) in bytes.iter().enumerate().chain(std::iter::once((bytes.len(), &b'.'))) {
        if byte == b'.' {
            if at == start {
                return Err(SubjectError::EmptyToken { at });
            }
            tokens += 1;
            if tokens > TOKENS_MAX {
                return Err(SubjectError::TooManyTokens);
            }
            // Only one-byte tokens can be wildcards, so nothing else is looked at twice.
            if at == start + 1 {
                token(start, bytes.get(start..at).unwrap_or_default(), at == bytes.len())?;
            }
            start = at + 1;
        } else if byte <= b' ' || byte == 0x7f {
            return Err(SubjectError::Character { at });
        }
    }
    Ok(())
}

/// Whether messages can be published to it.
///
/// # Errors
/// What is wrong, and where.
pub fn validate_subject(subject: &str) -> Result<(), SubjectError> {
    scan(subject, |at, token, _| match token {
        b"*" | b">" => Err(SubjectError::Wildcard { at }),
        _ => Ok(()),
    })
}

/// Whether it can be subscribed to.
///
/// # Errors
/// What is wrong, and where.
pub fn validate_pattern(pattern: &str) -> Result<(), SubjectError> {
    scan(pattern, |at, token, last| match token {
        b">" if !last => Err(SubjectError::RestNotLast { at }),
        _ => Ok(()),
    })
}

/// Whether it is one plain token: a queue group's name, a user.
///
/// # Errors
/// What is wrong, and where.
pub fn validate_token(token: &str) -> Result<(), SubjectError> {
    if let Some(at) = token.find('.') {
        return Err(SubjectError::Dot { at });
    }
    validate_subject(token)
}

/// Whether a valid pattern has no wildcard.
#[must_use]
pub fn is_literal(pattern: &str) -> bool {
    !pattern.bytes().any(|byte| byte == b'*' || byte == b'>') || !pattern.split('.').any(is_wildcard)
}

fn is_wildcard(token: &str) -> bool {
    token == "*" || token == ">"
}

/// Whether a subject or pattern begins with `$` or `_` (protocol.md#P2.3).
#[must_use]
pub fn is_reserved(subject: &str) -> bool {
    matches!(subject.as_bytes().first(), Some(b'$' | b'_'))
}

/// Whether a pattern matches a subject, token by token: the definition that faster matchers are tested against.
#[must_use]
pub fn matches(pattern: &str, subject: &str) -> bool {
    if is_reserved(subject) && pattern.split('.').next().is_some_and(is_wildcard) {
        return false;
    }
    let mut tokens = subject.split('.');
    for wanted in pattern.split('.') {
        let token = tokens.next();
        match (wanted, token) {
            (">", Some(_)) => return true,
            (_, None) => return false,
            ("*", Some(_)) => {}
            (wanted, Some(token)) if wanted == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

/// Whether every subject that `narrower` matches is matched by `wider`.
#[must_use]
pub fn pattern_covers(wider: &str, narrower: &str) -> bool {
    if is_reserved(narrower) && wider.split('.').next().is_some_and(is_wildcard) {
        return false;
    }
    let mut wide = wider.split('.');
    let mut narrow = narrower.split('.');
    loop {
        match (wide.next(), narrow.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(wanted), Some(token)) if wanted == token => {}
            _ => return false,
        }
    }
}

/// Whether some subject is matched by both.
#[must_use]
pub fn patterns_overlap(a: &str, b: &str) -> bool {
    let leading = |pattern: &str| pattern.split('.').next().is_some_and(is_wildcard);
    if (is_reserved(a) && leading(b)) || (is_reserved(b) && leading(a)) {
        return false;
    }
    let mut left = a.split('.');
    let mut right = b.split('.');
    loop {
        match (left.next(), right.next()) {
            (Some(">"), Some(_)) | (Some(_), Some(">")) | (None, None) => return true,
            (Some("*"), Some(_)) | (Some(_), Some("*")) => {}
            (Some(x), Some(y)) if x == y => {}
            _ => return false,
        }
    }
}

macro_rules! valid_text {
    ($(#[$doc:meta])* $name:ident, $validate:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text, if it is valid.
            ///
            /// # Errors
            /// What is wrong, and where.
            pub fn parse(text: &str) -> Result<Self, SubjectError> {
                $validate(text)?;
                Ok(Self(text.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = SubjectError;
            fn from_str(text: &str) -> Result<Self, SubjectError> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(|error| serde::de::Error::custom(format!("`{text}` is not valid: {error}")))
            }
        }
    };
}

valid_text!(
    /// A subject that messages can be published to. Only exists valid.
    Subject,
    validate_subject
);
valid_text!(
    /// A pattern that can be subscribed to. Only exists valid.
    Pattern,
    validate_pattern
);

#[cfg(test)]
mod tests;
