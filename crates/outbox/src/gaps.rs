//! Losses that have not been told yet.

use crate::pipe::{Delivered, Framing};

/// One coalesced record per subscription, outside the queue that has no room for it (HAZARDS: a full outbox must still be able to say so).
///
/// Bounded by the number of subscriptions of the session.
#[derive(Debug, Default)]
pub struct Gaps {
    lost: Vec<(u64, u64)>,
}

impl Gaps {
    /// Whether nothing is recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lost.is_empty()
    }

    /// Adds a lost delivery.
    pub fn record(&mut self, delivered: &Delivered) {
        for &sid in &delivered.sids {
            self.add(sid, u64::from(delivered.messages));
        }
    }

    /// Adds `lost` messages of one subscription.
    pub fn add(&mut self, sid: u64, lost: u64) {
        match self.lost.binary_search_by_key(&sid, |entry| entry.0) {
            Ok(at) => {
                if let Some(entry) = self.lost.get_mut(at) {
                    entry.1 = entry.1.saturating_add(lost);
                }
            }
            Err(at) => self.lost.insert(at, (sid, lost)),
        }
    }

    /// Adds what another record holds.
    pub fn merge(&mut self, other: &Self) {
        for &(sid, lost) in &other.lost {
            self.add(sid, lost);
        }
    }

    /// Encodes them: one notice for all subscriptions that lost the same number. Returns how many notices there are.
    pub fn encode(&self, framing: &dyn Framing, reason: &str, out: &mut Vec<u8>) -> u32 {
        let mut records = self.lost.clone();
        records.sort_unstable_by_key(|&(sid, lost)| (lost, sid));
        let mut notices = 0;
        for same in records.chunk_by(|a, b| a.1 == b.1) {
            let sids: Vec<u64> = same.iter().map(|entry| entry.0).collect();
            let lost = same.first().map_or(0, |entry| entry.1);
            let before = out.len();
            framing.encode_gap(&sids, lost, reason, out);
            notices += u32::from(out.len() > before);
        }
        notices
    }
}
