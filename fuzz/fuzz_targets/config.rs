//! A configuration: the text of a file, then environment variables.
#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use pointsman::settings::load::{self, Sources};
use pointsman::settings::report::{ConfigFaults, Origin};

/// One file for each process, in memory where the system has that.
fn file() -> &'static PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
        folder.join(format!("pointsman-fuzz-{}.toml", std::process::id()))
    })
}

/// Lines of `NAME=value`.
fn environment(text: &str) -> Vec<(String, String)> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (format!("POINTSMAN_{name}"), value.to_owned())).collect()
}

/// Each fault has a place in what was read and says something.
fn check(faults: &ConfigFaults, text: &str) {
    assert!(!faults.0.is_empty());
    let lines = text.split('\n').count();
    for fault in &faults.0 {
        assert!(!fault.message.is_empty());
        if let Origin::File(_, line, column) = fault.origin {
            assert!((1..=lines).contains(&line) && column >= 1, "{fault:?}");
        }
    }
    let shown = faults.to_string();
    assert!(shown.lines().count() > faults.0.len(), "{shown}");
}

fuzz_target!(|bytes: &[u8]| {
    // Secrets in files would let the input choose what is opened.
    if bytes.windows(4).any(|word| word.eq_ignore_ascii_case(b"file")) {
        return;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (text, variables) = text.split_once('\0').unwrap_or((text, ""));
    std::fs::write(file(), text).expect("a temporary file can be written");
    let sources = Sources { file: Some(file().clone()), environment: environment(variables), ..Sources::default() };
    match load::load(&sources) {
        Ok(loaded) => {
            let settings = &loaded.settings;
            assert!(settings.faults().is_empty());
            assert!(!loaded.entries().is_empty());
            assert!(settings.changes(settings).is_empty());
            let _ = (settings.session_config(), settings.websocket_config(), settings.router_config());
            let again = load::load(&sources).expect("what was read once is read again");
            assert_eq!(again.settings, loaded.settings);
        }
        Err(faults) => check(&faults, text),
    }
});
