//! The frame that comes most, read without a parser's general machinery.

use std::borrow::Cow;

use super::limits::{NUMBER_MAX, is_message_id};
use super::value::{plain_end, skip_space, value_end};
use crate::frame::{BodyKind, Publish};

/// How almost every one begins.
const USUAL: &str = r#"{"op":"publish","#;

/// Reads a `publish` that begins at `at` and returns the place after it. `None` where it is anything else, or has something out of the ordinary in
/// it (an escape, headers, an unknown field, a mistake): the full reader then reads it, and says what is wrong.
pub(super) fn publish(text: &str, at: usize) -> Option<(Publish<'_>, usize)> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    let (mut op, mut id, mut subject, mut reply, mut message_id, mut body) = (None, None, None, None, None, None);
    let mut at = if bytes.get(at..)?.starts_with(USUAL.as_bytes()) {
        op = Some("publish");
        at + USUAL.len()
    } else {
        skip_space(bytes, at + 1)
    };
    loop {
        let (key, after) = plain(text, at)?;
        at = skip_space(bytes, after);
        if bytes.get(at) != Some(&b':') {
            return None;
        }
        at = skip_space(bytes, at + 1);
        match key {
            "op" => at = put(&mut op, plain(text, at)?)?,
            "subject" => at = put(&mut subject, plain(text, at)?)?,
            "reply" => at = put(&mut reply, plain(text, at)?)?,
            "message_id" => at = put(&mut message_id, plain(text, at)?)?,
            "id" => at = put(&mut id, number(bytes, at)?)?,
            "data" => {
                let end = value_end(bytes, at)?;
                at = put(&mut body, ((bytes.get(at..end)?, BodyKind::Json), end))?;
            }
            "text" => {
                let (content, end) = plain(text, at)?;
                at = put(&mut body, ((content.as_bytes(), BodyKind::Unknown), end))?;
            }
            _ => return None,
        }
        at = skip_space(bytes, at);
        match bytes.get(at)? {
            b',' => at = skip_space(bytes, at + 1),
            b'}' => break,
            _ => return None,
        }
    }
    if op != Some("publish") || message_id.is_some_and(|id| !is_message_id(id)) {
        return None;
    }
    let (payload, body) = body.unwrap_or_default();
    let publish = Publish {
        id,
        subject: Cow::Borrowed(subject?),
        reply: reply.map(Cow::Borrowed),
        message_id: message_id.map(Cow::Borrowed),
        headers: Cow::Borrowed(&[]),
        payload: Cow::Borrowed(payload),
        body,
    };
    Some((publish, at + 1))
}

/// Sets a field that has not come before and returns the place after its value.
fn put<T>(field: &mut Option<T>, (value, end): (T, usize)) -> Option<usize> {
    field.replace(value).is_none().then_some(end)
}

/// A string without escapes, and the place after it.
fn plain(text: &str, at: usize) -> Option<(&str, usize)> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let end = plain_end(bytes, at + 1)?;
    Some((text.get(at + 1..end)?, end + 1))
}

/// A whole number, and the place after it.
fn number(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let digits = bytes.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()).take(17).count();
    let text = bytes.get(at..at + digits)?;
    if digits == 0 || digits > 16 || (digits > 1 && text.starts_with(b"0")) {
        return None;
    }
    let value = text.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    (value <= NUMBER_MAX).then_some((value, at + digits))
}
