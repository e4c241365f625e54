//! Permissions keep the contract of policies, and the rules of an identity.

use std::sync::Arc;

use pointsman_auth::permissions::Permissions;
use pointsman_contract::policy::Policy;

fn permissions() -> Arc<dyn Policy> {
    Arc::new(Permissions)
}

pointsman_testkit::policy::suite!(permissions, permissions);
