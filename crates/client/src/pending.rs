//! Calls that wait for an answer.

use tokio::sync::oneshot;

use crate::error::{CloseCause, InvalidMessage, Refusal};
use crate::message::Message;

/// How a call ends well.
#[derive(Debug)]
pub(crate) enum Done {
    Ok,
    Reply(Message),
}

/// How it ends otherwise.
#[derive(Debug)]
pub(crate) enum NotDone {
    Refused(Refusal),
    /// The session ended first.
    Unknown,
    Closed(CloseCause),
    Invalid(InvalidMessage),
}

pub(crate) type Answer = Result<Done, NotDone>;

/// What an unanswered id stands for.
#[derive(Debug)]
pub(crate) enum Pending {
    Publish(oneshot::Sender<Answer>),
    Request(oneshot::Sender<Answer>),
    /// Nobody waits when the client makes it again by itself.
    Subscribe {
        sid: u64,
        answer: Option<oneshot::Sender<Answer>>,
    },
    /// Who waits, waits for the end of the subscription.
    Unsubscribe {
        sid: u64,
    },
}

impl Pending {
    /// Tells who waits, if anybody does.
    pub(crate) fn tell(self, answer: Answer) {
        match self {
            Self::Publish(to) | Self::Request(to) | Self::Subscribe { answer: Some(to), .. } => tell(to, answer),
            Self::Subscribe { answer: None, .. } | Self::Unsubscribe { .. } => {}
        }
    }
}

/// The caller may have gone away.
pub(crate) fn tell<T>(to: oneshot::Sender<T>, answer: T) {
    let _gone = to.send(answer);
}
