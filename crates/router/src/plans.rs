//! What the policies say about one session's publications on one subject, compiled once.

use std::sync::Arc;
use std::time::Instant;

use foldhash::fast::FixedState;
use pointsman_contract::identity::Identity;
use pointsman_contract::policy::{PlanContext, Policy, PublishRule, Verdict};
use std::hash::BuildHasher;

const SLOTS: usize = 16;

/// The rules that apply, in the order of the configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct PublishPlan {
    rules: Arc<[(&'static str, Arc<dyn PublishRule>)]>,
}

impl PublishPlan {
    pub(crate) fn compile(policies: &[Arc<dyn Policy>], identity: &Identity, subject: &str) -> Self {
        let cx = PlanContext { identity, subject };
        Self {
            rules: policies
                .iter()
                .filter(|policy| policy.applies(identity))
                .filter_map(|policy| Some((policy.name(), policy.plan_publish(&cx)?)))
                .collect(),
        }
    }

    /// Whether it lets everything pass.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The first verdict other than `Pass`, with the name of the policy.
    pub(crate) fn check(&self, messages: u32, bytes: u64, now: Instant) -> Option<(&'static str, Verdict)> {
        self.rules.iter().find_map(|(name, rule)| match rule.check(messages, bytes, now) {
            Verdict::Pass => None,
            verdict => Some((*name, verdict)),
        })
    }
}

#[derive(Debug)]
struct Slot {
    subject: Box<str>,
    generation: u32,
    plan: PublishPlan,
}

/// A session's plans: 16 of them, direct-mapped.
#[derive(Debug, Default)]
pub(crate) struct PlanCache {
    slots: [Option<Slot>; SLOTS],
}

impl PlanCache {
    pub(crate) fn plan(
        &mut self,
        policies: &[Arc<dyn Policy>],
        generation: u32,
        identity: &Identity,
        subject: &str,
    ) -> PublishPlan {
        let at = usize::try_from(FixedState::default().hash_one(subject) % SLOTS as u64).unwrap_or(0);
        if let Some(Some(slot)) = self.slots.get(at)
            && *slot.subject == *subject
            && slot.generation == generation
        {
            return slot.plan.clone();
        }
        let plan = PublishPlan::compile(policies, identity, subject);
        if let Some(place) = self.slots.get_mut(at) {
            *place = Some(Slot { subject: subject.into(), generation, plan: plan.clone() });
        }
        plan
    }
}

/// The sum of all policies' generations: it changes when any of them does.
pub(crate) fn generation(policies: &[Arc<dyn Policy>]) -> u32 {
    policies.iter().fold(0, |sum, policy| sum.wrapping_add(policy.generation()))
}
