//! The configuration and its verbs.

use std::collections::BTreeSet;
use std::process::Output;

use pointsman::settings::load::{Sources, load};
use pointsman::settings::{DEFAULT_TOML, Settings};

use crate::node::pointsman;

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    pointsman().args(arguments).envs(environment.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_file_of_defaults_names_every_key_with_its_default() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), DEFAULT_TOML).unwrap();
    let loaded = load(&Sources { file: Some(file.path().to_owned()), ..Sources::default() }).unwrap();
    assert_eq!(loaded.settings, Settings::default());
    for (key, _, origin) in loaded.entries() {
        // A list of tables has no default entry to stand in the file; it is shown commented out.
        let named = origin.to_string().starts_with(file.path().to_str().unwrap());
        assert!(
            named || key == "auth.tokens" && DEFAULT_TOML.contains("# [[auth.tokens]]"),
            "{key} is not in the file"
        );
    }
}

#[test]
fn keys_that_need_a_restart_are_those_marked_so() {
    let mut section = String::new();
    let mut marked = false;
    let mut keys = BTreeSet::new();
    for line in DEFAULT_TOML.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{name}.");
        } else if line.starts_with('#') {
            marked |= line.contains("(restart)");
        } else if let Some((key, _)) = line.split_once('=') {
            let key = format!("{section}{}", key.trim());
            assert_eq!(marked, Settings::needs_restart(&key), "{key}");
            keys.insert(key);
            marked = false;
        } else {
            marked = false;
        }
    }
    assert!(keys.len() > 30, "{keys:?}");
}

#[test]
fn everything_wrong_is_told_at_once_with_place_and_nearest_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    std::fs::write(
        file.path(),
        "version = 1\nbackplane = \"memory\"\n[http]\nlistn = \"127.0.0.1:1\"\nbody_timeout = 5\n[outbox]\nslow_consumer = \"drop\"\n",
    )
    .unwrap();
    let out = run(&["config", "check", path, "--set", "session.heartbeat='1s'"], &[("POINTSMAN_SESSION__KEP", "5s")]);
    let told = text(&out.stderr);
    assert_eq!(out.status.code(), Some(78), "{told}");
    assert_eq!(text(&out.stdout), "");
    for part in [
        &format!("{path}:4:1: `http.listn` is not a known key; did you mean `http.listen`?"),
        &format!("{path}:5:1: `http.body_timeout` "),
        &format!("{path}:7:1: `outbox.slow_consumer` "),
        "environment POINTSMAN_SESSION__KEP: `session.kep` is not a known key; did you mean `session.keep`?",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    for (broken, part) in [
        ("a = ", "this is not TOML"),
        ("version = 1\nversion = 1\n", "duplicate key"),
        ("version = 2\n", "version 1"),
        ("store = \"sqlite:x.db\"\n", "no event store"),
        ("[api]\ntoken = { env = \"NOT_SET_ANYWHERE\" }\n", "NOT_SET_ANYWHERE is not set"),
        ("[api]\ntoken = { file = \"/does/not/exist\" }\n", "cannot be read"),
        ("[api]\ntoken = { file = \"/dev/zero\" }\n", "more than 64KiB"),
        ("[[auth.tokens]]\nname = \"a\"\ntoken = \"\"\n", "empty token"),
        ("[[auth.tokens]]\nname = \"a\"\ntoken = \"t\"\nuser = \"a.b\"\n", "cannot stand in a subject"),
        ("[auth.anonymous]\npublish = { allow = [\"a..b\"] }\n", "is not a pattern"),
        ("[websocket]\nallowed_origins = [\"app.example\"]\n", "is not an origin"),
        ("[log]\nlevel = \"loud\"\n", "log.level"),
        ("backplane = { kind = \"memory\", speed = 1 }\n", "speed"),
        ("http = 5\n", "is a section"),
    ] {
        std::fs::write(file.path(), broken).unwrap();
        let out = run(&["config", "check", path], &[]);
        let told = text(&out.stderr);
        assert_eq!(out.status.code(), Some(78), "{broken}: {told}");
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    assert_eq!(run(&["config", "check", "/does/not/exist.toml"], &[]).status.code(), Some(78));
}

#[test]
fn values_come_from_flag_environment_file_and_default_in_this_order() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "backplane = \"memory\"\n[session]\nkeep = \"40s\"\nheartbeat = \"20s\"\n[log]\nlevel = \"warn\"\n[api]\ntoken = \"very-secret\"\n",
    )
    .unwrap();
    let path = file.path().to_str().unwrap();
    let environment = [
        ("POINTSMAN_SESSION__KEEP", "50s"),
        ("POINTSMAN_SESSION__HEARTBEAT", "10s"),
        // Of others, and no settings.
        ("POINTSMAN_URL", "here"),
        ("POINTSMAN_TEST_ANYTHING", "there"),
    ];
    let out = run(&["config", "show", "--origin", path, "--set", "session.keep='61s'"], &environment);
    let shown = text(&out.stdout);
    let line = |key: &str| {
        let line = shown.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("session.keep"), "session.keep = \"61s\" # command line");
    assert_eq!(line("session.heartbeat"), "session.heartbeat = \"10s\" # environment POINTSMAN_SESSION__HEARTBEAT");
    assert_eq!(line("log.level"), format!("log.level = \"warn\" # {path}:6:1"));
    assert_eq!(line("log.format"), "log.format = \"auto\" # default");
    assert!(!shown.contains("very-secret"), "secrets are not shown");
    let json: serde_json::Value =
        serde_json::from_slice(&run(&["config", "show", "--dev", "--json"], &[]).stdout).unwrap();
    assert_eq!((&json["backplane"], &json["api.anonymous"]), (&"memory".into(), &true.into()));
}

#[test]
fn init_writes_what_check_takes_and_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new.toml");
    let path = file.to_str().unwrap();
    assert!(run(&["config", "init", path], &[]).status.success());
    assert!(run(&["config", "check", path, "--backplane", "memory"], &[]).status.success());
    let again = run(&["config", "init", path], &[]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("never overwritten"));
    assert_eq!(text(&run(&["config", "init", "-"], &[]).stdout).trim_end(), DEFAULT_TOML.trim_end());
}

/// `cargo run -- config schema > config/schema.json` brings it up to date.
#[test]
fn the_schema_in_the_repository_is_the_one_printed() {
    let kept = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/schema.json")).unwrap();
    assert_eq!(text(&run(&["config", "schema"], &[]).stdout), kept);
}

#[test]
fn serve_says_what_it_needs() {
    let out = run(&["serve"], &[]);
    assert_eq!(out.status.code(), Some(78));
    let told = text(&out.stderr);
    assert!(told.contains("no backplane `redis`") && told.contains("--backplane memory"), "{told}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let out = run(&["serve", "--backplane", "memory", "--listen", &address], &[]);
    assert_eq!(out.status.code(), Some(1));
    let told = text(&out.stderr);
    assert!(told.contains(&address) && told.contains("--listen"), "{told}");
}

#[test]
fn the_examples_can_be_used() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config");
    let secrets = [("DASHBOARD_TOKEN", "a"), ("SERVICES_TOKEN", "b"), ("API_TOKEN", "c")];
    let mut checked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.extension().is_some_and(|ending| ending == "toml") && name != "default.toml" {
            let out = run(&["config", "check", path.to_str().unwrap()], &secrets);
            assert!(out.status.success(), "{name}: {}", text(&out.stderr));
            checked += 1;
        }
    }
    assert!(checked > 0);
}
