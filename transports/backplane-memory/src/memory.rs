//! One node's end of the hub.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use async_trait::async_trait;
use parking_lot::Mutex;
use pointsman_contract::backplane::{
    Backplane, BackplaneCapabilities, BackplaneContext, BackplaneError, BackplaneRole, Full, InterestChange, RunIter,
};
use pointsman_contract::component::{Component, ConfigError, StartError};
use pointsman_contract::health::Health;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::hub::{Hub, Owned};

/// Largest payload.
const PAYLOAD_BYTES_MAX: u32 = 64 << 20;

/// The kind `memory`. It has no keys.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryConfig {}

/// A node's end.
#[derive(Debug)]
pub struct MemoryBackplane {
    hub: Arc<Hub>,
    node: u64,
    health: watch::Sender<Health>,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl MemoryBackplane {
    /// Joins a hub.
    #[must_use]
    pub fn join(hub: Arc<Hub>, cx: BackplaneContext) -> Arc<Self> {
        let stop = cx.shutdown.child_token();
        let task = hub.join(cx.node, cx.inbound, stop.clone());
        Arc::new(Self {
            hub,
            node: cx.node,
            health: watch::Sender::new(Health::Up),
            stop,
            task: Mutex::new(Some(task)),
        })
    }
}

impl Drop for MemoryBackplane {
    fn drop(&mut self) {
        self.hub.leave(self.node);
        self.stop.cancel();
    }
}

#[async_trait]
impl Backplane for MemoryBackplane {
    fn capabilities(&self) -> BackplaneCapabilities {
        BackplaneCapabilities::new(PAYLOAD_BYTES_MAX)
    }

    fn has_peers(&self) -> bool {
        !self.stop.is_cancelled() && self.hub.has_peers(self.node)
    }

    fn publish(&self, run: RunIter<'_, '_>) -> Result<(), Full> {
        if self.stop.is_cancelled() {
            return Err(Full { accepted: 0 });
        }
        let run: Arc<[Owned]> = run.map(Owned::of).collect();
        self.hub.publish(self.node, &run);
        Ok(())
    }

    async fn update_interest(&self, _: InterestChange) -> Result<(), BackplaneError> {
        Ok(())
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    async fn close(&self, deadline: Instant) -> Result<(), BackplaneError> {
        self.hub.leave(self.node);
        self.stop.cancel();
        let task = self.task.lock().take();
        let Some(task) = task else { return Ok(()) };
        tokio::time::timeout_at(deadline.into(), task).await.map_err(|_| BackplaneError::Deadline)?.ok();
        Ok(())
    }
}

/// The process's own hub: what `backplane = "memory"` joins.
fn process_hub() -> Arc<Hub> {
    static HUB: OnceLock<Arc<Hub>> = OnceLock::new();
    Arc::clone(HUB.get_or_init(Arc::default))
}

/// The component `memory`.
#[derive(Debug)]
pub struct Memory;

impl Component for Memory {
    const KIND: &'static str = "memory";
    type Role = BackplaneRole;
    type Config = MemoryConfig;

    fn validate(_: MemoryConfig) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    async fn start(self, cx: BackplaneContext) -> Result<Arc<dyn Backplane>, StartError> {
        Ok(MemoryBackplane::join(process_hub(), cx))
    }
}
