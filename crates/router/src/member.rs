//! A session as the router holds it.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use pointsman_contract::port::{Member, SessionKey};

use crate::plans::PlanCache;
use crate::requests::Requests;
use crate::subscription::Subscription;

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

const SHARDS: usize = 64;

type Shard = RwLock<HashMap<u64, Arc<MemberEntry>>>;

/// All members by key.
#[derive(Debug)]
pub(crate) struct Members {
    shards: Box<[Shard]>,
}

impl Members {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    #[allow(clippy::indexing_slicing, reason = "the index is taken modulo the length")]
    fn shard(&self, key: SessionKey) -> &Shard {
        let at = usize::try_from(key.0 % self.shards.len() as u64).unwrap_or(0);
        &self.shards[at]
    }

    pub(crate) fn insert(&self, entry: Arc<MemberEntry>) {
        self.shard(entry.key).write().insert(entry.key.0, entry);
    }

    pub(crate) fn get(&self, key: SessionKey) -> Option<Arc<MemberEntry>> {
        self.shard(key).read().get(&key.0).cloned()
    }

    pub(crate) fn remove(&self, key: SessionKey) -> Option<Arc<MemberEntry>> {
        self.shard(key).write().remove(&key.0)
    }

    /// Calls `each` for every member, shard by shard.
    pub(crate) fn for_each(&self, mut each: impl FnMut(&Arc<MemberEntry>)) {
        for shard in &self.shards {
            let members: Vec<_> = shard.read().values().cloned().collect();
            members.iter().for_each(&mut each);
        }
    }
}
