//! Publishing from inside the server: for the HTTP API and its own events.

use std::sync::Arc;

use parking_lot::RwLock;
use pointsman_contract::batch::{Answer, Batch, PublicationView};
use pointsman_contract::codec::Codec;
use pointsman_contract::identity::Identity;
use pointsman_contract::outcome::Outcome;
use pointsman_contract::port::{Member, Port, SessionKey};
use pointsman_contract::refusal::Refusal;
use pointsman_outbox::outbox::{Limits, Outbox};
use pointsman_outbox::ring::RingLimits;
use pointsman_protocol::codes::ErrorCode;
use pointsman_router::router::Router;
use pointsman_session::worker::with_worker;

use crate::builtin::own_codec;

/// A session of the server itself. It subscribes to nothing.
#[derive(Debug)]
pub struct Publisher {
    router: Arc<Router>,
    key: SessionKey,
    /// Held while a batch is published, so that whoever ends it knows when the last one is through.
    refuses: RwLock<bool>,
}

impl Publisher {
    /// A publisher for `router`.
    ///
    /// # Errors
    /// When the router holds as many sessions as it may.
    pub fn new(router: Arc<Router>) -> Result<Self, Refusal> {
        let codec = own_codec();
        let limits = Limits {
            bytes: 0,
            messages: 0,
            slow_consumer: Default::default(),
            ring: RingLimits { messages: 0, bytes: 0 },
        };
        let outbox = Arc::new(Outbox::new(Arc::<dyn Codec>::clone(&codec), limits));
        let identity = Arc::new(Identity::server());
        let key =
            router.attach(Member { outbox, codec, identity, echo: false, subscriptions_max: 0, requests_max: 0 })?;
        Ok(Self { router, key, refuses: RwLock::new(false) })
    }

    /// Publishes a batch; one result per publication, in order. `Ok` means what an acknowledgement means (protocol.md#P5.5).
    #[must_use]
    pub fn publish(&self, batch: &Batch) -> Vec<Result<(), Refusal>> {
        let refuses = self.refuses.read();
        if *refuses {
            let refusal = Refusal::new(
                ErrorCode::Draining,
                "this node is going away and accepts nothing more; publish to another",
            );
            return vec![Err(refusal); batch.len()];
        }
        let mut results = vec![Ok(()); batch.len()];
        with_worker(|worker| {
            let _nobody_to_pause = self.router.submit(self.key, batch.view(), worker);
            for (at, outcome) in worker.outcomes.drain(..) {
                let Some(result) = results.get_mut(at as usize) else { continue };
                match outcome {
                    Outcome::Refused(refusal) => *result = Err(refusal),
                    Outcome::NoResponders => {
                        *result = Err(Refusal::new(ErrorCode::NoResponders, "nobody is subscribed to the subject"));
                    }
                    _ => {}
                }
            }
        });
        results
    }

    /// Accepts nothing more, for a node that is going away. When it returns, what was accepted has reached every outbox.
    pub fn refuse(&self) {
        *self.refuses.write() = true;
    }

    /// Publishes one JSON value.
    ///
    /// # Errors
    /// When it is refused.
    pub fn publish_json(&self, subject: &str, json: &[u8]) -> Result<(), Refusal> {
        let mut batch = Batch::default();
        batch.push(&PublicationView {
            subject,
            reply: None,
            message_id: None,
            headers: &[],
            payload: json,
            body: pointsman_protocol::frame::BodyKind::Json,
            answer: Answer::Silent,
        });
        self.publish(&batch).into_iter().collect()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.router.detach(self.key);
    }
}
