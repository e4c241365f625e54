//! What comes from a socket, taken apart into messages.

use std::hint::black_box;

use pointsman_client_websocket::codec::WebSocketCodec;
use pointsman_client_websocket::config::WebSocketConfig;
use pointsman_client_websocket::reader::MessageReader;
use pointsman_protocol::frame::{ClientFrame, FrameError};
use pointsman_session::link::Receive;

use super::Workload;
use crate::frames;
use crate::sample;

const KEY: [u8; 4] = [0x12, 0xf3, 0x84, 0x05];

/// Counts and throws away.
#[derive(Debug, Default)]
struct Counter {
    messages: usize,
}

impl Receive for Counter {
    fn message(&mut self, bytes: &[u8]) {
        black_box(bytes);
        self.messages += 1;
    }
    fn answer(&mut self, bytes: &[u8]) {
        black_box(bytes);
    }
    fn frame(&mut self, frame: Result<ClientFrame<'_>, FrameError>) {
        black_box(frame.is_ok());
    }
}

pub(super) fn workloads() -> Vec<Workload> {
    let about = "takes so many WebSocket messages of one JSON publication each out of one read";
    let read = |count: usize| {
        Workload::new(format!("websocket-{count}"), about, move || {
            let config = WebSocketConfig {
                allowed_origins: Vec::new(),
                allow_missing_origin: true,
                frame_bytes_max: 64 * 1024,
                message_bytes_max: 64 * 1024,
            };
            let mut reader = MessageReader::new(Vec::new(), WebSocketCodec::Json, &config);
            let mut bytes = Vec::new();
            for _ in 0..count {
                frames::masked(frames::TEXT, &sample::wire_message(1, true), KEY, &mut bytes);
            }
            let mut buffer = bytes.clone();
            Box::new(move || {
                let mut counter = Counter::default();
                // Payloads are unmasked where they lie, as in the buffer of a thread that is read into anew.
                buffer.copy_from_slice(black_box(&bytes));
                let taken = reader.take(&mut buffer, &mut counter);
                assert!(taken.is_ok() && counter.messages == count);
            })
        })
    };
    vec![read(1), read(16)]
}
