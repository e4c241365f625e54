//! Errors of the HTTP side, as RFC 9457 problem details.

use pointsman_protocol::codes::ErrorCode;
use serde::Serialize;

use crate::refusal::Refusal;

/// The media type of a problem.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// What went wrong with an HTTP request: what happened, why, what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable name of the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This occurrence: what and why.
    pub detail: String,
    /// Our code (protocol.md#P10).
    pub code: u16,
    /// Its name.
    pub reason: &'static str,
    /// What to do.
    pub next_step: String,
    /// JSON pointer to the field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl Problem {
    /// A problem of a code, with the HTTP status that fits it.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:pointsman:error:{}", code.name()),
            title: code.name().replace('_', " "),
            status: status_of(code),
            detail: detail.into(),
            code: code.code(),
            reason: code.name(),
            next_step: next_step.into(),
            pointer: None,
        }
    }

    /// The same with another HTTP status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with the field at fault.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let next_step = match refusal.retry_after {
            Some(wait) => format!("Try again in {} ms.", wait.as_millis()),
            None => "Correct the request; sending it again as it is gives the same answer.".to_owned(),
        };
        Self::new(refusal.code, refusal.message, next_step)
    }
}

fn status_of(code: ErrorCode) -> u16 {
    match code {
        ErrorCode::Unauthenticated => 401,
        ErrorCode::PermissionDenied => 403,
        ErrorCode::NotFound | ErrorCode::UnknownSid => 404,
        ErrorCode::Conflict | ErrorCode::SidInUse => 409,
        ErrorCode::PayloadTooLarge => 413,
        ErrorCode::RateLimited | ErrorCode::TooManySubscriptions | ErrorCode::TooManyRequestsInFlight => 429,
        ErrorCode::Timeout => 504,
        ErrorCode::Overloaded
        | ErrorCode::StoreUnavailable
        | ErrorCode::Draining
        | ErrorCode::BackplaneUnavailable
        | ErrorCode::NoResponders => 503,
        ErrorCode::BadSubject | ErrorCode::BadPattern | ErrorCode::BadHeaders | ErrorCode::BadQueue => 422,
        _ => 400,
    }
}
