//! Nothing is left behind in code: notes to oneself, switched-off code, silenced checks, endless lines.

use crate::tree::Tree;
use crate::{Findings, assert_clean, assert_found, tree};

const CODE: [&str; 7] = ["rs", "ts", "tsx", "js", "mjs", "css", "toml"];
const LINE_CHARS_MAX: usize = 160;

/// Written in two parts, so that this file holds none of them.
const NOTES: [&str; 5] =
    [concat!("FIX", "ME"), concat!("XX", "X"), concat!("TO", "DO"), concat!("HA", "CK"), concat!("W", "IP")];
const MACROS: [&str; 3] = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!(")];
const SCRIPT: [&str; 6] = [
    concat!("describe", ".only("),
    concat!("it", ".only("),
    concat!("test", ".only("),
    concat!("it", ".skip("),
    concat!("test", ".skip("),
    concat!("debugger", ";"),
];

fn leftovers(tree: &Tree) -> Findings {
    let mut findings = Vec::new();
    for (path, text) in tree.with_endings(&CODE) {
        for (number, line) in tree::lines(text) {
            if let Some(what) = leftover(path, line) {
                findings.push(format!("{path}:{number}: {what}"));
            }
        }
    }
    findings
}

fn leftover(path: &str, line: &str) -> Option<String> {
    if let Some(note) = NOTES.iter().find(|note| tree::has_word(line, note)) {
        return Some(format!("`{note}` is a note to oneself; do it or open an issue"));
    }
    let unfinished: &[&str] = if path.ends_with(".rs") { &MACROS } else { &SCRIPT };
    if let Some(found) = unfinished.iter().find(|found| line.contains(**found)) {
        return Some(format!("`{found}` is not for a finished change"));
    }
    if is_silenced(line) {
        return Some("a check is switched off without a reason".into());
    }
    let comment = line.trim_start().strip_prefix("//").filter(|rest| !rest.starts_with(['/', '!']));
    let is_code = comment.is_some_and(is_code);
    is_code.then(|| "code is switched off by a comment; version control remembers it".into())
}

/// A lint or test switched off, with nothing that says why.
fn is_silenced(line: &str) -> bool {
    let line = line.trim_start();
    let is_attribute = line.starts_with("#[") || line.starts_with("#![");
    let is_whole = line.ends_with(']');
    let switches_off = line.contains("[allow(") || line.contains("[expect(") || line.contains(", allow(");
    let is_ignored = line.starts_with("#[ignore]");
    let suppressed = ["@ts-ignore", "@ts-nocheck", "@ts-expect-error", "eslint-disable"];
    let is_suppressed = suppressed.iter().any(|word| line.trim_end().ends_with(word) && line.starts_with("//"));
    (is_attribute && is_whole && switches_off && !line.contains("reason")) || is_ignored || is_suppressed
}

/// Whether a comment reads as a statement.
fn is_code(comment: &str) -> bool {
    let text = comment.trim();
    let starts = [
        "let ", "use ", "fn ", "pub ", "impl ", "struct ", "const ", "if ", "for ", "while ", "match ", "return ",
        "import ", "export ", "}",
    ];
    if text.ends_with([';', '{', '}']) && starts.iter().any(|start| text.starts_with(start)) {
        return true;
    }
    // `name(…);`, `name.name(…);`, `name = …;`
    let Some(statement) = text.strip_suffix(';') else { return false };
    let rest = statement.trim_start_matches(|character: char| character.is_alphanumeric() || "_.:".contains(character));
    if rest.len() == statement.len() {
        return false;
    }
    (rest.starts_with('(') && rest.ends_with(')')) || rest.starts_with(" = ")
}

fn long_lines(tree: &Tree) -> Findings {
    let mut findings = Vec::new();
    for (path, text) in tree.with_endings(&CODE) {
        for (number, line) in tree::lines(text) {
            let chars = line.chars().count();
            // A long text in quotes is easier to search for in one piece.
            let plain = line.replace("\\\"", "");
            let is_long = |text: &str| text.chars().count() > LINE_CHARS_MAX / 2;
            let is_text = line.contains("r#\"")
                || ['"', '`'].iter().any(|quote| plain.split(*quote).skip(1).step_by(2).any(is_long));
            if chars > LINE_CHARS_MAX && !is_text {
                findings.push(format!("{path}:{number}: has {chars} characters; at most {LINE_CHARS_MAX}"));
            }
        }
    }
    findings
}

#[test]
fn nothing_is_left_behind() {
    assert_clean(leftovers);
}

#[test]
fn lines_end() {
    assert_clean(long_lines);
}

#[test]
fn a_leftover_is_found() {
    let found = |path: &str, line: &str, part: &str| assert_found(leftovers, &[(path, &format!("\n{line}\n"))], part);
    for note in NOTES {
        found("a.ts", &format!("x() // {note}: later"), "a.ts:2: `");
    }
    for unfinished in MACROS {
        found("a.rs", &format!("let x = {unfinished});"), "finished change");
    }
    for unfinished in SCRIPT {
        found("a.mjs", unfinished, "finished change");
    }
    found("a.rs", "#[allow(dead_code)]", "without a reason");
    found("a.rs", "#![cfg_attr(test, allow(dead_code))]", "without a reason");
    found("a.rs", "    #[ignore]", "without a reason");
    found("a.ts", "// @ts-expect-error", "without a reason");
    for code in ["// let x = 1;", "// self.flush(now);", "//x.y = 3;", "// if a {", "// }", "// use a::b;"] {
        found("a.rs", code, "switched off by a comment");
    }
}

#[test]
fn a_sentence_is_not() {
    let fine = "// Reads first; then writes;\n/// let x = 1;\n//! }\n// for the rest\n// A (b);\n\
        #[allow(dead_code, reason = \"x\")]\n// @ts-expect-error: a number\nlet a = \"UNIXXXL\";\n";
    assert_eq!(leftovers(&Tree::of(&[("a.rs", fine)])), Findings::new());
}

#[test]
fn a_long_line_is_found() {
    let line = "ü".repeat(LINE_CHARS_MAX);
    assert_eq!(long_lines(&Tree::of(&[("a.rs", &line)])), Findings::new());
    assert_found(long_lines, &[("a.rs", &format!("\n{line}x"))], "a.rs:2: has 161");
    assert_eq!(long_lines(&Tree::of(&[("a.rs", &format!("x = \"{line}\""))])), Findings::new());
    assert_found(long_lines, &[("a.rs", &format!("\"x\" = {line}"))], "a.rs:1: has 166");
}
