//! Links in documents lead somewhere, and the files they name are there.

use crate::tree::Tree;
use crate::{Findings, assert_clean, assert_found, tree};

/// Where a name in a document is a path of this project.
const FOLDERS: [&str; 12] = [
    ".ci/",
    "benches/",
    "config/",
    "crates/",
    "docs/",
    "examples/",
    "fuzz/",
    "plugins/",
    "src/",
    "tests/",
    "transports/",
    "xtask/",
];
/// Folders that a build makes.
const BUILT: [&str; 5] = ["dist", "node_modules", "target", "artifacts", "corpus"];

fn links(tree: &Tree) -> Findings {
    let mut findings = Vec::new();
    for (path, text) in tree.with_endings(&["md"]) {
        for (number, line) in prose(text) {
            for target in targets(line) {
                if let Err(reason) = resolve(tree, path, target) {
                    findings.push(format!("{path}:{number}: the link to {target} {reason}"));
                }
            }
        }
    }
    findings
}

fn files(tree: &Tree) -> Findings {
    let mut findings = Vec::new();
    for (path, text) in tree.with_endings(&["md"]) {
        for (number, line) in prose(text) {
            let names = line.split('`').skip(1).step_by(2).filter_map(|code| named_path(code));
            for name in names.filter(|name| !is_there(tree, path, name)) {
                findings.push(format!("{path}:{number}: names {name}, which is not there"));
            }
        }
    }
    findings
}

/// Lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    tree::lines(text).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// What stands in `](…)`; parentheses inside come in pairs.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).map(|rest| {
        let mut depth = 1;
        let end = rest.find(|character| {
            depth += i32::from(character == '(') - i32::from(character == ')');
            depth == 0 || character == ' '
        });
        end.and_then(|end| rest.get(..end)).unwrap_or(rest)
    })
}

fn resolve(tree: &Tree, from: &str, target: &str) -> Result<(), String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(());
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let file = if file.is_empty() { Some(from.to_owned()) } else { tree::join(tree::folder(from), file) };
    let Some(file) = file.filter(|file| tree.exists(file)) else { return Err("leads nowhere".into()) };
    match (anchor, tree.text(&file)) {
        (Some(anchor), Some(text)) if file.ends_with(".md") && !headings(text).any(|heading| heading == anchor) => {
            Err(format!("names no heading of {file}"))
        }
        _ => Ok(()),
    }
}

/// Headings as they are linked to: lower case, words joined by dashes, nothing else kept.
fn headings(text: &str) -> impl Iterator<Item = String> {
    prose(text).filter(|(_, line)| line.starts_with('#')).map(|(_, line)| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        title
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    })
}

/// A path of this project, if the code is one: no pattern, no placeholder, no command.
fn named_path(code: &str) -> Option<&str> {
    let is_path = FOLDERS.iter().any(|folder| code.starts_with(folder));
    let is_plain = code.chars().all(|c| c.is_alphanumeric() || "._-/".contains(c));
    let is_built = code.split('/').any(|part| BUILT.contains(&part));
    (is_path && is_plain && !is_built).then_some(code)
}

/// From the root, or from beside the document, as in the documents of a package.
fn is_there(tree: &Tree, from: &str, name: &str) -> bool {
    tree.exists(name) || tree::join(tree::folder(from), name).is_some_and(|path| tree.exists(&path))
}

#[test]
fn links_lead_somewhere() {
    assert_clean(links);
}

#[test]
fn named_files_are_there() {
    assert_clean(files);
}

#[test]
fn a_dead_link_is_found() {
    let found =
        |text: &str, part: &str| assert_found(links, &[("docs/a.md", text), ("docs/b.md", "# Two Words!\n")], part);
    found("\n[x](c.md)", "docs/a.md:2: the link to c.md leads nowhere");
    found("[x](../../out.md)", "leads nowhere");
    found("[x](b.md#three)", "no heading of docs/b.md");
    found("[x](#here)", "no heading of docs/a.md");
    let fine = "# Here\n[a](#here) [b](b.md#two-words) [c](../docs/) [d](https://x.example/y) ([e](f/(g)/h.md \"i\"))\n```\n[e](none.md)\n```\n";
    let files = [("docs/a.md", fine), ("docs/b.md", "# Two Words!\n"), ("docs/f/(g)/h.md", "")];
    assert_eq!(links(&Tree::of(&files)), Findings::new());
}

#[test]
fn a_missing_file_is_found() {
    assert_found(files, &[("docs/a.md", "see `src/none.rs`")], "docs/a.md:1: names src/none.rs");
    let fine = "`src/a.rs` `src/*.rs` `src/<name>.rs` `fuzz/corpus/x` `/v1/src/x` `cargo test`";
    assert_eq!(files(&Tree::of(&[("docs/a.md", fine), ("docs/src/a.rs", "")])), Findings::new());
}
