//! One subscription.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::member::MemberEntry;

/// A session's pattern, its number and its group. Shared by the matcher and the session's own table; about 110 bytes.
#[derive(Debug)]
pub(crate) struct Subscription {
    /// Unique in this router.
    pub(crate) id: u64,
    pub(crate) member: Arc<MemberEntry>,
    pub(crate) sid: u64,
    pub(crate) pattern: Box<str>,
    pub(crate) queue: Option<Box<str>>,
    /// Deliveries left; `u64::MAX` is no limit.
    left: AtomicU64,
}

/// No limit on deliveries.
const UNLIMITED: u64 = u64::MAX;

impl Subscription {
    pub(crate) fn new(
        id: u64,
        member: Arc<MemberEntry>,
        sid: u64,
        pattern: &str,
        queue: Option<&str>,
        max: Option<u64>,
    ) -> Self {
        Self {
            id,
            member,
            sid,
            pattern: pattern.into(),
            queue: queue.map(Into::into),
            left: AtomicU64::new(max.unwrap_or(UNLIMITED)),
        }
    }

    /// Whether deliveries are counted, so that it cannot be served in runs.
    pub(crate) fn is_limited(&self) -> bool {
        self.left.load(Ordering::Relaxed) != UNLIMITED
    }

    /// Limits it to `max` deliveries more; one that is limited already to `max` in all, of which some may have happened. Returns whether any are left.
    pub(crate) fn limit(&self, max: u64, given: Option<u64>) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        let more = match given {
            Some(before) if left != UNLIMITED => max.saturating_sub(before.saturating_sub(left)),
            _ => max,
        };
        self.left.store(more.min(UNLIMITED - 1), Ordering::Relaxed);
        more > 0
    }

    /// Takes one delivery; `Some(true)` if it was the last, `None` if there was none left.
    pub(crate) fn take(&self) -> Option<bool> {
        let before = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| match left {
                0 => None,
                UNLIMITED => Some(UNLIMITED),
                n => Some(n - 1),
            })
            .ok()?;
        Some(before == 1)
    }
}
