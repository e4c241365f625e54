//! Who gets a publication: the match result, made once and shared.

use std::sync::{Arc, Weak};

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};
use parking_lot::Mutex;
use pointsman_contract::codec::Codec;
use pointsman_outbox::outbox::Outbox;
use smallvec::SmallVec;
use std::hash::BuildHasher;

use crate::member::MemberEntry;
use crate::member::Subscription;

/// Receivers with the same encoding and the same list of subscription numbers: one encoding serves them all.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) codec: Arc<dyn Codec>,
    pub(crate) sids: Box<[u64]>,
    pub(crate) to: Vec<Arc<Outbox>>,
}

/// A queue group: one member gets each message.
#[derive(Debug)]
pub(crate) struct QueueGroup {
    pub(crate) members: Box<[Arc<Subscription>]>,
}

/// A member whose subscriptions are served in more than one way (in runs, counted, by the choice of a queue group): which of them a
/// message is for is known only message by message, and it still gets the message once.
#[derive(Debug)]
pub(crate) struct Several {
    pub(crate) member: Arc<MemberEntry>,
    /// Its plain subscriptions.
    pub(crate) plain: Box<[u64]>,
    /// Its limited ones. Those in queue groups stand there.
    pub(crate) limited: Box<[Arc<Subscription>]>,
}

/// The destinations of a subject. Immutable; interned, so that subjects with the same destinations share one and runs go across them.
#[derive(Debug)]
pub(crate) struct FanSet {
    ids: Box<[u64]>,
    pub(crate) groups: Box<[Group]>,
    /// Limited subscriptions, the only ones of their members here: served message by message.
    pub(crate) special: Box<[Arc<Subscription>]>,
    pub(crate) queues: Box<[QueueGroup]>,
    /// In the order of their keys.
    pub(crate) several: Box<[Several]>,
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
        self.table
            .insert_unique(hash, set, |weak| weak.upgrade().map_or(0, |set| FixedState::default().hash_one(&*set.ids)));
    }
}

impl FanSet {
    fn build(sorted: &[Arc<Subscription>], ids: Vec<u64>) -> Self {
        let mut special = Vec::new();
        let mut several = Vec::new();
        let mut queues: Vec<(&str, Vec<Arc<Subscription>>)> = Vec::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut by_key: HashMap<(u16, Box<[u64]>), usize> = HashMap::new();
        for same_member in sorted.chunk_by(|a, b| a.member.key == b.member.key) {
            let mut plain = Vec::new();
            let mut limited = Vec::new();
            let mut names: SmallVec<[&str; 4]> = SmallVec::new();
            for subscription in same_member {
                match &subscription.queue {
                    Some(name) => {
                        match queues.iter_mut().find(|(known, _)| *known == &**name) {
                            Some((_, members)) => members.push(Arc::clone(subscription)),
                            None => queues.push((name, vec![Arc::clone(subscription)])),
                        }
                        if !names.contains(&&**name) {
                            names.push(name);
                        }
                    }
                    None if subscription.is_limited() => limited.push(Arc::clone(subscription)),
                    None => plain.push(subscription.sid),
                }
            }
            let Some(first) = same_member.first() else { continue };
            if usize::from(!plain.is_empty()) + limited.len() + names.len() > 1 {
                let member = Arc::clone(&first.member);
                several.push(Several { member, plain: plain.into(), limited: limited.into() });
                continue;
            }
            special.append(&mut limited);
            if plain.is_empty() {
                continue;
            }
            let member = &first.member.member;
            let sids: Box<[u64]> = plain.into();
            let at = *by_key.entry((member.codec.key(), sids.clone())).or_insert_with(|| {
                groups.push(Group { codec: Arc::clone(&member.codec), sids, to: Vec::new() });
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(at) {
                group.to.push(Arc::clone(&member.outbox));
            }
        }
        groups.iter_mut().for_each(|group| group.to.shrink_to_fit());
        Self {
            ids: ids.into(),
            groups: groups.into(),
            special: special.into(),
            queues: queues.into_iter().map(|(_, members)| QueueGroup { members: members.into() }).collect(),
            several: several.into(),
        }
    }

    /// The place in `several` of a subscription's member.
    pub(crate) fn place_in_several(&self, subscription: &Subscription) -> Option<usize> {
        self.several.binary_search_by_key(&subscription.member.key, |several| several.member.key).ok()
    }
}
