//! The conformance suite of policies: one test a clause of [`Policy`].
//!
//! A policy is enrolled by one line in its `tests/conformance.rs`: `pointsman_testkit::policy::suite!(make);`, where `make` gives an `Arc<dyn Policy>`.
//! `pointsman_testkit::policy::suite!(make, permissions);` holds it to the rules of an identity as well, against a naive model of them.
//!
//! # Limits
//! 500 cases a property; the environment variable `PROPTEST_CASES` sets another number.

use std::sync::Arc;
use std::time::Instant;

use pointsman_contract::identity::{Identity, Rules};
use pointsman_contract::policy::{PlanContext, Policy, Verdict};
use pointsman_contract::port::SubscribeRequest;
use pointsman_protocol::subject::Pattern;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Enrols a policy.
#[macro_export]
#[doc(hidden)]
macro_rules! __policy_suite {
    ($make:expr) => {
        $crate::__policy_suite!(@ $make;
            plans_are_pure
            the_generation_stands_still
            where_it_does_not_apply_it_has_no_rules
            what_may_not_be_seen_cannot_be_subscribed_to
            refusals_say_what_to_do
        );
    };
    ($make:expr, permissions) => {
        $crate::__policy_suite!($make);
        $crate::__policy_suite!(@ $make;
            publishing_is_what_the_rules_say
            deliveries_are_what_the_rules_say
            subscribing_is_what_the_rules_say
            no_subscription_shows_what_is_denied
        );
    };
    (@ $make:expr; $($clause:ident)+) => {
        $(
            #[test]
            fn $clause() {
                $crate::policy::$clause(&$make());
            }
        )+
    };
}
pub use crate::__policy_suite as suite;

/// First tokens, the reserved ones among them. `z` stands in no pattern: it is every other token.
const FIRST: [&str; 6] = ["a", "b", "z", "$USER", "_INBOX", "$SYS"];
const REST: [&str; 3] = ["a", "b", "z"];
/// Subjects are one token longer than patterns at most, so that a `>` and a `*` at the end are told apart.
const PATTERN_TOKENS: usize = 3;

/// Every subject that a pattern of the generator could tell from another.
fn universe() -> Vec<String> {
    let mut all: Vec<String> = FIRST.map(String::from).to_vec();
    let mut from = 0;
    for _ in 0..PATTERN_TOKENS {
        let longer: Vec<String> =
            all[from..].iter().flat_map(|subject| REST.map(|token| format!("{subject}.{token}"))).collect();
        from = all.len();
        all.extend(longer);
    }
    all
}

// ---- the model: by enumeration, with nothing of the code under test ----

fn is_reserved(token: &str) -> bool {
    token.starts_with(['$', '_'])
}

/// Whether a pattern matches a subject (protocol.md#P2.2 and P2.3).
fn matches(pattern: &str, subject: &str) -> bool {
    fn rest(pattern: &[&str], subject: &[&str]) -> bool {
        match (pattern, subject) {
            ([], []) => true,
            ([">"], [_, ..]) => true,
            (["*", pattern @ ..], [_, subject @ ..]) => rest(pattern, subject),
            ([token, pattern @ ..], [same, subject @ ..]) => token == same && rest(pattern, subject),
            _ => false,
        }
    }
    let pattern: Vec<&str> = pattern.split('.').collect();
    let subject: Vec<&str> = subject.split('.').collect();
    let wild = matches!(pattern[0], "*" | ">");
    !(wild && is_reserved(subject[0])) && rest(&pattern, &subject)
}

/// A user's own corner: allowed whatever the list says, unless it is denied by name.
fn is_own(name: &str) -> bool {
    name.starts_with("$USER.") || name.starts_with("_INBOX.")
}

fn is_denied(rules: &Rules, subject: &str) -> bool {
    rules.deny.iter().any(|pattern| matches(pattern.as_str(), subject))
}

fn may(rules: &Rules, subject: &str) -> bool {
    let allowed =
        rules.allow.as_ref().is_none_or(|allow| allow.iter().any(|pattern| matches(pattern.as_str(), subject)));
    allowed && !is_denied(rules, subject)
}

fn covers(wider: &str, narrower: &str, universe: &[String]) -> bool {
    universe.iter().filter(|subject| matches(narrower, subject)).all(|subject| matches(wider, subject))
}

// ---- generators ----

fn pattern() -> impl Strategy<Value = String> {
    let first = prop::sample::select(vec!["a", "b", "*", ">", "$USER", "_INBOX", "a", "b", "*"]);
    let rest = prop::collection::vec(prop::sample::select(vec!["a", "b", "*", ">", "a", "*"]), 0..PATTERN_TOKENS);
    (first, rest).prop_map(|(first, rest)| {
        let mut tokens = vec![first];
        for token in rest {
            if tokens.last() == Some(&">") {
                break;
            }
            tokens.push(token);
        }
        tokens.join(".")
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    let list = |len| prop::collection::vec(pattern().prop_map(|text| Pattern::parse(&text).unwrap()), len);
    (prop::option::weighted(0.7, list(0..4)), list(0..3)).prop_map(|(allow, deny)| Rules { allow, deny })
}

fn identity() -> impl Strategy<Value = Identity> {
    (rules(), rules(), prop::option::of(Just("a")), prop::bool::weighted(0.1)).prop_map(
        |(publish, subscribe, user, trusted)| Identity {
            user: user.map(Into::into),
            credential: "test".into(),
            publish,
            subscribe,
            trusted,
        },
    )
}

fn each<S: Strategy>(cases: S, mut test: impl FnMut(S::Value) -> Result<(), TestCaseError>) {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let config = Config { failure_persistence: None, ..Config::default() };
    let config = if asked { config } else { Config { cases: 500, ..config } };
    let test = std::cell::RefCell::new(&mut test);
    if let Err(error) = TestRunner::new(config).run(&cases, |case| (test.borrow_mut())(case)) {
        panic!("{error}");
    }
}

// ---- what is asked of a policy ----

fn publishes(policy: &dyn Policy, identity: &Identity, subject: &str) -> bool {
    !policy.applies(identity)
        || policy
            .plan_publish(&PlanContext { identity, subject })
            .is_none_or(|rule| rule.check(1, 1, Instant::now()) == Verdict::Pass)
}

fn sees(policy: &dyn Policy, identity: &Identity, subject: &str) -> bool {
    !policy.applies(identity) || policy.plan_deliver(&PlanContext { identity, subject }).is_none_or(|rule| !rule.deny)
}

fn asks(policy: &dyn Policy, identity: &Identity, pattern: &str) -> Verdict {
    policy.on_subscribe(identity, &SubscribeRequest { sid: 1, pattern, queue: None, max: None })
}

fn subscribes(policy: &dyn Policy, identity: &Identity, pattern: &str) -> bool {
    !policy.applies(identity) || asks(policy, identity, pattern) == Verdict::Pass
}

/// The same context gives an equal plan.
pub fn plans_are_pure(policy: &Arc<dyn Policy>) {
    let universe = universe();
    each((identity(), pattern()), |(identity, pattern)| {
        prop_assert_eq!(policy.applies(&identity), policy.applies(&identity.clone()));
        prop_assert_eq!(asks(&**policy, &identity, &pattern), asks(&**policy, &identity, &pattern));
        for subject in universe.iter().step_by(7) {
            let cx = PlanContext { identity: &identity, subject };
            prop_assert_eq!(policy.plan_deliver(&cx), policy.plan_deliver(&cx));
            let now = Instant::now();
            let first = |rule: Arc<dyn pointsman_contract::policy::PublishRule>| rule.check(1, 1, now);
            prop_assert_eq!(policy.plan_publish(&cx).map(first), policy.plan_publish(&cx).map(first));
        }
        Ok(())
    });
}

/// The generation does not change by itself: a change throws all plans away.
pub fn the_generation_stands_still(policy: &Arc<dyn Policy>) {
    let before = policy.generation();
    each((identity(), pattern()), |(identity, pattern)| {
        let _verdict = asks(&**policy, &identity, &pattern);
        let cx = PlanContext { identity: &identity, subject: "a.b" };
        let (_publish, _deliver) = (policy.plan_publish(&cx), policy.plan_deliver(&cx));
        prop_assert_eq!(policy.generation(), before);
        Ok(())
    });
}

/// A policy that does not apply to an identity would not have had a rule for it.
pub fn where_it_does_not_apply_it_has_no_rules(policy: &Arc<dyn Policy>) {
    let universe = universe();
    each((identity(), pattern()), |(mut identity, pattern)| {
        // As often as not one that is open, which the generator seldom makes.
        if pattern.starts_with('a') {
            (identity.publish, identity.subscribe) = (Rules::default(), Rules::default());
        }
        if policy.applies(&identity) || identity.trusted {
            return Ok(());
        }
        prop_assert_eq!(asks(&**policy, &identity, &pattern), Verdict::Pass);
        for subject in &universe {
            let cx = PlanContext { identity: &identity, subject };
            prop_assert!(policy.plan_publish(&cx).is_none(), "a publish rule for {subject}");
            prop_assert!(!policy.plan_deliver(&cx).is_some_and(|rule| rule.deny), "a deliver rule for {subject}");
        }
        Ok(())
    });
}

/// A subject whose deliveries are denied cannot be subscribed to by its name, and one that cannot is not seen through a wider pattern.
pub fn what_may_not_be_seen_cannot_be_subscribed_to(policy: &Arc<dyn Policy>) {
    let universe = universe();
    each(identity(), |identity| {
        for subject in &universe {
            prop_assert_eq!(
                subscribes(&**policy, &identity, subject),
                sees(&**policy, &identity, subject),
                "`{}` of {:?}",
                subject,
                identity.subscribe
            );
        }
        Ok(())
    });
}

/// A refusal says more than no.
pub fn refusals_say_what_to_do(policy: &Arc<dyn Policy>) {
    each((identity(), pattern()), |(identity, pattern)| {
        if let Verdict::Refuse(refusal) = asks(&**policy, &identity, &pattern) {
            prop_assert!(refusal.message.contains(&pattern), "what: {}", refusal.message);
            prop_assert!(refusal.message.contains("; "), "and what to do: {}", refusal.message);
        }
        Ok(())
    });
}

/// Publishing is allowed where the rules allow it.
pub fn publishing_is_what_the_rules_say(policy: &Arc<dyn Policy>) {
    let universe = universe();
    each(identity(), |identity| {
        for subject in &universe {
            let expected = identity.trusted || may(&identity.publish, subject);
            prop_assert_eq!(publishes(&**policy, &identity, subject), expected, "`{}` of {:?}", subject, identity);
        }
        Ok(())
    });
}

/// A session sees what the rules let it see.
pub fn deliveries_are_what_the_rules_say(policy: &Arc<dyn Policy>) {
    let universe = universe();
    each(identity(), |identity| {
        for subject in &universe {
            let rules = &identity.subscribe;
            let expected = identity.trusted || may(rules, subject) || is_own(subject) && !is_denied(rules, subject);
            prop_assert_eq!(sees(&**policy, &identity, subject), expected, "`{}` of {:?}", subject, identity);
        }
        Ok(())
    });
}

/// A pattern may be subscribed to that lies within one that is allowed and not within one that is denied.
pub fn subscribing_is_what_the_rules_say(policy: &Arc<dyn Policy>) {
    let universe = universe();
    each((identity(), pattern()), |(identity, pattern)| {
        let rules = &identity.subscribe;
        let lies_in = |wider: &Pattern| covers(wider.as_str(), &pattern, &universe);
        let allowed = is_own(&pattern) || rules.allow.as_ref().is_none_or(|allow| allow.iter().any(lies_in));
        let expected = identity.trusted || allowed && !rules.deny.iter().any(lies_in);
        prop_assert_eq!(subscribes(&**policy, &identity, &pattern), expected, "`{}` of {:?}", pattern, identity);
        Ok(())
    });
}

/// Whatever may be subscribed to, nothing denied is delivered.
pub fn no_subscription_shows_what_is_denied(policy: &Arc<dyn Policy>) {
    let universe = universe();
    each((identity(), pattern()), |(identity, pattern)| {
        if identity.trusted || !subscribes(&**policy, &identity, &pattern) {
            return Ok(());
        }
        for subject in universe.iter().filter(|subject| matches(&pattern, subject)) {
            let seen = sees(&**policy, &identity, subject);
            prop_assert!(
                !(seen && is_denied(&identity.subscribe, subject)),
                "`{pattern}` shows `{subject}` to {identity:?}"
            );
        }
        Ok(())
    });
}
