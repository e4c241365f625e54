//! Patterns without a wildcard: a flat table.

use std::sync::Arc;

use hashbrown::HashTable;

use crate::member::Subscription;
use crate::sorted;

/// Subscriptions of one subject: one inline, more in a list.
#[derive(Debug)]
enum Entry {
    One(Arc<Subscription>),
    // Boxed so that the table's slot stays two words: most subjects of a large table have one subscription.
    #[allow(clippy::box_collection, reason = "the slot is half as large with it")]
    Many(Box<Vec<Arc<Subscription>>>),
}

impl Entry {
    fn subject(&self) -> &str {
        match self {
            Self::One(subscription) => &subscription.pattern,
            Self::Many(subscriptions) => subscriptions.first().map_or("", |first| &first.pattern),
        }
    }
}

/// Subject → subscriptions. The key is the pattern of the first subscription, so it is stored once.
#[derive(Debug, Default)]
pub(crate) struct Literals {
    table: HashTable<Entry>,
}

impl Literals {
    /// `hash` is that of the pattern; `rehash` computes it again for entries that move.
    pub(crate) fn insert(&mut self, subscription: Arc<Subscription>, hash: u64, rehash: impl Fn(&str) -> u64) {
        match self.table.find_mut(hash, |entry| entry.subject() == &*subscription.pattern) {
            Some(entry) => match entry {
                Entry::One(first) => {
                    let mut many = vec![Arc::clone(first)];
                    sorted::insert(&mut many, subscription);
                    *entry = Entry::Many(Box::new(many));
                }
                Entry::Many(many) => sorted::insert(many, subscription),
            },
            None => {
                self.table.insert_unique(hash, Entry::One(subscription), |entry| rehash(entry.subject()));
            }
        }
    }

    pub(crate) fn remove(&mut self, subscription: &Subscription, hash: u64) -> bool {
        let Ok(mut occupied) = self.table.find_entry(hash, |entry| entry.subject() == &*subscription.pattern) else {
            return false;
        };
        match occupied.get_mut() {
            Entry::One(only) if only.id == subscription.id => {
                occupied.remove();
                true
            }
            Entry::One(_) => false,
            Entry::Many(many) => {
                if !sorted::remove(many, subscription.id) {
                    return false;
                }
                match many.as_slice() {
                    [] => {
                        occupied.remove();
                    }
                    [last] => {
                        let last = Arc::clone(last);
                        *occupied.get_mut() = Entry::One(last);
                    }
                    _ => {}
                }
                true
            }
        }
    }

    pub(crate) fn get(&self, subject: &str, hash: u64) -> &[Arc<Subscription>] {
        match self.table.find(hash, |entry| entry.subject() == subject) {
            None => &[],
            Some(Entry::One(one)) => std::slice::from_ref(one),
            Some(Entry::Many(many)) => many,
        }
    }
}
