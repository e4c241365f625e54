//! How a component is.

use std::time::SystemTime;

/// State of a component, as `/readyz` and the metrics show it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It works.
    Up,
    /// It works with less than it promises.
    Degraded {
        /// Since when.
        since: SystemTime,
        /// Why, in a sentence.
        cause: String,
    },
    /// It does not work.
    Down {
        /// Since when.
        since: SystemTime,
        /// Why, in a sentence.
        cause: String,
    },
}

impl Health {
    /// `up`, `degraded` or `down`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded { .. } => "degraded",
            Self::Down { .. } => "down",
        }
    }

    /// Why it is not up.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Up => None,
            Self::Degraded { cause, .. } | Self::Down { cause, .. } => Some(cause),
        }
    }
}
