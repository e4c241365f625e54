use pointsman_protocol::frame::{BodyKind, Publish};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn publish(id: u64, payload: &[u8]) -> ClientFrame<'_> {
    ClientFrame::Publish(Publish {
        id: Some(id),
        subject: "a.b".into(),
        reply: None,
        message_id: None,
        headers: Vec::new().into(),
        payload: payload.into(),
        body: BodyKind::Unknown,
    })
}

/// The ids of everything that waits, in order; every wire message within its limit.
fn ids(chunks: &mut Chunks, frame_bytes: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    while let Some(chunk) = chunks.pop() {
        let message = chunks.encoding.seal(chunk.bytes, chunk.frames);
        assert!(message.len() <= frame_bytes);
        let mut frames = 0;
        chunks.encoding.decode_client(&message, &mut |frame| {
            let id = id_of(&frame.unwrap()).unwrap();
            assert!(id < chunk.ids_end);
            ids.push(id);
            frames += 1;
            ControlFlow::Continue(())
        });
        assert_eq!(frames, chunk.frames);
    }
    ids
}

proptest! {
    #[test]
    fn everything_comes_out_in_order_within_the_limits(
        json in any::<bool>(),
        // Payloads that JSON has to write as base64 or with escapes grow beyond every estimate.
        payloads in vec((0..4000_usize, prop_oneof![Just(0_u8), Just(b'a'), Just(0xff)]), 0..60),
        before in 600..6000_usize,
        after in 600..6000_usize,
    ) {
        let mut chunks = Chunks::new(if json { Encoding::Json } else { Encoding::Postcard });
        prop_assert!(chunks.set_frame_bytes(before).is_empty());
        let mut expected = Vec::new();
        for (id, (len, byte)) in (1..).zip(payloads) {
            let payload = vec![byte; len];
            if chunks.append(&publish(id, &payload), FRAME_OVERHEAD + len, id + 1).is_ok() {
                expected.push(id);
            }
        }
        prop_assert_eq!(chunks.waiting().0, expected.len());
        let dropped: Vec<u64> = chunks.set_frame_bytes(after).into_iter().filter_map(|(id, _)| id).collect();
        prop_assert!(after < before || dropped.is_empty());
        expected.retain(|id| !dropped.contains(id));
        prop_assert_eq!(chunks.waiting().0, expected.len());
        prop_assert_eq!(ids(&mut chunks, after.max(before)), expected);
        prop_assert_eq!(chunks.waiting(), (0, 0));
    }
}

#[test]
fn small_frames_share_wire_messages_of_a_bounded_size() {
    let mut chunks = Chunks::new(Encoding::Postcard);
    for id in 1..=10_000 {
        chunks.append(&publish(id, &[b'x'; 50]), FRAME_OVERHEAD + 50, id + 1).unwrap();
    }
    let messages: Vec<_> = std::iter::from_fn(|| chunks.pop()).collect();
    assert!(messages.iter().all(|chunk| chunk.bytes.len() <= CHUNK_BYTES));
    assert!(messages.len() <= 11, "{}", messages.len());
}

#[test]
fn actions_stay_behind_what_they_belong_to() {
    let mut chunks = Chunks::new(Encoding::Postcard);
    chunks.act(Action::UnsubscribeAll, 1);
    for id in 1..=20 {
        chunks.append(&publish(id, &[b'x'; 200]), FRAME_OVERHEAD + 200, id + 1).unwrap();
    }
    let (told, receiver) = oneshot::channel();
    chunks.act(Action::Flush(told), 21);
    assert!(chunks.set_frame_bytes(1000).is_empty());
    let messages: Vec<_> = std::iter::from_fn(|| chunks.pop()).collect();
    assert!(messages.len() > 3);
    let acting = messages.iter().filter(|chunk| !chunk.actions.is_empty()).count();
    assert_eq!(acting, 1);
    assert!(matches!(messages.last().unwrap().actions.as_slice(), [Action::UnsubscribeAll, Action::Flush(_)]));
    drop(messages);
    assert!(receiver.is_terminated() || receiver.is_empty());
}
