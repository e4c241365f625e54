use proptest::prelude::*;

use super::*;

#[test]
fn subjects_and_patterns_as_the_clauses_say() {
    // protocol.md#P2.1, protocol.md#P2.2
    for (text, subject, pattern) in [
        ("a", true, true),
        ("a.b.c", true, true),
        ("ä.ö", true, true),
        ("", false, false),
        ("a..b", false, false),
        (".a", false, false),
        ("a.", false, false),
        ("a b", false, false),
        ("a\tb", false, false),
        ("a\u{7f}", false, false),
        ("a\0", false, false),
        ("*", false, true),
        (">", false, true),
        ("a.*", false, true),
        ("a.*.c", false, true),
        ("a.>", false, true),
        ("a.>.b", false, false),
        ("foo.ba*", true, true),
        ("foo.>>", true, true),
        ("a.*b.c", true, true),
    ] {
        assert_eq!(validate_subject(text).is_ok(), subject, "{text:?} as a subject");
        assert_eq!(validate_pattern(text).is_ok(), pattern, "{text:?} as a pattern");
    }
    assert_eq!(validate_subject(&"a".repeat(257)), Err(SubjectError::TooLong { bytes: 257 }));
    assert!(validate_subject(&"a".repeat(256)).is_ok());
    assert_eq!(validate_subject(&["a"; 17].join(".")), Err(SubjectError::TooManyTokens));
    assert!(validate_subject(&["a"; 16].join(".")).is_ok());
    assert_eq!(validate_token("a.b"), Err(SubjectError::Dot { at: 1 }));
}

#[test]
fn leading_wildcards_never_see_reserved_subjects() {
    // protocol.md#P2.3
    for pattern in [">", "*", "*.x", "*.>"] {
        assert!(!matches(pattern, "$USER.x"), "{pattern}");
        assert!(!matches(pattern, "_INBOX.x"), "{pattern}");
    }
    assert!(matches("$USER.>", "$USER.x"));
    assert!(matches("a.>", "a.$x"));
}

fn naive_valid(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= SUBJECT_BYTES_MAX
        && text.split('.').count() <= TOKENS_MAX
        && text.split('.').all(|token| {
            !token.is_empty() && token != "*" && token != ">" && !token.chars().any(|c| c <= ' ' || c == '\u{7f}')
        })
}

/// All subjects of up to three tokens over a small alphabet.
fn universe() -> Vec<String> {
    let tokens = ["a", "b", "$s", "_i"];
    let mut all = Vec::new();
    for x in tokens {
        all.push(x.to_string());
        for y in tokens {
            all.push(format!("{x}.{y}"));
            for z in tokens {
                all.push(format!("{x}.{y}.{z}"));
                all.push(format!("{x}.{y}.{z}.a"));
            }
        }
    }
    all
}

fn pattern() -> impl Strategy<Value = String> {
    (prop::collection::vec(prop::sample::select(vec!["a", "b", "$s", "_i", "*"]), 1..4), any::<bool>()).prop_map(
        |(mut tokens, rest)| {
            if rest {
                tokens.push(">");
            }
            tokens.join(".")
        },
    )
}

proptest! {
    #[test]
    fn one_pass_agrees_with_the_definition(text in "[a$*>. \\x00ä]{0,12}") {
        prop_assert_eq!(validate_subject(&text).is_ok(), naive_valid(&text));
    }

    #[test]
    fn covers_and_overlaps_agree_with_enumeration(a in pattern(), b in pattern()) {
        let universe = universe();
        let covered = universe.iter().all(|subject| !matches(&b, subject) || matches(&a, subject));
        if pattern_covers(&a, &b) {
            prop_assert!(covered, "{} covers {}", a, b);
        }
        let overlap = universe.iter().any(|subject| matches(&a, subject) && matches(&b, subject));
        if overlap {
            prop_assert!(patterns_overlap(&a, &b), "{} overlaps {}", a, b);
        }
    }
}
