//! Bytes to frames, runs to bytes.

use std::hint::black_box;
use std::ops::ControlFlow;

use pointsman_client_websocket::codec::WebSocketCodec;
use pointsman_contract::codec::Codec;

use super::Workload;
use crate::sample;

const CODECS: [(&str, WebSocketCodec); 2] = [("json", WebSocketCodec::Json), ("postcard", WebSocketCodec::Postcard)];

pub(super) fn workloads() -> Vec<Workload> {
    let mut all = Vec::new();
    for (name, codec) in CODECS {
        for count in [1, 16] {
            all.push(decode(format!("decode-{name}-{count}"), codec, count));
            all.push(encode(format!("encode-run-{name}-{count}"), codec, count));
        }
    }
    all
}

fn decode(name: String, codec: WebSocketCodec, count: usize) -> Workload {
    Workload::new(name, "decodes one wire message of a client with so many publications of 128 B", move || {
        let message = sample::wire_message(count, codec == WebSocketCodec::Json);
        Box::new(move || {
            let mut frames = 0;
            codec.decode(black_box(&message), &mut |frame| {
                frames += usize::from(black_box(frame).is_ok());
                ControlFlow::Continue(())
            });
            assert_eq!(frames, count);
        })
    })
}

fn encode(name: String, codec: WebSocketCodec, count: usize) -> Workload {
    Workload::new(name, "encodes a run of so many publications of 128 B into one framed wire message", move || {
        let batch = sample::batch(std::iter::repeat_n(sample::SUBJECT, count));
        let mut out = Vec::new();
        Box::new(move || {
            out.clear();
            let mut run = batch.view().iter().map(|publication| publication.delivery());
            codec.encode_run(black_box(&[1]), &mut run, &mut out);
            black_box(&out);
        })
    })
}
