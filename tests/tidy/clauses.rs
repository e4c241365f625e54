//! Clauses of the protocol: code cites those that exist, and each is cited where it is kept or tested.

use std::collections::BTreeSet;

use crate::tree::Tree;
use crate::{Findings, assert_clean, assert_found, tree};

const FILE: &str = "docs/protocol.md";
const CODE: [&str; 5] = ["rs", "ts", "tsx", "mjs", "toml"];

/// Clauses that no single place keeps, with the reason.
const UNCITED: [(&str, &str); 0] = [];

/// Sections (`P2`) and clauses (`P2.1`) of the document.
fn defined(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, line) in tree::lines(text) {
        let start = line.strip_prefix("## ").or_else(|| line.strip_prefix("- **"));
        names.extend(start.and_then(name));
    }
    names
}

/// The name that a text begins with: `P`, a number, and perhaps a dot and a number.
fn name(text: &str) -> Option<String> {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    let rest = text.strip_prefix('P')?;
    let section = digits(rest);
    let clause = rest.strip_prefix(&section).and_then(|rest| rest.strip_prefix('.')).map_or_else(String::new, digits);
    match (section.as_str(), clause.as_str()) {
        ("", _) => None,
        (section, "") => Some(format!("P{section}")),
        (section, clause) => Some(format!("P{section}.{clause}")),
    }
}

/// What a line cites: everything after `protocol.md`, and clauses named alone in a comment (`P4.2: …`).
fn cited(line: &str) -> Vec<String> {
    let names = |text: &str| -> Vec<String> {
        text.split(|character: char| !character.is_alphanumeric() && character != '.').filter_map(name).collect()
    };
    match (line.split_once("protocol.md"), line.split_once("//")) {
        (Some((_, rest)), _) => names(rest),
        (None, Some((_, comment))) => names(comment).into_iter().filter(|name| name.contains('.')).collect(),
        (None, None) => Vec::new(),
    }
}

fn rule(tree: &Tree) -> Findings {
    let Some(text) = tree.text(FILE) else { return vec![format!("{FILE} is missing")] };
    let defined = defined(text);
    let mut found = BTreeSet::new();
    let mut findings = Vec::new();
    // This folder makes clauses up.
    for (path, text) in tree.with_endings(&CODE).filter(|(path, _)| !path.starts_with("tests/tidy")) {
        for (number, line) in tree::lines(text) {
            for clause in cited(line) {
                if !defined.contains(&clause) {
                    findings.push(format!("{path}:{number}: cites {clause}, which is not in {FILE}"));
                }
                found.insert(clause);
            }
        }
    }
    for (clause, reason) in UNCITED {
        if found.contains(clause) || !defined.contains(clause) || reason.is_empty() {
            findings.push(format!("tests/tidy/clauses.rs: {clause} needs no exception"));
        }
    }
    let excepted = |clause: &str| UNCITED.iter().any(|(name, _)| *name == clause);
    let clauses = defined.iter().filter(|name| name.contains('.'));
    let uncited = clauses.filter(|clause| !found.contains(*clause) && !excepted(clause));
    findings.extend(uncited.map(|clause| format!("{FILE}: no code or test cites {clause}; who keeps it?")));
    findings
}

#[test]
fn clauses_are_cited() {
    assert_clean(rule);
}

#[test]
fn a_wrong_citation_is_found() {
    let protocol = (FILE, "## P1 Links\n\n- **P1.1** A link.\n- **P1.2** More, see P9.\n");
    let code = "//! Links (protocol.md#P1).\n/// protocol.md#P1.1 and P1.2, HTTP2\n";
    let uncited: Findings =
        UNCITED.iter().map(|(clause, _)| format!("tests/tidy/clauses.rs: {clause} needs no exception")).collect();
    assert_eq!(rule(&Tree::of(&[protocol, ("a.rs", code)])), uncited);
    let found = |files: &[(&str, &str)]| {
        rule(&Tree::of(files)).into_iter().filter(|finding| !uncited.contains(finding)).collect::<Vec<_>>()
    };
    assert_eq!(
        found(&[protocol, ("a.rs", &format!("{code}// protocol.md#P1.3"))]),
        ["a.rs:3: cites P1.3, which is not in docs/protocol.md"]
    );
    assert_eq!(found(&[protocol, ("a.rs", "x(); // P1.1: kept here\n//! P1.2, P99 and p.1")]), Findings::new());
    assert_eq!(
        found(&[protocol, ("a.ts", "let url = \"P1.2\" // protocol.md#P1.1")]),
        ["docs/protocol.md: no code or test cites P1.2; who keeps it?"]
    );
    assert_found(rule, &[("a.rs", "")], "is missing");
}
