//! The bounded buffer between the client's task and one subscription.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::{CloseCause, Refusal};
use crate::message::Message;

/// What a subscription yields, in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// A message.
    Message(Message),
    /// Messages were lost here.
    Gap(Gap),
}

impl Received {
    /// The message, if it is one.
    #[must_use]
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Message(message) => Some(message),
            Self::Gap(_) => None,
        }
    }
}

/// A told loss (protocol.md#P9.1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// How many messages, where it is known. With queue groups and session changes it may be none.
    pub lost: Option<u64>,
    /// Why.
    pub reason: GapReason,
}

/// Why messages were lost.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapReason {
    /// The session's outbox on the server was full: this client reads too slowly.
    SlowConsumer,
    /// A new link came too late to have everything sent again.
    ResendOverflow,
    /// The session could not be taken up; a new one was made.
    SessionGone,
    /// The backplane lost messages between nodes.
    Backplane,
    /// A policy of the server took messages off the path.
    Policy,
    /// The subscription's own buffer was full: the application reads too slowly.
    ClientSlow,
    /// A reason that this version of the client does not know, as the server names it.
    Other(String),
}

impl GapReason {
    /// Its name on the wire.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::SlowConsumer => "slow_consumer",
            Self::ResendOverflow => "resend_overflow",
            Self::SessionGone => "session_gone",
            Self::Backplane => "backplane",
            Self::Policy => "policy",
            Self::ClientSlow => "client_slow",
            Self::Other(name) => name,
        }
    }

    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "slow_consumer" => Self::SlowConsumer,
            "resend_overflow" => Self::ResendOverflow,
            "session_gone" => Self::SessionGone,
            "backplane" => Self::Backplane,
            "policy" => Self::Policy,
            "client_slow" => Self::ClientSlow,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl std::fmt::Display for GapReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a subscription yields nothing more.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionEnd {
    /// The application unsubscribed.
    #[error("the subscription was ended by the application")]
    Unsubscribed,
    /// It got as many messages as it asked for.
    #[error("the subscription got as many messages as it asked for")]
    MaxReached,
    /// A new session did not get it.
    #[error("the subscription could not be made again: {0}")]
    Refused(#[source] Refusal),
    /// The client is closed.
    #[error("{0}")]
    Closed(#[source] CloseCause),
}

/// Gaps with different reasons that may stand one after the other.
const GAPS_IN_A_ROW_MAX: usize = 8;

/// How much a subscription may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InboxLimits {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Received>,
    messages: usize,
    bytes: usize,
    end: Option<SubscriptionEnd>,
    /// Whether the application has asked for the end.
    ending: bool,
    waker: Option<Waker>,
}

/// Holds what arrived until the application takes it. Messages beyond the limits are dropped, and a gap stands in their place.
#[derive(Debug)]
pub(crate) struct Inbox {
    limits: InboxLimits,
    state: Mutex<State>,
}

impl Inbox {
    pub(crate) fn new(limits: InboxLimits) -> Self {
        Self { limits, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes messages in; wakes the reader once.
    pub(crate) fn deliver(&self, messages: impl Iterator<Item = Message>) {
        let mut state = self.state();
        if state.end.is_some() {
            return;
        }
        for message in messages {
            let cost = message.cost();
            // One message is always taken, or a large one could never arrive.
            let fits = state.messages < self.limits.messages && state.bytes + cost <= self.limits.bytes;
            if fits || state.messages == 0 {
                state.messages += 1;
                state.bytes += cost;
                state.queue.push_back(Received::Message(message));
            } else {
                state.gap(Gap { lost: Some(1), reason: GapReason::ClientSlow });
            }
        }
        state.wake();
    }

    pub(crate) fn gap(&self, gap: Gap) {
        let mut state = self.state();
        if state.end.is_none() {
            state.gap(gap);
            state.wake();
        }
    }

    /// Ends it: what it holds is still yielded.
    pub(crate) fn end(&self, end: SubscriptionEnd) {
        let mut state = self.state();
        if state.end.is_none() {
            state.end = Some(end);
            state.wake();
        }
    }

    /// Ends it and lets go of what it holds.
    pub(crate) fn discard(&self) {
        let mut state = self.state();
        *state = State { end: Some(SubscriptionEnd::Unsubscribed), ..State::default() };
    }

    /// Takes note that the application asks for the end; false if it has done so before, or there is no need.
    pub(crate) fn begin_end(&self) -> bool {
        let mut state = self.state();
        let first = state.end.is_none() && !state.ending;
        state.ending = true;
        first
    }

    pub(crate) fn poll_ended(&self, cx: &Context<'_>) -> Poll<SubscriptionEnd> {
        let mut state = self.state();
        if let Some(end) = &state.end {
            return Poll::Ready(end.clone());
        }
        state.wait(cx);
        Poll::Pending
    }

    pub(crate) fn ended(&self) -> Option<SubscriptionEnd> {
        self.state().end.clone()
    }

    /// Messages held and their bytes.
    pub(crate) fn pending(&self) -> (usize, usize) {
        let state = self.state();
        (state.messages, state.bytes)
    }

    pub(crate) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Received>> {
        let mut state = self.state();
        match state.queue.pop_front() {
            Some(received) => {
                if let Received::Message(message) = &received {
                    state.messages -= 1;
                    state.bytes -= message.cost();
                }
                Poll::Ready(Some(received))
            }
            None if state.end.is_some() => Poll::Ready(None),
            None => {
                state.wait(cx);
                Poll::Pending
            }
        }
    }
}

impl State {
    fn wait(&mut self, cx: &Context<'_>) {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Gaps that stand together are told together, so that they take a bounded place.
    fn gap(&mut self, gap: Gap) {
        let mut in_a_row = 0;
        for received in self.queue.iter_mut().rev() {
            let Received::Gap(known) = received else { break };
            in_a_row += 1;
            if known.reason == gap.reason || in_a_row == GAPS_IN_A_ROW_MAX {
                known.lost = known.lost.zip(gap.lost).map(|(before, more)| before.saturating_add(more));
                return;
            }
        }
        self.queue.push_back(Received::Gap(gap));
    }
}

#[cfg(test)]
mod tests;
