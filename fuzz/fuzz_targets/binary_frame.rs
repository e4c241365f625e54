//! The postcard form (protocol.md#P12).
#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use pointsman_protocol::frame::{ClientFrame, MessageInfo, ServerFrame};
use pointsman_protocol::{binary, headers, json};

fn client(bytes: &[u8]) -> Vec<ClientFrame<'static>> {
    let mut frames = Vec::new();
    binary::decode_client(bytes, &mut |frame| {
        frames.extend(frame.ok().map(ClientFrame::into_owned));
        ControlFlow::Continue(())
    });
    frames
}

fn server(bytes: &[u8]) -> Vec<ServerFrame<'static>> {
    let mut frames = Vec::new();
    binary::decode_server(bytes, &mut |frame| {
        frames.extend(frame.ok().map(ServerFrame::into_owned));
        ControlFlow::Continue(())
    });
    frames
}

/// What a publisher may send over postcard, a JSON client can read.
fn check_delivered_as_json(block: &[u8], payload: &[u8]) {
    let mut out = Vec::new();
    json::encode_reply(1, block, payload, Default::default(), &mut out);
    json::decode_server(&out, &mut |frame| {
        let Ok(ServerFrame::Reply { headers: read, payload: read_payload, .. }) = frame else {
            panic!("{frame:?}: {}", String::from_utf8_lossy(&out));
        };
        assert_eq!(headers::iter(&read).count(), headers::iter(block).count());
        assert!(*read_payload == *payload || read_payload == payload.trim_ascii());
        ControlFlow::Continue(())
    });
}

fuzz_target!(|bytes: &[u8]| {
    let frames = client(bytes);
    let mut out = Vec::new();
    frames.iter().for_each(|frame| binary::encode_client(frame, &mut out));
    assert_eq!(client(&out), frames);
    for frame in &frames {
        match frame {
            ClientFrame::Publish(publish) => check_delivered_as_json(&publish.headers, &publish.payload),
            ClientFrame::Request(request) => check_delivered_as_json(&request.headers, &request.payload),
            _ => {}
        }
    }

    let frames = server(bytes);
    for frame in &frames {
        let mut out = Vec::new();
        binary::encode_server(frame, &mut out);
        assert_eq!(server(&out), std::slice::from_ref(frame));
        let info = match frame {
            ServerFrame::Message { sids, messages } => {
                Some(MessageInfo { sids: sids.clone(), messages: messages.len() as u32 })
            }
            _ => None,
        };
        assert_eq!(binary::inspect_message(&out), info);
    }
});
