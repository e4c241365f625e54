//! Subjects and patterns (protocol.md#P2).
#![no_main]

use libfuzzer_sys::fuzz_target;
use pointsman_protocol::subject::{
    Pattern, Subject, is_literal, is_reserved, matches, pattern_covers, patterns_overlap, validate_token,
};

fn naive_matches(pattern: &[&str], subject: &[&str]) -> bool {
    match (pattern, subject) {
        ([], []) => true,
        ([">"], [_, ..]) => true,
        (["*", pattern @ ..], [_, subject @ ..]) => naive_matches(pattern, subject),
        ([wanted, pattern @ ..], [token, subject @ ..]) => wanted == token && naive_matches(pattern, subject),
        _ => false,
    }
}

fn tokens(text: &str) -> Vec<&str> {
    text.split('.').collect()
}

/// The first three words: two patterns and a subject.
fn check(text: &str) {
    let mut words = text.split('\n');
    let (Some(a), Some(b), Some(subject)) = (words.next(), words.next(), words.next()) else { return };
    if validate_token(a).is_ok() {
        assert_eq!(tokens(a), [a]);
        assert!(Subject::parse(a).is_ok());
    }
    if let Ok(subject) = Subject::parse(a) {
        assert_eq!(Pattern::parse(a).map(|pattern| pattern.to_string()), Ok(subject.to_string()));
        assert!(is_literal(a) && matches(a, a));
    }
    let (Ok(a), Ok(b), Ok(subject)) = (Pattern::parse(a), Pattern::parse(b), Subject::parse(subject)) else { return };
    let (a, b, subject) = (a.as_str(), b.as_str(), subject.as_str());
    assert_eq!(is_literal(a), Subject::parse(a).is_ok());
    let hit = |pattern: &str| {
        let hidden = is_reserved(subject) && matches!(tokens(pattern)[0], "*" | ">");
        let naive = !hidden && naive_matches(&tokens(pattern), &tokens(subject));
        assert_eq!(matches(pattern, subject), naive, "{pattern} and {subject}");
        naive
    };
    let (hit_a, hit_b) = (hit(a), hit(b));
    assert!(!pattern_covers(a, b) || !hit_b || hit_a, "{a} covers {b}: {subject}");
    assert!(!(hit_a && hit_b) || patterns_overlap(a, b), "{a} overlaps {b}: {subject}");
    assert_eq!(patterns_overlap(a, b), patterns_overlap(b, a), "{a} overlaps {b}");
    assert!(pattern_covers(a, a), "{a} covers itself");
    assert!(!pattern_covers(a, b) || patterns_overlap(a, b), "{a} covers {b} without overlap");
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        check(text);
    }
});
