//! Frames that cannot be read.

use crate::codes::ErrorCode;

/// Why a frame could not be read. Says what, why and what to do; carries the frame's id where that could be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FrameError {
    code: ErrorCode,
    id: Option<u64>,
    message: String,
}

impl FrameError {
    pub(crate) fn new(code: ErrorCode, id: Option<u64>, message: impl Into<String>) -> Self {
        Self { code, id, message: message.into() }
    }

    pub(crate) fn bad(id: Option<u64>, message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadFrame, id, message)
    }

    /// The code to answer with.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The id of the request.
    #[must_use]
    pub fn id(&self) -> Option<u64> {
        self.id
    }
}
