//! Deliveries and answers as NATS clients read them.

use std::ops::ControlFlow;
use std::sync::Arc;

use memchr::memchr;
use pointsman_contract::codec::Codec;
use pointsman_contract::refusal::{Asked, Refused};
use pointsman_outbox::pipe::{Delivered, Framing, WireMessage};
use pointsman_protocol::codes::{CloseCode, ErrorCode};
use pointsman_protocol::frame::{BodyKind, ClientFrame, DeliveryView, FrameError, ServerFrame};

use crate::sids::{Sids, write_number};

/// The NATS form, for clients with headers and for those without.
#[derive(Debug)]
pub struct NatsCodec {
    headers: bool,
    sids: Arc<Sids>,
}

impl NatsCodec {
    /// A codec whose subscription names are in `sids`.
    #[must_use]
    pub fn new(headers: bool, sids: Arc<Sids>) -> Self {
        Self { headers, sids }
    }

    /// `MSG subject sid [reply] size`, or `HMSG` with the size of the headers before that of everything.
    fn message(&self, sid: u64, message: &DeliveryView<'_>, out: &mut Vec<u8>) {
        let headers = if self.headers { message.headers } else { &[] };
        out.extend_from_slice(if headers.is_empty() { b"MSG " } else { b"HMSG " });
        out.extend_from_slice(message.subject.as_bytes());
        out.push(b' ');
        self.sids.write(sid, out);
        out.push(b' ');
        if let Some(reply) = message.reply {
            out.extend_from_slice(reply.as_bytes());
            out.push(b' ');
        }
        if !headers.is_empty() {
            write_number(headers.len() as u64, out);
            out.push(b' ');
        }
        write_number((headers.len() + message.payload.len()) as u64, out);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(headers);
        out.extend_from_slice(message.payload);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends `-ERR 'text'`.
pub(crate) fn write_error(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"-ERR '");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"'\r\n");
}

/// What is told of a close; the reasons that say "come back" are told by closing alone, as libraries take an error they do not know for a final one.
fn close_text(code: u16) -> Option<&'static str> {
    match CloseCode::from_code(code)? {
        CloseCode::Unauthenticated | CloseCode::PermissionDenied => Some("Authorization Violation"),
        CloseCode::TokenExpired => Some("User Authentication Expired"),
        CloseCode::Heartbeat => Some("Stale Connection"),
        CloseCode::Overloaded => Some("maximum connections exceeded"),
        CloseCode::Protocol => Some("Authentication Timeout"),
        _ => None,
    }
}

/// What is told of a request that was not carried out. Text that begins otherwise would end the connection in many libraries.
fn refusal_text(refused: &Refused<'_>) -> Option<String> {
    let code = refused.refusal.code;
    match refused.asked {
        // A subject that nobody can subscribe to is not refused: it reaches nobody.
        Asked::Publish { .. } if code == ErrorCode::BadSubject => None,
        Asked::Publish { subject } if code == ErrorCode::PermissionDenied => {
            Some(format!("Permissions Violation for Publish to {subject:?}"))
        }
        Asked::Publish { subject } => {
            Some(format!("Permissions Violation for Publish to {subject:?}: {}", code.name().replace('_', " ")))
        }
        Asked::Subscribe { pattern, queue } => match code {
            ErrorCode::SidInUse => None,
            ErrorCode::BadPattern | ErrorCode::BadQueue => Some("Invalid Subject".to_owned()),
            ErrorCode::TooManySubscriptions | ErrorCode::Overloaded => {
                Some("maximum subscriptions exceeded".to_owned())
            }
            _ => Some(match queue {
                Some(queue) => format!("Permissions Violation for Subscription to {pattern:?} using queue {queue:?}"),
                None => format!("Permissions Violation for Subscription to {pattern:?}"),
            }),
        },
        _ => None,
    }
}

/// A delivery's control line taken apart.
struct Line<'a> {
    sid: &'a [u8],
    /// Bytes after the line, the line end at their end included.
    rest: usize,
    len: usize,
}

fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = memchr(b'\n', bytes)?;
    Some((bytes.get(..end)?.strip_suffix(b"\r")?, end + 1))
}

/// `None` where the line is no delivery.
fn delivery(bytes: &[u8]) -> Option<Line<'_>> {
    let (line, len) = line(bytes)?;
    let mut fields = line.split(|byte| *byte == b' ');
    if !matches!(fields.next()?, b"MSG" | b"HMSG") {
        return None;
    }
    let sid = fields.nth(1)?;
    let size: usize = std::str::from_utf8(fields.next_back()?).ok()?.parse().ok()?;
    Some(Line { sid, rest: size.checked_add(2)?, len })
}

impl Framing for NatsCodec {
    fn next_message<'a>(&self, bytes: &'a [u8]) -> Option<WireMessage<'a>> {
        let wire_len = match delivery(bytes) {
            Some(line) => line.len + line.rest,
            None => line(bytes)?.1,
        };
        let payload = bytes.get(..wire_len)?;
        Some(WireMessage { wire_len, counted: true, payload })
    }

    fn delivered(&self, payload: &[u8]) -> Option<Delivered> {
        let sid = self.sids.find(delivery(payload)?.sid)?;
        Some(Delivered { sids: vec![sid], messages: 1 })
    }

    /// The protocol has no word for it: a client that reads too slowly is closed instead.
    fn encode_gap(&self, _: &[u64], _: u64, _: &str, _: &mut Vec<u8>) {}
}

impl Codec for NatsCodec {
    fn key(&self) -> u16 {
        if self.headers { 3 } else { 4 }
    }

    fn name(&self) -> &'static str {
        "nats"
    }

    fn encode_run<'a>(
        &self,
        sids: &[u64],
        run: &mut dyn ExactSizeIterator<Item = DeliveryView<'a>>,
        out: &mut Vec<u8>,
    ) {
        for message in run {
            for sid in sids {
                self.message(*sid, &message, out);
            }
        }
    }

    /// Replies come to NATS clients as messages on the subject they named.
    fn encode_reply(&self, _: u64, _: &[u8], _: &[u8], _: BodyKind, _: &mut Vec<u8>) {}

    fn encode_frame(&self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        match frame {
            ServerFrame::Ok { .. } => out.extend_from_slice(b"+OK\r\n"),
            ServerFrame::Ping { .. } => out.extend_from_slice(b"PING\r\n"),
            ServerFrame::Pong { .. } => out.extend_from_slice(b"PONG\r\n"),
            ServerFrame::Message { sids, messages } => {
                self.encode_run(sids, &mut messages.iter().map(|message| message.view()), out);
            }
            ServerFrame::Close(close) => {
                if let Some(text) = close_text(close.code) {
                    write_error(text, out);
                }
            }
            ServerFrame::Ready(_) | ServerFrame::Error(_) | ServerFrame::Reply { .. } | ServerFrame::Gap { .. } => {}
        }
    }

    fn encode_refused(&self, refused: &Refused<'_>, out: &mut Vec<u8>) {
        match refusal_text(refused) {
            Some(text) => write_error(&text, out),
            // What is no error to this protocol is done, and a verbose client is told so.
            None if refused.id.is_some() => out.extend_from_slice(b"+OK\r\n"),
            None => {}
        }
    }

    /// There are no wire messages on this link.
    fn decode(&self, _: &[u8], _: &mut dyn FnMut(Result<ClientFrame<'_>, FrameError>) -> ControlFlow<()>) {}
}

#[cfg(test)]
mod tests {
    use pointsman_contract::refusal::Refusal;

    use super::*;

    fn codec(headers: bool) -> NatsCodec {
        NatsCodec::new(headers, Arc::default())
    }

    fn view<'a>(reply: Option<&'a str>, headers: &'a [u8], payload: &'a [u8]) -> DeliveryView<'a> {
        DeliveryView { subject: "a.b", reply, headers, payload, body: BodyKind::Unknown }
    }

    fn encoded(headers: bool, sids: &[u64], messages: &[DeliveryView<'_>]) -> String {
        let mut out = Vec::new();
        codec(headers).encode_run(sids, &mut messages.iter().copied(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_message_goes_once_to_each_subscription_number() {
        let block = b"NATS/1.0\r\nA: b\r\n\r\n";
        for (headers, sids, message, expected) in [
            (true, &[1][..], view(None, b"", b"hi"), "MSG a.b 1 2\r\nhi\r\n"),
            (true, &[1, 20], view(Some("r"), b"", b""), "MSG a.b 1 r 0\r\n\r\nMSG a.b 20 r 0\r\n\r\n"),
            (true, &[1], view(None, block, b"x"), "HMSG a.b 1 18 19\r\nNATS/1.0\r\nA: b\r\n\r\nx\r\n"),
            (false, &[1], view(Some("r"), block, b"x"), "MSG a.b 1 r 1\r\nx\r\n"),
        ] {
            assert_eq!(encoded(headers, sids, &[message]), expected);
        }
    }

    #[test]
    fn messages_are_found_again_in_what_was_encoded() {
        let codec = codec(true);
        let mut bytes = Vec::new();
        codec.encode_frame(&ServerFrame::Ping { received: 0 }, &mut bytes);
        codec.encode_run(&[3], &mut [view(Some("r"), b"", b"MSG x 1 5\r\nab\r\n")].into_iter(), &mut bytes);
        codec.encode_run(&[7], &mut [view(None, b"NATS/1.0\r\n\r\n", b"x")].into_iter(), &mut bytes);
        write_error("Invalid Subject", &mut bytes);
        let mut rest = bytes.as_slice();
        let mut found = Vec::new();
        while let Some(message) = codec.next_message(rest) {
            assert!(message.wire_len > 0);
            found.push(codec.delivered(message.payload).map(|delivered| (delivered.sids, delivered.messages)));
            rest = &rest[message.wire_len..];
        }
        assert!(rest.is_empty());
        assert_eq!(found, [None, Some((vec![3], 1)), Some((vec![7], 1)), None]);
        let whole = encoded(true, &[1], &[view(None, b"", b"hello")]);
        for cut in 0..whole.len() {
            assert!(codec.next_message(&whole.as_bytes()[..cut]).is_none(), "{cut}");
        }
    }

    #[test]
    fn errors_are_worded_as_libraries_know_them() {
        let told = |id, asked, code| {
            let refusal = Refusal::new(code, "because");
            let mut out = Vec::new();
            codec(true).encode_refused(&Refused { id, sid: Some(1), asked, refusal: &refusal }, &mut out);
            String::from_utf8(out).unwrap()
        };
        let publish = Asked::Publish { subject: "a.b" };
        let subscribe = |queue| Asked::Subscribe { pattern: "a.>", queue };
        for (id, asked, code, expected) in [
            (None, publish, ErrorCode::PermissionDenied, "-ERR 'Permissions Violation for Publish to \"a.b\"'\r\n"),
            (
                None,
                publish,
                ErrorCode::RateLimited,
                "-ERR 'Permissions Violation for Publish to \"a.b\": rate limited'\r\n",
            ),
            (None, publish, ErrorCode::BadSubject, ""),
            (Some(0), publish, ErrorCode::BadSubject, "+OK\r\n"),
            (
                None,
                subscribe(None),
                ErrorCode::PermissionDenied,
                "-ERR 'Permissions Violation for Subscription to \"a.>\"'\r\n",
            ),
            (
                None,
                subscribe(Some("q")),
                ErrorCode::PermissionDenied,
                "-ERR 'Permissions Violation for Subscription to \"a.>\" using queue \"q\"'\r\n",
            ),
            (None, subscribe(None), ErrorCode::BadPattern, "-ERR 'Invalid Subject'\r\n"),
            (None, subscribe(None), ErrorCode::TooManySubscriptions, "-ERR 'maximum subscriptions exceeded'\r\n"),
            (Some(0), subscribe(None), ErrorCode::SidInUse, "+OK\r\n"),
            (None, Asked::Unsubscribe, ErrorCode::UnknownSid, ""),
        ] {
            assert_eq!(told(id, asked, code), expected);
        }
    }
}
