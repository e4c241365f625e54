//! Messages as arguments and as lines.

use std::io::Read;

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use pointsman_client::{Gap, Message};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::Failure;

/// `Name: value`.
pub(super) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write it as `Name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// The message of the arguments.
pub(super) fn message(subject: &str, payload: Bytes, headers: &[(String, String)]) -> Result<Message, Failure> {
    let mut message = Message::new(subject, payload);
    for (name, value) in headers {
        message =
            message.with_header(name, value).map_err(|error| Failure::Usage(format!("header `{name}`: {error}")))?;
    }
    Ok(message)
}

/// The payload: the argument, or standard input to its end.
pub(super) fn payload(argument: Option<String>) -> Result<Bytes, Failure> {
    match argument {
        Some(text) => Ok(text.into()),
        None => {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).context("standard input cannot be read")?;
            Ok(bytes.into())
        }
    }
}

/// A message as a line of NDJSON, in the form of `POST /v1/publish`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    subject: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    text: Option<String>,
    base64: Option<String>,
    #[serde(default)]
    headers: Map<String, Value>,
    reply: Option<String>,
    message_id: Option<String>,
}

/// Reads such a line; one without a subject takes `subject`.
pub(super) fn from_line(line: &str, subject: Option<&str>) -> anyhow::Result<Message> {
    let line: Line<'_> = serde_json::from_str(line)?;
    let subject = line.subject.as_deref().or(subject).ok_or_else(|| anyhow!("the line names no `subject`"))?;
    let mut message = match (line.data, line.text, line.base64) {
        (Some(data), None, None) => Message::from_json(subject, data)?,
        (None, Some(text), None) => Message::new(subject, text),
        (None, None, Some(encoded)) => {
            Message::new(subject, BASE64.decode(encoded).context("`base64` cannot be decoded")?)
        }
        (None, None, None) => Message::new(subject, Bytes::new()),
        _ => return Err(anyhow!("a line has at most one of `data`, `text`, `base64`")),
    };
    for (name, value) in &line.headers {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            let value = value.as_str().ok_or_else(|| anyhow!("the header `{name}` is not a text"))?;
            message = message.with_header(name, value)?;
        }
    }
    if let Some(reply) = line.reply {
        message = message.with_reply(reply);
    }
    if let Some(id) = line.message_id {
        message = message.with_message_id(id);
    }
    Ok(message)
}

/// A message as a JSON object: `data` where the payload is JSON, `text` where it is text, else `base64`.
pub(super) fn to_json(message: &Message) -> Value {
    let mut object = Map::new();
    object.insert("subject".into(), message.subject.as_str().into());
    if let Some(reply) = &message.reply {
        object.insert("reply".into(), reply.as_str().into());
    }
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in message.headers.iter() {
        match headers.entry(name) {
            serde_json::map::Entry::Vacant(entry) => {
                entry.insert(value.into());
            }
            serde_json::map::Entry::Occupied(mut entry) => match entry.get_mut() {
                Value::Array(values) => values.push(value.into()),
                one => *one = json!([one.take(), value]),
            },
        }
    }
    if !headers.is_empty() {
        object.insert("headers".into(), headers.into());
    }
    if !message.payload.is_empty() {
        let (key, value) = match serde_json::from_slice::<Value>(&message.payload) {
            Ok(data) => ("data", data),
            Err(_) => match std::str::from_utf8(&message.payload) {
                Ok(text) => ("text", text.into()),
                Err(_) => ("base64", BASE64.encode(&message.payload).into()),
            },
        };
        object.insert(key.into(), value);
    }
    object.into()
}

/// A message for people: its subject, its headers, its payload. Control characters are shown as escapes, so that no message can drive the terminal.
pub(super) fn to_text(message: &Message) -> String {
    let mut text = escape(&message.subject);
    if let Some(reply) = &message.reply {
        text.push_str(&format!("  (reply to {})", escape(reply)));
    }
    for (name, value) in message.headers.iter() {
        text.push_str(&format!("\n  {}: {}", escape(name), escape(value)));
    }
    if !message.payload.is_empty() {
        text.push_str("\n  ");
        text.push_str(&escape(&String::from_utf8_lossy(&message.payload)));
    }
    text
}

fn escape(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let shown = if c.is_control() && c != '\t' { c.escape_default().to_string() } else { c.to_string() };
            shown.chars().collect::<Vec<_>>()
        })
        .collect()
}

/// A loss for people.
pub(super) fn gap_text(pattern: &str, gap: &Gap) -> String {
    let lost = gap.lost.map_or_else(|| "messages".to_owned(), |lost| format!("{lost} messages"));
    format!("{lost} of `{pattern}` were lost: {}", gap.reason)
}

/// A loss as a JSON object.
pub(super) fn gap_json(pattern: &str, gap: &Gap) -> Value {
    json!({ "gap": { "pattern": pattern, "lost": gap.lost, "reason": gap.reason.to_string() } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_messages_and_messages_lines() {
        let line = r#"{"subject":"a.b","headers":{"n":["1","2"],"x":"y"},"reply":"r.s","data":{"k": 1.50}}"#;
        let message = from_line(line, None).unwrap();
        assert_eq!(message.payload, r#"{"k": 1.50}"#, "the body is passed on byte for byte");
        let json = to_json(&message);
        assert_eq!(json["headers"], json!({"n": ["1", "2"], "x": "y"}));
        assert_eq!(json["reply"], "r.s");
        assert_eq!(json["data"], json!({"k": 1.5}));
        assert_eq!(from_line(r#"{"text":"hi"}"#, Some("c")).unwrap().subject, "c");
        assert_eq!(from_line(r#"{"base64":"AAE="}"#, Some("c")).unwrap().payload, [0u8, 1].as_slice());
        for wrong in [
            "",
            "[]",
            r#"{"text":"no subject"}"#,
            r#"{"subject":"a","text":"1","data":1}"#,
            r#"{"subject":"a","typo":1}"#,
        ] {
            assert!(from_line(wrong, None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_message_drives_the_terminal() {
        let text = to_text(&Message::new("a", "\u{1b}[2J\r\nok"));
        assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text:?}");
    }
}
