//! A link's life.

use std::future::{Future, poll_fn};
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
use pointsman_protocol::frame::{ClientFrame, CloseFrame, FrameError, ServerFrame};
use tokio::time::Sleep;

use crate::close::CloseReason;
use crate::config::{READS_PER_POLL, SessionConfig};
use crate::context::SessionContext;
use crate::early::{Early, Heard};
use crate::handshake::{self, Opened};
use crate::held::Held;
use crate::ingest::Reader;
use crate::link::{Link, Receive};
use crate::session::{Ingest, Session};
use crate::worker::with_worker;

/// How long a link that has said everything waits for its peer to hang up.
const LINGER: Duration = Duration::from_secs(1);

/// Drives a link from its opening to its end and says why it ended.
pub fn drive<L: Link>(link: L, cx: Arc<SessionContext>) -> impl Future<Output = CloseReason> {
    // On the heap the link stands once. As a variable of the future it would have a place there for each step it is handed to, for as long as it lives.
    live(Box::new(link), cx)
}

/// The steps that a link takes once are boxed for the same reason: an idle link pays for none of them.
async fn live<L: Link>(mut link: Box<L>, cx: Arc<SessionContext>) -> CloseReason {
    let _open = cx.link_opened();
    let opened = match Box::pin(cx.abort.run_until_cancelled(handshake::open(&mut *link, &cx))).await {
        Some(Ok(opened)) => opened,
        Some(Err(reason)) => {
            let _aborted = Box::pin(cx.abort.run_until_cancelled(say(&mut *link, &reason))).await;
            return reason;
        }
        None => return CloseReason::Lost,
    };
    let mut serve = Serve::new(link, opened, Arc::clone(&cx));
    let End { reason, farewell } = poll_fn(|cx| serve.poll(cx)).await;
    let Serve { mut link, held, .. } = serve;
    match farewell {
        Farewell::None => held.leave(&reason),
        Farewell::Say => {
            // The session goes its own way before the link's last second.
            held.leave(&reason);
            let _aborted = Box::pin(cx.abort.run_until_cancelled(say(&mut *link, &reason))).await;
        }
        Farewell::WriteOut => {
            let writing = write_out(&mut *link, &held.session, &reason, &cx);
            let _aborted = Box::pin(cx.abort.run_until_cancelled(writing)).await;
        }
    }
    reason
}

/// Writes what waits in the outbox of a session that is over, its close the last, as long as that may take.
async fn write_out<L: Link>(link: &mut L, session: &Session, reason: &CloseReason, cx: &SessionContext) {
    let written = poll_fn(|cx| {
        session.outbox.register(cx.waker());
        match with_worker(|worker| poll_write(link, session, cx, worker)) {
            Poll::Ready(Err(())) => return Poll::Ready(false),
            _ if session.outbox.drained() => return Poll::Ready(true),
            _ => session.outbox.wake_when_drained(),
        }
        Poll::Pending
    });
    if tokio::time::timeout(cx.config().close_timeout, written).await == Ok(true) {
        link.shutdown_write();
        // A peer that closed first is not waited for.
        if !matches!(reason, CloseReason::Peer { .. }) {
            linger(link).await;
        }
    }
}

/// Goes on with what the socket did not take. `Err` when the link is lost.
fn poll_write<L: Link>(link: &L, session: &Session, cx: &mut Context<'_>, worker: &mut Worker) -> Poll<Result<(), ()>> {
    while session.outbox.phase() == Phase::Blocked {
        if session.outbox.lost() || ready!(link.poll_writable(cx)).is_err() {
            return Poll::Ready(Err(()));
        }
        if session.outbox.flush(&mut worker.tick.pool).lost {
            return Poll::Ready(Err(()));
        }
    }
    Poll::Ready(Ok(()))
}

/// Says goodbye on a link that has no outbox, or none any more: its task is alone with the socket.
async fn say<L: Link>(link: &mut L, reason: &CloseReason) {
    let mut bytes = Vec::new();
    encode_end(link, reason, &mut bytes);
    if !bytes.is_empty() {
        // A peer that does not even take a close frame gets none.
        let _unsent = link.pipe().try_write_vectored(&[IoSlice::new(&bytes)]);
        link.shutdown_write();
        linger(link).await;
    }
}

/// Waits a moment for the peer to hang up. A socket that is closed with bytes unread would take back what was written last.
async fn linger<L: Link>(link: &mut L) {
    let _timed_out = tokio::time::timeout(LINGER, poll_fn(|cx| poll_hang_up(link, cx))).await;
}

struct Discard;

impl Receive for Discard {
    fn message(&mut self, _: &[u8]) {}
    fn answer(&mut self, _: &[u8]) {}
    fn frame(&mut self, _: Result<ClientFrame<'_>, FrameError>) {}
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

/// How a link ended, and what is left to be done on it.
struct End {
    reason: CloseReason,
    farewell: Farewell,
}

enum Farewell {
    /// There is nobody to say it to.
    None,
    /// The reason is still to be said; the outbox is not in the way.
    Say,
    /// The session is over, and its last bytes wait in its outbox.
    WriteOut,
}

impl End {
    /// The link broke.
    fn lost() -> Self {
        Self { reason: CloseReason::Lost, farewell: Farewell::None }
    }
}

/// A link that belongs to a session.
struct Serve<L> {
    link: Box<L>,
    cx: Arc<SessionContext>,
    held: Held,
    /// The end of a pause. No link has a timer otherwise.
    timer: Option<Pin<Box<Sleep>>>,
    bad_frames: u32,
    early: Early,
}

impl<L: Link> Serve<L> {
    fn new(link: Box<L>, opened: Opened, cx: Arc<SessionContext>) -> Self {
        let Opened { held, early } = opened;
        Self { link, cx, held, timer: None, bad_frames: 0, early }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        {
            // Under the lock, so that a fenced link never takes the place of the one that is to be woken now.
            let ingest = self.held.session.ingest();
            if let Some(end) = self.fenced(&ingest) {
                return Poll::Ready(end);
            }
            self.held.session.outbox.register(cx.waker());
        }
        with_worker(|worker| self.turn(cx, worker))
    }

    /// The end of a link whose session another link has taken up.
    fn fenced(&self, ingest: &Ingest) -> Option<End> {
        (ingest.generation != self.held.generation).then(|| End {
            reason: CloseReason::server(CloseCode::Superseded, "another link has taken up this session"),
            farewell: if ingest.fenced == Some((self.held.generation, true)) { Farewell::Say } else { Farewell::None },
        })
    }

    fn turn(&mut self, cx: &mut Context<'_>, worker: &mut Worker) -> Poll<End> {
        // What came with `connect` is handled whatever has become of the link since: the client may have been told that it is ready.
        if !self.early.is_empty()
            && let Poll::Ready(Some(reason)) = self.read(cx, worker)
        {
            return Poll::Ready(self.close(reason, worker));
        }
        if self.cx.is_aborting() {
            return Poll::Ready(End::lost());
        }
        match self.poll_write(cx, worker) {
            Poll::Ready(Err(())) => return Poll::Ready(self.lost(cx, worker)),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        let reason = match self.told_to_end() {
            Some(reason) => reason,
            None => match ready!(self.poll_open(cx, worker)) {
                Some(reason) => reason,
                None => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            },
        };
        Poll::Ready(self.close(reason, worker))
    }

    /// Reads where that is allowed. `Ready(None)` when others should have a turn.
    fn poll_open(&mut self, cx: &mut Context<'_>, worker: &mut Worker) -> Poll<Option<CloseReason>> {
        ready!(self.poll_timer(cx));
        let outbox = &self.held.session.outbox;
        if outbox.over_limit() {
            // Reading from a peer that does not read would only queue more answers for it.
            outbox.wake_when_drained();
            if outbox.over_limit() {
                return Poll::Pending;
            }
        }
        self.read(cx, worker)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, worker: &mut Worker) -> Poll<Result<(), ()>> {
        let session = &self.held.session;
        if session.outbox.phase() != Phase::Blocked {
            return Poll::Ready(Ok(()));
        }
        // Held while writing, so that it is not the outbox of another link by then, which would never become writable here.
        let ingest = session.ingest();
        if ingest.generation != self.held.generation {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        poll_write(&*self.link, session, cx, worker)
    }

    /// The socket takes nothing any more. What the peer had sent before may say why.
    fn lost(&mut self, cx: &mut Context<'_>, worker: &mut Worker) -> End {
        match self.read(cx, worker) {
            Poll::Ready(Some(reason @ CloseReason::Peer { .. })) => End { reason, farewell: Farewell::None },
            _ => End::lost(),
        }
    }

    /// Whether somebody else wants this link to end.
    fn told_to_end(&self) -> Option<CloseReason> {
        if let Some(reason) = self.held.session.ingest().close.clone() {
            return Some(reason);
        }
        self.held.session.outbox.overflowed().then(|| {
            CloseReason::server(
                CloseCode::SlowConsumer,
                "deliveries waited in vain for this client to read; read faster, subscribe to less, or ask for a larger outbox",
            )
        })
    }

    /// A session that goes on keeps what waits for its next link, and this one is closed past it. One that is over is taken out at once; what waits
    /// still goes out, and the close behind it.
    fn close(&mut self, reason: CloseReason, worker: &mut Worker) -> End {
        let session = &self.held.session;
        let mut ingest = session.ingest();
        if let Some(end) = self.fenced(&ingest) {
            return end;
        }
        if reason.keeps_session() {
            let clean = session.outbox.detach();
            let said = clean && !matches!(reason, CloseReason::Lost);
            return End { reason, farewell: if said { Farewell::Say } else { Farewell::None } };
        }
        ingest.ended = true;
        drop(ingest);
        self.cx.retire(session);
        let mut bytes = std::mem::take(&mut worker.scratch);
        bytes.clear();
        encode_end(&*self.link, &reason, &mut bytes);
        worker.tick.last(&session.outbox, &bytes);
        worker.scratch = bytes;
        End { reason, farewell: Farewell::WriteOut }
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
        let session = Arc::clone(&self.held.session);
        for _ in 0..READS_PER_POLL {
            let ingest = session.ingest();
            if ingest.generation != self.held.generation {
                return Poll::Ready(None);
            }
            let (polled, pause, end) = self.read_once(cx, worker, &config);
            drop(ingest);
            if let Some(pause) = pause {
                self.timer = Some(Box::pin(tokio::time::sleep(pause)));
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
        // What a panic left there is of another session.
        worker.batch.clear();
        let mut reader = Reader {
            cx: &self.cx,
            session: &self.held.session,
            config,
            worker,
            bad_frames: &mut self.bad_frames,
            asks: false,
            pause: None,
            end: None,
        };
        let mut polled = Poll::Ready(Ok(()));
        if self.early.is_empty() {
            polled = self.link.poll_receive(cx, &mut reader);
        } else {
            let mut first = true;
            for heard in std::mem::take(&mut self.early).heard {
                match heard {
                    Heard::Answer(bytes) => reader.answer(&bytes),
                    Heard::Frame(frame) => reader.frame(frame),
                    Heard::Message(message) if std::mem::take(&mut first) => {
                        after_connect(&*self.held.session.codec, &message, &mut reader);
                    }
                    Heard::Message(message) => reader.message(&message),
                }
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
            reader.handle(frame);
        }
        if reader.end.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
}
