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

/// Direct-mapped, of fixed size: a subject that shares a slot with another takes it over.
#[derive(Debug)]
pub(crate) struct Cache {
    slots: Box<[Option<Slot>]>,
}

impl Cache {
    /// `entries` is rounded up to a power of two.
    pub(crate) fn new(entries: usize) -> Self {
        Self { slots: (0..entries.next_power_of_two()).map(|_| None).collect() }
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

    pub(crate) fn put(
        &mut self,
        subject: &str,
        hash: u64,
        (buckets, stamp): (Buckets, Stamp),
        destination: Destination,
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
                slot.destination = destination;
            }
            None => {
                *place = Some(Slot { hash, subject: subject.as_bytes().to_vec(), buckets, stamp, destination });
            }
        }
    }
}
