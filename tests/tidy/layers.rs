//! Which package may build on which: arrows go down only.

use crate::tree::Tree;
use crate::{Findings, assert_clean, assert_found, tree};

/// Where a package stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A layer; an arrow goes to a lower one.
    Layer(u8),
    /// A transport or plug-in of layer 3 or 4: swapped by configuration, so it knows neither the router nor another one.
    Part(u8),
    /// What runs outside of a node, on the protocol alone.
    Client,
    /// On top of everything; nobody builds on it.
    Top,
    /// Builds on nothing of this workspace.
    Alone,
}

fn place(folder: &str) -> Option<Place> {
    let named = match folder {
        "" => Place::Layer(5),
        "crates/protocol" | "crates/outbox" => Place::Layer(1),
        "crates/contract" => Place::Layer(2),
        "crates/router" | "crates/session" => Place::Layer(3),
        "crates/testkit" => Place::Layer(4),
        "crates/client" => Place::Client,
        "crates/simulator" | "benches" | "fuzz" => Place::Top,
        "xtask" => Place::Alone,
        _ if folder.starts_with("transports/backplane-") || folder.starts_with("plugins/") => Place::Part(3),
        _ if folder.starts_with("transports/client-") => Place::Part(4),
        _ if folder.starts_with("examples/") => Place::Top,
        _ => return None,
    };
    Some(named)
}

fn may_build_on(from: &str, to: &str) -> Result<(), String> {
    let (Some(upper), Some(lower)) = (place(from), place(to)) else {
        return Err("a folder has no layer yet; give it one in tests/tidy/layers.rs".into());
    };
    let (Place::Layer(layer) | Place::Part(layer)) = lower else {
        // The root's command line is a client too.
        return match (lower, upper) {
            (Place::Client, Place::Layer(5) | Place::Top) => Ok(()),
            _ => Err("nobody builds on it".into()),
        };
    };
    match upper {
        Place::Layer(above) | Place::Part(above) if above <= layer => {
            Err(format!("layer {above} is not above layer {layer}"))
        }
        Place::Part(_) if to == "crates/router" => {
            Err("a transport or plug-in reaches the router through the contract".into())
        }
        Place::Part(_) if matches!(lower, Place::Part(_)) => {
            Err("transports and plug-ins do not know each other".into())
        }
        Place::Client if to != "crates/protocol" => Err("the client builds on the protocol alone".into()),
        Place::Alone => Err("tasks build on nothing of this workspace".into()),
        _ => Ok(()),
    }
}

/// Dependencies of a manifest, those for tests apart: they may go anywhere.
fn dependencies(manifest: &toml::Table) -> Vec<String> {
    let mut tables = vec![manifest];
    tables.extend(
        manifest
            .get("target")
            .and_then(toml::Value::as_table)
            .into_iter()
            .flatten()
            .filter_map(|(_, value)| value.as_table()),
    );
    let sections = tables.into_iter().flat_map(|table| [table.get("dependencies"), table.get("build-dependencies")]);
    sections
        .flatten()
        .filter_map(toml::Value::as_table)
        .flatten()
        .map(|(name, value)| value.get("package").and_then(toml::Value::as_str).unwrap_or(name).to_owned())
        .collect()
}

fn package(manifest: &toml::Table) -> Option<&str> {
    manifest.get("package")?.get("name")?.as_str()
}

fn edges(tree: &Tree) -> Findings {
    let manifests = tree.manifests();
    let folder_of =
        |name: &str| manifests.iter().find(|(_, manifest)| package(manifest) == Some(name)).map(|(folder, _)| *folder);
    let mut findings = Vec::new();
    for (folder, manifest) in &manifests {
        if place(folder).is_none() {
            findings.push(format!("{folder}: has no layer; give it one in tests/tidy/layers.rs"));
            continue;
        }
        for dependency in dependencies(manifest) {
            let Some(to) = folder_of(&dependency) else { continue };
            if let Err(reason) = may_build_on(folder, to) {
                findings.push(format!("{folder}/Cargo.toml: depends on {dependency}: {reason}"));
            }
        }
    }
    findings
}

/// Files of the server that may know which transports and plug-ins there are.
fn may_name_kinds(path: &str) -> bool {
    // The settings hold the tables that the kinds themselves define.
    ["src/builtin.rs", "src/settings.rs"].contains(&path)
        || path.starts_with("src/assembly")
        || path.starts_with("src/settings/")
}

fn kinds(tree: &Tree) -> Findings {
    let manifests = tree.manifests();
    let parts = manifests.iter().filter(|(folder, _)| matches!(place(folder), Some(Place::Part(_))));
    let names: Vec<String> = parts.filter_map(|(_, manifest)| Some(package(manifest)?.replace('-', "_"))).collect();
    let mut findings = Vec::new();
    for (path, text) in tree.with_endings(&["rs"]).filter(|(path, _)| path.starts_with("src/") && !may_name_kinds(path))
    {
        for (number, line) in tree::lines(text) {
            if let Some(name) = names.iter().find(|name| tree::has_word(line, name)) {
                findings.push(format!(
                    "{path}:{number}: names {name}; only src/builtin.rs and src/assembly know concrete kinds"
                ));
            }
        }
    }
    findings
}

#[test]
fn arrows_go_down_only() {
    assert_clean(edges);
}

#[test]
fn only_the_registry_knows_concrete_kinds() {
    assert_clean(kinds);
}

#[test]
fn a_wrong_arrow_is_found() {
    let wrong = |from: &str, section: &str, to: &str, part: &str| {
        let upper = format!("[package]\nname = \"upper\"\n[{section}]\nlower.workspace = true\nserde = \"1\"\n");
        let (upper_path, lower_path) = (format!("{from}/Cargo.toml"), format!("{to}/Cargo.toml"));
        let upper_path = upper_path.trim_start_matches('/');
        assert_found(edges, &[(upper_path, &upper), (&lower_path, "[package]\nname = \"lower\"\n")], part);
    };
    wrong("crates/protocol", "dependencies", "crates/outbox", "layer 1 is not above layer 1");
    wrong("crates/contract", "build-dependencies", "crates/session", "layer 2 is not above layer 3");
    wrong("transports/client-quic", "target.'cfg(unix)'.dependencies", "crates/router", "through the contract");
    wrong("transports/client-quic", "dependencies", "plugins/auth", "do not know each other");
    wrong("crates/client", "dependencies", "crates/contract", "the protocol alone");
    wrong("transports/client-quic", "dependencies", "crates/client", "nobody builds on it");
    wrong("", "dependencies", "xtask", "nobody builds on it");
    wrong("xtask", "dependencies", "crates/protocol", "tasks build on nothing");
    assert_found(edges, &[("crates/common/Cargo.toml", "[package]\nname = \"common\"\n")], "has no layer");
}

#[test]
fn a_right_arrow_is_not() {
    let right = |from: &str, section: &str, to: &str| {
        let upper = format!("[package]\nname = \"upper\"\n[{section}]\nlower.workspace = true\n");
        let (upper_path, lower_path) = (format!("{from}/Cargo.toml"), format!("{to}/Cargo.toml"));
        let files =
            [(upper_path.trim_start_matches('/'), upper.as_str()), (&lower_path, "[package]\nname = \"lower\"\n")];
        assert_eq!(edges(&Tree::of(&files)), Findings::new());
    };
    right("transports/client-quic", "dependencies", "crates/session");
    right("", "dependencies", "transports/client-quic");
    right("", "dependencies", "crates/client");
    right("crates/router", "dev-dependencies", "crates/testkit");
}

#[test]
fn a_kind_named_elsewhere_is_found() {
    let transport = ("transports/client-quic/Cargo.toml", "[package]\nname = \"pointsman-client-quic\"\n");
    assert_found(kinds, &[transport, ("src/drain.rs", "\nuse pointsman_client_quic::Quic;\n")], "src/drain.rs:2");
    let fine = [
        transport,
        ("src/builtin.rs", "use pointsman_client_quic::Quic;"),
        ("src/x.rs", "use pointsman_client_quicker::A;"),
    ];
    assert_eq!(kinds(&Tree::of(&fine)), Findings::new());
}
