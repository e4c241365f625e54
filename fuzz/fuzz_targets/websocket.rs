//! What a WebSocket client may send (RFC 6455): as it comes, in any pieces, and on to the frames inside.
#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use pointsman_client_websocket::codec::WebSocketCodec;
use pointsman_client_websocket::config::WebSocketConfig;
use pointsman_client_websocket::framing;
use pointsman_client_websocket::reader::MessageReader;
use pointsman_contract::codec::Codec;
use pointsman_outbox::pipe::Framing;
use pointsman_protocol::frame::{ClientFrame, FrameError};
use pointsman_session::close::CloseReason;
use pointsman_session::link::Receive;

const FRAME_BYTES_MAX: usize = 300;
const MESSAGE_BYTES_MAX: usize = 500;
const PONG: u8 = 0xa;

#[derive(Debug, Default, PartialEq, Eq)]
struct Taken {
    messages: Vec<Vec<u8>>,
    answers: Vec<u8>,
}

impl Receive for Taken {
    fn message(&mut self, bytes: &[u8]) {
        self.messages.push(bytes.to_vec());
    }
    fn answer(&mut self, bytes: &[u8]) {
        self.answers.extend_from_slice(bytes);
    }
    fn frame(&mut self, frame: Result<ClientFrame<'_>, FrameError>) {
        panic!("WebSocket has wire messages, and this is none: {frame:?}");
    }
}

fn read<'a>(codec: WebSocketCodec, pieces: impl Iterator<Item = &'a [u8]>) -> (Taken, Option<CloseReason>) {
    let config = WebSocketConfig {
        allowed_origins: Vec::new(),
        allow_missing_origin: true,
        frame_bytes_max: FRAME_BYTES_MAX,
        message_bytes_max: MESSAGE_BYTES_MAX,
    };
    let mut reader = MessageReader::new(Vec::new(), codec, &config);
    let mut taken = Taken::default();
    let end = pieces.map(|piece| reader.take(&mut piece.to_vec(), &mut taken).err()).find(Option::is_some).flatten();
    (taken, end)
}

/// Frames with a mask, made from the input: first byte, length, payload, and so on. Random bytes alone hardly ever are such frames.
fn masked_frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let [first, len, rest @ ..] = bytes {
        let (payload, rest) = rest.split_at(rest.len().min(usize::from(*len)));
        // Fin, opcode and one reserved bit; the others would only ever end the link.
        out.push(first & 0xcf);
        match payload.len() {
            short @ 0..=125 => out.push(0x80 | short as u8),
            medium => {
                out.push(0x80 | 126);
                out.extend_from_slice(&(medium as u16).to_be_bytes());
            }
        }
        let mask = [len.wrapping_mul(31), *first, 0, 7];
        out.extend_from_slice(&mask);
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes = rest;
    }
    out
}

/// Pieces of sizes that depend on the input.
fn pieces(bytes: &[u8], mut seed: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        seed = seed.wrapping_mul(109).wrapping_add(89);
        let (piece, after) = rest.split_at(rest.len().min(1 + usize::from(seed >> 3)));
        rest = after;
        Some(piece)
    })
}

fn check_answers(mut answers: &[u8]) {
    while !answers.is_empty() {
        let (opcode, payload, len) = framing::first_frame(answers).expect("an answer is a whole frame");
        assert_eq!(opcode, PONG);
        assert!(payload.len() <= 125);
        answers = &answers[len..];
    }
}

fn check_messages(codec: WebSocketCodec, taken: &Taken) {
    for message in &taken.messages {
        assert!(message.len() <= MESSAGE_BYTES_MAX);
        if codec == WebSocketCodec::Json {
            assert!(std::str::from_utf8(message).is_ok());
        }
        codec.decode(message, &mut |_| ControlFlow::Continue(()));
    }
}

/// Frames of a server, as a session counts them.
fn check_framing(codec: WebSocketCodec, bytes: &[u8]) {
    if let Some(message) = codec.next_message(bytes) {
        assert!(message.wire_len <= bytes.len() && message.payload.len() < message.wire_len);
        let _ = codec.delivered(message.payload);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [mode, seed, bytes @ ..] = bytes else { return };
    let codec = if mode & 1 == 0 { WebSocketCodec::Json } else { WebSocketCodec::Postcard };
    let bytes = if mode & 2 == 0 { masked_frames(bytes) } else { bytes.to_vec() };
    check_framing(codec, &bytes);
    let (whole, end) = read(codec, std::iter::once(bytes.as_slice()));
    check_messages(codec, &whole);
    check_answers(&whole.answers);
    let (parts, parts_end) = read(codec, pieces(&bytes, *seed));
    assert_eq!((&whole.messages, &end), (&parts.messages, &parts_end));
    // What ends a link may overtake the pongs of the same read.
    if end.is_none() {
        assert_eq!(whole.answers, parts.answers);
    }
});
