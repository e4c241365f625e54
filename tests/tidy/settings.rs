//! Every setting is explained in config/default.toml and known to the server, and the other way round.

use std::collections::BTreeSet;

use crate::tree::Tree;
use crate::{Findings, assert_clean, assert_found, tree};

const FILE: &str = "config/default.toml";
const CODE: &str = "src/settings.rs";

/// A key, or a section, as written in the file.
struct Entry {
    line: usize,
    name: String,
    is_explained: bool,
}

fn entries(text: &str) -> Vec<Entry> {
    let is_name = |text: &str| text.chars().all(|c| c.is_alphanumeric() || "._".contains(c));
    let mut entries = Vec::new();
    let mut before = "";
    for (line, content) in tree::lines(text) {
        let has_comment = before.starts_with('#');
        before = content;
        // A key of a sample that is commented out counts as written; prose with an equals sign does not.
        let (content, is_sample) = content.strip_prefix("# ").map_or((content, false), |sample| (sample, true));
        let section = content.strip_prefix('[').map(|rest| rest.trim_matches(['[', ']']));
        // What stands inside a section or a table in braces is explained with it.
        let mut add = |name: &str, is_explained| entries.push(Entry { line, name: name.to_owned(), is_explained });
        if let Some(path) = section.filter(|path| is_name(path)) {
            path.split('.').for_each(|name| add(name, true));
        } else if let Some((name, value)) = content.split_once(" = ").filter(|(name, _)| is_name(name)) {
            add(name, has_comment || is_sample);
            let table = format!("inside = {value}").parse::<toml::Table>().unwrap_or_default();
            let inside = table.get("inside").and_then(toml::Value::as_table).into_iter().flatten();
            inside.for_each(|(name, _)| add(name, true));
        }
    }
    entries
}

/// A field that settings are read into.
struct Field<'a> {
    line: usize,
    name: &'a str,
    /// One of an enum's variant: another way to write a value, which the file need not show.
    is_variant: bool,
}

fn fields(code: &str) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    let mut is_read = false;
    for (number, text) in tree::lines(code) {
        if text.starts_with("#[derive(") {
            is_read = text.contains("Deserialize");
        } else if text.starts_with('}') {
            is_read = false;
        } else if is_read && let Some((name, _)) = text.trim_start().split_once(": ") {
            let indent = text.len() - text.trim_start().len();
            match name.strip_prefix("pub ") {
                Some(name) if indent == 4 => fields.push(Field { line: number, name, is_variant: false }),
                None if indent == 8 => fields.push(Field { line: number, name, is_variant: true }),
                _ => {}
            }
        }
    }
    fields
}

fn rule(tree: &Tree) -> Findings {
    let (Some(file), Some(code)) = (tree.text(FILE), tree.text(CODE)) else {
        return vec![format!("{FILE} or {CODE} is missing")];
    };
    let (entries, fields) = (entries(file), fields(code));
    let known: BTreeSet<&str> = fields.iter().map(|field| field.name).collect();
    let written: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let mut findings = Vec::new();
    for entry in &entries {
        if !known.contains(entry.name.as_str()) {
            findings.push(format!("{FILE}:{}: `{}` is no field of the settings ({CODE})", entry.line, entry.name));
        }
        if !entry.is_explained {
            findings.push(format!(
                "{FILE}:{}: `{}` has no comment above: what is it, what happens at it?",
                entry.line, entry.name
            ));
        }
    }
    let missing = fields.iter().filter(|field| !field.is_variant && !written.contains(field.name));
    findings.extend(missing.map(|field| format!("{CODE}:{}: `{}` is not in {FILE}", field.line, field.name)));
    findings
}

#[test]
fn settings_are_explained_and_known() {
    assert_clean(rule);
}

#[test]
fn a_difference_is_found() {
    let code = "#[derive(Debug, Deserialize)]\npub struct Http {\n    /// Where.\n    pub listen: String,\n}\n\
        #[derive(Debug, Deserialize)]\npub struct Settings {\n    pub http: Http,\n}\n#[derive(Debug)]\npub struct Other {\n    pub unread: u8,\n}\n\
        #[derive(Deserialize)]\npub enum Secret {\n    Env {\n        env: String,\n    },\n}\n";
    let fine = "# The port.\n[http]\n# Where.\nlisten = \"127.0.0.1:1\"\n";
    assert_eq!(rule(&Tree::of(&[(FILE, fine), (CODE, code)])), Findings::new());
    let sample = "[http]\n# [[http]]\n# listen = { env = \"X\" }\n";
    assert_eq!(rule(&Tree::of(&[(FILE, sample), (CODE, code)])), Findings::new());
    let inside = "# The port.\nhttp = { listen = 1 }\n";
    assert_eq!(rule(&Tree::of(&[(FILE, inside), (CODE, code)])), Findings::new());
    assert_found(rule, &[(FILE, "[http]\nlisten = 1\n"), (CODE, code)], "default.toml:2: `listen` has no comment");
    assert_found(
        rule,
        &[(FILE, &format!("{fine}# Why.\nlisen = 1\n")), (CODE, code)],
        "default.toml:6: `lisen` is no field",
    );
    assert_found(rule, &[(FILE, "[http]\n"), (CODE, code)], "settings.rs:4: `listen` is not in");
    assert_found(rule, &[(FILE, fine)], "is missing");
}
