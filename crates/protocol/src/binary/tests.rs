use std::borrow::Cow;
use std::ops::ControlFlow;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::codes::ErrorCode;
use crate::frame::{BodyKind, ClientFrame, Delivery, FrameError, MessageInfo, Publish, Request, ServerFrame};
use crate::headers::HEADER_BYTES_MAX;
use crate::strategies;

fn client(wire_message: &[u8]) -> Vec<Result<ClientFrame<'static>, FrameError>> {
    let mut frames = Vec::new();
    decode_client(wire_message, &mut |frame| {
        frames.push(frame.map(ClientFrame::into_owned));
        ControlFlow::Continue(())
    });
    frames
}

fn server(wire_message: &[u8]) -> Vec<Result<ServerFrame<'static>, FrameError>> {
    let mut frames = Vec::new();
    decode_server(wire_message, &mut |frame| {
        frames.push(frame.map(ServerFrame::into_owned));
        ControlFlow::Continue(())
    });
    frames
}

fn client_bytes(frame: &ClientFrame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_client(frame, &mut out);
    out
}

fn server_bytes(frame: &ServerFrame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_server(frame, &mut out);
    out
}

/// Postcard does not say what a body is.
fn client_frame() -> impl Strategy<Value = ClientFrame<'static>> {
    strategies::client_frame().prop_map(|mut frame| {
        if let ClientFrame::Publish(Publish { body, .. }) | ClientFrame::Request(Request { body, .. }) = &mut frame {
            *body = BodyKind::Unknown;
        }
        frame
    })
}

fn server_frame() -> impl Strategy<Value = ServerFrame<'static>> {
    strategies::server_frame().prop_map(|mut frame| {
        match &mut frame {
            ServerFrame::Reply { body, .. } => *body = BodyKind::Unknown,
            ServerFrame::Message { messages, .. } => {
                messages.iter_mut().for_each(|message| message.body = BodyKind::Unknown);
            }
            _ => {}
        }
        frame
    })
}

/// A hot frame as the schema has it.
fn client_schema<'a>(frame: &'a ClientFrame<'_>) -> Option<schema::Client<'a>> {
    match frame {
        ClientFrame::Publish(publish) => Some(schema::Client::Publish {
            id: publish.id,
            subject: &publish.subject,
            reply: publish.reply.as_deref(),
            message_id: publish.message_id.as_deref(),
            headers: &publish.headers,
            payload: &publish.payload,
        }),
        ClientFrame::Request(request) => Some(schema::Client::Request {
            id: request.id,
            subject: &request.subject,
            timeout_ms: request.timeout_ms,
            headers: &request.headers,
            payload: &request.payload,
        }),
        _ => None,
    }
}

fn server_schema<'a>(frame: &'a ServerFrame<'_>) -> Option<schema::Server<'a>> {
    match frame {
        ServerFrame::Message { sids, messages } => Some(schema::Server::Message {
            sids: sids.clone(),
            messages: messages
                .iter()
                .map(|message| schema::Message {
                    subject: &message.subject,
                    reply: message.reply.as_deref(),
                    headers: &message.headers,
                    payload: &message.payload,
                })
                .collect(),
        }),
        ServerFrame::Reply { id, headers, payload, .. } => Some(schema::Server::Reply { id: *id, headers, payload }),
        _ => None,
    }
}

fn info(frame: &ServerFrame<'_>) -> Option<MessageInfo> {
    match frame {
        ServerFrame::Message { sids, messages } => {
            Some(MessageInfo { sids: sids.clone(), messages: u32::try_from(messages.len()).unwrap() })
        }
        _ => None,
    }
}

#[test]
fn the_wire_is_as_the_tables_say() {
    // protocol.md#P12
    let publish = ClientFrame::Publish(Publish {
        id: Some(300),
        subject: "a.b".into(),
        reply: None,
        message_id: Some("m".into()),
        headers: Cow::Borrowed(b""),
        payload: Cow::Borrowed(b"\xff"),
        body: BodyKind::Unknown,
    });
    let request = ClientFrame::Request(Request {
        id: u64::MAX,
        subject: "a".into(),
        timeout_ms: Some(128),
        headers: Cow::Borrowed(b""),
        payload: Cow::Borrowed(b""),
        body: BodyKind::Unknown,
    });
    for (frame, bytes) in [
        (publish, &b"\x03\x01\xac\x02\x03a.b\x00\x01\x01m\x00\x01\xff"[..]),
        (request, b"\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01a\x01\x80\x01\x00\x00"),
        (ClientFrame::Unsubscribe { id: None, sid: 2, max: Some(0) }, b"\x02\x00\x02\x01\x00"),
        (ClientFrame::Ping { received: 127 }, b"\x05\x7f"),
        (ClientFrame::Pong { received: 128 }, b"\x06\x80\x01"),
    ] {
        assert_eq!(client_bytes(&frame), bytes);
        assert_eq!(client(bytes), [Ok(frame)]);
    }
    let message = Delivery {
        subject: "a".into(),
        reply: Some("r".into()),
        headers: Cow::Borrowed(b"h"),
        payload: Cow::Borrowed(b"p"),
        body: BodyKind::Unknown,
    };
    for (frame, bytes) in [
        (ServerFrame::Ok { id: 1 }, &b"\x01\x01"[..]),
        (
            ServerFrame::Message { sids: vec![1, 128], messages: vec![message] },
            b"\x03\x02\x01\x80\x01\x01\x01a\x01\x01r\x01h\x01p",
        ),
        (ServerFrame::Gap { sids: vec![], lost: Some(1), reason: "policy".into() }, b"\x05\x00\x01\x01\x06policy"),
        (ServerFrame::Ping { received: 0 }, b"\x06\x00"),
        (ServerFrame::Pong { received: 0 }, b"\x07\x00"),
    ] {
        assert_eq!(server_bytes(&frame), bytes);
        assert_eq!(server(bytes), [Ok(frame)]);
    }
}

#[test]
fn what_cannot_be_read_ends_the_message() {
    for (bytes, good) in [
        (&b""[..], 0),
        (b"\x07", 0),
        (b"\x05\x01\xff", 1),
        (b"\x05\x01\x05\x01\x02\x02", 2),
        // Neither absent nor present.
        (b"\x03\x02\x01\x01a\x00\x00\x00\x00", 0),
        // No UTF-8.
        (b"\x03\x00\x01\xff\x00\x00\x00\x00", 0),
        // Lengths beyond the message.
        (b"\x03\x00\x02a", 0),
        (b"\x03\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a", 0),
        (b"\x00\x01\x00\x00\x00\xff\xff\xff\xff\x0f", 0),
        // Numbers of more than 64 and 32 bits.
        (b"\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x01a\x00\x00\x00", 0),
        (b"\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01a\x00\x00\x00", 0),
        (b"\x04\x01\x01a\x01\x80\x80\x80\x80\x10\x00\x00", 0),
    ] {
        let frames = client(bytes);
        let Some((Err(error), before)) = frames.split_last() else { panic!("{bytes:x?}: {frames:?}") };
        assert_eq!((error.code(), error.id()), (ErrorCode::BadFrame, None));
        assert_eq!(before.iter().flatten().count(), good, "{bytes:x?}: {frames:?}");
    }
    for bytes in [&b"\x09"[..], b"\x03\xff\xff\xff\xff\x0f\x01", b"\x03\x00\xff\xff\xff\xff\x0f\x01a"] {
        assert!(matches!(server(bytes).as_slice(), [Err(_)]), "{bytes:x?}");
    }
}

#[test]
fn wrong_contents_spoil_only_their_frame() {
    // protocol.md#P5.1, protocol.md#P5.4
    let block = |line: &str| format!("NATS/1.0\r\n{line}\r\n\r\n");
    let long = block(&format!("a: {}", "x".repeat(HEADER_BYTES_MAX)));
    for (message_id, headers, code) in [
        (None, "NATS/1.0\r\na: b", ErrorCode::BadHeaders),
        (None, "x", ErrorCode::BadHeaders),
        (None, &*block("a b: c"), ErrorCode::BadHeaders),
        (None, &*block("a: b\nc"), ErrorCode::BadHeaders),
        (None, &*long, ErrorCode::BadHeaders),
        (Some(""), "", ErrorCode::BadFrame),
        (Some("ä"), "", ErrorCode::BadFrame),
    ] {
        let frame = ClientFrame::Publish(Publish {
            id: Some(7),
            subject: "a".into(),
            reply: None,
            message_id: message_id.map(Cow::Borrowed),
            headers: headers.as_bytes().into(),
            payload: Cow::Borrowed(b"p"),
            body: BodyKind::Unknown,
        });
        let frame = client_bytes(&frame);
        // The second spells the index of `publish` in two bytes.
        for mut bytes in [frame.clone(), [b"\x83\x00", &frame[1..]].concat()] {
            bytes.extend_from_slice(b"\x05\x01");
            let frames = client(&bytes);
            let [Err(error), Ok(ClientFrame::Ping { received: 1 })] = frames.as_slice() else { panic!("{frames:?}") };
            assert_eq!((error.code(), error.id()), (code, Some(7)), "{headers}");
        }
    }
}

#[test]
fn nothing_comes_after_the_sink_broke_off() {
    for bytes in [&b"\x05\x01\x05\x01"[..], b"\x05\x01\xff", b"\xff\xff", b""] {
        let mut frames = 0;
        decode_client(bytes, &mut |_| {
            frames += 1;
            ControlFlow::Break(())
        });
        assert_eq!(frames, 1, "{bytes:x?}");
    }
}

proptest! {
    #[test]
    fn hot_frames_are_what_the_schema_derives(of_client in client_frame(), of_server in server_frame()) {
        if let Some(derived) = client_schema(&of_client) {
            let bytes = client_bytes(&of_client);
            prop_assert_eq!(&bytes, &postcard::to_allocvec(&derived).unwrap());
            prop_assert_eq!(postcard::from_bytes::<schema::Client<'_>>(&bytes).unwrap(), derived);
        }
        if let Some(derived) = server_schema(&of_server) {
            let bytes = server_bytes(&of_server);
            prop_assert_eq!(&bytes, &postcard::to_allocvec(&derived).unwrap());
            prop_assert_eq!(postcard::from_bytes::<schema::Server<'_>>(&bytes).unwrap(), derived);
        }
    }

    #[test]
    fn client_frames_come_back(frames in vec(client_frame(), 1..4)) {
        let bytes: Vec<_> = frames.iter().flat_map(client_bytes).collect();
        prop_assert_eq!(client(&bytes), frames.into_iter().map(Ok).collect::<Vec<_>>());
    }

    #[test]
    fn server_frames_come_back(frames in vec(server_frame(), 1..4)) {
        for frame in &frames {
            prop_assert_eq!(inspect_message(&server_bytes(frame)), info(frame));
        }
        let bytes: Vec<_> = frames.iter().flat_map(server_bytes).collect();
        prop_assert_eq!(server(&bytes), frames.into_iter().map(Ok).collect::<Vec<_>>());
    }

    #[test]
    fn every_frame_cut_short_is_one_error(of_client in client_frame(), of_server in server_frame()) {
        let (of_client, of_server) = (client_bytes(&of_client), server_bytes(&of_server));
        for len in 0..of_client.len() {
            prop_assert!(matches!(client(&of_client[..len]).as_slice(), [Err(_)]));
        }
        for len in 0..of_server.len() {
            prop_assert!(matches!(server(&of_server[..len]).as_slice(), [Err(_)]));
        }
    }

    #[test]
    fn nothing_panics_and_what_is_read_can_be_written(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..64),
            vec(0..10_u8, 0..64),
            (client_frame(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(frame, at, byte)| {
                let mut bytes = client_bytes(&frame);
                let at = at.index(bytes.len());
                bytes[at] = byte;
                bytes
            }),
        ],
    ) {
        let (of_client, of_server) = (client(&bytes), server(&bytes));
        prop_assert!(of_client.len().max(of_server.len()) <= bytes.len().max(1));
        for frame in of_client.into_iter().flatten() {
            prop_assert_eq!(client(&client_bytes(&frame)), vec![Ok(frame)]);
        }
        if let Some(Ok(frame)) = of_server.first() {
            prop_assert_eq!(inspect_message(&bytes), info(frame));
        }
        for frame in of_server.into_iter().flatten() {
            prop_assert_eq!(server(&server_bytes(&frame)), vec![Ok(frame)]);
        }
    }
}
