//! Names are imported from the module that defines them.

use crate::tree::Tree;
use crate::{Findings, assert_clean, assert_found, tree};

/// Crate roots that gather names for users outside of this project.
const FACADES: [&str; 1] = ["crates/client/src/lib.rs"];

fn rule(tree: &Tree) -> Findings {
    let mut findings = Vec::new();
    for (path, text) in tree.with_endings(&["rs"]) {
        let is_root = path.ends_with("src/lib.rs") && !FACADES.contains(&path);
        for (number, line) in tree::lines(text) {
            let line = line.trim_start();
            if is_root && is_re_export(line) {
                findings.push(format!("{path}:{number}: re-exports from a crate's root; let users name the module"));
            }
            if let Some(name) = root_import(line) {
                findings.push(format!(
                    "{path}:{number}: imports {name} from a crate's root; name the module that defines it"
                ));
            }
        }
    }
    findings
}

fn is_re_export(line: &str) -> bool {
    ["pub use ", "pub(crate) use "].iter().any(|start| line.starts_with(start))
}

/// A type taken right from the root of one of our crates: `use crate::Name`.
fn root_import(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let path = line.strip_prefix("use ")?;
    let path = path.strip_prefix("::").unwrap_or(path);
    let (root, rest) = path.split_once("::")?;
    let is_ours = root == "crate" || (root.starts_with("pointsman_") && root != "pointsman_client");
    let name = rest.trim_start_matches('{').split([',', ';', ' ', ':', '}']).next()?;
    // The types of a test program live where its parts can see them.
    let is_type = name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase);
    (is_ours && is_type && name != "Findings").then_some(name)
}

#[test]
fn names_come_from_where_they_are_defined() {
    assert_clean(rule);
}

#[test]
fn a_way_round_is_found() {
    assert_found(rule, &[("crates/a/src/lib.rs", "mod b;\npub use b::Name;\n")], "crates/a/src/lib.rs:2: re-exports");
    assert_found(rule, &[("crates/a/src/b.rs", "use crate::Name;\n")], "imports Name");
    assert_found(rule, &[("src/b.rs", "use pointsman_router::{Router, stats};\n")], "imports Router");
    let fine = [
        (
            "crates/a/src/b.rs",
            "use crate::name::Name;\nuse crate::name;\nuse pointsman_a::b::{C, D};\nuse crate::LIMIT;\n",
        ),
        ("crates/client/src/lib.rs", "pub use client::Client;\n"),
    ];
    assert_eq!(rule(&Tree::of(&fine)), Findings::new());
}
