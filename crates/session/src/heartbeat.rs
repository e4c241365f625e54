//! One clock for all links.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pointsman_protocol::codes::{CloseCode, ErrorCode};
use pointsman_protocol::frame::{ErrorFrame, ServerFrame};
use tokio_util::sync::CancellationToken;

use crate::close::CloseReason;
use crate::context::SessionContext;
use crate::session::Session;
use crate::worker::with_worker;

/// Silence beyond twice the heartbeat before a link is given up.
const GRACE_SECONDS: u32 = 5;

/// Turns the wheel once a second until `stop`: heartbeats, silent links, sessions kept long enough, overdue requests.
pub async fn beat(cx: Arc<SessionContext>, stop: CancellationToken) {
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
        while let Some(session) = cx.next_expired() {
            let_go(&cx, &session, cx.config().keep);
        }
        expire(&cx);
    }
}

/// Ends a session that has been without a link for long enough. Returns whether it has none.
fn let_go(cx: &SessionContext, session: &Arc<Session>, keep: Duration) -> bool {
    let ingest = session.ingest();
    if ingest.ended || ingest.attached {
        return ingest.ended;
    }
    let over = ingest.is_ending() || ingest.detached_at.is_none_or(|since| since.elapsed() >= keep);
    drop(ingest);
    if over {
        cx.end(session);
    }
    true
}

fn visit(cx: &SessionContext, session: &Arc<Session>, now: u32) {
    let config = cx.config();
    let heartbeat = u32::try_from(config.heartbeat.as_secs()).unwrap_or(u32::MAX);
    if let_go(cx, session, config.keep) {
        return;
    }
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
