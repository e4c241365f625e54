//! The files of a checkout, or a few made up for a test.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// Folders that hold nothing written by hand.
const BUILT: [&str; 8] = ["target", "node_modules", "dist", ".next", ".git", "corpus", "artifacts", "coverage"];
/// Other files are known by name only.
const TEXT_BYTES_MAX: u64 = 2 << 20;

/// Files by their path from the root.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, Option<String>>,
}

/// This checkout, read once.
pub(crate) fn checkout() -> &'static Tree {
    static TREE: OnceLock<Tree> = OnceLock::new();
    TREE.get_or_init(|| {
        let mut tree = Tree::default();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        tree.read(root, root);
        assert!(
            tree.text("Cargo.toml").is_some() && tree.files.len() > 100,
            "this is not the checkout: {}",
            root.display()
        );
        tree
    })
}

impl Tree {
    /// A tree with these files.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let entry = |(path, text): &(&str, &str)| ((*path).to_owned(), Some((*text).to_owned()));
        Self { files: files.iter().map(entry).collect() }
    }

    fn read(&mut self, root: &Path, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let name = entry.file_name();
            if kind.is_dir() {
                if !BUILT.iter().any(|built| name == *built) {
                    self.read(root, &path);
                }
            } else if kind.is_file() {
                let is_small = entry.metadata().is_ok_and(|data| data.len() <= TEXT_BYTES_MAX);
                let text = if is_small { fs::read_to_string(&path).ok() } else { None };
                self.files.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), text);
            }
        }
    }

    /// The text of a file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Whether there is such a file or folder.
    pub(crate) fn exists(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let below = format!("{path}/");
        path.is_empty() || self.files.contains_key(path) || self.files.keys().any(|file| file.starts_with(&below))
    }

    /// Every file of text with one of these endings.
    pub(crate) fn with_endings<'a>(&'a self, endings: &'a [&'a str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let has_ending = |path: &str| path.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending));
        let texts = self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)));
        texts.filter(move |(path, _)| has_ending(path))
    }

    /// Every package manifest, parsed, with its folder (empty for the root).
    pub(crate) fn manifests(&self) -> Vec<(&str, toml::Table)> {
        let manifests = self.with_endings(&["toml"]).filter(|(path, _)| path.rsplit('/').next() == Some("Cargo.toml"));
        manifests
            .map(|(path, text)| {
                let table = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
                (path.trim_end_matches("Cargo.toml").trim_end_matches('/'), table)
            })
            .collect()
    }
}

/// Lines with their numbers from 1.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(at, line)| (at + 1, line))
}

/// Whether a line has this word; letters, digits and `_` make words.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    line.split(|character: char| !character.is_alphanumeric() && character != '_').any(|found| found == word)
}

/// `folder/name`, with `.` and `..` worked out; nothing if it leaves the tree.
pub(crate) fn join(folder: &str, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folder of a file.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[test]
fn paths_are_joined() {
    assert_eq!(join("docs/adr", "../protocol.md").as_deref(), Some("docs/protocol.md"));
    assert_eq!(join("", "./a//b").as_deref(), Some("a/b"));
    assert_eq!(join("docs", "../../x"), None);
    assert!(Tree::of(&[("a/b/c.rs", "")]).exists("a/b/"));
    assert!(!Tree::of(&[("a/b/c.rs", "")]).exists("a/c"));
}
