//! The schema of protocol.md#P12 as types, for everything that is not hot.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Subscription<'a> {
    pub(super) sid: u64,
    #[serde(borrow)]
    pub(super) pattern: &'a str,
    pub(super) queue: Option<&'a str>,
    pub(super) max: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attach<'a> {
    #[serde(borrow)]
    pub(super) session: &'a str,
    pub(super) secret: &'a str,
    pub(super) generation: u32,
    pub(super) received: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Client<'a> {
    Connect {
        version: u32,
        #[serde(borrow)]
        token: Option<&'a str>,
        name: Option<&'a str>,
        echo: bool,
        subscribe: Vec<Subscription<'a>>,
        attach: Option<Attach<'a>>,
    },
    Subscribe {
        id: Option<u64>,
        #[serde(borrow)]
        subscription: Subscription<'a>,
    },
    Unsubscribe {
        id: Option<u64>,
        sid: u64,
        max: Option<u64>,
    },
    Publish {
        id: Option<u64>,
        subject: &'a str,
        reply: Option<&'a str>,
        message_id: Option<&'a str>,
        headers: &'a [u8],
        payload: &'a [u8],
    },
    Request {
        id: u64,
        subject: &'a str,
        timeout_ms: Option<u32>,
        headers: &'a [u8],
        payload: &'a [u8],
    },
    Ping {
        received: u64,
    },
    Pong {
        received: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limits {
    pub(super) frame_bytes: u32,
    pub(super) payload_bytes: u32,
    pub(super) subject_bytes: u32,
    pub(super) subscriptions: u32,
    pub(super) requests: u32,
    pub(super) resend_frames: u32,
    pub(super) resend_bytes: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refused<'a> {
    pub(super) sid: u64,
    pub(super) code: u16,
    #[serde(borrow)]
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) subject: &'a str,
    pub(super) reply: Option<&'a str>,
    pub(super) headers: &'a [u8],
    pub(super) payload: &'a [u8],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Server<'a> {
    Ready {
        version: u32,
        #[serde(borrow)]
        session: &'a str,
        secret: &'a str,
        generation: u32,
        resumed: bool,
        received: u64,
        skipped: u64,
        reason: Option<&'a str>,
        node: &'a str,
        server: &'a str,
        user: Option<&'a str>,
        heartbeat_ms: u32,
        keep_ms: u32,
        limits: Limits,
        features: Vec<&'a str>,
        refused: Vec<Refused<'a>>,
    },
    Ok {
        id: u64,
    },
    Error {
        id: Option<u64>,
        sid: Option<u64>,
        code: u16,
        reason: &'a str,
        message: &'a str,
        retry_after_ms: Option<u32>,
    },
    Message {
        sids: Vec<u64>,
        messages: Vec<Message<'a>>,
    },
    Reply {
        id: u64,
        headers: &'a [u8],
        payload: &'a [u8],
    },
    Gap {
        sids: Vec<u64>,
        lost: Option<u64>,
        reason: &'a str,
    },
    Ping {
        received: u64,
    },
    Pong {
        received: u64,
    },
    Close {
        code: u16,
        reason: &'a str,
        message: &'a str,
        retry_after_ms: Option<u32>,
    },
}
