//! One clock for all links.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use pointsman_protocol::codes::{CloseCode, ErrorCode};
use pointsman_protocol::frame::{ErrorFrame, ServerFrame};
use tokio_util::sync::CancellationToken;

use crate::close::CloseReason;
use crate::context::SessionContext;
use crate::session::Session;
use crate::worker::with_worker;

/// Silence beyond twice the heartbeat before a link is given up.
const GRACE_SECONDS: u32 = 5;

/// Slots of one second. A session stands in one slot and is visited twice per heartbeat; no link has a timer of its own.
#[derive(Debug)]
pub(crate) struct Wheel {
    slots: Box<[Mutex<Vec<Weak<Session>>>]>,
}

impl Wheel {
    pub(crate) fn new(heartbeat: Duration) -> Self {
        let slots = usize::try_from(heartbeat.as_secs() / 2).unwrap_or(1).max(1);
        Self { slots: (0..slots).map(|_| Mutex::default()).collect() }
    }

    pub(crate) fn add(&self, session: &Arc<Session>) {
        let at = usize::try_from(session.key.0 % self.slots.len() as u64).unwrap_or(0);
        if let Some(slot) = self.slots.get(at) {
            slot.lock().push(Arc::downgrade(session));
        }
    }

    fn visit(&self, second: u32) -> Vec<Arc<Session>> {
        let Some(slot) = self.slots.get(second as usize % self.slots.len()) else { return Vec::new() };
        let mut slot = slot.lock();
        let mut alive = Vec::with_capacity(slot.len());
        slot.retain(|weak| match weak.upgrade() {
            Some(session) => {
                alive.push(session);
                true
            }
            None => false,
        });
        if slot.capacity() > 2 * slot.len() + 64 {
            slot.shrink_to_fit();
        }
        alive
    }
}

/// Turns the wheel once a second until `stop`: heartbeats, silent links, sessions kept long enough, overdue requests.
pub async fn turn(cx: Arc<SessionContext>, stop: CancellationToken) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last = cx.advance();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = seconds.tick() => {}
        }
        let now = cx.advance();
        // A turn that came late visits the slots it missed.
        for second in last.max(now.saturating_sub(60)) + 1..=now {
            for session in cx.wheel.visit(second) {
                visit(&cx, &session, now);
            }
        }
        last = now;
        expire(&cx);
    }
}

fn visit(cx: &SessionContext, session: &Arc<Session>, now: u32) {
    let config = cx.config();
    let heartbeat = u32::try_from(config.heartbeat.as_secs()).unwrap_or(u32::MAX);
    let ingest = session.ingest();
    if ingest.ended {
        return;
    }
    if !ingest.attached {
        let over = ingest.is_ending() || ingest.detached_at.is_none_or(|since| since.elapsed() >= config.keep);
        drop(ingest);
        if over {
            cx.end(session);
        }
        return;
    }
    drop(ingest);
    let silent = now.saturating_sub(session.heard.load(Ordering::Relaxed));
    if silent > heartbeat.saturating_mul(2).saturating_add(GRACE_SECONDS) {
        session.close(CloseReason::server(
            CloseCode::Heartbeat,
            format!("nothing was heard from the client for {silent} s; answer `ping` with `pong`"),
        ));
        return;
    }
    let head = session.outbox.pending().sent_bytes;
    if session.head_seen.swap(head, Ordering::Relaxed) == head {
        let received = session.received.load(Ordering::Relaxed);
        with_worker(|worker| {
            worker.scratch.clear();
            session.codec.encode_frame(&ServerFrame::Ping { received }, &mut worker.scratch);
            worker.tick.control(&session.outbox, &worker.scratch, 1);
        });
    }
}

/// Tells requesters that nobody answered in time.
fn expire(cx: &SessionContext) {
    let requesters = std::mem::take(&mut *cx.requesters.lock());
    for session in requesters {
        // Before the requests are looked at: one that comes from here on puts the session on the list again.
        session.requesting.store(false, Ordering::Release);
        let expired = cx.port.expire_requests(session.key);
        with_worker(|worker| {
            for id in expired.late {
                let error = ErrorFrame {
                    id: Some(id),
                    sid: None,
                    code: ErrorCode::Timeout.code(),
                    reason: ErrorCode::Timeout.name().into(),
                    message: "nobody replied in time; the responder may be slow or may have failed".into(),
                    retry_after_ms: None,
                };
                worker.scratch.clear();
                session.codec.encode_frame(&ServerFrame::Error(error), &mut worker.scratch);
                worker.tick.control(&session.outbox, &worker.scratch, 1);
            }
        });
        if expired.waiting > 0 && !session.ingest().ended {
            cx.awaits_replies(&session);
        }
    }
}
