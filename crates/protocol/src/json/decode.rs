//! Frames of the client.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::ControlFlow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::limits::{NUMBER_MAX, message_id};
use super::publish::publish;
use super::value::{has_control, skip_space, value_end};
use crate::codes::ErrorCode;
use crate::frame::{Attach, BodyKind, ClientFrame, Connect, FrameError, Publish, Request, Subscription};
use crate::headers::{HEADER_BYTES_MAX, HeaderBlock};

/// The operations a client may send.
const OPS: [&str; 7] = ["connect", "subscribe", "unsubscribe", "publish", "request", "ping", "pong"];

/// Text that borrows where there is no escape in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A number that JavaScript holds exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(pub(super) u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        if number > NUMBER_MAX {
            return Err(serde::de::Error::custom(format!("the number {number} is above 2^53 - 1")));
        }
        Ok(Self(number))
    }
}

/// Keeps `null` apart from an absent field.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// An object and never an array of its fields, which serde takes for a struct as well.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// Headers, straight into a block.
#[derive(Debug, Default)]
pub(super) struct Headers(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeadersVisitor;
        impl<'de> Visitor<'de> for HeadersVisitor {
            type Value = Headers;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object whose values are strings or arrays of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut block = HeaderBlock::new();
                while let Some((Text(name), Values(values))) = map.next_entry::<Text<'de>, Values<'de>>()? {
                    for Text(value) in values {
                        block
                            .push(&name, &value)
                            .map_err(|error| serde::de::Error::custom(format!("header `{name}`: {error}")))?;
                    }
                }
                Ok(Headers(block.into_bytes()))
            }
        }
        deserializer.deserialize_map(HeadersVisitor)
    }
}

struct Values<'a>(Vec<Text<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Values<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValuesVisitor;
        impl<'de> Visitor<'de> for ValuesVisitor {
            type Value = Values<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Values<'de>, E> {
                Ok(Values(vec![Text(Cow::Borrowed(text))]))
            }
            fn visit_str<E>(self, text: &str) -> Result<Values<'de>, E> {
                Ok(Values(vec![Text(Cow::Owned(text.to_owned()))]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Values<'de>, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = seq.next_element()? {
                    values.push(value);
                }
                Ok(Values(values))
            }
        }
        deserializer.deserialize_any(ValuesVisitor)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSubscription<'a> {
    sid: Number,
    #[serde(borrow)]
    pattern: Text<'a>,
    #[serde(borrow)]
    queue: Option<Text<'a>>,
    max: Option<Number>,
    #[serde(borrow, default, deserialize_with = "present")]
    since: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    max_rate: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    conflate: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAttach<'a> {
    #[serde(borrow)]
    session: Text<'a>,
    #[serde(borrow)]
    secret: Text<'a>,
    generation: u32,
    received: Number,
}

/// All fields of all frames: one flat struct, since an internally tagged enum cannot borrow a raw value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFrame<'a> {
    #[serde(borrow)]
    op: Text<'a>,
    id: Option<Number>,
    #[serde(borrow)]
    subject: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    base64: Option<Text<'a>>,
    headers: Option<Headers>,
    #[serde(borrow)]
    reply: Option<Text<'a>>,
    #[serde(borrow)]
    message_id: Option<Text<'a>>,
    timeout_ms: Option<u32>,
    sid: Option<Number>,
    #[serde(borrow)]
    pattern: Option<Text<'a>>,
    #[serde(borrow)]
    queue: Option<Text<'a>>,
    max: Option<Number>,
    received: Option<Number>,
    version: Option<u32>,
    #[serde(borrow)]
    token: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    echo: Option<bool>,
    #[serde(borrow)]
    subscribe: Option<Vec<Object<RawSubscription<'a>>>>,
    #[serde(borrow)]
    attach: Option<Object<RawAttach<'a>>>,
    #[serde(borrow, default, deserialize_with = "present")]
    since: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    max_rate: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    conflate: Option<&'a RawValue>,
}

/// Decodes a wire message of a client: one frame or an array of frames, each given to `sink` in order until it breaks off.
///
/// A bad frame within an array does not spoil the others as long as the array itself is well-formed.
pub fn decode_client(
    wire_message: &[u8],
    sink: &mut impl FnMut(Result<ClientFrame<'_>, FrameError>) -> ControlFlow<()>,
) {
    decode(wire_message, quickly, sink);
}

/// `quick` hands over what it can from the front and says how many frames that were, or `None` when that was everything.
pub(super) fn decode<S>(wire_message: &[u8], quick: impl Fn(&str, &mut S) -> Option<usize>, sink: &mut S)
where
    S: FnMut(Result<ClientFrame<'_>, FrameError>) -> ControlFlow<()>,
{
    let text = match std::str::from_utf8(wire_message) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            let _broken = sink(Err(FrameError::bad(None, format!("the message is not UTF-8 from byte {at} on"))));
            return;
        }
    };
    let Some(mut handled) = quick(text, sink) else { return };
    let broken = each_frame(text, &mut |frame| {
        if handled > 0 {
            handled -= 1;
            return ControlFlow::Continue(());
        }
        sink(client_frame(frame))
    });
    if let Err(message) = broken {
        let _broken = sink(Err(FrameError::bad(None, message)));
    }
}

/// Publications without anything out of the ordinary, which is what comes most.
fn quickly<S>(text: &str, sink: &mut S) -> Option<usize>
where
    S: FnMut(Result<ClientFrame<'_>, FrameError>) -> ControlFlow<()>,
{
    let bytes = text.as_bytes();
    if has_control(bytes) {
        return Some(0);
    }
    let mut at = skip_space(bytes, 0);
    let is_list = bytes.get(at) == Some(&b'[');
    if is_list {
        at = skip_space(bytes, at + 1);
    }
    let mut handled = 0;
    while let Some((publish, end)) = publish(text, at) {
        at = skip_space(bytes, end);
        let last = match bytes.get(at) {
            None => !is_list,
            Some(b']') => is_list && skip_space(bytes, at + 1) == bytes.len(),
            Some(_) => false,
        };
        if !last && (!is_list || bytes.get(at) != Some(&b',')) {
            break;
        }
        if sink(Ok(ClientFrame::Publish(publish))).is_break() || last {
            return None;
        }
        handled += 1;
        at = skip_space(bytes, at + 1);
    }
    Some(handled)
}

/// Splits a wire message into frames. `Err` says what is wrong with an array of them.
pub(super) fn each_frame<'de>(
    text: &'de str,
    frame: &mut impl FnMut(&'de str) -> ControlFlow<()>,
) -> Result<(), String> {
    struct Frames<'f, F> {
        frame: &'f mut F,
        broken_off: &'f mut bool,
    }
    impl<'de, F: FnMut(&'de str) -> ControlFlow<()>> Visitor<'de> for Frames<'_, F> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of frames")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
            while let Some(raw) = seq.next_element::<&RawValue>()? {
                if (self.frame)(raw.get()).is_break() {
                    *self.broken_off = true;
                    return Ok(());
                }
            }
            Ok(())
        }
    }
    let trimmed = text.trim_start_matches([' ', '\t', '\r', '\n']);
    if !trimmed.starts_with('[') {
        let _handled = frame(text);
        return Ok(());
    }
    let mut broken_off = false;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let frames = Frames { frame, broken_off: &mut broken_off };
    let result = (&mut deserializer).deserialize_seq(frames).and_then(|()| deserializer.end());
    if broken_off {
        // What is left is nobody's.
        return Ok(());
    }
    result.map_err(|cause| format!("the array of frames is not valid JSON: {cause}"))
}

fn client_frame(text: &str) -> Result<ClientFrame<'_>, FrameError> {
    let Object(raw): Object<RawFrame<'_>> = serde_json::from_str(text).map_err(|error| unreadable(text, &error))?;
    let id = raw.id.map(|Number(id)| id);
    let op = raw.op.0.clone();
    if !OPS.contains(&&*op) {
        let message = format!("there is no operation `{op}`; the nearest is `{}`", nearest(&op));
        return Err(FrameError::new(ErrorCode::UnknownOp, id, message));
    }
    check_fields(&raw, &op).map_err(|message| FrameError::bad(id, message))?;
    if raw.since.is_some() || raw.max_rate.is_some() || raw.conflate.is_some() {
        return Err(unsupported(id));
    }
    build(raw, id)
}

fn build<'a>(raw: RawFrame<'a>, id: Option<u64>) -> Result<ClientFrame<'a>, FrameError> {
    let missing = |name: &str| FrameError::bad(id, format!("the field `{name}` is missing"));
    let number = |field: Option<Number>| field.map(|Number(number)| number);
    let text = |field: Option<Text<'a>>| field.map(|Text(text)| text);
    Ok(match &*raw.op.0 {
        "publish" => {
            let (payload, body) = body(&raw, id)?;
            ClientFrame::Publish(Publish {
                id,
                subject: text(raw.subject).ok_or_else(|| missing("subject"))?,
                reply: text(raw.reply),
                message_id: message_id(text(raw.message_id), id)?,
                headers: header_bytes(raw.headers),
                payload,
                body,
            })
        }
        "request" => {
            let (payload, body) = body(&raw, id)?;
            ClientFrame::Request(Request {
                id: id.ok_or_else(|| missing("id"))?,
                subject: text(raw.subject).ok_or_else(|| missing("subject"))?,
                timeout_ms: raw.timeout_ms,
                headers: header_bytes(raw.headers),
                payload,
                body,
            })
        }
        "subscribe" => ClientFrame::Subscribe {
            id,
            subscription: Subscription {
                sid: number(raw.sid).ok_or_else(|| missing("sid"))?,
                pattern: text(raw.pattern).ok_or_else(|| missing("pattern"))?,
                queue: text(raw.queue),
                max: number(raw.max),
            },
        },
        "unsubscribe" => {
            ClientFrame::Unsubscribe { id, sid: number(raw.sid).ok_or_else(|| missing("sid"))?, max: number(raw.max) }
        }
        "ping" => ClientFrame::Ping { received: number(raw.received).ok_or_else(|| missing("received"))? },
        "pong" => ClientFrame::Pong { received: number(raw.received).ok_or_else(|| missing("received"))? },
        _ => connect(raw, id)?,
    })
}

fn connect<'a>(raw: RawFrame<'a>, id: Option<u64>) -> Result<ClientFrame<'a>, FrameError> {
    let mut subscribe = Vec::new();
    for Object(one) in raw.subscribe.unwrap_or_default() {
        if one.since.is_some() || one.max_rate.is_some() || one.conflate.is_some() {
            return Err(unsupported(id));
        }
        subscribe.push(Subscription {
            sid: one.sid.0,
            pattern: one.pattern.0,
            queue: one.queue.map(|Text(queue)| queue),
            max: one.max.map(|Number(max)| max),
        });
    }
    Ok(ClientFrame::Connect(Connect {
        version: raw.version.ok_or_else(|| FrameError::bad(id, "the field `version` is missing"))?,
        token: raw.token.map(|Text(token)| token),
        name: raw.name.map(|Text(name)| name),
        echo: raw.echo.unwrap_or(true),
        subscribe,
        attach: raw.attach.map(|Object(attach)| Attach {
            session: attach.session.0,
            secret: attach.secret.0,
            generation: attach.generation,
            received: attach.received.0,
        }),
    }))
}

/// The one field of the three that carries the body (protocol.md#P5.2).
fn body<'a>(raw: &RawFrame<'a>, id: Option<u64>) -> Result<(Cow<'a, [u8]>, BodyKind), FrameError> {
    match (raw.data, &raw.text, &raw.base64) {
        (None, None, None) => Ok((Cow::Borrowed(&[]), BodyKind::Unknown)),
        (Some(data), None, None) => Ok((Cow::Borrowed(data.get().as_bytes()), BodyKind::Json)),
        (None, Some(Text(Cow::Borrowed(text))), None) => Ok((Cow::Borrowed(text.as_bytes()), BodyKind::Unknown)),
        (None, Some(Text(Cow::Owned(text))), None) => Ok((Cow::Owned(text.clone().into_bytes()), BodyKind::Unknown)),
        (None, None, Some(Text(text))) => match STANDARD.decode(text.as_bytes()) {
            Ok(bytes) => Ok((Cow::Owned(bytes), BodyKind::Unknown)),
            Err(error) => Err(FrameError::bad(id, format!("the field `base64` cannot be decoded: {error}"))),
        },
        _ => {
            Err(FrameError::bad(id, "a body is one of `data`, `text` and `base64`, and there is more than one of them"))
        }
    }
}

fn header_bytes<'a>(headers: Option<Headers>) -> Cow<'a, [u8]> {
    headers.map_or(Cow::Borrowed(&[]), |Headers(block)| Cow::Owned(block))
}

fn unsupported(id: Option<u64>) -> FrameError {
    FrameError::new(
        ErrorCode::Unsupported,
        id,
        "`since`, `max_rate` and `conflate` are not available on this server; `ready.features` lists what is",
    )
}

/// A field that its operation does not have is an error (protocol.md#P1.6).
fn check_fields(raw: &RawFrame<'_>, op: &str) -> Result<(), String> {
    let body = raw.data.is_some() || raw.text.is_some() || raw.base64.is_some();
    let present = [
        ("subject", raw.subject.is_some(), "publish request"),
        ("data, text or base64", body, "publish request"),
        ("headers", raw.headers.is_some(), "publish request"),
        ("reply", raw.reply.is_some(), "publish"),
        ("message_id", raw.message_id.is_some(), "publish"),
        ("timeout_ms", raw.timeout_ms.is_some(), "request"),
        ("id", raw.id.is_some(), "publish request subscribe unsubscribe"),
        ("sid", raw.sid.is_some(), "subscribe unsubscribe"),
        ("pattern", raw.pattern.is_some(), "subscribe"),
        ("queue", raw.queue.is_some(), "subscribe"),
        ("max", raw.max.is_some(), "subscribe unsubscribe"),
        ("since", raw.since.is_some(), "subscribe"),
        ("max_rate", raw.max_rate.is_some(), "subscribe"),
        ("conflate", raw.conflate.is_some(), "subscribe"),
        ("received", raw.received.is_some(), "ping pong"),
        ("version", raw.version.is_some(), "connect"),
        ("token", raw.token.is_some(), "connect"),
        ("name", raw.name.is_some(), "connect"),
        ("echo", raw.echo.is_some(), "connect"),
        ("subscribe", raw.subscribe.is_some(), "connect"),
        ("attach", raw.attach.is_some(), "connect"),
    ];
    for (field, there, ops) in present {
        if there && !ops.split(' ').any(|known| known == op) {
            return Err(format!("`{op}` has no field `{field}`"));
        }
    }
    Ok(())
}

/// Explains what serde says, with the id if that much can be read.
fn unreadable(text: &str, error: &serde_json::Error) -> FrameError {
    #[derive(Deserialize)]
    struct OnlyId {
        id: Option<Number>,
    }
    let id = serde_json::from_str::<Object<OnlyId>>(text).ok().and_then(|Object(only)| only.id).map(|Number(id)| id);
    let message = error.to_string();
    if text.trim().is_empty() {
        return FrameError::bad(id, "the message holds no frame; send one JSON object, or an array of them");
    }
    let code = if message.starts_with("header `") { ErrorCode::BadHeaders } else { ErrorCode::BadFrame };
    let hint = if error.is_data() { "" } else { "; send one JSON object, or an array of them" };
    let limit = if code == ErrorCode::BadHeaders {
        format!(" (all headers together: at most {HEADER_BYTES_MAX} bytes)")
    } else {
        String::new()
    };
    FrameError::new(code, id, format!("the frame cannot be read: {message}{hint}{limit}"))
}

/// The operation whose name differs least.
fn nearest(op: &str) -> &'static str {
    OPS.into_iter().min_by_key(|known| distance(known, op)).unwrap_or("publish")
}

/// Levenshtein distance, capped by the length of what is compared.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(16).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (place, y) in row.iter_mut().skip(1).zip(&b) {
            let cost = (diagonal + usize::from(x != *y)).min(left + 1).min(*place + 1);
            diagonal = *place;
            *place = cost;
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

/// Whether bytes are one JSON value and nothing else.
#[must_use]
pub fn is_valid(bytes: &[u8]) -> bool {
    let first = skip_space(bytes, 0);
    // Most of what is no JSON shows in the first byte.
    if !bytes.get(first).is_some_and(|byte| b"{[\"-0123456789tfn".contains(byte)) {
        return false;
    }
    std::str::from_utf8(bytes).is_ok_and(|text| {
        (!has_control(bytes) && value_end(bytes, first).is_some_and(|end| skip_space(bytes, end) == bytes.len()))
            || serde_json::from_str::<IgnoredAny>(text).is_ok()
    })
}
