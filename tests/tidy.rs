//! The rules of the code base that are never a matter of taste. Each names the place that breaks it, and has a test that it can fail.
#![allow(clippy::unwrap_used, reason = "tests state their expectations")]

#[path = "tidy/clauses.rs"]
mod clauses;
#[path = "tidy/dead.rs"]
mod dead;
#[path = "tidy/docs.rs"]
mod docs;
#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/leftovers.rs"]
mod leftovers;
#[path = "tidy/manifests.rs"]
mod manifests;
#[path = "tidy/settings.rs"]
mod settings;
#[path = "tidy/tree.rs"]
mod tree;
#[path = "tidy/versions.rs"]
mod versions;

/// What a rule finds: `path:line: what is wrong and what to do`.
type Findings = Vec<String>;

/// Fails with everything a rule finds in this checkout.
#[track_caller]
fn assert_clean(rule: fn(&tree::Tree) -> Findings) {
    let findings = rule(tree::checkout());
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// Fails unless a rule finds exactly one thing in these files, and names it so.
#[track_caller]
fn assert_found(rule: fn(&tree::Tree) -> Findings, files: &[(&str, &str)], part: &str) {
    let findings = rule(&tree::Tree::of(files));
    assert!(findings.len() == 1 && findings[0].contains(part), "wanted `{part}`, found {findings:#?}");
}
