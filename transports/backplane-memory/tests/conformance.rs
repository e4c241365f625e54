//! The memory backplane keeps the contract.

use std::sync::Arc;

use pointsman_backplane_memory::hub::Hub;
use pointsman_backplane_memory::memory::MemoryBackplane;
use pointsman_contract::backplane::{Backplane, BackplaneContext};
use pointsman_testkit::backplane::World;

#[derive(Debug, Default)]
struct OneHub(Arc<Hub>);

#[async_trait::async_trait]
impl World for OneHub {
    async fn join(&self, cx: BackplaneContext) -> Arc<dyn Backplane> {
        MemoryBackplane::join(Arc::clone(&self.0), cx)
    }
}

async fn a_hub() -> Option<OneHub> {
    Some(OneHub::default())
}

pointsman_testkit::backplane::suite!(a_hub);
