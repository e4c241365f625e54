//! One link's life: reads, hands out, writes.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use pointsman_protocol::frame::{ClientFrame, ServerFrame};
use tokio::time::{Duration, Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::chunks::{Action, Chunk};
use crate::encoding::{Encoding, Packer};
use crate::error::LinkError;
use crate::link::Link;
use crate::receive::Receiver;
use crate::session::Session;
use crate::shared::Shared;
use crate::subscriptions::Subscriptions;

/// Wire messages read before it is the writing side's turn.
const READS_PER_TURN: usize = 32;
/// Wire messages written before it is the reading side's turn.
const WRITES_PER_TURN: usize = 32;
/// How long saying goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// A normal end (RFC 6455, 7.4.1): the server ends the session (protocol.md#P8.1).
const NORMAL: u16 = 1000;
/// A ping or pong takes at most so many bytes of a wire message.
const CONTROL_BYTES: usize = 48;

/// Serves a link until it ends, with an error, or until goodbye has been said.
pub(crate) struct Serve<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) session: &'a mut Session,
    pub(crate) subscriptions: &'a mut Subscriptions,
    pub(crate) encoding: Encoding,
    link: Box<dyn Link>,
    heard: Instant,
    /// Something was given to the link and not flushed.
    dirty: bool,
    timer: Pin<Box<Sleep>>,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Until when goodbye must be said.
    close_by: Option<Instant>,
    /// Nothing is read any more.
    leaving: bool,
}

impl<'a> Serve<'a> {
    pub(crate) fn new(
        shared: &'a Arc<Shared>,
        session: &'a mut Session,
        subscriptions: &'a mut Subscriptions,
        encoding: Encoding,
        link: Box<dyn Link>,
    ) -> Self {
        let heard = Instant::now();
        Self {
            shared,
            session,
            subscriptions,
            encoding,
            link,
            heard,
            dirty: false,
            timer: Box::pin(tokio::time::sleep_until(heard)),
            closing: Box::pin(shared.closing.clone().cancelled_owned()),
            close_by: None,
            leaving: false,
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        if self.close_by.is_none() && self.closing.as_mut().poll(cx).is_ready() {
            self.close_by = Some(Instant::now() + CLOSE_TIMEOUT);
        }
        let more = if self.leaving { false } else { self.read(cx)? };
        if self.poll_timers(cx)? {
            return Poll::Ready(Ok(()));
        }
        if !self.leaving {
            match self.write(cx) {
                Ok(idle) => self.leaving = idle && self.close_by.is_some(),
                Err(error) => {
                    // Why the server closed the link may still be there to be read.
                    while self.read(cx)? {}
                    return Poll::Ready(Err(error));
                }
            }
        }
        if self.leaving {
            return self.link.poll_close(NORMAL, cx).map(Ok);
        }
        if more {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Reads for a turn; whether there may be more.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, LinkError> {
        for _ in 0..READS_PER_TURN {
            match self.link.poll_receive(cx) {
                Poll::Ready(message) => {
                    let message = message?;
                    self.heard = Instant::now();
                    self.message(&message)?;
                }
                Poll::Pending => return Ok(false),
            }
        }
        Ok(true)
    }

    fn message(&mut self, message: &Bytes) -> Result<(), LinkError> {
        let mut result = Ok(());
        let mut counted = true;
        let mut receiver = Receiver {
            message,
            outgoing: &self.shared.outgoing,
            refusals: &self.shared.refusals,
            session: self.session,
            subscriptions: self.subscriptions,
        };
        self.encoding.decode_server(message, &mut |frame| {
            counted &= !matches!(frame, Ok(ServerFrame::Close(_)));
            result =
                frame.map_err(|error| LinkError::protocol(error.to_string())).and_then(|frame| receiver.frame(frame));
            if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        if counted {
            self.session.count(message.len(), self.heard);
        }
        result
    }

    /// Whether it is time to go without a goodbye.
    fn poll_timers(&mut self, cx: &mut Context<'_>) -> Result<bool, LinkError> {
        loop {
            let next = self.deadline();
            // A deadline that moved away is looked at when the timer fires: that is cheaper than to move the timer with every message.
            if next < self.timer.deadline() {
                self.timer.as_mut().reset(next);
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Ok(false);
            }
            let now = Instant::now();
            if self.close_by.is_some_and(|close_by| close_by <= now) {
                return Ok(true);
            }
            if self.silent_at() <= now {
                return Err(LinkError::Silent { after: now - self.heard });
            }
            if self.session.confirm_at().is_some_and(|at| at <= now) {
                self.session.confirm_due();
            }
            let next = self.deadline();
            self.timer.as_mut().reset(next);
        }
    }

    /// A client that hears nothing for twice the heartbeat drops the link (protocol.md#P7.1).
    fn silent_at(&self) -> Instant {
        self.heard + 2 * self.session.heartbeat
    }

    fn deadline(&self) -> Instant {
        let others = [self.session.confirm_at(), self.close_by];
        others.into_iter().flatten().fold(self.silent_at(), Instant::min)
    }

    /// Writes for a turn; whether everything that waited is on its way.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<bool, LinkError> {
        let mut idle = false;
        for turn in 0.. {
            if self.link.poll_ready(cx)?.is_pending() {
                return Ok(false);
            }
            if turn == WRITES_PER_TURN {
                cx.waker().wake_by_ref();
                break;
            }
            if let Some(message) = self.session.next_unwritten() {
                self.link.send(message)?;
                self.dirty = true;
            } else if !self.gather(cx, &mut idle) {
                break;
            }
        }
        if self.dirty {
            if self.link.poll_flush(cx)?.is_pending() {
                return Ok(false);
            }
            self.dirty = false;
        }
        Ok(idle)
    }

    /// Makes the next wire messages; false if there is nothing to send now, and `idle` if nothing waits either.
    fn gather(&mut self, cx: &Context<'_>, idle: &mut bool) -> bool {
        if self.session.has_window() {
            if let Some(chunk) = self.shared.outgoing.take(cx) {
                self.take(chunk);
                return true;
            }
            *idle = true;
        }
        let Some(control) = self.session.control(false) else { return false };
        self.push_control(&control);
        true
    }

    fn push_control(&mut self, control: &ClientFrame<'_>) {
        let mut message = Vec::new();
        self.encoding.append(control, &mut message);
        self.session.push(self.encoding.seal(message, 1), false);
    }

    fn take(&mut self, mut chunk: Chunk) {
        let mut told = Vec::new();
        let mut ended = Vec::new();
        for action in chunk.actions.drain(..) {
            match action {
                Action::Subscribe(registered) => self.subscriptions.add(registered),
                Action::Unsubscribe { sid } => self.subscriptions.ending(sid),
                Action::Abandon { sid } => self.subscriptions.abandoned(sid),
                Action::UnsubscribeAll => ended = self.subscriptions.end_all(),
                Action::Flush(waiting) => told.push(waiting),
            }
        }
        let mut control = self.session.control(!told.is_empty());
        let has_room = chunk.bytes.len() + CONTROL_BYTES <= self.session.frame_bytes;
        if ended.is_empty()
            && has_room
            && chunk.frames > 0
            && let Some(control) = control.take()
        {
            self.encoding.append(&control, &mut chunk.bytes);
            chunk.frames += 1;
        }
        if chunk.frames > 0 {
            self.session.push(self.encoding.seal(chunk.bytes, chunk.frames), true);
            self.session.note_ids(chunk.ids_end);
        }
        let mut packer = Packer::new(self.encoding, self.session.frame_bytes);
        for sid in ended {
            packer.push(&ClientFrame::Unsubscribe { id: None, sid, max: None });
        }
        for message in packer.finish() {
            self.session.push(message, true);
        }
        if let Some(control) = control {
            self.push_control(&control);
        }
        for waiting in told {
            self.session.barrier(waiting);
        }
    }
}

impl Future for Serve<'_> {
    type Output = Result<(), LinkError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().turn(cx)
    }
}
