//! A worker's own memory of matches.

use crate::destination::Destination;
use crate::generations::{Buckets, Generations, Stamp};

#[derive(Debug)]
struct Slot {
    hash: u64,
    subject: Vec<u8>,
    buckets: Buckets,
    stamp: Stamp,
    destination: Destination,
}

/// Direct-mapped, of fixed size. A subject takes over the slot of another when it is missed twice without a third in between: subjects that come
/// once in a while (inboxes, a million sensors) pass by without pushing out those that come all the time.
#[derive(Debug)]
pub(crate) struct Cache {
    slots: Box<[Option<Slot>]>,
    /// By slot, the subject that was missed last.
    missed: Box<[u64]>,
}

impl Cache {
    /// `entries` is rounded up to a power of two.
    pub(crate) fn new(entries: usize) -> Self {
        let entries = entries.next_power_of_two();
        Self { slots: (0..entries).map(|_| None).collect(), missed: vec![0; entries].into() }
    }

    fn index(&self, hash: u64) -> usize {
        usize::try_from(hash >> 6).unwrap_or(0) & (self.slots.len() - 1)
    }

    /// The destination of a subject, if it is known and still true.
    pub(crate) fn get(&self, subject: &str, hash: u64, generations: &Generations) -> Option<&Destination> {
        let slot = self.slots.get(self.index(hash))?.as_ref()?;
        let hit = slot.hash == hash && slot.subject == subject.as_bytes();
        (hit && generations.stamp(slot.buckets) == slot.stamp).then_some(&slot.destination)
    }

    /// Whether a subject that was missed is to be put in.
    pub(crate) fn admits(&mut self, hash: u64) -> bool {
        let at = self.index(hash);
        let (Some(place), Some(missed)) = (self.slots.get(at), self.missed.get_mut(at)) else { return false };
        place.as_ref().is_none_or(|slot| slot.hash == hash || std::mem::replace(missed, hash) == hash)
    }

    pub(crate) fn put(
        &mut self,
        subject: &str,
        hash: u64,
        (buckets, stamp): (Buckets, Stamp),
        destination: &Destination,
    ) {
        let at = self.index(hash);
        let Some(place) = self.slots.get_mut(at) else { return };
        match place {
            Some(slot) => {
                slot.hash = hash;
                slot.subject.clear();
                slot.subject.extend_from_slice(subject.as_bytes());
                slot.buckets = buckets;
                slot.stamp = stamp;
                slot.destination = destination.clone();
            }
            None => {
                *place = Some(Slot {
                    hash,
                    subject: subject.as_bytes().to_vec(),
                    buckets,
                    stamp,
                    destination: destination.clone(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_takes_a_slot_over_when_it_comes_again() {
        let generations = Generations::new();
        let mut cache = Cache::new(1);
        let mut miss = |subject: &str| {
            let hash = generations.hash(subject.as_bytes());
            let known = cache.get(subject, hash, &generations).is_some();
            if !known && cache.admits(hash) {
                let buckets = generations.buckets(subject, hash);
                cache.put(subject, hash, (buckets, generations.stamp(buckets)), &Destination::Nobody);
            }
            !known
        };
        assert!(miss("a"));
        assert!(!miss("a"));
        assert!(miss("b"));
        assert!(!miss("a"), "one visit of another changes nothing");
        assert!(miss("c"));
        assert!(miss("b"), "nor do several, each of them once");
        assert!(miss("b"));
        assert!(!miss("b"));
        assert!(miss("a"));
    }
}
