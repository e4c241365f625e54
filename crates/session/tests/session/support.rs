//! WebSocket's framing and codecs over a link in memory.

use std::ops::ControlFlow;
use std::sync::Arc;

use pointsman_client_websocket::codec::WebSocketCodec;
use pointsman_client_websocket::framing;
use pointsman_contract::codec::Codec;
use pointsman_protocol::frame::{ClientFrame, ServerFrame};
use pointsman_protocol::{binary, json};
use pointsman_testkit::wire::{Unit, Wire};

const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

#[derive(Debug)]
struct Ws(WebSocketCodec);

pub(crate) fn json_wire() -> Arc<dyn Wire> {
    Arc::new(Ws(WebSocketCodec::Json))
}

pub(crate) fn postcard_wire() -> Arc<dyn Wire> {
    Arc::new(Ws(WebSocketCodec::Postcard))
}

pub(crate) fn both() -> [Arc<dyn Wire>; 2] {
    [json_wire(), postcard_wire()]
}

impl Wire for Ws {
    fn codec(&self) -> Arc<dyn Codec> {
        Arc::new(self.0)
    }

    fn first(&self, bytes: &[u8]) -> Option<(Unit, usize)> {
        let (opcode, payload, len) = framing::first_frame(bytes)?;
        let unit = match opcode {
            framing::TEXT | framing::BINARY => {
                assert_eq!(opcode == framing::TEXT, self.0 == WebSocketCodec::Json, "the type of the subprotocol");
                Unit::Data(payload.to_vec())
            }
            CLOSE => Unit::Close {
                code: payload.get(..2).map(|code| u16::from_be_bytes(code.try_into().unwrap())),
                message: String::from_utf8(payload.get(2..).unwrap_or_default().to_vec()).unwrap(),
            },
            PING => Unit::Ping(payload.to_vec()),
            PONG => Unit::Pong(payload.to_vec()),
            other => panic!("the opcode {other}: something was torn"),
        };
        Some((unit, len))
    }

    fn put(&self, unit: &Unit, out: &mut Vec<u8>) {
        let data = if self.0 == WebSocketCodec::Json { framing::TEXT } else { framing::BINARY };
        match unit {
            Unit::Data(payload) => framing::frame(data, out, |out| out.extend_from_slice(payload)),
            Unit::Ping(payload) => framing::frame(PING, out, |out| out.extend_from_slice(payload)),
            Unit::Pong(payload) => framing::frame(PONG, out, |out| out.extend_from_slice(payload)),
            Unit::Close { code: Some(code), message } => framing::close(*code, message, out),
            Unit::Close { code: None, .. } => framing::frame(CLOSE, out, |_| {}),
        }
    }

    fn encode(&self, frames: &[ClientFrame<'_>]) -> Vec<u8> {
        let mut out = Vec::new();
        match (self.0, frames) {
            (WebSocketCodec::Json, [frame]) => json::encode_client(frame, &mut out),
            (WebSocketCodec::Json, frames) => {
                out.push(b'[');
                for (at, frame) in frames.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    json::encode_client(frame, &mut out);
                }
                out.push(b']');
            }
            (WebSocketCodec::Postcard, frames) => {
                frames.iter().for_each(|frame| binary::encode_client(frame, &mut out));
            }
        }
        out
    }

    fn decode(&self, payload: &[u8]) -> Vec<ServerFrame<'static>> {
        let mut frames = Vec::new();
        let mut sink = |frame: Result<ServerFrame<'_>, _>| {
            frames.push(frame.unwrap().into_owned());
            ControlFlow::Continue(())
        };
        match self.0 {
            WebSocketCodec::Json => json::decode_server(payload, &mut sink),
            WebSocketCodec::Postcard => binary::decode_server(payload, &mut sink),
        }
        frames
    }
}
