//! Where sessions stand until their turn comes.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use crate::session::Session;

/// Slots of one second. A session stands in one slot and is visited twice per heartbeat; no link has a timer of its own.
#[derive(Debug)]
pub(crate) struct Wheel {
    slots: Box<[Mutex<Vec<Weak<Session>>>]>,
}

impl Wheel {
    pub(crate) fn new(heartbeat: Duration) -> Self {
        let slots = usize::try_from(heartbeat.as_secs() / 2).unwrap_or(1).max(1);
        Self { slots: (0..slots).map(|_| Mutex::default()).collect() }
    }

    pub(crate) fn add(&self, session: &Arc<Session>) {
        let at = usize::try_from(session.key.0 % self.slots.len() as u64).unwrap_or(0);
        if let Some(slot) = self.slots.get(at) {
            slot.lock().push(Arc::downgrade(session));
        }
    }

    /// The sessions whose turn it is in `second`.
    pub(crate) fn visit(&self, second: u32) -> Vec<Arc<Session>> {
        let Some(slot) = self.slots.get(second as usize % self.slots.len()) else { return Vec::new() };
        let mut slot = slot.lock();
        let mut alive = Vec::with_capacity(slot.len());
        slot.retain(|weak| match weak.upgrade() {
            Some(session) => {
                alive.push(session);
                true
            }
            None => false,
        });
        if slot.capacity() > 2 * slot.len() + 64 {
            slot.shrink_to_fit();
        }
        alive
    }
}
