//! Who gets a publication: the match result, made once and shared.

use std::sync::{Arc, Weak};

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};
use parking_lot::Mutex;
use pointsman_contract::codec::Codec;
use pointsman_outbox::outbox::Outbox;
use std::hash::BuildHasher;

use crate::subscription::Subscription;

/// Receivers with the same encoding and the same list of subscription numbers: one encoding serves them all.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) codec: Arc<dyn Codec>,
    pub(crate) sids: Box<[u64]>,
    pub(crate) to: Box<[Arc<Outbox>]>,
}

/// A queue group: one member gets each message.
#[derive(Debug)]
pub(crate) struct QueueGroup {
    pub(crate) members: Box<[Arc<Subscription>]>,
}

/// The destinations of a subject. Immutable; interned, so that subjects with the same destinations share one and runs go across them.
#[derive(Debug)]
pub(crate) struct FanSet {
    ids: Box<[u64]>,
    pub(crate) groups: Box<[Group]>,
    /// Subscriptions that must be served message by message.
    pub(crate) special: Box<[Arc<Subscription>]>,
    pub(crate) queues: Box<[QueueGroup]>,
    /// Receivers in all groups.
    pub(crate) receivers: usize,
}

/// A match result.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    /// Nobody.
    Nobody,
    /// One plain subscription: no set is built for it.
    One(Arc<Subscription>),
    /// A set.
    Set(Arc<FanSet>),
}

impl Destination {
    /// Whether two runs may be one.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nobody, Self::Nobody) => true,
            (Self::One(a), Self::One(b)) => Arc::ptr_eq(a, b),
            (Self::Set(a), Self::Set(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    pub(crate) fn is_nobody(&self) -> bool {
        matches!(self, Self::Nobody)
    }
}

/// Makes destinations and finds equal ones again.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    sets: Mutex<Sets>,
}

#[derive(Debug, Default)]
struct Sets {
    table: HashTable<Weak<FanSet>>,
    sweep_at: usize,
}

const SWEEP_MIN: usize = 1024;

impl Interner {
    /// The destination for a list of matching subscriptions, which is left sorted.
    pub(crate) fn destination(&self, found: &mut [Arc<Subscription>]) -> Destination {
        match found {
            [] => return Destination::Nobody,
            [one] if one.queue.is_none() && !one.is_limited() => return Destination::One(Arc::clone(one)),
            _ => {}
        }
        found.sort_unstable_by_key(|subscription| (subscription.member.key, subscription.sid));
        let ids: Vec<u64> = found.iter().map(|subscription| subscription.id).collect();
        let limited = found.iter().any(|subscription| subscription.is_limited());
        if limited {
            // Whether a subscription is limited can change without its number changing.
            return Destination::Set(Arc::new(FanSet::build(found, ids)));
        }
        let hash = FixedState::default().hash_one(&ids);
        let mut sets = self.sets.lock();
        let known = sets.table.find(hash, |weak| weak.upgrade().is_some_and(|set| *set.ids == *ids));
        if let Some(set) = known.and_then(Weak::upgrade) {
            return Destination::Set(set);
        }
        let set = Arc::new(FanSet::build(found, ids));
        sets.insert(hash, Arc::downgrade(&set));
        Destination::Set(set)
    }
}

impl Sets {
    fn insert(&mut self, hash: u64, set: Weak<FanSet>) {
        if self.table.len() >= self.sweep_at.max(SWEEP_MIN) {
            self.table.retain(|weak| weak.strong_count() > 0);
            self.sweep_at = self.table.len() * 2;
        }
        self.table.insert_unique(hash, set, |weak| {
            weak.upgrade().map_or(0, |set| FixedState::default().hash_one(&*set.ids))
        });
    }
}

impl FanSet {
    fn build(sorted: &[Arc<Subscription>], ids: Vec<u64>) -> Self {
        let mut special = Vec::new();
        let mut queues: Vec<(&str, Vec<Arc<Subscription>>)> = Vec::new();
        let mut groups: Vec<(Arc<dyn Codec>, Vec<u64>, Vec<Arc<Outbox>>)> = Vec::new();
        let mut by_key: HashMap<(u16, Vec<u64>), usize> = HashMap::new();
        for same_member in sorted.chunk_by(|a, b| a.member.key == b.member.key) {
            let mut sids = Vec::new();
            for subscription in same_member {
                match &subscription.queue {
                    Some(name) => match queues.iter_mut().find(|(known, _)| *known == &**name) {
                        Some((_, members)) => members.push(Arc::clone(subscription)),
                        None => queues.push((name, vec![Arc::clone(subscription)])),
                    },
                    None if subscription.is_limited() => special.push(Arc::clone(subscription)),
                    None => sids.push(subscription.sid),
                }
            }
            let Some(first) = same_member.first() else { continue };
            if sids.is_empty() {
                continue;
            }
            let member = &first.member.member;
            let at = *by_key.entry((member.codec.key(), sids.clone())).or_insert_with(|| {
                groups.push((Arc::clone(&member.codec), sids, Vec::new()));
                groups.len() - 1
            });
            if let Some((_, _, to)) = groups.get_mut(at) {
                to.push(Arc::clone(&member.outbox));
            }
        }
        let receivers = groups.iter().map(|(_, _, to)| to.len()).sum();
        Self {
            ids: ids.into(),
            groups: groups
                .into_iter()
                .map(|(codec, sids, to)| Group { codec, sids: sids.into(), to: to.into() })
                .collect(),
            special: special.into(),
            queues: queues.into_iter().map(|(_, members)| QueueGroup { members: members.into() }).collect(),
            receivers,
        }
    }
}
