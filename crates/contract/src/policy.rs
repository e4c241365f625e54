//! Rules on the path, the same for every link kind.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::identity::Identity;
use crate::port::SubscribeRequest;
use crate::refusal::Refusal;

/// Why a message was taken off the path on purpose. Names are those of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// A rate limit.
    RateLimit,
    /// Its time to live was over.
    Expired,
    /// A policy of its own.
    Policy,
}

/// Why a message goes to the dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeadLetterReason {
    /// A rate limit.
    RateLimit,
    /// Larger than allowed.
    Oversize,
    /// Not allowed.
    Permission,
    /// Nobody subscribed.
    NoSubscriber,
}

/// What a rule decides.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Go on.
    Pass,
    /// Accepted, but this link is not read for so long: control frames behind it wait too. The node caps it at a third of the heartbeat.
    Delay(Duration),
    /// Taken off the path, counted; the publisher hears `ok`.
    Drop(DropReason),
    /// Not taken; the publisher hears why.
    Refuse(Refusal),
    /// Kept as a dead letter. Where no store keeps dead letters it is a refusal.
    DeadLetter(DeadLetterReason),
}

/// What a plan is made for.
#[derive(Debug, Clone, Copy)]
pub struct PlanContext<'a> {
    /// Who.
    pub identity: &'a Identity,
    /// The subject concerned.
    pub subject: &'a str,
}

/// A compiled rule for publications of one session on one subject.
pub trait PublishRule: fmt::Debug + Send + Sync {
    /// Decides over `messages` publications of `bytes` in all, of one run. Called on the hot path: no waiting, no allocation when it passes.
    ///
    /// A verdict other than `Pass` for more than one message makes the router ask again message by message.
    fn check(&self, messages: u32, bytes: u64, now: Instant) -> Verdict;
}

/// A compiled rule for what one session receives on one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliverRule {
    /// The session must not see the subject.
    pub deny: bool,
}

/// Rules on the path of messages. Compiled per session and subject, not asked per message.
///
/// Implementers must be pure: the same context gives an equal plan until [`generation`](Self::generation) changes.
pub trait Policy: fmt::Debug + Send + Sync + 'static {
    /// Its name in metrics and refusals.
    fn name(&self) -> &'static str;

    /// Whether it has rules for this identity at all; a session to which no policy applies pays nothing.
    fn applies(&self, identity: &Identity) -> bool;

    /// Changes when plans made before are no longer valid.
    fn generation(&self) -> u32 {
        0
    }

    /// The rule for publications; `None` passes them all.
    fn plan_publish(&self, cx: &PlanContext<'_>) -> Option<Arc<dyn PublishRule>>;

    /// The rule for deliveries; `None` passes them all.
    fn plan_deliver(&self, cx: &PlanContext<'_>) -> Option<DeliverRule>;

    /// Whether a subscription may be made.
    fn on_subscribe(&self, identity: &Identity, request: &SubscribeRequest<'_>) -> Verdict;
}
