//! What came of a publication.

use crate::refusal::Refusal;

/// What came of one publication.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Handed to everybody concerned.
    Accepted,
    /// It asked for an answer and nothing is subscribed.
    NoResponders,
    /// Not taken.
    Refused(Refusal),
}
