//! The client's half of a session: what was counted, and what may have to be sent again (protocol.md#P7.2, protocol.md#P8).

use std::collections::VecDeque;

use bytes::Bytes;
use pointsman_protocol::frame::{Attach, ClientFrame, Ready};
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant};

use crate::error::LinkError;
use crate::pending::{NotDone, tell};

/// Wire messages sent and not confirmed, at most. At the limit nothing more is sent until the server confirms some.
const WINDOW_MESSAGES: usize = 1024;
/// Bytes of them, at most; one message may be larger.
const WINDOW_BYTES: usize = 4 * 1024 * 1024;
/// From this share of the window on, the server is asked to confirm.
const ASK_SHARE: usize = 4;
/// Confirmations are sent beyond the window up to this many messages, lest both ends wait for each other.
const WINDOW_MESSAGES_HARD: usize = WINDOW_MESSAGES + 256;
/// The server is told what was received at least after so many messages (protocol.md#P7.3 asks for 64).
const CONFIRM_MESSAGES: u32 = 32;
/// And at least after so many bytes (protocol.md#P7.3 asks for 64 KiB).
const CONFIRM_BYTES: usize = 32 * 1024;
/// And at the latest after this time (protocol.md#P7.3).
const CONFIRM_AFTER: Duration = Duration::from_secs(1);

/// No server takes less: a connect frame would not fit.
const FRAME_BYTES_MIN: usize = 512;
/// A server that promises to speak more often is not taken at its word.
const HEARTBEAT_MIN: Duration = Duration::from_millis(100);

/// What waits until the server has handled everything up to a wire message.
#[derive(Debug)]
struct Barrier {
    number: u64,
    waiting: Waiting,
}

#[derive(Debug)]
enum Waiting {
    /// A call.
    Flush(oneshot::Sender<Result<(), NotDone>>),
    /// Whatever answers to ids below this one were still to come have come by then.
    Answers(u64),
}

/// A wire message of the client.
#[derive(Debug)]
struct Unconfirmed {
    message: Bytes,
    /// Whether it holds more than confirmations.
    matters: bool,
    /// No id of it, or of an earlier one, is this large.
    ids_end: u64,
}

/// What outlives a link.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    secret: String,
    /// The last one granted, or asked for: an attempt whose answer never came may have been granted.
    generation: u32,
    /// Whether another link may take it up. Not after a message that could not be read.
    pub(crate) sound: bool,
    pub(crate) heartbeat: Duration,
    pub(crate) frame_bytes: usize,
    /// Wire messages received.
    received: u64,
    told_messages: u32,
    told_bytes: usize,
    confirm_at: Option<Instant>,
    owes_pong: bool,
    /// Wire messages sent and not confirmed, oldest first.
    unconfirmed: VecDeque<Unconfirmed>,
    unconfirmed_bytes: usize,
    /// Number of the last confirmed one.
    confirmed: u64,
    /// No id up to it is this large.
    confirmed_ids: u64,
    /// How many of the unconfirmed ones this link has been given.
    written: usize,
    asked: bool,
    barriers: VecDeque<Barrier>,
}

fn heartbeat_of(ready: &Ready<'_>) -> Duration {
    Duration::from_millis(ready.heartbeat_ms.into()).max(HEARTBEAT_MIN)
}

/// The largest frame that the server takes.
fn frame_bytes_of(ready: &Ready<'_>) -> usize {
    usize::try_from(ready.limits.frame_bytes).unwrap_or(usize::MAX).max(FRAME_BYTES_MIN)
}

impl Session {
    pub(crate) fn new(ready: &Ready<'_>) -> Self {
        Self {
            id: ready.session.to_string(),
            secret: ready.secret.to_string(),
            generation: ready.generation,
            sound: true,
            heartbeat: heartbeat_of(ready),
            frame_bytes: frame_bytes_of(ready),
            received: 0,
            told_messages: 0,
            told_bytes: 0,
            confirm_at: None,
            owes_pong: false,
            unconfirmed: VecDeque::new(),
            unconfirmed_bytes: 0,
            confirmed: 0,
            confirmed_ids: 0,
            written: 0,
            asked: false,
            barriers: VecDeque::new(),
        }
    }

    pub(crate) fn attach(&mut self) -> Attach<'_> {
        self.generation = self.generation.saturating_add(1);
        Attach {
            session: self.id.as_str().into(),
            secret: self.secret.as_str().into(),
            generation: self.generation,
            received: self.received,
        }
    }

    /// A new link has taken it up: what the server has not received is sent again, and nothing else (protocol.md#P8.2). Gives what
    /// [`confirm`](Self::confirm) does.
    pub(crate) fn resume(&mut self, ready: &Ready<'_>) -> Result<Option<u64>, LinkError> {
        if ready.session != self.id || ready.received < self.confirmed {
            return Err(LinkError::protocol("the server resumed a session that is not ours"));
        }
        self.generation = ready.generation;
        self.heartbeat = heartbeat_of(ready);
        self.frame_bytes = frame_bytes_of(ready);
        self.received += ready.skipped;
        (self.told_messages, self.told_bytes, self.confirm_at) = (0, 0, None);
        self.written = 0;
        (self.asked, self.owes_pong) = (false, false);
        self.confirm(ready.received)
    }

    /// Counts a wire message of the server (protocol.md#P7.2).
    pub(crate) fn count(&mut self, bytes: usize, now: Instant) {
        self.received += 1;
        self.told_messages += 1;
        self.told_bytes += bytes;
        if self.confirm_at.is_none() {
            self.confirm_at = Some(now + CONFIRM_AFTER);
        }
        if self.told_messages >= CONFIRM_MESSAGES || self.told_bytes >= CONFIRM_BYTES {
            self.owes_pong = true;
        }
    }

    pub(crate) fn pinged(&mut self) {
        self.owes_pong = true;
    }

    /// When the server has to be told what was received.
    pub(crate) fn confirm_at(&self) -> Option<Instant> {
        self.confirm_at
    }

    /// Takes note that it is time to tell.
    pub(crate) fn confirm_due(&mut self) {
        self.confirm_at = None;
        self.owes_pong = true;
    }

    /// The server has received so many messages. `Some` when answers to ids below the given one will not come any more.
    pub(crate) fn confirm(&mut self, received: u64) -> Result<Option<u64>, LinkError> {
        if received > self.head() {
            return Err(LinkError::protocol("the server confirmed more messages than were sent"));
        }
        while self.confirmed < received {
            if let Some(confirmed) = self.unconfirmed.pop_front() {
                self.unconfirmed_bytes -= confirmed.message.len();
                self.confirmed_ids = confirmed.ids_end;
            }
            self.written = self.written.saturating_sub(1);
            self.confirmed += 1;
        }
        let mut answers = None;
        while let Some(barrier) = self.barriers.pop_front_if(|barrier| barrier.number <= received) {
            match barrier.waiting {
                Waiting::Flush(told) => tell(told, Ok(())),
                Waiting::Answers(ids_end) => answers = Some(ids_end),
            }
        }
        Ok(answers)
    }

    /// Number of the last message.
    fn head(&self) -> u64 {
        self.confirmed + self.unconfirmed.len() as u64
    }

    /// The server has answered a ping.
    pub(crate) fn ponged(&mut self) {
        self.asked = false;
    }

    /// Whether another message of the application may be sent.
    pub(crate) fn has_window(&self) -> bool {
        self.unconfirmed.len() < WINDOW_MESSAGES && self.unconfirmed_bytes < WINDOW_BYTES
    }

    /// What has to go along with the next message: a ping, if the server has to confirm, or a pong. Either confirms (protocol.md#P7.1).
    pub(crate) fn control(&mut self, barrier: bool) -> Option<ClientFrame<'static>> {
        if self.unconfirmed.len() >= WINDOW_MESSAGES_HARD {
            return None;
        }
        let window_fills =
            self.unconfirmed.len() >= WINDOW_MESSAGES / ASK_SHARE || self.unconfirmed_bytes >= WINDOW_BYTES / ASK_SHARE;
        let asks = barrier || (window_fills && !self.asked);
        if !asks && !self.owes_pong {
            return None;
        }
        self.asked |= asks;
        self.owes_pong = false;
        (self.told_messages, self.told_bytes, self.confirm_at) = (0, 0, None);
        let received = self.received;
        Some(if asks { ClientFrame::Ping { received } } else { ClientFrame::Pong { received } })
    }

    /// Asks the server to confirm.
    pub(crate) fn ping(&mut self) -> ClientFrame<'static> {
        self.asked = true;
        ClientFrame::Ping { received: self.received }
    }

    /// The next message that this link has not been given.
    pub(crate) fn next_unwritten(&mut self) -> Option<Bytes> {
        let message = self.unconfirmed.get(self.written)?.message.clone();
        self.written += 1;
        Some(message)
    }

    /// Takes a message to be sent. `matters` if it holds more than confirmations.
    pub(crate) fn push(&mut self, message: Bytes, matters: bool) {
        self.unconfirmed_bytes += message.len();
        let ids_end = self.unconfirmed.back().map_or(self.confirmed_ids, |last| last.ids_end);
        self.unconfirmed.push_back(Unconfirmed { message, matters, ids_end });
    }

    /// The message pushed last holds ids, all below this one.
    pub(crate) fn note_ids(&mut self, ids_end: u64) {
        if let Some(last) = self.unconfirmed.back_mut() {
            last.ids_end = last.ids_end.max(ids_end);
        }
    }

    /// Whether something was sent that the server may not have handled.
    pub(crate) fn is_open(&self) -> bool {
        self.unconfirmed.iter().any(|unconfirmed| unconfirmed.matters)
    }

    /// Lets a call wait for everything pushed so far.
    pub(crate) fn barrier(&mut self, told: oneshot::Sender<Result<(), NotDone>>) {
        let number = self.head();
        self.barriers.push_back(Barrier { number, waiting: Waiting::Flush(told) });
    }

    /// Messages of the server are lost, and answers may have been among them. Whatever the server had handled by now and has not answered when
    /// it handles the message pushed last stays without an answer.
    pub(crate) fn answers_barrier(&mut self) {
        let number = self.head();
        self.barriers.push_back(Barrier { number, waiting: Waiting::Answers(self.confirmed_ids) });
    }

    /// It is over: calls that wait for it do not get to know more. Whether there were any.
    pub(crate) fn fail(&mut self) -> bool {
        let mut told = false;
        for barrier in self.barriers.drain(..) {
            if let Waiting::Flush(waiting) = barrier.waiting {
                told |= waiting.send(Err(NotDone::Unknown)).is_ok();
            }
        }
        told
    }
}
