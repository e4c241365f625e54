//! Every Rust file is part of a program.

use std::collections::BTreeSet;

use crate::tree::Tree;
use crate::{Findings, assert_clean, assert_found, tree};

fn rule(tree: &Tree) -> Findings {
    let mut reached = BTreeSet::new();
    let mut findings = Vec::new();
    let manifests = tree.manifests();
    for (path, _) in tree.with_endings(&["rs"]).filter(|(path, _)| is_root(&manifests, path)) {
        follow(tree, path, true, &mut reached);
    }
    for (path, _) in tree.with_endings(&["rs"]) {
        if path.ends_with("/mod.rs") {
            findings.push(format!("{path}: is named after nothing; call it as its folder, beside it"));
        } else if !reached.contains(path) {
            findings.push(format!("{path}: no `mod` leads here; delete it"));
        }
    }
    findings
}

/// Whether cargo starts to compile here: by the rules for where targets lie, or because a manifest says so.
fn is_root(manifests: &[(&str, toml::Table)], path: &str) -> bool {
    let by_rule = manifests.iter().any(|(folder, _)| {
        let inside = if folder.is_empty() {
            Some(path)
        } else {
            path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'))
        };
        let parts: Vec<&str> = inside.unwrap_or_default().split('/').collect();
        matches!(
            parts[..],
            ["build.rs"]
                | ["src", "lib.rs" | "main.rs"]
                | ["src", "bin", _]
                | ["src", "bin", _, "main.rs"]
                | ["tests" | "examples" | "benches", _]
                | ["tests" | "examples" | "benches", _, "main.rs"]
        )
    });
    by_rule || is_declared(manifests, path)
}

/// Whether a manifest names the file.
fn is_declared(manifests: &[(&str, toml::Table)], path: &str) -> bool {
    manifests.iter().any(|(folder, manifest)| {
        let targets =
            ["bin", "test", "bench", "example"].into_iter().filter_map(|kind| manifest.get(kind)?.as_array()).flatten();
        let mut paths = targets.filter_map(|target| target.get("path")?.as_str());
        paths.any(|declared| tree::join(folder, declared).as_deref() == Some(path))
    })
}

fn follow(tree: &Tree, path: &str, is_root: bool, reached: &mut BTreeSet<String>) {
    let Some(text) = tree.text(path) else { return };
    if !reached.insert(path.to_owned()) {
        return;
    }
    let own = tree::folder(path);
    let below = if is_root { own.to_owned() } else { path.trim_end_matches(".rs").to_owned() };
    let mut attribute = None;
    for (_, line) in tree::lines(text) {
        let line = line.trim();
        if let Some(named) = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
            attribute = Some(named);
        } else if let Some(name) = module(line) {
            let file = attribute
                .take()
                .map_or_else(|| tree::join(&below, &format!("{name}.rs")), |named| tree::join(own, named));
            if let Some(file) = file {
                follow(tree, &file, false, reached);
            }
        }
    }
}

/// The name in `mod name;`.
fn module(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub(super) ")).unwrap_or(line);
    line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?.strip_suffix(';')
}

#[test]
fn every_file_is_reached() {
    assert_clean(rule);
}

#[test]
fn a_dead_file_is_found() {
    let root = ("Cargo.toml", "");
    let files = [root, ("src/lib.rs", "pub mod a;\n"), ("src/a.rs", "mod b;\n"), ("src/a/b.rs", ""), ("src/b.rs", "")];
    assert_found(rule, &files, "src/b.rs: no `mod`");
    assert_found(rule, &[root, ("src/lib.rs", "mod a;"), ("src/a/mod.rs", "")], "is named after nothing");
    assert_found(
        rule,
        &[root, ("src/lib.rs", "mod a;"), ("src/a.rs", ""), ("src/a/tests/b.rs", "")],
        "no `mod` leads here",
    );
    let fine = [
        root,
        ("x/Cargo.toml", "[[bin]]\nname = \"t\"\npath = \"targets/t.rs\"\n"),
        ("x/targets/t.rs", ""),
        ("tests/t.rs", "#[path = \"t/a.rs\"]\nmod a;\n"),
        ("tests/t/a.rs", "#[cfg(test)]\npub(crate) mod b;\n"),
        ("tests/t/a/b.rs", ""),
    ];
    assert_eq!(rule(&Tree::of(&fine)), Findings::new());
}
