//! A router with sessions whose sockets take everything.

use std::io::{self, IoSlice};
use std::sync::Arc;

use pointsman_client_websocket::codec::WebSocketCodec;
use pointsman_contract::batch::Batch;
use pointsman_contract::codec::Codec;
use pointsman_contract::identity::Identity;
use pointsman_contract::policy::Policy;
use pointsman_contract::port::{Member, Port, SessionKey, SubscribeRequest};
use pointsman_contract::worker::Worker;
use pointsman_outbox::outbox::{Limits, Outbox, SlowConsumer};
use pointsman_outbox::pipe::Pipe;
use pointsman_outbox::pool::Pool;
use pointsman_outbox::ring::RingLimits;
use pointsman_router::router::{Router, RouterConfig};

/// Takes everything at once.
#[derive(Debug, Default)]
pub struct OpenPipe;

impl Pipe for OpenPipe {
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }
}

/// The outbox limits of the default configuration, with a resend ring that is full after a few messages, as it is on a busy server.
const LIMITS: Limits = Limits {
    bytes: 1 << 20,
    messages: 10_000,
    slow_consumer: SlowConsumer::DropOldest,
    ring: RingLimits { messages: 1024, bytes: 16 * 1024 },
};

/// An outbox with a pipe.
#[must_use]
pub fn outbox(codec: WebSocketCodec, pipe: Arc<dyn Pipe>) -> Arc<Outbox> {
    let mut pool = Pool::default();
    let outbox = Arc::new(Outbox::new(Arc::new(codec), LIMITS));
    // A new outbox is detached, so it takes the pipe; there is nothing to greet with.
    let _attached = outbox.attach(pipe, 0, &[], |_, _| {}, &mut pool);
    let _flushed = outbox.flush(&mut pool);
    outbox
}

/// A router and the worker of one thread.
#[derive(Debug)]
pub struct Node {
    /// The router.
    pub router: Router,
    /// The thread's worker.
    pub worker: Worker,
}

impl Default for Node {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Node {
    /// A node with policies.
    #[must_use]
    pub fn new(policies: Vec<Arc<dyn Policy>>) -> Self {
        Self { router: Router::new(RouterConfig::default(), 1, policies), worker: Worker::default() }
    }

    /// A session; `echo` says whether it gets its own publications.
    ///
    /// # Panics
    /// When the router is full.
    #[must_use]
    pub fn join(&self, codec: WebSocketCodec, echo: bool) -> SessionKey {
        self.join_with(codec, echo, Arc::new(OpenPipe))
    }

    /// A session with a pipe of its own.
    ///
    /// # Panics
    /// When the router is full.
    #[must_use]
    pub fn join_with(&self, codec: WebSocketCodec, echo: bool, pipe: Arc<dyn Pipe>) -> SessionKey {
        let member = Member {
            outbox: outbox(codec, pipe),
            codec: Arc::new(codec) as Arc<dyn Codec>,
            identity: Arc::new(Identity::anonymous()),
            echo,
            subscriptions_max: u32::MAX,
            requests_max: 100,
        };
        self.router.attach(member).unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    /// A subscription.
    ///
    /// # Panics
    /// When it is refused.
    pub fn subscribe(&self, session: SessionKey, sid: u64, pattern: &str) {
        let request = SubscribeRequest { sid, pattern, queue: None, max: None };
        self.router.subscribe(session, &request).unwrap_or_else(|refusal| panic!("{pattern}: {refusal}"));
    }

    /// Routes a batch and flushes, as a link does at the end of a tick.
    pub fn submit(&mut self, session: SessionKey, batch: &Batch) {
        let _submitted = self.router.submit(session, batch.view(), &mut self.worker);
        self.worker.tick.flush();
    }
}
