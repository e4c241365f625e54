//! The JSON form (protocol.md#P11).
#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use pointsman_protocol::frame::{ClientFrame, ServerFrame};
use pointsman_protocol::{headers, json};

fn client(bytes: &[u8]) -> Vec<ClientFrame<'static>> {
    let mut frames = Vec::new();
    json::decode_client(bytes, &mut |frame| {
        frames.extend(frame.ok().map(ClientFrame::into_owned));
        ControlFlow::Continue(())
    });
    frames
}

fn server(bytes: &[u8]) -> Vec<ServerFrame<'static>> {
    let mut frames = Vec::new();
    json::decode_server(bytes, &mut |frame| {
        frames.extend(frame.ok().map(ServerFrame::into_owned));
        ControlFlow::Continue(())
    });
    frames
}

fuzz_target!(|bytes: &[u8]| {
    let _ = json::is_valid(bytes);
    let inspected = json::inspect_message(bytes);
    let of_server = server(bytes);
    if let (Some(info), [ServerFrame::Message { sids, messages }]) = (inspected, of_server.as_slice()) {
        assert_eq!((&info.sids, info.messages as usize), (sids, messages.len()));
    }
    for frame in client(bytes) {
        if let ClientFrame::Publish(publish) = &frame {
            assert_eq!(headers::validate(&publish.headers), Ok(()));
        }
        let mut out = Vec::new();
        json::encode_client(&frame, &mut out);
        // A text that is JSON comes back as data, and headers come back grouped: once written, it stays as it is.
        let again = client(&out);
        let mut out_again = Vec::new();
        again.iter().for_each(|frame| json::encode_client(frame, &mut out_again));
        assert_eq!(again.len(), 1, "{frame:?}");
        assert_eq!(client(&out_again), again);
    }
    for frame in of_server {
        let mut out = Vec::new();
        json::encode_server(&frame, &mut out);
        let again = server(&out);
        let mut out_again = Vec::new();
        again.iter().for_each(|frame| json::encode_server(frame, &mut out_again));
        assert_eq!(again.len(), 1, "{frame:?}");
        assert_eq!(server(&out_again), again);
        assert_eq!(json::inspect_message(&out).is_some(), matches!(frame, ServerFrame::Message { .. }));
    }
});
