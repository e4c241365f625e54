//! When a cached match is still true.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};

use memchr::memchr;

const BUCKETS: usize = 4096;

/// Four families of counters. A change of the subscriptions bumps one bucket of one family, so it invalidates few cached matches:
/// a literal pattern that of its whole subject, a wildcard that of its first two literal tokens or of its first one, a leading wildcard the one of all.
pub(crate) struct Generations {
    full: Box<[AtomicU32]>,
    two: Box<[AtomicU32]>,
    one: Box<[AtomicU32]>,
    all: AtomicU32,
    hasher: foldhash::fast::RandomState,
}

impl std::fmt::Debug for Generations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generations").field("all", &self.all).finish_non_exhaustive()
    }
}

/// The buckets of a subject.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Buckets {
    full: u16,
    two: u16,
    one: u16,
}

/// What the counters of a subject's buckets were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stamp([u32; 4]);

fn buckets() -> Box<[AtomicU32]> {
    (0..BUCKETS).map(|_| AtomicU32::new(0)).collect()
}

/// The first token, and the first two with the dot between them (all of it where there are fewer).
pub(crate) fn prefixes(subject: &str) -> (&[u8], &[u8]) {
    let bytes = subject.as_bytes();
    let Some(first) = memchr(b'.', bytes) else { return (bytes, bytes) };
    let (one, rest) = bytes.split_at(first);
    let two = memchr(b'.', rest.get(1..).unwrap_or_default()).map_or(bytes.len(), |second| first + 1 + second);
    (one, bytes.get(..two).unwrap_or(bytes))
}

impl Generations {
    pub(crate) fn new() -> Self {
        Self {
            full: buckets(),
            two: buckets(),
            one: buckets(),
            all: AtomicU32::new(0),
            hasher: foldhash::fast::RandomState::default(),
        }
    }

    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        self.hasher.hash_one(bytes)
    }

    /// The buckets of a subject whose hash is known.
    pub(crate) fn buckets(&self, subject: &str, hash: u64) -> Buckets {
        let (one, two) = prefixes(subject);
        Buckets { full: bucket(hash), two: bucket(self.hash(two)), one: bucket(self.hash(one)) }
    }

    /// The counters now. Read before matching; a match is true as long as they are equal.
    pub(crate) fn stamp(&self, buckets: Buckets) -> Stamp {
        let read = |family: &[AtomicU32], at: u16| {
            family.get(usize::from(at)).map_or(0, |counter| counter.load(Ordering::Acquire))
        };
        Stamp([
            read(&self.full, buckets.full),
            read(&self.two, buckets.two),
            read(&self.one, buckets.one),
            self.all.load(Ordering::Acquire),
        ])
    }

    /// Says that the subscriptions under `pattern` have changed. Called after the change is visible to matching.
    pub(crate) fn bump(&self, pattern: &str) {
        let counter = match literal_prefix(pattern) {
            Prefix::Whole => self.full.get(usize::from(bucket(self.hash(pattern.as_bytes())))),
            Prefix::Two(two) => self.two.get(usize::from(bucket(self.hash(two)))),
            Prefix::One(one) => self.one.get(usize::from(bucket(self.hash(one)))),
            Prefix::None => None,
        };
        counter.unwrap_or(&self.all).fetch_add(1, Ordering::Release);
    }

    /// Says that everything may have changed.
    pub(crate) fn bump_all(&self) {
        self.all.fetch_add(1, Ordering::Release);
    }
}

enum Prefix<'a> {
    Whole,
    Two(&'a [u8]),
    One(&'a [u8]),
    None,
}

fn literal_prefix(pattern: &str) -> Prefix<'_> {
    let wild = |token: &&str| *token == "*" || *token == ">";
    let mut literal = pattern.split('.').take_while(|token| !wild(token));
    let (first, second) = (literal.next(), literal.next());
    let (one, two) = prefixes(pattern);
    match (first, second) {
        (None, _) => Prefix::None,
        (Some(_), _) if !pattern.split('.').any(|token| wild(&token)) => Prefix::Whole,
        (Some(_), None) => Prefix::One(one),
        (Some(_), Some(_)) => Prefix::Two(two),
    }
}

fn bucket(hash: u64) -> u16 {
    u16::try_from(hash >> 52).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_invalidates_exactly_the_family_it_can_touch() {
        let generations = Generations::new();
        let buckets_of = |subject: &str| generations.buckets(subject, generations.hash(subject.as_bytes()));
        for (pattern, touched) in [
            ("a.b.c", true),
            ("a.b.*", true),
            ("a.b.>", true),
            ("a.*", true),
            ("a.>", true),
            ("*.b.c", true),
            (">", true),
            ("x.b.c", false),
            ("x.>", false),
            ("a.y.*", false),
        ] {
            let before = generations.stamp(buckets_of("a.b.c"));
            generations.bump(pattern);
            assert_eq!(before != generations.stamp(buckets_of("a.b.c")), touched, "{pattern}");
        }
    }
}
