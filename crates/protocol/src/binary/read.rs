//! Frames from postcard.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::schema;
use super::write::{MESSAGE, PUBLISH, REPLY, REQUEST};
use crate::codes::ErrorCode;
use crate::frame::{
    Attach, BodyKind, ClientFrame, CloseFrame, Connect, Delivery, ErrorFrame, FrameError, Limits, MessageInfo, Publish,
    Ready, Refused, Request, ServerFrame, Subscription,
};
use crate::headers;
use crate::json::is_message_id;

/// What is left of the input.
struct Input<'a>(&'a [u8]);

type Read<T> = Result<T, &'static str>;

impl<'a> Input<'a> {
    fn byte(&mut self) -> Read<u8> {
        let (&first, rest) = self.0.split_first().ok_or("it ends too early")?;
        self.0 = rest;
        Ok(first)
    }

    fn varint(&mut self) -> Read<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return Err("a number has more than 64 bits");
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number has more than 64 bits")
    }

    fn bytes(&mut self) -> Read<&'a [u8]> {
        let len = usize::try_from(self.varint()?).map_err(|_| "a length is too large")?;
        let taken = self.0.get(..len).ok_or("a length goes beyond the message")?;
        self.0 = self.0.get(len..).unwrap_or_default();
        Ok(taken)
    }

    fn text(&mut self) -> Read<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| "a string is not UTF-8")
    }

    fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        match self.byte()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err("an optional field is neither absent nor present"),
        }
    }

    /// A list whose length is not believed before its items are there.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let len = self.varint()?;
        if len > self.0.len() as u64 {
            return Err("a list is longer than the message");
        }
        (0..len).map(|_| item(self)).collect()
    }
}

/// Decodes a wire message of a client: frames one after the other, each given to `sink` until it breaks off. A frame whose end cannot be
/// found ends the message; one whose contents are wrong does not spoil the others.
pub fn decode_client(
    wire_message: &[u8],
    sink: &mut impl FnMut(Result<ClientFrame<'_>, FrameError>) -> ControlFlow<()>,
) {
    each(wire_message, |input| client_frame(input).map(checked), sink);
}

/// Decodes a wire message of a server.
pub fn decode_server(
    wire_message: &[u8],
    sink: &mut impl FnMut(Result<ServerFrame<'_>, FrameError>) -> ControlFlow<()>,
) {
    each(wire_message, |input| server_frame(input).map(Ok), sink);
}

fn each<'a, F>(
    wire_message: &'a [u8],
    read: impl Fn(&mut Input<'a>) -> Read<Result<F, FrameError>>,
    sink: &mut impl FnMut(Result<F, FrameError>) -> ControlFlow<()>,
) {
    let mut input = Input(wire_message);
    loop {
        let at = wire_message.len() - input.0.len();
        match read(&mut input) {
            Ok(frame) => {
                if sink(frame).is_break() || input.0.is_empty() {
                    return;
                }
            }
            Err(cause) => {
                let error = FrameError::bad(None, format!("the frame at byte {at} cannot be read: {cause}"));
                let _broken = sink(Err(error));
                return;
            }
        }
    }
}

/// The frame if its contents are as protocol.md#P5.1 and protocol.md#P5.4 say.
fn checked(frame: ClientFrame<'_>) -> Result<ClientFrame<'_>, FrameError> {
    let (id, block, message_id) = match &frame {
        ClientFrame::Publish(publish) => (publish.id, &publish.headers, publish.message_id.as_deref()),
        ClientFrame::Request(request) => (Some(request.id), &request.headers, None),
        ClientFrame::Connect(_)
        | ClientFrame::Subscribe { .. }
        | ClientFrame::Unsubscribe { .. }
        | ClientFrame::Ping { .. }
        | ClientFrame::Pong { .. } => return Ok(frame),
    };
    headers::validate(block).map_err(|cause| FrameError::new(ErrorCode::BadHeaders, id, cause.to_string()))?;
    if message_id.is_some_and(|id| !is_message_id(id)) {
        return Err(FrameError::bad(id, "`message_id` is 1 to 128 bytes of printable ASCII"));
    }
    Ok(frame)
}

fn client_frame<'a>(input: &mut Input<'a>) -> Read<ClientFrame<'a>> {
    match input.0.first() {
        Some(&PUBLISH) => {
            input.byte()?;
            Ok(ClientFrame::Publish(Publish {
                id: input.maybe(Input::varint)?,
                subject: Cow::Borrowed(input.text()?),
                reply: input.maybe(Input::text)?.map(Cow::Borrowed),
                message_id: input.maybe(Input::text)?.map(Cow::Borrowed),
                headers: Cow::Borrowed(input.bytes()?),
                payload: Cow::Borrowed(input.bytes()?),
                body: BodyKind::Unknown,
            }))
        }
        Some(&REQUEST) => {
            input.byte()?;
            Ok(ClientFrame::Request(Request {
                id: input.varint()?,
                subject: Cow::Borrowed(input.text()?),
                timeout_ms: input
                    .maybe(Input::varint)?
                    .map(|ms| u32::try_from(ms).map_err(|_| "`timeout_ms` has more than 32 bits"))
                    .transpose()?,
                headers: Cow::Borrowed(input.bytes()?),
                payload: Cow::Borrowed(input.bytes()?),
                body: BodyKind::Unknown,
            }))
        }
        None => Err("there is none; send at least one"),
        Some(_) => derived(input).map(client_of),
    }
}

fn derived<'a, T: serde::Deserialize<'a>>(input: &mut Input<'a>) -> Read<T> {
    let (value, rest) = postcard::take_from_bytes(input.0).map_err(|error| match error {
        postcard::Error::DeserializeUnexpectedEnd => "it ends too early",
        postcard::Error::DeserializeBadUtf8 => "a string is not UTF-8",
        postcard::Error::DeserializeBadVarint => "a number has too many bits",
        _ => "there is no such operation, or a field is malformed",
    })?;
    input.0 = rest;
    Ok(value)
}

fn client_of(frame: schema::Client<'_>) -> ClientFrame<'_> {
    match frame {
        schema::Client::Connect { version, token, name, echo, subscribe, attach } => ClientFrame::Connect(Connect {
            version,
            token: token.map(Cow::Borrowed),
            name: name.map(Cow::Borrowed),
            echo,
            subscribe: subscribe.iter().map(subscription_of).collect(),
            attach: attach.map(|attach| Attach {
                session: attach.session.into(),
                secret: attach.secret.into(),
                generation: attach.generation,
                received: attach.received,
            }),
        }),
        schema::Client::Subscribe { id, subscription } => {
            ClientFrame::Subscribe { id, subscription: subscription_of(&subscription) }
        }
        schema::Client::Unsubscribe { id, sid, max } => ClientFrame::Unsubscribe { id, sid, max },
        schema::Client::Publish { id, subject, reply, message_id, headers, payload } => ClientFrame::Publish(Publish {
            id,
            subject: subject.into(),
            reply: reply.map(Cow::Borrowed),
            message_id: message_id.map(Cow::Borrowed),
            headers: headers.into(),
            payload: payload.into(),
            body: BodyKind::Unknown,
        }),
        schema::Client::Request { id, subject, timeout_ms, headers, payload } => ClientFrame::Request(Request {
            id,
            subject: subject.into(),
            timeout_ms,
            headers: headers.into(),
            payload: payload.into(),
            body: BodyKind::Unknown,
        }),
        schema::Client::Ping { received } => ClientFrame::Ping { received },
        schema::Client::Pong { received } => ClientFrame::Pong { received },
    }
}

fn subscription_of<'a>(subscription: &schema::Subscription<'a>) -> Subscription<'a> {
    Subscription {
        sid: subscription.sid,
        pattern: subscription.pattern.into(),
        queue: subscription.queue.map(Cow::Borrowed),
        max: subscription.max,
    }
}

fn server_frame<'a>(input: &mut Input<'a>) -> Read<ServerFrame<'a>> {
    match input.0.first() {
        Some(&MESSAGE) => {
            input.byte()?;
            Ok(ServerFrame::Message {
                sids: input.list(Input::varint)?,
                messages: input.list(|input| {
                    Ok(Delivery {
                        subject: input.text()?.into(),
                        reply: input.maybe(Input::text)?.map(Cow::Borrowed),
                        headers: input.bytes()?.into(),
                        payload: input.bytes()?.into(),
                        body: BodyKind::Unknown,
                    })
                })?,
            })
        }
        Some(&REPLY) => {
            input.byte()?;
            Ok(ServerFrame::Reply {
                id: input.varint()?,
                headers: input.bytes()?.into(),
                payload: input.bytes()?.into(),
                body: BodyKind::Unknown,
            })
        }
        None => Err("there is none"),
        Some(_) => derived(input).map(server_of),
    }
}

fn server_of(frame: schema::Server<'_>) -> ServerFrame<'_> {
    match frame {
        schema::Server::Ready {
            version,
            session,
            secret,
            generation,
            resumed,
            received,
            skipped,
            reason,
            node,
            server,
            user,
            heartbeat_ms,
            keep_ms,
            limits,
            features,
            refused,
        } => ServerFrame::Ready(Ready {
            version,
            session: session.into(),
            secret: secret.into(),
            generation,
            resumed,
            received,
            skipped,
            reason: reason.map(Cow::Borrowed),
            node: node.into(),
            server: server.into(),
            user: user.map(Cow::Borrowed),
            heartbeat_ms,
            keep_ms,
            limits: Limits {
                frame_bytes: limits.frame_bytes,
                payload_bytes: limits.payload_bytes,
                subject_bytes: limits.subject_bytes,
                subscriptions: limits.subscriptions,
                requests: limits.requests,
                resend_frames: limits.resend_frames,
                resend_bytes: limits.resend_bytes,
            },
            features: features.into_iter().map(Cow::Borrowed).collect(),
            refused: refused
                .into_iter()
                .map(|one| Refused {
                    sid: one.sid,
                    code: one.code,
                    reason: one.reason.into(),
                    message: one.message.into(),
                })
                .collect(),
        }),
        schema::Server::Ok { id } => ServerFrame::Ok { id },
        schema::Server::Error { id, sid, code, reason, message, retry_after_ms } => ServerFrame::Error(ErrorFrame {
            id,
            sid,
            code,
            reason: reason.into(),
            message: message.into(),
            retry_after_ms,
        }),
        schema::Server::Message { sids, messages } => ServerFrame::Message {
            sids,
            messages: messages
                .into_iter()
                .map(|message| Delivery {
                    subject: message.subject.into(),
                    reply: message.reply.map(Cow::Borrowed),
                    headers: message.headers.into(),
                    payload: message.payload.into(),
                    body: BodyKind::Unknown,
                })
                .collect(),
        },
        schema::Server::Reply { id, headers, payload } => {
            ServerFrame::Reply { id, headers: headers.into(), payload: payload.into(), body: BodyKind::Unknown }
        }
        schema::Server::Gap { sids, lost, reason } => ServerFrame::Gap { sids, lost, reason: reason.into() },
        schema::Server::Ping { received } => ServerFrame::Ping { received },
        schema::Server::Pong { received } => ServerFrame::Pong { received },
        schema::Server::Close { code, reason, message, retry_after_ms } => {
            ServerFrame::Close(CloseFrame { code, reason: reason.into(), message: message.into(), retry_after_ms })
        }
    }
}

/// What an encoded wire message delivers; `None` when it is no delivery.
#[must_use]
pub fn inspect_message(frame: &[u8]) -> Option<MessageInfo> {
    if frame.first() != Some(&MESSAGE) {
        return None;
    }
    let mut input = Input(frame.get(1..)?);
    let sids = input.list(Input::varint).ok()?;
    let messages = u32::try_from(input.varint().ok()?).ok()?;
    Some(MessageInfo { sids, messages })
}
