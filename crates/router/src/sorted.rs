//! Lists of subscriptions in the order of their ids, so that one of a hundred thousand is found without looking at all of them.

use std::sync::Arc;

use crate::member::Subscription;

/// Adds a subscription: at the end, but for those that came in the same moment on another thread.
pub(crate) fn insert(list: &mut Vec<Arc<Subscription>>, subscription: Arc<Subscription>) {
    let at = match list.last() {
        Some(last) if last.id > subscription.id => list.partition_point(|other| other.id < subscription.id),
        _ => list.len(),
    };
    list.insert(at, subscription);
}

/// Removes the subscription with an id; `false` where it is not in the list.
pub(crate) fn remove(list: &mut Vec<Arc<Subscription>>, id: u64) -> bool {
    let found = list.binary_search_by_key(&id, |other| other.id);
    if let Ok(at) = found {
        list.remove(at);
    }
    found.is_ok()
}
