//! What the router counts. Summed per batch by the worker, added once.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counters since the start.
        #[derive(Debug, Default)]
        pub struct Stats { $($(#[$doc])* pub $name: AtomicU64),* }
        /// The counters at one moment, or a sum to be added.
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
        pub struct Counts { $($(#[$doc])* pub $name: u64),* }
        impl Stats {
            /// Adds a sum.
            pub fn add(&self, counts: &Counts) {
                $(if counts.$name > 0 { self.$name.fetch_add(counts.$name, Ordering::Relaxed); })*
            }
            /// The counters now.
            #[must_use]
            pub fn read(&self) -> Counts {
                Counts { $($name: self.$name.load(Ordering::Relaxed)),* }
            }
        }
    };
}

counters! {
    /// Publications submitted.
    received_messages,
    /// Bytes of their payloads.
    received_bytes,
    /// Messages handed to outboxes, one per receiver.
    delivered_messages,
    /// Encoded bytes handed to outboxes.
    delivered_bytes,
    /// Publications that nobody had subscribed to.
    unmatched_messages,
    /// Messages dropped since a receiver's outbox was full.
    dropped_slow_consumer,
    /// Publications dropped by a policy.
    dropped_policy,
    /// Publications refused.
    refused_messages,
    /// Publications that the backplane had no room for.
    dropped_backplane,
    /// Requests made.
    requests,
    /// Replies that came for nobody, or too late.
    late_replies,
    /// Receivers whose outbox asked to be disconnected.
    slow_disconnects,
}
