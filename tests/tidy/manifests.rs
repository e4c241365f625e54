//! Every package is held to the lints, the edition and the licence of the workspace.

use crate::tree::Tree;
use crate::{Findings, assert_clean, assert_found};

const INHERITED: [&str; 3] = ["edition", "rust-version", "license"];

fn rule(tree: &Tree) -> Findings {
    let mut findings = Vec::new();
    // A workspace of its own cannot inherit; the root is one and can.
    let members = tree
        .manifests()
        .into_iter()
        .filter(|(folder, manifest)| folder.is_empty() || !manifest.contains_key("workspace"));
    for (folder, manifest) in members {
        let inherits =
            |value: Option<&toml::Value>| value.and_then(|value| value.get("workspace")?.as_bool()) == Some(true);
        if !inherits(manifest.get("lints")) {
            findings.push(format!("{folder}/Cargo.toml: is not held to the lints; write [lints] workspace = true"));
        }
        let package = manifest.get("package");
        let own = INHERITED.into_iter().filter(|key| !inherits(package.and_then(|package| package.get(key))));
        findings.extend(own.map(|key| format!("{folder}/Cargo.toml: write {key}.workspace = true")));
        if package.and_then(|package| package.get("description")).is_none() {
            findings.push(format!("{folder}/Cargo.toml: has no description"));
        }
    }
    findings
}

#[test]
fn packages_are_held_to_the_workspace() {
    assert_clean(rule);
}

#[test]
fn a_package_that_is_not_is_found() {
    let fine = "[package]\ndescription = \"x\"\nedition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
        [lints]\nworkspace = true\n";
    assert_eq!(rule(&Tree::of(&[("a/Cargo.toml", fine), ("fuzz/Cargo.toml", "[workspace]\n")])), Findings::new());
    let without = |part: &str, reason: &str| assert_found(rule, &[("a/Cargo.toml", &fine.replace(part, ""))], reason);
    without("[lints]\nworkspace = true\n", "not held to the lints");
    without("license.workspace = true\n", "a/Cargo.toml: write license.workspace");
    without("description = \"x\"\n", "has no description");
}
