//! The outgoing queues alone.

use std::sync::Arc;

use pointsman_client_websocket::codec::WebSocketCodec;
use pointsman_outbox::tick::Tick;

use super::Workload;
use crate::node::{self, OpenPipe};
use crate::sample;

pub(super) fn workloads() -> Vec<Workload> {
    [1_usize, 10, 100, 1000]
        .into_iter()
        .map(|count| {
            let about = "pushes one message into so many outboxes and flushes them";
            Workload::new(format!("flush-{count}"), about, move || {
                let outboxes: Vec<_> =
                    (0..count).map(|_| node::outbox(WebSocketCodec::Json, Arc::new(OpenPipe))).collect();
                let message = sample::payload(sample::PAYLOAD_BYTES);
                let mut tick = Tick::default();
                Box::new(move || {
                    for outbox in &outboxes {
                        let pushed = outbox.push(&message, 1, &[1], &mut tick.pool);
                        tick.touched(outbox, pushed, message.len());
                    }
                    tick.flush();
                })
            })
            .iterations(match count {
                0..=10 => 2_000,
                11..=100 => 400,
                _ => 50,
            })
        })
        .collect()
}
