//! The client's task: opens links, one after the other, and serves them.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;

use pointsman_protocol::codes::Retry;
use pointsman_protocol::frame::{ClientFrame, Connect, Ready, ServerFrame};
use tokio::time::{Duration, Instant};

use crate::encoding::Packer;
use crate::error::{Close, CloseCause, LinkError, Refusal};
use crate::link::{Dial, Link};
use crate::serve::Serve;
use crate::session::Session;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::state::ConnectionState;
use crate::subscriptions::Subscriptions;

/// The version of the protocol.
const VERSION: u32 = 1;
/// A link that held for so long was good: the next pauses begin short again.
const STABLE: Duration = Duration::from_secs(10);
/// Bytes of a connect frame, before the server has told its limit.
const CONNECT_BYTES: usize = 64 * 1024;
/// Bytes of a connect frame without subscriptions, name and token, at most.
const CONNECT_OVERHEAD: usize = 512;

/// The state of the client's task. Dropped, it leaves nobody waiting.
#[derive(Debug)]
pub(crate) struct Driver {
    shared: Arc<Shared>,
    settings: Settings,
    dial: Arc<dyn Dial>,
    session: Option<Session>,
    subscriptions: Subscriptions,
    cause: CloseCause,
}

/// Where the attempts to connect again stand.
#[derive(Debug, Default)]
struct Attempts {
    /// Failed ones since the last link.
    failed: u32,
    /// Pauses since the last link that held.
    step: u32,
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, dial: Arc<dyn Dial>, settings: Settings) -> Self {
        Self {
            shared,
            settings,
            dial,
            session: None,
            subscriptions: Subscriptions::default(),
            cause: CloseCause::ByClient,
        }
    }

    /// Serves links until the client is closed.
    pub(crate) async fn run(mut self, mut link: Box<dyn Link>) {
        let mut attempts = Attempts::default();
        loop {
            let opened = Instant::now();
            let Some(session) = &mut self.session else { return };
            let encoding = self.settings.encoding;
            let served = Serve::new(&self.shared, session, &mut self.subscriptions, encoding, link).await;
            let Err(end) = served else { return };
            if matches!(end, LinkError::Protocol { .. }) {
                // What could not be read may have been a delivery: only a new session, with its gaps, is honest.
                session.sound = false;
            }
            if self.shared.closing.is_cancelled() {
                return;
            }
            if opened.elapsed() >= STABLE {
                attempts.step = 0;
            }
            attempts.failed = 0;
            match self.reopen(&mut attempts, end).await {
                Ok(next) => link = next,
                Err(cause) => {
                    self.cause = cause;
                    return;
                }
            }
        }
    }

    async fn reopen(&mut self, attempts: &mut Attempts, mut end: LinkError) -> Result<Box<dyn Link>, CloseCause> {
        let policy = self.settings.reconnect;
        let shared = Arc::clone(&self.shared);
        loop {
            if let LinkError::Closed(close) = &end
                && close.retry() == Retry::Stop
            {
                return Err(CloseCause::ByServer(close.clone()));
            }
            if policy.attempts.is_some_and(|most| attempts.failed >= most) {
                return Err(CloseCause::GaveUp { attempts: attempts.failed, last: end });
            }
            let delay = policy.delay(attempts.step, &end);
            attempts.step = attempts.step.saturating_add(1);
            attempts.failed = attempts.failed.saturating_add(1);
            shared.state.send_replace(ConnectionState::Reconnecting {
                attempt: attempts.failed,
                next_delay: delay,
                cause: end,
            });
            tokio::select! {
                () = shared.closing.cancelled() => return Err(CloseCause::ByClient),
                () = tokio::time::sleep(delay) => {}
            }
            shared.state.send_replace(ConnectionState::Connecting);
            let opened = tokio::select! {
                () = shared.closing.cancelled() => return Err(CloseCause::ByClient),
                opened = self.open() => opened,
            };
            match opened {
                Ok(link) => return Ok(link),
                Err(error) => end = error,
            }
        }
    }

    /// Opens a link and takes up the session, or gets a new one.
    pub(crate) async fn open(&mut self) -> Result<Box<dyn Link>, LinkError> {
        let after = self.settings.connect_timeout;
        match tokio::time::timeout(after, self.try_open()).await {
            Ok(opened) => opened,
            Err(_) => Err(LinkError::Timeout { after }),
        }
    }

    async fn try_open(&mut self) -> Result<Box<dyn Link>, LinkError> {
        let dial = Arc::clone(&self.dial);
        let mut link = dial.dial().await?;
        let (message, listed) = self.connect_message();
        poll_fn(|cx| link.poll_ready(cx)).await?;
        link.send(message)?;
        poll_fn(|cx| link.poll_flush(cx)).await?;
        let answer = poll_fn(|cx| link.poll_receive(cx)).await?;
        let mut opened = Err(LinkError::protocol("an empty message came instead of `ready`"));
        self.settings.encoding.decode_server(&answer, &mut |frame| {
            opened = match frame {
                Ok(ServerFrame::Ready(ready)) => self.established(&ready, &listed),
                Ok(ServerFrame::Close(close)) => Err(LinkError::Closed(Close::from_frame(&close))),
                Ok(_) => Err(LinkError::protocol("another frame came before `ready`")),
                Err(error) => Err(LinkError::protocol(error.to_string())),
            };
            ControlFlow::Break(())
        });
        opened.map(|()| link)
    }

    /// The first wire message of a link, and the sids it names.
    fn connect_message(&mut self) -> (bytes::Bytes, Vec<u64>) {
        let token = (self.settings.token)();
        let strings = token.as_ref().map_or(0, String::len) + self.settings.name.as_ref().map_or(0, String::len);
        let most = self.session.as_ref().map_or(CONNECT_BYTES, |session| session.frame_bytes);
        let subscribe = self.subscriptions.list(most.saturating_sub(CONNECT_OVERHEAD + strings));
        let listed = subscribe.iter().map(|subscription| subscription.sid).collect();
        let connect = ClientFrame::Connect(Connect {
            version: VERSION,
            token: token.map(Into::into),
            name: self.settings.name.as_deref().map(Into::into),
            echo: self.settings.echo,
            subscribe,
            attach: self.session.as_mut().filter(|session| session.sound).map(Session::attach),
        });
        let mut message = Vec::new();
        self.settings.encoding.append(&connect, &mut message);
        (self.settings.encoding.seal(message, 1), listed)
    }

    /// The server is ready (protocol.md#P3.3).
    fn established(&mut self, ready: &Ready<'_>, listed: &[u64]) -> Result<(), LinkError> {
        if ready.version != VERSION {
            return Err(LinkError::protocol(format!("it speaks version {}, this client {VERSION}", ready.version)));
        }
        if ready.resumed {
            let Some(session) = &mut self.session else {
                return Err(LinkError::protocol("it resumed a session that nobody asked for"));
            };
            match session.resume(ready) {
                Ok(Some(ids_end)) => self.shared.outgoing.answers_lost(ids_end),
                Ok(None) => {}
                Err(error) => {
                    session.sound = false;
                    return Err(error);
                }
            }
            if ready.skipped > 0 {
                self.answers_lost();
            }
        } else {
            self.begin_session(ready, listed);
        }
        let payload_bytes = usize::try_from(ready.limits.payload_bytes).unwrap_or(usize::MAX);
        let frame_bytes = self.session.as_ref().map_or(usize::MAX, |session| session.frame_bytes);
        let dropped = self.shared.outgoing.set_limits(frame_bytes, payload_bytes);
        if dropped > 0 {
            self.shared.refusals.send_modify(|refusals| {
                refusals.count += dropped;
                refusals.last = Some(Refusal::too_large(frame_bytes));
            });
        }
        self.shared.state.send_replace(ConnectionState::Connected {
            session: ready.session.to_string(),
            server: ready.server.to_string(),
            resumed: ready.resumed,
        });
        Ok(())
    }

    /// A new session (protocol.md#P8.4): what the old one had not finished ends unknown, and every subscription is told.
    fn begin_session(&mut self, ready: &Ready<'_>, listed: &[u64]) {
        let mut session = Session::new(ready);
        if let Some(mut old) = self.session.take() {
            let told = old.fail();
            self.shared.outgoing.session_gone(old.is_open() && !told);
            self.subscriptions.session_gone();
        }
        self.subscriptions.listed(listed, &ready.refused, &self.shared.outgoing);
        // What found no place in the connect frame follows in frames of its own.
        let mut packer = Packer::new(self.settings.encoding, session.frame_bytes);
        self.subscriptions.unlisted(listed, &self.shared.outgoing, &mut packer);
        for message in packer.finish() {
            session.push(message, true);
        }
        self.session = Some(session);
    }

    /// Messages of the server are lost (protocol.md#P8.3). Answers may have been among them: what can be asked again is asked again.
    fn answers_lost(&mut self) {
        let Some(session) = &mut self.session else { return };
        let mut packer = Packer::new(self.settings.encoding, session.frame_bytes);
        self.subscriptions.unanswered(&self.shared.outgoing, &mut packer);
        packer.push(&session.ping());
        for message in packer.finish() {
            session.push(message, true);
        }
        session.answers_barrier();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.shared.outgoing.close(&self.cause);
        self.subscriptions.close(&self.cause);
        if let Some(session) = &mut self.session {
            session.fail();
        }
        self.shared.state.send_replace(ConnectionState::Closed { cause: self.cause.clone() });
    }
}

#[cfg(test)]
mod tests;
