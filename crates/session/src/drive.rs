//! A link's life.

use std::collections::VecDeque;
use std::future::Future;
use std::io::IoSlice;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pointsman_contract::codec::Codec;
use pointsman_contract::worker::Worker;
use pointsman_outbox::outbox::Phase;
use pointsman_protocol::codes::CloseCode;
use pointsman_protocol::frame::{CloseFrame, ServerFrame};
use tokio::time::{Instant, Sleep};

use crate::close::CloseReason;
use crate::config::{READS_PER_POLL, SessionConfig};
use crate::context::SessionContext;
use crate::handshake::{self, Opened};
use crate::ingest::Reader;
use crate::link::{Link, Receive};
use crate::session::Session;
use crate::worker::with_worker;

/// How long a link that has said everything waits for its peer to hang up.
const LINGER: Duration = Duration::from_secs(1);

/// Drives a link from its opening to its end and says why it ended.
pub async fn drive<L: Link>(mut link: L, cx: Arc<SessionContext>) -> CloseReason {
    let _open = cx.link_opened();
    let opened = match Box::pin(cx.abort.run_until_cancelled(handshake::open(&mut link, &cx))).await {
        Some(Ok(opened)) => opened,
        Some(Err(reason)) => {
            refuse(&mut link, &reason).await;
            return reason;
        }
        None => return CloseReason::Lost,
    };
    let session = Arc::clone(&opened.session);
    let generation = opened.generation;
    let reason = Serve::new(link, opened, Arc::clone(&cx)).await;
    leave(&cx, &session, generation, &reason);
    reason
}

/// What becomes of the session when its link has ended.
fn leave(cx: &SessionContext, session: &Session, generation: u32, reason: &CloseReason) {
    let mut ingest = session.ingest();
    if ingest.generation != generation || ingest.ended {
        return;
    }
    if reason.keeps_session() && cx.config().keep > Duration::ZERO && !cx.is_draining() {
        session.outbox.detach();
        ingest.attached = false;
        ingest.detached_at = cx.advance();
        ingest.close = None;
    } else {
        drop(ingest);
        cx.end(session);
    }
}

/// Closes a link that never came to a session. There is no outbox: the link's task is alone with the socket.
async fn refuse<L: Link>(link: &mut L, reason: &CloseReason) {
    let mut bytes = Vec::new();
    encode_end(link, reason, &mut bytes);
    if !bytes.is_empty() {
        // A peer that does not even take a close frame gets none.
        let _unsent = link.pipe().try_write_vectored(&[IoSlice::new(&bytes)]);
        link.shutdown_write();
        let hang_up = std::future::poll_fn(|cx| poll_hang_up(link, cx));
        let _timed_out = tokio::time::timeout(LINGER, hang_up).await;
    }
}

struct Discard;

impl Receive for Discard {
    fn message(&mut self, _: &[u8]) {}
    fn answer(&mut self, _: &[u8]) {}
}

/// Reads and throws away until the peer has hung up.
fn poll_hang_up<L: Link>(link: &mut L, cx: &mut Context<'_>) -> Poll<()> {
    for _ in 0..READS_PER_POLL {
        if ready!(link.poll_receive(cx, &mut Discard)).is_err() {
            return Poll::Ready(());
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// The protocol's `close` and the link's own.
fn encode_end<L: Link>(link: &L, reason: &CloseReason, out: &mut Vec<u8>) {
    match reason {
        CloseReason::Server { code, message, retry_after } => {
            let frame = CloseFrame {
                code: code.code(),
                reason: code.name().into(),
                message: message.as_str().into(),
                retry_after_ms: retry_after.map(|wait| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX)),
            };
            link.codec().encode_frame(&ServerFrame::Close(frame), out);
            link.encode_close(code.code(), message, out);
        }
        CloseReason::Violation { code, message } => link.encode_close(*code, message, out),
        CloseReason::Peer { code } => link.encode_close(code.unwrap_or(1000), "", out),
        CloseReason::Lost => {}
    }
}

enum Stage {
    /// Reading and writing.
    Open,
    /// The last bytes are going out.
    Closing(CloseReason),
    /// Everything is out; the peer should hang up.
    Lingering(CloseReason),
}

/// A link that belongs to a session.
struct Serve<L> {
    link: L,
    cx: Arc<SessionContext>,
    session: Arc<Session>,
    generation: u32,
    stage: Stage,
    /// The end of a pause, of closing or of lingering. No link has a timer otherwise.
    timer: Option<Pin<Box<Sleep>>>,
    bad_frames: u32,
    first: Vec<u8>,
    early: VecDeque<Vec<u8>>,
}

impl<L: Link> Serve<L> {
    fn new(link: L, opened: Opened, cx: Arc<SessionContext>) -> Self {
        Self {
            link,
            cx,
            session: opened.session,
            generation: opened.generation,
            stage: Stage::Open,
            timer: None,
            bad_frames: 0,
            first: opened.first,
            early: opened.early,
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>, worker: &mut Worker) -> Poll<CloseReason> {
        loop {
            if self.cx.is_aborting() {
                return Poll::Ready(self.lost());
            }
            if let Poll::Ready(Err(())) = self.poll_write(cx, worker) {
                return Poll::Ready(self.lost());
            }
            match &self.stage {
                Stage::Open => {
                    if let Some(reason) = self.told_to_end() {
                        if matches!(reason, CloseReason::Lost) {
                            return Poll::Ready(reason);
                        }
                        self.begin_close(reason, worker);
                        continue;
                    }
                    if self.timer.is_some() {
                        ready!(self.poll_timer(cx));
                    }
                    if self.session.outbox.over_limit() {
                        // Reading from a peer that does not read would only queue more answers for it.
                        self.session.outbox.wake_when_drained();
                        if self.session.outbox.over_limit() {
                            return Poll::Pending;
                        }
                    }
                    match self.read(cx, worker) {
                        Poll::Ready(Some(reason)) => self.begin_close(reason, worker),
                        Poll::Ready(None) => {
                            cx.waker().wake_by_ref();
                            return Poll::Pending;
                        }
                        Poll::Pending => return Poll::Pending,
                    }
                }
                Stage::Closing(reason) => {
                    let reason = reason.clone();
                    if matches!(reason, CloseReason::Lost) {
                        return Poll::Ready(reason);
                    }
                    if self.session.outbox.drained() {
                        self.link.shutdown_write();
                        if matches!(reason, CloseReason::Peer { .. }) {
                            return Poll::Ready(reason);
                        }
                        self.timer = Some(Box::pin(tokio::time::sleep(LINGER)));
                        self.stage = Stage::Lingering(reason);
                        continue;
                    }
                    self.session.outbox.wake_when_drained();
                    ready!(self.poll_timer(cx));
                    return Poll::Ready(reason);
                }
                Stage::Lingering(reason) => {
                    let reason = reason.clone();
                    if poll_hang_up(&mut self.link, cx).is_ready() || self.poll_timer(cx).is_ready() {
                        return Poll::Ready(reason);
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Goes on with what the socket did not take. `Err` when the link is lost.
    fn poll_write(&mut self, cx: &mut Context<'_>, worker: &mut Worker) -> Poll<Result<(), ()>> {
        let outbox = &self.session.outbox;
        while outbox.phase() == Phase::Blocked {
            if outbox.lost() || ready!(self.link.poll_writable(cx)).is_err() {
                return Poll::Ready(Err(()));
            }
            if outbox.flush(&mut worker.tick.pool).lost {
                return Poll::Ready(Err(()));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn lost(&self) -> CloseReason {
        match &self.stage {
            Stage::Open => CloseReason::Lost,
            Stage::Closing(reason) | Stage::Lingering(reason) => reason.clone(),
        }
    }

    /// Whether somebody else wants this link to end.
    fn told_to_end(&self) -> Option<CloseReason> {
        let ingest = self.session.ingest();
        if ingest.generation != self.generation {
            return Some(CloseReason::Lost);
        }
        if let Some(reason) = ingest.close.clone() {
            return Some(reason);
        }
        drop(ingest);
        self.session.outbox.overflowed().then(|| {
            CloseReason::server(
                CloseCode::SlowConsumer,
                "deliveries waited in vain for this client to read; read faster, subscribe to less, or ask for a larger outbox",
            )
        })
    }

    fn begin_close(&mut self, reason: CloseReason, worker: &mut Worker) {
        if !matches!(reason, CloseReason::Lost) {
            let mut bytes = std::mem::take(&mut worker.scratch);
            bytes.clear();
            encode_end(&self.link, &reason, &mut bytes);
            worker.tick.control(&self.session.outbox, &bytes, 0);
            worker.scratch = bytes;
            self.timer = Some(Box::pin(tokio::time::sleep(self.cx.config().close_timeout)));
        }
        self.stage = Stage::Closing(reason);
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(timer) = self.timer.as_mut() {
            ready!(timer.as_mut().poll(cx));
            self.timer = None;
        }
        Poll::Ready(())
    }

    /// Reads a few times. `Ready(None)` when others should have a turn.
    fn read(&mut self, cx: &mut Context<'_>, worker: &mut Worker) -> Poll<Option<CloseReason>> {
        let config = self.cx.config();
        let session = Arc::clone(&self.session);
        for _ in 0..READS_PER_POLL {
            let ingest = session.ingest();
            if ingest.generation != self.generation {
                return Poll::Ready(Some(CloseReason::Lost));
            }
            let (polled, pause, end) = self.read_once(cx, worker, &config);
            drop(ingest);
            if let Some(pause) = pause {
                self.timer = Some(Box::pin(tokio::time::sleep_until(Instant::now() + pause)));
            }
            match (end, polled) {
                (Some(reason), _) | (None, Poll::Ready(Err(reason))) => return Poll::Ready(Some(reason)),
                (None, Poll::Ready(Ok(()))) => {
                    session.heard.store(self.cx.seconds(), Ordering::Relaxed);
                }
                (None, Poll::Pending) => return Poll::Pending,
            }
            if self.timer.is_some() || session.outbox.over_limit() {
                break;
            }
        }
        Poll::Ready(None)
    }

    fn read_once(
        &mut self,
        cx: &mut Context<'_>,
        worker: &mut Worker,
        config: &SessionConfig,
    ) -> (Poll<Result<(), CloseReason>>, Option<Duration>, Option<CloseReason>) {
        let mut reader = Reader {
            cx: &self.cx,
            session: &self.session,
            config,
            worker,
            bad_frames: &mut self.bad_frames,
            pause: None,
            end: None,
        };
        let mut polled = Poll::Ready(Ok(()));
        if self.first.is_empty() && self.early.is_empty() {
            polled = self.link.poll_receive(cx, &mut reader);
        } else {
            after_connect(&*self.session.codec, &std::mem::take(&mut self.first), &mut reader);
            for message in std::mem::take(&mut self.early) {
                reader.message(&message);
            }
        }
        reader.submit();
        (polled, reader.pause, reader.end)
    }
}

/// The frames that came in the same wire message as `connect`.
fn after_connect(codec: &dyn Codec, message: &[u8], reader: &mut Reader<'_>) {
    let mut connect = true;
    codec.decode(message, &mut |frame| {
        if !std::mem::take(&mut connect) {
            reader.frame(frame);
        }
        if reader.end.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
}

impl<L: Link> Future for Serve<L> {
    type Output = CloseReason;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CloseReason> {
        let this = self.get_mut();
        this.session.outbox.register(cx.waker());
        with_worker(|worker| this.turn(cx, worker))
    }
}
