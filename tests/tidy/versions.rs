//! One version for everything that is released together, and lock files that agree with it.

use crate::tree::Tree;
use crate::{Findings, assert_clean, assert_found};

/// npm packages that are released with the server.
const NPM: [&str; 2] = ["sdk", "web"];

fn rule(tree: &Tree) -> Findings {
    let manifests = tree.manifests();
    let root = manifests.iter().find(|(folder, _)| folder.is_empty()).map(|(_, manifest)| manifest);
    let workspace = root.and_then(|manifest| manifest.get("workspace"));
    let version = workspace.and_then(|workspace| workspace.get("package")?.get("version")?.as_str());
    let Some(version) = version else { return vec!["Cargo.toml: [workspace.package] has no version".into()] };
    let mut findings = Vec::new();
    for (folder, manifest) in &manifests {
        // Packages of their own workspace are not released.
        let Some(package) =
            manifest.get("package").filter(|_| folder.is_empty() || !manifest.contains_key("workspace"))
        else {
            continue;
        };
        let inherits = package.get("version").and_then(|version| version.get("workspace")?.as_bool()) == Some(true);
        let is_private = package.get("publish").and_then(toml::Value::as_bool) == Some(false);
        if !inherits && !is_private {
            findings.push(format!("{folder}/Cargo.toml: has a version of its own; write version.workspace = true"));
        }
    }
    let internal = workspace.and_then(|workspace| workspace.get("dependencies")?.as_table()).into_iter().flatten();
    for (name, dependency) in internal.filter(|(_, dependency)| dependency.get("path").is_some()) {
        if dependency.get("version").and_then(toml::Value::as_str) != Some(version) {
            findings.push(format!("Cargo.toml: {name} is not asked for in version {version}"));
        }
    }
    findings.extend(lock(tree, "Cargo.lock", version));
    findings.extend(lock(tree, "fuzz/Cargo.lock", version));
    findings.extend(NPM.iter().flat_map(|folder| npm(tree, folder, version)));
    findings
}

/// Our packages in a lock file of cargo.
fn lock(tree: &Tree, path: &str, version: &str) -> Findings {
    let Some(text) = tree.text(path) else { return Vec::new() };
    let Ok(table) = text.parse::<toml::Table>() else { return vec![format!("{path}: is not TOML")] };
    let packages = table.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    let text = |package: &toml::Value, key: &str| {
        package.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    };
    // What comes from elsewhere has a source.
    packages
        .filter(|package| package.get("source").is_none() && text(package, "name") != "pointsman-fuzz")
        .filter(|package| text(package, "version") != version)
        .map(|package| {
            format!(
                "{path}: has {} {}, not {version}; run cargo check",
                text(package, "name"),
                text(package, "version")
            )
        })
        .collect()
}

/// The version in a package and in its lock file.
fn npm(tree: &Tree, folder: &str, version: &str) -> Findings {
    let files = ["package.json", "package-lock.json"].map(|file| format!("{folder}/{file}"));
    let wrong = |path: &String| {
        let found: serde_json::Value = serde_json::from_str(tree.text(path)?).unwrap_or_default();
        let found = found.get("version").and_then(serde_json::Value::as_str).unwrap_or("none").to_owned();
        (found != version).then(|| format!("{path}: has version {found}, not {version}"))
    };
    files.iter().filter_map(wrong).collect()
}

#[test]
fn there_is_one_version() {
    assert_clean(rule);
}

#[test]
fn another_version_is_found() {
    let root = "[workspace.package]\nversion = \"1.2.3\"\n[workspace.dependencies]\na = { path = \"a\", version = \"1.2.3\" }\nserde = \"1\"\n";
    let fine = [
        ("Cargo.toml", root),
        ("a/Cargo.toml", "[package]\nname = \"a\"\nversion.workspace = true\n"),
        ("fuzz/Cargo.toml", "[package]\nversion = \"0.0.0\"\n[workspace]\n"),
        (
            "Cargo.lock",
            "[[package]]\nname = \"a\"\nversion = \"1.2.3\"\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\nsource = \"s\"\n",
        ),
        ("sdk/package.json", "{\"version\":\"1.2.3\"}"),
    ];
    assert_eq!(rule(&Tree::of(&fine)), Findings::new());
    let with = |path: &'static str, text: &'static str, part: &str| {
        let mut files: Vec<(&str, &str)> = fine.into_iter().filter(|(other, _)| *other != path).collect();
        files.push((path, text));
        assert_found(rule, &files, part);
    };
    with("a/Cargo.toml", "[package]\nname = \"a\"\nversion = \"1.2.3\"\n", "a version of its own");
    with("Cargo.lock", "[[package]]\nname = \"a\"\nversion = \"1.2.2\"\n", "has a 1.2.2, not 1.2.3");
    with("sdk/package.json", "{\"version\":\"1.2.2\"}", "has version 1.2.2");
    with("web/package-lock.json", "{}", "has version none");
    with(
        "Cargo.toml",
        "[workspace.package]\nversion = \"1.2.3\"\n[workspace.dependencies]\na = { path = \"a\", version = \"1\" }\n",
        "a is not asked for",
    );
    with("Cargo.toml", "", "has no version");
}
