//! Frames of the server, for clients and tests.

use std::borrow::Cow;
use std::ops::ControlFlow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::decode::{Headers, Number, Object, Text, each_frame, present};
use crate::frame::{
    BodyKind, CloseFrame, Delivery, ErrorFrame, FrameError, Limits, MessageInfo, Ready, Refused, ServerFrame,
};

#[derive(Deserialize)]
struct RawMessage<'a> {
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
}

#[derive(Deserialize)]
struct RawLimits {
    frame_bytes: u32,
    payload_bytes: u32,
    subject_bytes: u32,
    subscriptions: u32,
    requests: u32,
    resend_frames: u32,
    resend_bytes: u32,
}

#[derive(Deserialize)]
struct RawRefused<'a> {
    sid: Number,
    code: u16,
    #[serde(borrow)]
    reason: Text<'a>,
    #[serde(borrow)]
    message: Text<'a>,
}

#[derive(Deserialize)]
struct RawReady<'a> {
    version: u32,
    #[serde(borrow)]
    session: Text<'a>,
    #[serde(borrow)]
    secret: Text<'a>,
    generation: u32,
    resumed: bool,
    received: Number,
    skipped: Number,
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    #[serde(borrow)]
    node: Text<'a>,
    #[serde(borrow)]
    server: Text<'a>,
    #[serde(borrow)]
    user: Option<Text<'a>>,
    heartbeat_ms: u32,
    keep_ms: u32,
    limits: Object<RawLimits>,
    #[serde(borrow)]
    features: Vec<Text<'a>>,
    #[serde(borrow)]
    refused: Vec<Object<RawRefused<'a>>>,
}

#[derive(Deserialize)]
struct RawServer<'a> {
    #[serde(borrow)]
    op: Text<'a>,
    id: Option<Number>,
    sid: Option<Number>,
    sids: Option<Vec<u64>>,
    #[serde(borrow)]
    messages: Option<Vec<Object<RawMessage<'a>>>>,
    lost: Option<Number>,
    received: Option<Number>,
    code: Option<u16>,
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
    retry_after_ms: Option<u32>,
}

/// Decodes a wire message of a server. Unknown fields are ignored, since a newer server may send them.
pub fn decode_server(
    wire_message: &[u8],
    sink: &mut impl FnMut(Result<ServerFrame<'_>, FrameError>) -> ControlFlow<()>,
) {
    let broken = match std::str::from_utf8(wire_message) {
        Ok(text) => each_frame(text, &mut |frame| sink(server_frame(frame))),
        Err(_) => Err("the message is not UTF-8".to_owned()),
    };
    if let Err(message) = broken {
        let _broken = sink(Err(FrameError::bad(None, message)));
    }
}

fn server_frame(text: &str) -> Result<ServerFrame<'_>, FrameError> {
    let bad = |error: serde_json::Error| FrameError::bad(None, format!("the frame cannot be read: {error}"));
    let Object(raw): Object<RawServer<'_>> = serde_json::from_str(text).map_err(bad)?;
    let missing = |name: &str| FrameError::bad(None, format!("the field `{name}` is missing"));
    let number = |field: Option<Number>| field.map(|Number(number)| number);
    let text_of = |field: Option<Text<'_>>| field.map(|Text(text)| Cow::<'static, str>::Owned(text.into_owned()));
    Ok(match &*raw.op.0 {
        "message" => ServerFrame::Message {
            sids: raw.sids.ok_or_else(|| missing("sids"))?,
            messages: raw
                .messages
                .ok_or_else(|| missing("messages"))?
                .into_iter()
                .map(|Object(message)| delivery(message))
                .collect::<Result<_, _>>()?,
        },
        "ok" => ServerFrame::Ok { id: number(raw.id).ok_or_else(|| missing("id"))? },
        "ping" => ServerFrame::Ping { received: number(raw.received).ok_or_else(|| missing("received"))? },
        "pong" => ServerFrame::Pong { received: number(raw.received).ok_or_else(|| missing("received"))? },
        "gap" => ServerFrame::Gap {
            sids: raw.sids.ok_or_else(|| missing("sids"))?,
            lost: number(raw.lost),
            reason: text_of(raw.reason).ok_or_else(|| missing("reason"))?,
        },
        "error" => ServerFrame::Error(ErrorFrame {
            id: number(raw.id),
            sid: number(raw.sid),
            code: raw.code.ok_or_else(|| missing("code"))?,
            reason: text_of(raw.reason).ok_or_else(|| missing("reason"))?,
            message: text_of(raw.message).unwrap_or_default(),
            retry_after_ms: raw.retry_after_ms,
        }),
        "close" => ServerFrame::Close(CloseFrame {
            code: raw.code.ok_or_else(|| missing("code"))?,
            reason: text_of(raw.reason).ok_or_else(|| missing("reason"))?,
            message: text_of(raw.message).unwrap_or_default(),
            retry_after_ms: raw.retry_after_ms,
        }),
        "reply" => {
            let id = number(raw.id).ok_or_else(|| missing("id"))?;
            let message = delivery(serde_json::from_str(text).map_err(bad)?)?;
            ServerFrame::Reply { id, headers: message.headers, payload: message.payload, body: message.body }
        }
        "ready" => ServerFrame::Ready(ready(serde_json::from_str(text).map_err(bad)?)),
        other => return Err(FrameError::bad(None, format!("there is no operation `{other}`"))),
    })
}

fn ready(raw: RawReady<'_>) -> Ready<'_> {
    let Object(limits) = raw.limits;
    Ready {
        version: raw.version,
        session: raw.session.0,
        secret: raw.secret.0,
        generation: raw.generation,
        resumed: raw.resumed,
        received: raw.received.0,
        skipped: raw.skipped.0,
        reason: raw.reason.map(|Text(text)| text),
        node: raw.node.0,
        server: raw.server.0,
        user: raw.user.map(|Text(text)| text),
        heartbeat_ms: raw.heartbeat_ms,
        keep_ms: raw.keep_ms,
        limits: Limits {
            frame_bytes: limits.frame_bytes,
            payload_bytes: limits.payload_bytes,
            subject_bytes: limits.subject_bytes,
            subscriptions: limits.subscriptions,
            requests: limits.requests,
            resend_frames: limits.resend_frames,
            resend_bytes: limits.resend_bytes,
        },
        features: raw.features.into_iter().map(|Text(text)| text).collect(),
        refused: raw
            .refused
            .into_iter()
            .map(|Object(one)| Refused { sid: one.sid.0, code: one.code, reason: one.reason.0, message: one.message.0 })
            .collect(),
    }
}

fn delivery(raw: RawMessage<'_>) -> Result<Delivery<'_>, FrameError> {
    let (payload, body): (Cow<'_, [u8]>, _) = match (raw.data, raw.text, raw.base64) {
        (Some(data), _, _) => (Cow::Borrowed(data.get().as_bytes()), BodyKind::Json),
        (None, Some(Text(Cow::Borrowed(text))), _) => (Cow::Borrowed(text.as_bytes()), BodyKind::Unknown),
        (None, Some(Text(Cow::Owned(text))), _) => (Cow::Owned(text.into_bytes()), BodyKind::Unknown),
        (None, None, Some(Text(text))) => {
            let bytes = STANDARD.decode(text.as_bytes());
            (Cow::Owned(bytes.map_err(|_| FrameError::bad(None, "`base64` cannot be decoded"))?), BodyKind::Unknown)
        }
        (None, None, None) => (Cow::Borrowed(&[]), BodyKind::Unknown),
    };
    Ok(Delivery {
        subject: raw.subject.map(|Text(text)| text).unwrap_or_default(),
        reply: raw.reply.map(|Text(text)| text),
        headers: raw.headers.map_or(Cow::Borrowed(&[]), |Headers(block)| Cow::Owned(block)),
        payload,
        body,
    })
}

/// What an encoded wire message delivers; `None` when it is no delivery.
#[must_use]
pub fn inspect_message(frame: &[u8]) -> Option<MessageInfo> {
    #[derive(Deserialize)]
    struct Outline {
        sids: Vec<u64>,
        messages: Vec<IgnoredAny>,
    }
    if !frame.starts_with(br#"{"op":"message""#) {
        return None;
    }
    let Outline { sids, messages } = serde_json::from_slice(frame).ok()?;
    Some(MessageInfo { sids, messages: u32::try_from(messages.len()).unwrap_or(u32::MAX) })
}
