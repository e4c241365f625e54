//! Frames to JSON, appended to a buffer and nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::decode::is_valid;
use super::value::is_plain;
use crate::frame::{BodyKind, ClientFrame, DeliveryView, ServerFrame, Subscription};
use crate::headers;

/// Writes one JSON object, field by field.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    fn op(out: &'o mut Vec<u8>, op: &str) -> Self {
        let mut object = Self::open(out);
        object.text("op", op);
        object
    }

    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    fn text(&mut self, key: &str, value: &str) {
        string(value, self.key(key));
    }

    fn number(&mut self, key: &str, value: u64) {
        number(value, self.key(key));
    }

    fn flag(&mut self, key: &str, value: bool) {
        self.key(key).extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn maybe_text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    fn maybe_number(&mut self, key: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.number(key, value);
        }
    }

    fn list<T>(&mut self, key: &str, items: impl IntoIterator<Item = T>, mut item: impl FnMut(T, &mut Vec<u8>)) {
        let out = self.key(key);
        out.push(b'[');
        for (at, value) in items.into_iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            item(value, out);
        }
        out.push(b']');
    }

    /// protocol.md#P5.3
    fn body(&mut self, payload: &[u8], body: BodyKind) {
        if payload.is_empty() {
            return;
        }
        if body == BodyKind::Json || is_valid(payload) {
            self.key("data").extend_from_slice(payload);
        } else if let Ok(text) = std::str::from_utf8(payload) {
            self.text("text", text);
        } else {
            let out = self.key("base64");
            out.push(b'"');
            let start = out.len();
            out.resize(start + payload.len().div_ceil(3) * 4, 0);
            let written = out.get_mut(start..).map_or(Ok(0), |room| STANDARD.encode_slice(payload, room));
            out.truncate(start + written.unwrap_or(0));
            out.push(b'"');
        }
    }

    /// protocol.md#P5.4
    fn headers(&mut self, block: &[u8]) {
        if block.is_empty() {
            return;
        }
        let mut all: Vec<_> = headers::iter(block).enumerate().map(|(at, (name, value))| (name, at, value)).collect();
        all.sort_unstable();
        let mut groups: Vec<_> = all.chunk_by(|(a, ..), (b, ..)| a == b).collect();
        groups.sort_unstable_by_key(|group| group.first().map(|(_, at, _)| *at));
        let mut first = true;
        let out = self.key("headers");
        out.push(b'{');
        for group in groups {
            let [(name, _, value), more @ ..] = group else { continue };
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            string(name, out);
            out.push(b':');
            if more.is_empty() {
                string(value, out);
                continue;
            }
            for (at, (_, _, value)) in group.iter().enumerate() {
                out.push(if at == 0 { b'[' } else { b',' });
                string(value, out);
            }
            out.push(b']');
        }
        out.push(b'}');
    }

    fn close(self) {
        self.out.push(b'}');
    }
}

fn number(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut used = 0;
    for place in digits.iter_mut().rev() {
        *place = b'0' + u8::try_from(value % 10).unwrap_or(0);
        used += 1;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

fn string(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    if is_plain(text) {
        out.extend_from_slice(bytes);
    } else {
        for &byte in bytes {
            match byte {
                b'"' => out.extend_from_slice(b"\\\""),
                b'\\' => out.extend_from_slice(b"\\\\"),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\t' => out.extend_from_slice(b"\\t"),
                0..b' ' => {
                    out.extend_from_slice(b"\\u00");
                    let digit = |half: u8| HEX.get(usize::from(half)).copied().unwrap_or(b'0');
                    out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
                }
                _ => out.push(byte),
            }
        }
    }
    out.push(b'"');
}

/// Names, quotes and brackets of one message.
const MESSAGE_ROOM: usize = 40;

/// Appends a `message` frame.
pub fn encode_message<'a>(sids: &[u64], messages: impl ExactSizeIterator<Item = DeliveryView<'a>>, out: &mut Vec<u8>) {
    let mut frame = Object::op(out, "message");
    frame.list("sids", sids, |sid, out| number(*sid, out));
    frame.list("messages", messages, |message, out| {
        // The one loop that every delivery goes through: what is known beforehand is written in one go.
        out.reserve(MESSAGE_ROOM + message.subject.len() + message.payload.len());
        out.extend_from_slice(br#"{"subject":"#);
        string(message.subject, out);
        let mut object = Object { out, first: false };
        if message.body == BodyKind::Json && !message.payload.is_empty() {
            object.out.extend_from_slice(br#","data":"#);
            object.out.extend_from_slice(message.payload);
        } else {
            object.body(message.payload, message.body);
        }
        object.headers(message.headers);
        object.maybe_text("reply", message.reply);
        object.close();
    });
    frame.close();
}

/// Appends a `reply` frame.
pub fn encode_reply(id: u64, headers: &[u8], payload: &[u8], body: BodyKind, out: &mut Vec<u8>) {
    let mut frame = Object::op(out, "reply");
    frame.number("id", id);
    frame.body(payload, body);
    frame.headers(headers);
    frame.close();
}

/// Appends one frame of a server.
pub fn encode_server(frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
    match frame {
        ServerFrame::Message { sids, messages } => {
            encode_message(sids, messages.iter().map(crate::frame::Delivery::view), out);
        }
        ServerFrame::Reply { id, headers, payload, body } => encode_reply(*id, headers, payload, *body, out),
        ServerFrame::Ok { id } => one_number(out, "ok", "id", *id),
        ServerFrame::Ping { received } => one_number(out, "ping", "received", *received),
        ServerFrame::Pong { received } => one_number(out, "pong", "received", *received),
        ServerFrame::Gap { sids, lost, reason } => {
            let mut object = Object::op(out, "gap");
            object.list("sids", sids, |sid, out| number(*sid, out));
            object.maybe_number("lost", *lost);
            object.text("reason", reason);
            object.close();
        }
        ServerFrame::Error(error) => {
            let mut object = Object::op(out, "error");
            object.maybe_number("id", error.id);
            object.maybe_number("sid", error.sid);
            object.number("code", error.code.into());
            object.text("reason", &error.reason);
            object.text("message", &error.message);
            object.maybe_number("retry_after_ms", error.retry_after_ms.map(u64::from));
            object.close();
        }
        ServerFrame::Close(close) => {
            let mut object = Object::op(out, "close");
            object.number("code", close.code.into());
            object.text("reason", &close.reason);
            object.text("message", &close.message);
            object.maybe_number("retry_after_ms", close.retry_after_ms.map(u64::from));
            object.close();
        }
        ServerFrame::Ready(ready) => encode_ready(ready, out),
    }
}

fn one_number(out: &mut Vec<u8>, op: &str, key: &str, value: u64) {
    let mut object = Object::op(out, op);
    object.number(key, value);
    object.close();
}

fn encode_ready(ready: &crate::frame::Ready<'_>, out: &mut Vec<u8>) {
    let mut object = Object::op(out, "ready");
    object.number("version", ready.version.into());
    object.text("session", &ready.session);
    object.text("secret", &ready.secret);
    object.number("generation", ready.generation.into());
    object.flag("resumed", ready.resumed);
    object.number("received", ready.received);
    object.number("skipped", ready.skipped);
    object.maybe_text("reason", ready.reason.as_deref());
    object.text("node", &ready.node);
    object.text("server", &ready.server);
    object.maybe_text("user", ready.user.as_deref());
    object.number("heartbeat_ms", ready.heartbeat_ms.into());
    object.number("keep_ms", ready.keep_ms.into());
    let mut limits = Object::open(object.key("limits"));
    for (key, value) in [
        ("frame_bytes", ready.limits.frame_bytes),
        ("payload_bytes", ready.limits.payload_bytes),
        ("subject_bytes", ready.limits.subject_bytes),
        ("subscriptions", ready.limits.subscriptions),
        ("requests", ready.limits.requests),
        ("resend_frames", ready.limits.resend_frames),
        ("resend_bytes", ready.limits.resend_bytes),
    ] {
        limits.number(key, value.into());
    }
    limits.close();
    object.list("features", &ready.features, |feature, out| string(feature, out));
    object.list("refused", &ready.refused, |refused, out| {
        let mut object = Object::open(out);
        object.number("sid", refused.sid);
        object.number("code", refused.code.into());
        object.text("reason", &refused.reason);
        object.text("message", &refused.message);
        object.close();
    });
    object.close();
}

/// Appends one frame of a client.
pub fn encode_client(frame: &ClientFrame<'_>, out: &mut Vec<u8>) {
    match frame {
        ClientFrame::Publish(publish) => {
            let mut object = Object::op(out, "publish");
            object.maybe_number("id", publish.id);
            object.text("subject", &publish.subject);
            object.body(&publish.payload, publish.body);
            object.headers(&publish.headers);
            object.maybe_text("reply", publish.reply.as_deref());
            object.maybe_text("message_id", publish.message_id.as_deref());
            object.close();
        }
        ClientFrame::Request(request) => {
            let mut object = Object::op(out, "request");
            object.number("id", request.id);
            object.text("subject", &request.subject);
            object.body(&request.payload, request.body);
            object.headers(&request.headers);
            object.maybe_number("timeout_ms", request.timeout_ms.map(u64::from));
            object.close();
        }
        ClientFrame::Subscribe { id, subscription } => {
            let mut object = Object::op(out, "subscribe");
            object.maybe_number("id", *id);
            subscription_fields(&mut object, subscription);
            object.close();
        }
        ClientFrame::Unsubscribe { id, sid, max } => {
            let mut object = Object::op(out, "unsubscribe");
            object.maybe_number("id", *id);
            object.number("sid", *sid);
            object.maybe_number("max", *max);
            object.close();
        }
        ClientFrame::Ping { received } => one_number(out, "ping", "received", *received),
        ClientFrame::Pong { received } => one_number(out, "pong", "received", *received),
        ClientFrame::Connect(connect) => {
            let mut object = Object::op(out, "connect");
            object.number("version", connect.version.into());
            object.maybe_text("token", connect.token.as_deref());
            object.maybe_text("name", connect.name.as_deref());
            object.flag("echo", connect.echo);
            object.list("subscribe", &connect.subscribe, |subscription, out| {
                let mut object = Object::open(out);
                subscription_fields(&mut object, subscription);
                object.close();
            });
            if let Some(attach) = &connect.attach {
                let mut inner = Object::open(object.key("attach"));
                inner.text("session", &attach.session);
                inner.text("secret", &attach.secret);
                inner.number("generation", attach.generation.into());
                inner.number("received", attach.received);
                inner.close();
            }
            object.close();
        }
    }
}

fn subscription_fields(object: &mut Object<'_>, subscription: &Subscription<'_>) {
    object.number("sid", subscription.sid);
    object.text("pattern", &subscription.pattern);
    object.maybe_text("queue", subscription.queue.as_deref());
    object.maybe_number("max", subscription.max);
}
