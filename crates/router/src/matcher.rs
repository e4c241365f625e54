//! Subject → subscriptions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;
use pointsman_protocol::subject;

use crate::generations::{Buckets, Generations, Stamp, prefixes};
use crate::literals::Literals;
use crate::member::Subscription;
use crate::wildcards::Wildcards;

const SHARDS: usize = 64;

#[derive(Debug, Default)]
struct WildcardShard {
    patterns: RwLock<Wildcards>,
    /// Read without the lock: most shards of most routers have no wildcards.
    len: AtomicUsize,
}

/// All subscriptions of a node: literals in flat tables, wildcards in tries, both in shards by the hash of the first token; patterns
/// that begin with a wildcard in a shard of their own.
///
/// # Limits
/// As many as the router admits; a literal subscription on a subject of its own costs about 200 bytes in all.
#[derive(Debug)]
pub struct Matcher {
    literals: Box<[RwLock<Literals>]>,
    wildcards: Box<[WildcardShard]>,
    leading: WildcardShard,
    pub(crate) generations: Generations,
}

impl Default for Matcher {
    fn default() -> Self {
        Self {
            literals: (0..SHARDS).map(|_| RwLock::default()).collect(),
            wildcards: (0..SHARDS).map(|_| WildcardShard::default()).collect(),
            leading: WildcardShard::default(),
            generations: Generations::new(),
        }
    }
}

fn is_leading(pattern: &str) -> bool {
    pattern == ">" || pattern == "*" || pattern.starts_with("*.")
}

impl Matcher {
    #[allow(clippy::indexing_slicing, reason = "the index is below the number of shards by construction")]
    fn wildcard_shard(&self, subject: &str) -> &WildcardShard {
        if is_leading(subject) {
            return &self.leading;
        }
        let (first, _) = prefixes(subject);
        &self.wildcards[shard_of(self.generations.hash(first))]
    }

    #[allow(clippy::indexing_slicing, reason = "the index is below the number of shards by construction")]
    fn literal_shard(&self, hash: u64) -> &RwLock<Literals> {
        &self.literals[shard_of(hash)]
    }

    pub(crate) fn insert(&self, subscription: Arc<Subscription>) {
        let pattern: Box<str> = subscription.pattern.clone();
        if subject::is_literal(&pattern) {
            let hash = self.generations.hash(pattern.as_bytes());
            self.literal_shard(hash)
                .write()
                .insert(subscription, hash, |subject| self.generations.hash(subject.as_bytes()));
        } else {
            let shard = self.wildcard_shard(&pattern);
            let mut patterns = shard.patterns.write();
            patterns.insert(subscription);
            shard.len.store(patterns.len(), Ordering::Release);
        }
        self.generations.bump(&pattern);
    }

    pub(crate) fn remove(&self, subscription: &Subscription) -> bool {
        let pattern = &subscription.pattern;
        let removed = if subject::is_literal(pattern) {
            let hash = self.generations.hash(pattern.as_bytes());
            self.literal_shard(hash).write().remove(subscription, hash)
        } else {
            let shard = self.wildcard_shard(pattern);
            let mut patterns = shard.patterns.write();
            let removed = patterns.remove(subscription);
            shard.len.store(patterns.len(), Ordering::Release);
            removed
        };
        self.generations.bump(pattern);
        removed
    }

    /// The hash of a subject, its buckets and their stamp, to be taken before [`matches`](Self::matches).
    pub(crate) fn stamp(&self, subject: &str, hash: u64) -> (Buckets, Stamp) {
        let buckets = self.generations.buckets(subject, hash);
        (buckets, self.generations.stamp(buckets))
    }

    /// Appends every subscription that matches a valid subject.
    pub(crate) fn matches(&self, subject: &str, hash: u64, found: &mut Vec<Arc<Subscription>>) {
        found.extend_from_slice(self.literal_shard(hash).read().get(subject, hash));
        let shard = self.wildcard_shard(subject);
        if shard.len.load(Ordering::Acquire) > 0 {
            shard.patterns.read().matches(subject, &mut |hit| found.push(Arc::clone(hit)));
        }
        // Reserved subjects are seen by nobody who does not name them (protocol.md#P2.3).
        if self.leading.len.load(Ordering::Acquire) > 0 && !subject::is_reserved(subject) {
            self.leading.patterns.read().matches(subject, &mut |hit| found.push(Arc::clone(hit)));
        }
    }
}

fn shard_of(hash: u64) -> usize {
    usize::try_from(hash & (SHARDS as u64 - 1)).unwrap_or(0)
}
