//! Where a JSON value ends, many bytes at a time.
//!
//! Everything here is narrower than the full reader: what it does not follow is `None` and is left to that one.

use memchr::memchr2;

/// Whether there is a control character anywhere. Where there is none, only quotes and backslashes mean anything in a string, and everything below
/// relies on that: looking once over the whole is cheaper than in each string.
pub(super) fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < b' '
}

/// The first quote or backslash at or after `at`.
fn special(bytes: &[u8], at: usize) -> Option<usize> {
    memchr2(b'"', b'\\', bytes.get(at..)?).map(|found| at + found)
}

/// Whether text needs no escape in a string.
pub(super) fn is_plain(text: &str) -> bool {
    special(text.as_bytes(), 0).is_none() && !has_control(text.as_bytes())
}

/// The place of the quote that ends the text beginning at `at`; `None` where there is an escape in it.
pub(super) fn plain_end(bytes: &[u8], at: usize) -> Option<usize> {
    special(bytes, at).filter(|end| bytes.get(*end) == Some(&b'"'))
}

/// The place after the quote that ends the text beginning at `at`.
fn text_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = special(bytes, at)?;
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => match bytes.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                b'u' if bytes.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => at += 6,
                _ => return None,
            },
            _ => return None,
        }
    }
}

fn digits_end(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = bytes.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0).then_some(at + digits)
}

/// The place after a number that begins at `at`.
fn number_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    at += usize::from(bytes.get(at) == Some(&b'-'));
    let first = bytes.get(at)?;
    at = if *first == b'0' { at + 1 } else { digits_end(bytes, at)? };
    if bytes.get(at) == Some(&b'.') {
        at = digits_end(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        at = digits_end(bytes, at)?;
    }
    Some(at)
}

/// The first place at or after `at` that is no white space.
pub(super) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\t' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Depth of nesting that is followed: a bit for each.
const DEPTH_MAX: u32 = 64;

/// The place after the value that begins at `at`. The bytes must be UTF-8 without control characters.
pub(super) fn value_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    // The lowest bit says whether the innermost open bracket is an object's.
    let mut objects: u64 = 0;
    let mut depth = 0;
    loop {
        at = match bytes.get(at)? {
            b'"' => text_end(bytes, at + 1)?,
            open @ (b'{' | b'[') => {
                let is_object = *open == b'{';
                at = skip_space(bytes, at + 1);
                if bytes.get(at) == Some(if is_object { &b'}' } else { &b']' }) {
                    at + 1
                } else {
                    if depth == DEPTH_MAX {
                        return None;
                    }
                    depth += 1;
                    objects = objects << 1 | u64::from(is_object);
                    if is_object {
                        at = key_end(bytes, at)?;
                    }
                    continue;
                }
            }
            b't' if bytes.get(at..at + 4)? == b"true" => at + 4,
            b'n' if bytes.get(at..at + 4)? == b"null" => at + 4,
            b'f' if bytes.get(at..at + 5)? == b"false" => at + 5,
            b'-' | b'0'..=b'9' => number_end(bytes, at)?,
            _ => return None,
        };
        // A value has ended: what comes next belongs to what holds it.
        loop {
            if depth == 0 {
                return Some(at);
            }
            at = skip_space(bytes, at);
            let is_object = objects & 1 == 1;
            match bytes.get(at)? {
                b',' => {
                    at = skip_space(bytes, at + 1);
                    if is_object {
                        at = key_end(bytes, at)?;
                    }
                    break;
                }
                b'}' if is_object => {}
                b']' if !is_object => {}
                _ => return None,
            }
            at += 1;
            depth -= 1;
            objects >>= 1;
        }
    }
}

/// The place of the value whose key begins at `at`.
fn key_end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let at = skip_space(bytes, text_end(bytes, at + 1)?);
    (bytes.get(at) == Some(&b':')).then(|| skip_space(bytes, at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    #[test]
    fn a_value_ends_where_it_ends() {
        for (text, end) in [
            ("1,", Some(1)),
            ("-0.5e+10]", Some(8)),
            (r#""a\"b\u00e9" x"#, Some(12)),
            (r#"{"a" : [1, {"b":[]}, true] , "c":{}}rest"#, Some(36)),
            ("[]", Some(2)),
            ("[ ]", Some(3)),
            ("null", Some(4)),
            ("01", Some(1)),
            ("1.", None),
            ("-", None),
            ("1e", None),
            ("nul", None),
            ("[1,]", None),
            ("[1 2]", None),
            ("{1:2}", None),
            (r#"{"a"}"#, None),
            (r#"{"a":1,}"#, None),
            (r#"{"a":1]"#, None),
            ("[1}", None),
            (r#""\x""#, None),
            (r#""\u12""#, None),
            ("\"abcdefghijklm", None),
            ("", None),
        ] {
            assert_eq!(value_end(text.as_bytes(), 0), end, "{text}");
        }
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert_eq!(value_end(deep(65).as_bytes(), 0), Some(130));
        assert_eq!(value_end(deep(66).as_bytes(), 0), None);
    }

    proptest! {
        /// What is followed to its end is a value for the full reader too.
        #[test]
        fn nothing_is_followed_that_the_full_reader_refuses(
            text in "[\\[\\]{},:\"\\\\ 0-9.eE+tnu-]{0,24}",
            cut in any::<prop::sample::Index>(),
        ) {
            if let Some(end) = value_end(text.as_bytes(), 0) {
                let value = text.get(..end).unwrap();
                prop_assert!(serde_json::from_str::<&RawValue>(value).is_ok(), "{value}");
            }
            let known = r#"{"a":[1,-2.5e3,"x\"yé",{"b":null}],"cdefghijkl":true}"#;
            let mut cut = cut.index(known.len());
            while !known.is_char_boundary(cut) {
                cut -= 1;
            }
            prop_assert_eq!(value_end(known.get(..cut).unwrap().as_bytes(), 0), None);
        }

        #[test]
        fn plain_text_needs_no_escape(text in "[a-zé\"\\\\\u{1}\u{1f}\u{7f}]{0,40}") {
            let escaped = text.bytes().any(|byte| byte == b'"' || byte == b'\\' || byte < b' ');
            prop_assert_eq!(is_plain(&text), !escaped);
        }
    }
}
