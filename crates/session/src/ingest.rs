//! What a link has read: frames become subscriptions, batches and answers.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pointsman_contract::batch::{Answer, BatchView, PublicationView};
use pointsman_contract::codec::Codec;
use pointsman_contract::outcome::Outcome;
use pointsman_contract::port::SubscribeRequest;
use pointsman_contract::refusal::{Asked, Refusal, Refused};
use pointsman_contract::worker::Worker;
use pointsman_protocol::codes::{CloseCode, ErrorCode};
use pointsman_protocol::frame::{ClientFrame, ErrorFrame, FrameError, Publish, Request, ServerFrame, Subscription};

use crate::close::CloseReason;
use crate::config::{REQUEST_TIMEOUT_MS, SessionConfig};
use crate::context::SessionContext;
use crate::link::{Receive, Reports};
use crate::session::Session;

/// Handles the wire messages of one read. Made under the session's ingest lock.
pub(crate) struct Reader<'a> {
    pub(crate) cx: &'a SessionContext,
    pub(crate) session: &'a Arc<Session>,
    pub(crate) config: &'a SessionConfig,
    pub(crate) worker: &'a mut Worker,
    pub(crate) bad_frames: &'a mut u32,
    /// Whether there is a request in the batch.
    pub(crate) asks: bool,
    pub(crate) pause: Option<Duration>,
    pub(crate) end: Option<CloseReason>,
}

impl Receive for Reader<'_> {
    fn message(&mut self, bytes: &[u8]) {
        if self.end.is_some() {
            return;
        }
        self.session.received.fetch_add(1, Ordering::Relaxed);
        self.frames(bytes);
    }

    fn answer(&mut self, bytes: &[u8]) {
        // What was said before must be answered before.
        self.submit();
        self.worker.tick.control(&self.session.outbox, bytes, 0);
    }

    fn frame(&mut self, frame: Result<ClientFrame<'_>, FrameError>) {
        if self.end.is_none() {
            self.handle(frame);
        }
    }
}

impl Reader<'_> {
    fn frames(&mut self, bytes: &[u8]) {
        let session = Arc::clone(self.session);
        session.codec.decode(bytes, &mut |frame| {
            self.handle(frame);
            if self.end.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }

    /// Handles one frame.
    pub(crate) fn handle(&mut self, frame: Result<ClientFrame<'_>, FrameError>) {
        match frame {
            Ok(ClientFrame::Publish(publish)) => self.publish(&publish),
            Ok(ClientFrame::Request(request)) => self.request(&request),
            Ok(other) => {
                // Order matters: what was published before a subscribe is not for it.
                self.submit();
                self.control(&other);
            }
            Err(error) => {
                self.submit();
                self.bad_frame(&error);
            }
        }
    }

    fn publish(&mut self, publish: &Publish<'_>) {
        self.push(&PublicationView {
            subject: &publish.subject,
            reply: publish.reply.as_deref(),
            message_id: publish.message_id.as_deref(),
            headers: &publish.headers,
            payload: &publish.payload,
            body: publish.body,
            answer: self.answer_wanted(publish),
        });
    }

    fn answer_wanted(&self, publish: &Publish<'_>) -> Answer {
        match self.session.manner.reports {
            None => publish.id.map_or(Answer::Silent, Answer::Acknowledge),
            Some(Reports { unheard }) => match (publish.id.is_some(), unheard && publish.reply.is_some()) {
                (false, false) => Answer::Silent,
                (accepted, unheard) => Answer::Report { accepted, unheard },
            },
        }
    }

    fn request(&mut self, request: &Request<'_>) {
        let longest = u32::try_from(self.config.request_timeout_max.as_millis()).unwrap_or(u32::MAX);
        let timeout_ms = request.timeout_ms.unwrap_or(REQUEST_TIMEOUT_MS).min(longest);
        self.push(&PublicationView {
            subject: &request.subject,
            reply: None,
            message_id: None,
            headers: &request.headers,
            payload: &request.payload,
            body: request.body,
            answer: Answer::Reply { id: request.id, timeout_ms },
        });
        self.asks = true;
    }

    fn push(&mut self, publication: &PublicationView<'_>) {
        if self.worker.batch.is_full() {
            self.submit();
        }
        self.worker.batch.push(publication);
    }

    /// Hands what has been gathered to the router and answers.
    pub(crate) fn submit(&mut self) {
        if self.worker.batch.is_empty() {
            return;
        }
        let mut batch = std::mem::take(&mut self.worker.batch);
        if self.cx.is_draining() {
            self.refuse_all(batch.len());
        } else {
            self.accept(batch.view());
        }
        let mut outcomes = std::mem::take(&mut self.worker.outcomes);
        let mut told = false;
        for (at, outcome) in outcomes.drain(..) {
            let Some(publication) = batch.view().get(at as usize) else { continue };
            let id = match publication.answer {
                Answer::Acknowledge(id) | Answer::Reply { id, .. } => Some(id),
                Answer::Report { accepted, .. } => accepted.then_some(0),
                Answer::Silent => None,
            };
            let asked = Asked::Publish { subject: publication.subject };
            match outcome {
                Outcome::Accepted => {
                    if let Some(id) = id {
                        self.send(&ServerFrame::Ok { id });
                    }
                }
                Outcome::NoResponders => match (publication.answer, publication.reply) {
                    (Answer::Report { .. }, Some(reply)) => {
                        self.cx.port.tell_unheard(self.session.key, publication.subject, reply, self.worker);
                    }
                    _ => self.refuse(id, None, asked, &no_responders(publication.subject)),
                },
                Outcome::Refused(refusal) => {
                    // Somebody who asked for no answers still hears of the first refusal of a batch, or would never know.
                    if id.is_some() || !told || self.session.manner.reports.is_some() {
                        self.refuse(id, None, asked, &refusal);
                    }
                    told |= id.is_none();
                }
                _ => {}
            }
        }
        self.worker.outcomes = outcomes;
        batch.clear();
        self.worker.batch = batch;
    }

    fn accept(&mut self, batch: BatchView<'_>) {
        let submitted = self.cx.port.submit(self.session.key, batch, self.worker);
        self.session.published.fetch_add(batch.len() as u64, Ordering::Relaxed);
        self.pause = self.pause.max(submitted.pause);
        if std::mem::take(&mut self.asks) {
            self.cx.awaits_replies(self.session);
        }
    }

    /// A node that is going away accepts nothing more: sessions that have ended already would not get it (protocol.md#P5.5).
    fn refuse_all(&mut self, batch: usize) {
        self.asks = false;
        self.worker.outcomes.clear();
        for at in (0..).take(batch) {
            let message = "this node is going away and accepts nothing more; publish to another";
            self.worker.outcomes.push((at, Outcome::Refused(Refusal::new(ErrorCode::Draining, message))));
        }
    }

    fn control(&mut self, frame: &ClientFrame<'_>) {
        match frame {
            ClientFrame::Subscribe { id, subscription } => {
                let result = self.cx.port.subscribe(self.session.key, &subscribe_request(subscription));
                let asked = Asked::Subscribe { pattern: &subscription.pattern, queue: subscription.queue.as_deref() };
                self.answer_to(*id, subscription.sid, asked, result);
            }
            ClientFrame::Unsubscribe { id, sid, max } => {
                let result = self.cx.port.unsubscribe(self.session.key, *sid, *max);
                self.answer_to(*id, *sid, Asked::Unsubscribe, result);
            }
            ClientFrame::Ping { received } => {
                self.session.outbox.confirm(*received, &mut self.worker.tick.pool);
                let received = self.session.received.load(Ordering::Relaxed);
                self.send(&ServerFrame::Pong { received });
            }
            ClientFrame::Pong { received } => {
                self.session.outbox.confirm(*received, &mut self.worker.tick.pool);
            }
            ClientFrame::Connect(_) => {
                self.end = Some(CloseReason::server(
                    CloseCode::Protocol,
                    "`connect` may only be the first frame of a link; open a new link to connect again",
                ));
            }
            _ => {}
        }
    }

    fn answer_to(&mut self, id: Option<u64>, sid: u64, asked: Asked<'_>, result: Result<(), Refusal>) {
        match (result, id) {
            (Ok(()), Some(id)) => self.send(&ServerFrame::Ok { id }),
            (Ok(()), None) => {}
            (Err(refusal), id) => self.refuse(id, Some(sid), asked, &refusal),
        }
    }

    fn bad_frame(&mut self, error: &FrameError) {
        let code = error.code();
        // A frame that was read and cannot be carried out says nothing about the peer's framing (protocol.md#P9.4).
        if matches!(code, ErrorCode::BadFrame | ErrorCode::UnknownOp) {
            *self.bad_frames += 1;
        }
        self.send(&ServerFrame::Error(ErrorFrame {
            id: error.id(),
            sid: None,
            code: code.code(),
            reason: code.name().into(),
            message: error.to_string().into(),
            retry_after_ms: None,
        }));
        if *self.bad_frames >= self.config.bad_frames_max {
            self.end = Some(CloseReason::server(
                CloseCode::Protocol,
                format!("{} frames of this link could not be read; the last: {error}", self.bad_frames),
            ));
        }
    }

    fn refuse(&mut self, id: Option<u64>, sid: Option<u64>, asked: Asked<'_>, refusal: &Refusal) {
        self.write(|codec, out| codec.encode_refused(&Refused { id, sid, asked, refusal }, out));
    }

    fn send(&mut self, frame: &ServerFrame<'_>) {
        self.write(|codec, out| codec.encode_frame(frame, out));
    }

    fn write(&mut self, encode: impl FnOnce(&dyn Codec, &mut Vec<u8>)) {
        self.worker.scratch.clear();
        encode(&*self.session.codec, &mut self.worker.scratch);
        if !self.worker.scratch.is_empty() {
            self.worker.tick.control(&self.session.outbox, &self.worker.scratch, 1);
        }
    }
}

pub(crate) fn subscribe_request<'a>(subscription: &'a Subscription<'_>) -> SubscribeRequest<'a> {
    SubscribeRequest {
        sid: subscription.sid,
        pattern: &subscription.pattern,
        queue: subscription.queue.as_deref(),
        max: subscription.max,
    }
}

fn no_responders(subject: &str) -> Refusal {
    Refusal::new(ErrorCode::NoResponders, format!("nobody is subscribed to `{subject}`, so nobody can answer"))
}
