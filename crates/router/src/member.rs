//! A session as the router holds it, and its subscriptions: each knows the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use parking_lot::Mutex;
use pointsman_contract::port::{Member, SessionKey};

use crate::plans::PlanCache;
use crate::requests::Requests;

/// A member, its subscriptions by number, and what it waits for.
pub(crate) struct MemberEntry {
    pub(crate) key: SessionKey,
    pub(crate) member: Member,
    /// Random; makes its reply subjects impossible to guess.
    pub(crate) tag: u64,
    /// Whether any policy has rules for it.
    pub(crate) has_policies: bool,
    pub(crate) subscriptions: Mutex<Subscriptions>,
    pub(crate) requests: Mutex<Option<Box<Requests>>>,
    pub(crate) plans: Mutex<Option<Box<PlanCache>>>,
}

impl std::fmt::Debug for MemberEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemberEntry").field("key", &self.key).finish_non_exhaustive()
    }
}

/// A session's subscriptions; `None` once it has been taken out, so that a late subscribe finds the door closed.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    pub(crate) by_sid: Option<HashMap<u64, Arc<Subscription>, foldhash::fast::FixedState>>,
}

/// A session's pattern, its number and its group. Shared by the matcher and the session's own table; about 110 bytes.
#[derive(Debug)]
pub(crate) struct Subscription {
    /// Unique in this router.
    pub(crate) id: u64,
    pub(crate) member: Arc<MemberEntry>,
    pub(crate) sid: u64,
    pub(crate) pattern: Box<str>,
    pub(crate) queue: Option<Box<str>>,
    /// Deliveries it is to have in all, if it was made with a limit. Changes only under the lock of the session's table.
    max: AtomicU64,
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
            max: AtomicU64::new(max.unwrap_or(UNLIMITED)),
            left: AtomicU64::new(max.unwrap_or(UNLIMITED)),
        }
    }

    /// Whether deliveries are counted, so that it cannot be served in runs.
    pub(crate) fn is_limited(&self) -> bool {
        self.left.load(Ordering::Relaxed) != UNLIMITED
    }

    /// Limits it to `max` deliveries: in all where it was made with a limit, otherwise from now on (protocol.md#P4.3). Returns whether
    /// any are left.
    pub(crate) fn limit(&self, max: u64) -> bool {
        let max = max.min(UNLIMITED - 1);
        let before = self.max.load(Ordering::Relaxed);
        let more = |left: u64| match before {
            UNLIMITED => max,
            before => max.saturating_sub(before.saturating_sub(left)),
        };
        if before != UNLIMITED {
            self.max.store(max, Ordering::Relaxed);
        }
        let limited = |left| Some(more(left));
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, limited).is_ok_and(|left| more(left) > 0)
    }

    /// Gives back a delivery that was taken and not made.
    pub(crate) fn give_back(&self) {
        let _unlimited = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| match left {
            UNLIMITED => None,
            n => Some(n + 1),
        });
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
