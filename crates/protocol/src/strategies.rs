//! Frames for property tests, such as both forms can carry unchanged.

use std::borrow::Cow;

use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;

use crate::frame::{
    Attach, BodyKind, ClientFrame, CloseFrame, Connect, Delivery, ErrorFrame, Limits, Publish, Ready, Refused, Request,
    ServerFrame, Subscription,
};
use crate::headers::HeaderBlock;
use crate::json::is_valid;

type Text = Cow<'static, str>;
type Bytes = Cow<'static, [u8]>;

fn text() -> impl Strategy<Value = Text> {
    vec(any::<char>(), 0..8).prop_map(|chars| chars.into_iter().collect::<String>().into())
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..300_u64, 0..1_u64 << 53, Just((1 << 53) - 1)]
}

/// JSON spelt in ways that a parser would not give back.
pub(crate) fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["null", "true", "-0", "1.50e+007", "1e999", r#""\ud800""#, r#""\u0041\/""#, "\"ä\""]),
        Just(r#""""#),
    ];
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" ,\n"))),
            vec(inner, 0..4).prop_map(|items| {
                let fields: Vec<_> = items.iter().map(|item| format!("\"a\" :\t{item}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

fn payload() -> impl Strategy<Value = (Bytes, BodyKind)> {
    let bytes = prop_oneof![
        json().prop_map(String::into_bytes),
        vec(any::<u8>(), 0..12),
        "[ -~ä]{0,12}".prop_map(String::into_bytes)
    ];
    bytes.prop_map(|bytes| {
        if is_valid(&bytes) {
            (bytes.trim_ascii().to_vec().into(), BodyKind::Json)
        } else {
            (bytes.into(), BodyKind::Unknown)
        }
    })
}

fn headers() -> impl Strategy<Value = Bytes> {
    btree_map("[a-zA-Z!#|~-]{1,6}", vec("([!-~ä]([ -~\t]{0,6}[!-~ä])?)?", 1..3), 0..4).prop_map(|headers| {
        let mut block = HeaderBlock::new();
        for (name, values) in &headers {
            for value in values {
                block.push(name, value).unwrap();
            }
        }
        block.into_bytes().into()
    })
}

fn subscription() -> impl Strategy<Value = Subscription<'static>> {
    (number(), text(), of(text()), of(number())).prop_map(|(sid, pattern, queue, max)| Subscription {
        sid,
        pattern,
        queue,
        max,
    })
}

fn connect() -> impl Strategy<Value = ClientFrame<'static>> {
    let attach = (text(), text(), any::<u32>(), number()).prop_map(|(session, secret, generation, received)| Attach {
        session,
        secret,
        generation,
        received,
    });
    (any::<u32>(), of(text()), of(text()), any::<bool>(), vec(subscription(), 0..3), of(attach)).prop_map(
        |(version, token, name, echo, subscribe, attach)| {
            ClientFrame::Connect(Connect { version, token, name, echo, subscribe, attach })
        },
    )
}

fn publish() -> impl Strategy<Value = ClientFrame<'static>> {
    let message_id = "[ -~]{1,128}".prop_map(Text::from);
    (of(number()), text(), of(text()), of(message_id), headers(), payload()).prop_map(
        |(id, subject, reply, message_id, headers, (payload, body))| {
            ClientFrame::Publish(Publish { id, subject, reply, message_id, headers, payload, body })
        },
    )
}

fn request() -> impl Strategy<Value = ClientFrame<'static>> {
    (number(), text(), of(any::<u32>()), headers(), payload()).prop_map(
        |(id, subject, timeout_ms, headers, (payload, body))| {
            ClientFrame::Request(Request { id, subject, timeout_ms, headers, payload, body })
        },
    )
}

pub(crate) fn client_frame() -> impl Strategy<Value = ClientFrame<'static>> {
    prop_oneof![
        connect(),
        publish(),
        request(),
        (of(number()), subscription()).prop_map(|(id, subscription)| ClientFrame::Subscribe { id, subscription }),
        (of(number()), number(), of(number())).prop_map(|(id, sid, max)| ClientFrame::Unsubscribe { id, sid, max }),
        number().prop_map(|received| ClientFrame::Ping { received }),
        number().prop_map(|received| ClientFrame::Pong { received }),
    ]
}

fn ready() -> impl Strategy<Value = ServerFrame<'static>> {
    let session = (text(), text(), any::<u32>(), any::<bool>(), number(), number(), of(text()));
    let node = (text(), text(), of(text()), any::<u32>(), any::<u32>());
    let refused = (number(), any::<u16>(), text(), text()).prop_map(|(sid, code, reason, message)| Refused {
        sid,
        code,
        reason,
        message,
    });
    (any::<u32>(), session, node, any::<[u32; 7]>(), vec(text(), 0..3), vec(refused, 0..3)).prop_map(
        |(version, session, node, limits, features, refused)| {
            let (session, secret, generation, resumed, received, skipped, reason) = session;
            let (node, server, user, heartbeat_ms, keep_ms) = node;
            let [frame_bytes, payload_bytes, subject_bytes, subscriptions, requests, resend_frames, resend_bytes] =
                limits;
            ServerFrame::Ready(Ready {
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
                limits: Limits {
                    frame_bytes,
                    payload_bytes,
                    subject_bytes,
                    subscriptions,
                    requests,
                    resend_frames,
                    resend_bytes,
                },
                features,
                refused,
            })
        },
    )
}

fn delivery() -> impl Strategy<Value = Delivery<'static>> {
    (text(), of(text()), headers(), payload()).prop_map(|(subject, reply, headers, (payload, body))| Delivery {
        subject,
        reply,
        headers,
        payload,
        body,
    })
}

pub(crate) fn server_frame() -> impl Strategy<Value = ServerFrame<'static>> {
    let error = (of(number()), of(number()), any::<u16>(), text(), text(), of(any::<u32>()));
    let close = (any::<u16>(), text(), text(), of(any::<u32>()));
    prop_oneof![
        ready(),
        number().prop_map(|id| ServerFrame::Ok { id }),
        error.prop_map(|(id, sid, code, reason, message, retry_after_ms)| {
            ServerFrame::Error(ErrorFrame { id, sid, code, reason, message, retry_after_ms })
        }),
        (vec(number(), 0..4), vec(delivery(), 0..4))
            .prop_map(|(sids, messages)| ServerFrame::Message { sids, messages }),
        (number(), headers(), payload()).prop_map(|(id, headers, (payload, body))| ServerFrame::Reply {
            id,
            headers,
            payload,
            body
        }),
        (vec(number(), 0..4), of(number()), text()).prop_map(|(sids, lost, reason)| ServerFrame::Gap {
            sids,
            lost,
            reason
        }),
        number().prop_map(|received| ServerFrame::Ping { received }),
        number().prop_map(|received| ServerFrame::Pong { received }),
        close.prop_map(|(code, reason, message, retry_after_ms)| {
            ServerFrame::Close(CloseFrame { code, reason, message, retry_after_ms })
        }),
    ]
}
