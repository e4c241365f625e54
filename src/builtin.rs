//! The kinds of this build. The one place that knows concrete components.

use std::sync::Arc;

use pointsman_auth::permissions::Permissions;
use pointsman_backplane_memory::memory::Memory;
use pointsman_client_websocket::codec::WebSocketCodec;
use pointsman_contract::backplane::BackplaneRole;
use pointsman_contract::codec::Codec;
use pointsman_contract::component::Registry;
use pointsman_contract::policy::Policy;

/// What configuration can choose from. An embedder adds kinds of its own with [`Registry::with`].
#[derive(Debug)]
pub struct Builtin {
    /// Node to node.
    pub backplanes: Registry<BackplaneRole>,
    /// Rules on the path, in their order.
    pub policies: Vec<Arc<dyn Policy>>,
}

impl Default for Builtin {
    fn default() -> Self {
        Self { backplanes: Registry::new().with::<Memory>(), policies: vec![Arc::new(Permissions)] }
    }
}

/// The codec of a session that is never sent anything: the server's own.
pub(crate) fn own_codec() -> Arc<dyn Codec> {
    Arc::new(WebSocketCodec::Json)
}
