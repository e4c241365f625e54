//! Frames to postcard.

use super::schema;
use crate::frame::{BodyKind, ClientFrame, Delivery, DeliveryView, ServerFrame, Subscription};

/// Variant indices of the hot frames.
pub(super) const PUBLISH: u8 = 3;
pub(super) const REQUEST: u8 = 4;
pub(super) const MESSAGE: u8 = 3;
pub(super) const REPLY: u8 = 4;

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or(0));
}

fn bytes(value: &[u8], out: &mut Vec<u8>) {
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn maybe<T>(value: Option<T>, out: &mut Vec<u8>, write: impl FnOnce(T, &mut Vec<u8>)) {
    match value {
        None => out.push(0),
        Some(value) => {
            out.push(1);
            write(value, out);
        }
    }
}

fn maybe_text(value: Option<&str>, out: &mut Vec<u8>) {
    maybe(value, out, |text, out| bytes(text.as_bytes(), out));
}

/// Appends what the schema derives.
fn derived<T: serde::Serialize>(value: &T, out: &mut Vec<u8>) {
    let before = out.len();
    match postcard::to_extend(value, std::mem::take(out)) {
        Ok(extended) => *out = extended,
        // Writing to memory cannot fail; were it to, nothing half-written is left.
        Err(_) => out.truncate(before),
    }
}

/// Appends a `message` frame.
pub fn encode_message<'a>(sids: &[u64], messages: impl ExactSizeIterator<Item = DeliveryView<'a>>, out: &mut Vec<u8>) {
    out.push(MESSAGE);
    varint(sids.len() as u64, out);
    for sid in sids {
        varint(*sid, out);
    }
    varint(messages.len() as u64, out);
    for message in messages {
        bytes(message.subject.as_bytes(), out);
        maybe_text(message.reply, out);
        bytes(message.headers, out);
        bytes(message.payload, out);
    }
}

/// Appends a `reply` frame.
pub fn encode_reply(id: u64, headers: &[u8], payload: &[u8], _body: BodyKind, out: &mut Vec<u8>) {
    out.push(REPLY);
    varint(id, out);
    bytes(headers, out);
    bytes(payload, out);
}

/// Appends one frame of a server.
pub fn encode_server(frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
    let frame = match frame {
        ServerFrame::Message { sids, messages } => {
            return encode_message(sids, messages.iter().map(Delivery::view), out);
        }
        ServerFrame::Reply { id, headers, payload, body } => return encode_reply(*id, headers, payload, *body, out),
        ServerFrame::Ok { id } => schema::Server::Ok { id: *id },
        ServerFrame::Ping { received } => schema::Server::Ping { received: *received },
        ServerFrame::Pong { received } => schema::Server::Pong { received: *received },
        ServerFrame::Gap { sids, lost, reason } => schema::Server::Gap { sids: sids.clone(), lost: *lost, reason },
        ServerFrame::Error(error) => schema::Server::Error {
            id: error.id,
            sid: error.sid,
            code: error.code,
            reason: &error.reason,
            message: &error.message,
            retry_after_ms: error.retry_after_ms,
        },
        ServerFrame::Close(close) => schema::Server::Close {
            code: close.code,
            reason: &close.reason,
            message: &close.message,
            retry_after_ms: close.retry_after_ms,
        },
        ServerFrame::Ready(ready) => schema::Server::Ready {
            version: ready.version,
            session: &ready.session,
            secret: &ready.secret,
            generation: ready.generation,
            resumed: ready.resumed,
            received: ready.received,
            skipped: ready.skipped,
            reason: ready.reason.as_deref(),
            node: &ready.node,
            server: &ready.server,
            user: ready.user.as_deref(),
            heartbeat_ms: ready.heartbeat_ms,
            keep_ms: ready.keep_ms,
            limits: schema::Limits {
                frame_bytes: ready.limits.frame_bytes,
                payload_bytes: ready.limits.payload_bytes,
                subject_bytes: ready.limits.subject_bytes,
                subscriptions: ready.limits.subscriptions,
                requests: ready.limits.requests,
                resend_frames: ready.limits.resend_frames,
                resend_bytes: ready.limits.resend_bytes,
            },
            features: ready.features.iter().map(|feature| &**feature).collect(),
            refused: ready
                .refused
                .iter()
                .map(|one| schema::Refused { sid: one.sid, code: one.code, reason: &one.reason, message: &one.message })
                .collect(),
        },
    };
    derived(&frame, out);
}

/// Appends one frame of a client.
pub fn encode_client(frame: &ClientFrame<'_>, out: &mut Vec<u8>) {
    let frame = match frame {
        ClientFrame::Publish(publish) => {
            out.push(PUBLISH);
            maybe(publish.id, out, varint);
            bytes(publish.subject.as_bytes(), out);
            maybe_text(publish.reply.as_deref(), out);
            maybe_text(publish.message_id.as_deref(), out);
            bytes(&publish.headers, out);
            return bytes(&publish.payload, out);
        }
        ClientFrame::Request(request) => {
            out.push(REQUEST);
            varint(request.id, out);
            bytes(request.subject.as_bytes(), out);
            maybe(request.timeout_ms.map(u64::from), out, varint);
            bytes(&request.headers, out);
            return bytes(&request.payload, out);
        }
        ClientFrame::Subscribe { id, subscription } => {
            schema::Client::Subscribe { id: *id, subscription: subscription_of(subscription) }
        }
        ClientFrame::Unsubscribe { id, sid, max } => schema::Client::Unsubscribe { id: *id, sid: *sid, max: *max },
        ClientFrame::Ping { received } => schema::Client::Ping { received: *received },
        ClientFrame::Pong { received } => schema::Client::Pong { received: *received },
        ClientFrame::Connect(connect) => schema::Client::Connect {
            version: connect.version,
            token: connect.token.as_deref(),
            name: connect.name.as_deref(),
            echo: connect.echo,
            subscribe: connect.subscribe.iter().map(subscription_of).collect(),
            attach: connect.attach.as_ref().map(|attach| schema::Attach {
                session: &attach.session,
                secret: &attach.secret,
                generation: attach.generation,
                received: attach.received,
            }),
        },
    };
    derived(&frame, out);
}

fn subscription_of<'a>(subscription: &'a Subscription<'_>) -> schema::Subscription<'a> {
    schema::Subscription {
        sid: subscription.sid,
        pattern: &subscription.pattern,
        queue: subscription.queue.as_deref(),
        max: subscription.max,
    }
}
