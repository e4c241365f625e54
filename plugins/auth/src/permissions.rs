//! The policy that holds sessions to the rules of their identity.

use std::sync::Arc;
use std::time::Instant;

use pointsman_contract::identity::Identity;
use pointsman_contract::policy::{DeliverRule, PlanContext, Policy, PublishRule, Verdict};
use pointsman_contract::port::SubscribeRequest;
use pointsman_contract::refusal::Refusal;
use pointsman_protocol::codes::ErrorCode;
use pointsman_protocol::subject;

/// Allow and deny patterns of the identity.
#[derive(Debug, Default)]
pub struct Permissions;

#[derive(Debug)]
struct Denied(Refusal);

impl PublishRule for Denied {
    fn check(&self, _: u32, _: u64, _: Instant) -> Verdict {
        Verdict::Refuse(self.0.clone())
    }
}

fn denied(identity: &Identity, what: &str, name: &str) -> Refusal {
    Refusal::new(
        ErrorCode::PermissionDenied,
        format!("`{}` may not {what} `{name}`; ask an operator for the permission", identity.credential),
    )
}

impl Policy for Permissions {
    fn name(&self) -> &'static str {
        "permissions"
    }

    fn applies(&self, identity: &Identity) -> bool {
        !(identity.trusted || identity.publish.is_open() && identity.subscribe.is_open())
    }

    fn plan_publish(&self, cx: &PlanContext<'_>) -> Option<Arc<dyn PublishRule>> {
        (!cx.identity.publish.permit(cx.subject))
            .then(|| Arc::new(Denied(denied(cx.identity, "publish to", cx.subject))) as Arc<dyn PublishRule>)
    }

    fn plan_deliver(&self, cx: &PlanContext<'_>) -> Option<DeliverRule> {
        let rules = &cx.identity.subscribe;
        let permitted = if is_own(cx.subject) {
            !rules.deny.iter().any(|denied| subject::matches(denied.as_str(), cx.subject))
        } else {
            rules.permit(cx.subject)
        };
        (!permitted).then_some(DeliverRule { deny: true })
    }

    fn on_subscribe(&self, identity: &Identity, request: &SubscribeRequest<'_>) -> Verdict {
        let rules = &identity.subscribe;
        let permitted = if is_own(request.pattern) {
            !rules.deny.iter().any(|denied| subject::pattern_covers(denied.as_str(), request.pattern))
        } else {
            rules.permit_pattern(request.pattern)
        };
        if permitted { Verdict::Pass } else { Verdict::Refuse(denied(identity, "subscribe to", request.pattern)) }
    }
}

/// A user's own corner (protocol.md#P2.3), which the router gives to nobody else: no list of what is allowed need name it. A deny still holds.
fn is_own(name: &str) -> bool {
    name.starts_with("$USER.") || name.starts_with("_INBOX.")
}
