//! All members of the router.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::RwLock;
use pointsman_contract::port::SessionKey;

use crate::member::MemberEntry;

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
