//! All sessions of the node.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::close::CloseReason;
use crate::session::{Session, SessionId, SessionInfo};

const SHARDS: u64 = 64;

type Shard = RwLock<HashMap<SessionId, Arc<Session>>>;

/// The sessions by id.
#[derive(Debug)]
pub struct Sessions {
    shards: Box<[Shard]>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }
}

impl Sessions {
    fn shard(&self, session: &Session) -> Option<&Shard> {
        self.shards.get(usize::try_from(session.key.0 % SHARDS).unwrap_or(0))
    }

    pub(crate) fn insert(&self, session: &Arc<Session>) {
        if let Some(shard) = self.shard(session) {
            shard.write().insert(session.id(), Arc::clone(session));
        }
    }

    pub(crate) fn remove(&self, session: &Session) -> bool {
        self.shard(session).is_some_and(|shard| shard.write().remove(&session.id()).is_some())
    }

    /// A session by its public name.
    #[must_use]
    pub fn get(&self, id: SessionId) -> Option<Arc<Session>> {
        self.shards.iter().find_map(|shard| shard.read().get(&id).cloned())
    }

    /// Number of sessions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sessions after `after` in the order they were made, at most `limit`.
    #[must_use]
    pub fn page(&self, after: u64, limit: usize) -> Vec<SessionInfo> {
        let mut page: Vec<Arc<Session>> = self
            .shards
            .iter()
            .flat_map(|shard| {
                shard.read().values().filter(|session| session.key.0 > after).cloned().collect::<Vec<_>>()
            })
            .collect();
        page.sort_unstable_by_key(|session| session.key);
        page.truncate(limit);
        page.iter().map(|session| session.info()).collect()
    }

    /// Tells the sessions to end for which `reason` gives one.
    pub(crate) fn close_where(&self, mut reason: impl FnMut(&Session) -> Option<CloseReason>) {
        self.for_each(|session| {
            if let Some(reason) = reason(session) {
                session.close(reason);
            }
        });
    }

    /// Calls `each` for every session, with no lock held.
    pub(crate) fn for_each(&self, mut each: impl FnMut(&Session)) {
        for shard in &self.shards {
            let sessions: Vec<_> = shard.read().values().cloned().collect();
            sessions.iter().for_each(|session| each(session));
        }
    }
}
