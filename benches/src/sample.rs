//! Publications as clients send them.

use pointsman_contract::batch::{Answer, Batch, PublicationView};
use pointsman_protocol::frame::{BodyKind, ClientFrame, Publish};
use pointsman_protocol::{binary, json};

/// The subject that most workloads publish on.
pub const SUBJECT: &str = "metrics.updated";
/// Bytes of a payload.
pub const PAYLOAD_BYTES: usize = 128;

/// A JSON object of exactly `bytes` bytes (at least 32), like the figures of a dashboard.
#[must_use]
pub fn payload(bytes: usize) -> Vec<u8> {
    let mut payload = br#"{"cpu":0.52,"host":"web-1","x":""#.to_vec();
    payload.resize(bytes.max(payload.len() + 2) - 2, b'x');
    payload.extend_from_slice(br#""}"#);
    payload
}

/// A wire message with `count` publications, as JSON or as postcard.
#[must_use]
pub fn wire_message(count: usize, is_json: bool) -> Vec<u8> {
    let payload = payload(PAYLOAD_BYTES);
    let frame = ClientFrame::Publish(Publish {
        id: None,
        subject: SUBJECT.into(),
        reply: None,
        message_id: None,
        headers: (&[][..]).into(),
        payload: payload.into(),
        body: if is_json { BodyKind::Json } else { BodyKind::Unknown },
    });
    let mut out = Vec::new();
    if is_json && count > 1 {
        out.push(b'[');
    }
    for at in 0..count {
        if is_json && at > 0 {
            out.push(b',');
        }
        if is_json {
            json::encode_client(&frame, &mut out);
        } else {
            binary::encode_client(&frame, &mut out);
        }
    }
    if is_json && count > 1 {
        out.push(b']');
    }
    out
}

/// A batch of one publication per subject.
#[must_use]
pub fn batch<'s>(subjects: impl IntoIterator<Item = &'s str>) -> Batch {
    let payload = payload(PAYLOAD_BYTES);
    let mut batch = Batch::default();
    for subject in subjects {
        batch.push(&PublicationView {
            subject,
            reply: None,
            message_id: None,
            headers: &[],
            payload: &payload,
            body: BodyKind::Json,
            answer: Answer::Silent,
        });
    }
    batch
}
