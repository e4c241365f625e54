//! What comes from other nodes.

use super::{Delivery, DeliveryView, Inbound, REPLY_ROOT, Router, RunIter, Worker};

impl Inbound for Router {
    fn deliver(&self, run: RunIter<'_, '_>) {
        self.with_worker(|worker| {
            let mut state = self.worker(worker);
            for message in run {
                if message.subject.starts_with(REPLY_ROOT) {
                    self.deliver_reply(&message, &mut worker.tick, &mut worker.scratch);
                    continue;
                }
                let destination = self.destination(message.subject, &mut state);
                let super::RouterWorker { counts, ended, random, .. } = &mut *state;
                let Worker { tick, scratch, .. } = &mut *worker;
                let mut delivery = Delivery { tick, scratch, counts, ended, random, not_to: None };
                let one: [DeliveryView<'_>; 1] = [message];
                delivery.deliver(&destination, &one.iter().copied());
            }
            self.stats.add(&std::mem::take(&mut state.counts));
            let ended = std::mem::take(&mut state.ended);
            for subscription in &ended {
                self.end_subscription(subscription);
            }
            worker.router = Some(state);
        });
    }

    fn gap(&self, subjects: &str, lost: Option<u64>) {
        self.members.for_each(|entry| {
            let sids: Vec<u64> = entry
                .subscriptions
                .lock()
                .by_sid
                .iter()
                .flat_map(hashbrown::HashMap::values)
                .filter(|subscription| pointsman_protocol::subject::patterns_overlap(&subscription.pattern, subjects))
                .map(|subscription| subscription.sid)
                .collect();
            if sids.is_empty() {
                return;
            }
            self.with_worker(|worker| {
                worker.scratch.clear();
                entry.member.codec.encode_gap(&sids, lost.unwrap_or(0), "backplane", &mut worker.scratch);
                if !worker.scratch.is_empty() {
                    worker.tick.control(&entry.member.outbox, &worker.scratch, 1);
                }
            });
        });
    }
}
