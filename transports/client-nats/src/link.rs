//! A client's connection.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};

use pointsman_contract::client::LinkKind;
use pointsman_contract::codec::Codec;
use pointsman_outbox::outbox::{Limits, SlowConsumer};
use pointsman_outbox::pipe::Pipe;
use pointsman_outbox::ring::RingLimits;
use pointsman_protocol::frame::{BodyKind, ClientFrame, Connect, Publish, Subscription};
use pointsman_protocol::subject;
use pointsman_session::close::CloseReason;
use pointsman_session::link::{Link, Manner, Peer, Receive, Reports};
use pointsman_session::tcp::LinkSocket;
use tokio::net::TcpStream;

use crate::codec::{NatsCodec, write_error};
use crate::config::NatsConfig;
use crate::info::{Node, Telling};
use crate::op::Op;
use crate::options::Options;
use crate::parser::{Parser, ParserSettings};
use crate::sids::Sids;

/// Long subscription names of one link.
const LONG_NAMES_MAX: usize = 4096;
/// The version of the session driver's protocol.
const VERSION: u32 = 1;

/// What all links of an endpoint share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: NatsConfig,
    pub(crate) node: Node,
    pub(crate) sids: Arc<Sids>,
    pub(crate) with_headers: Arc<NatsCodec>,
    pub(crate) without_headers: Arc<NatsCodec>,
}

/// A NATS link.
pub(crate) struct NatsLink {
    peer: Peer,
    client: SocketAddr,
    client_id: u64,
    socket: LinkSocket,
    parser: Parser,
    talk: Talk,
}

/// What a link knows of its client.
struct Talk {
    shared: Arc<Shared>,
    options: Options,
    connected: bool,
    /// Whether the client has been told that it is connected, which is after its first ping.
    informed: bool,
    long_names: BTreeSet<u64>,
    telling: Telling,
}

impl NatsLink {
    pub(crate) fn new(stream: TcpStream, client: SocketAddr, client_id: u64, shared: Arc<Shared>) -> Self {
        let telling = Telling {
            client_id,
            client,
            auth_required: shared.config.auth_required,
            max_payload: shared.config.payload_bytes_max,
            connected: false,
        };
        Self {
            peer: Peer { kind: LinkKind::Nats, address: Some(client) },
            client,
            client_id,
            socket: LinkSocket::new(stream),
            parser: Parser::new(shared.config.parser()),
            talk: Talk {
                shared,
                options: Options::default(),
                connected: false,
                informed: false,
                long_names: BTreeSet::new(),
                telling,
            },
        }
    }
}

impl std::fmt::Debug for NatsLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsLink").field("client", &self.client).field("client_id", &self.client_id).finish()
    }
}

/// The end of a link that broke the rules; `text` is said before.
fn violation(text: Option<&str>) -> CloseReason {
    CloseReason::Violation { code: 0, message: text.unwrap_or_default().to_owned() }
}

impl Talk {
    fn id(&self) -> Option<u64> {
        self.options.verbose.then_some(0)
    }

    fn ok(&self, into: &mut dyn Receive) {
        if self.options.verbose {
            into.answer(b"+OK\r\n");
        }
    }

    fn error(text: &str, into: &mut dyn Receive) {
        let mut bytes = Vec::new();
        write_error(text, &mut bytes);
        into.answer(&bytes);
    }

    fn op(&mut self, op: Op<'_>, settings: &mut ParserSettings, into: &mut dyn Receive) -> Result<(), CloseReason> {
        match op {
            Op::Connect(json) => return self.connect(json, settings, into),
            Op::Publish { subject, reply, headers, payload } => self.publish(subject, reply, headers, payload, into),
            Op::Subscribe { pattern, queue, sid } => self.subscribe(pattern, queue, sid, into),
            Op::Unsubscribe { sid, max } => match self.shared.sids.find(sid) {
                Some(sid) => {
                    into.frame(Ok(ClientFrame::Unsubscribe { id: self.id(), sid, max: max.filter(|max| *max > 0) }));
                    if max.is_none() && self.long_names.remove(&sid) {
                        self.shared.sids.leave(sid);
                    }
                }
                None => self.ok(into),
            },
            Op::Ping => {
                into.frame(Ok(ClientFrame::Ping { received: 0 }));
                if self.connected && self.options.protocol >= 1 && !std::mem::replace(&mut self.informed, true) {
                    into.answer(&self.shared.node.info(Telling { connected: true, ..self.telling }));
                }
            }
            Op::Pong => into.frame(Ok(ClientFrame::Pong { received: 0 })),
            Op::Nothing => {}
        }
        Ok(())
    }

    fn connect(
        &mut self,
        json: &[u8],
        settings: &mut ParserSettings,
        into: &mut dyn Receive,
    ) -> Result<(), CloseReason> {
        let options = Options::read(json).map_err(|fault| violation(fault.text()))?;
        settings.headers = options.headers;
        if std::mem::replace(&mut self.connected, true) {
            // Who it is cannot change; how it is answered can.
            self.options.verbose = options.verbose;
            self.options.pedantic = options.pedantic;
        } else {
            self.options = options;
            into.frame(Ok(ClientFrame::Connect(self.connect_frame())));
        }
        self.ok(into);
        Ok(())
    }

    fn connect_frame(&self) -> Connect<'static> {
        let options = &self.options;
        Connect {
            version: VERSION,
            token: options.secret().map(|secret| secret.to_owned().into()),
            name: options.name.as_ref().map(|name| name.clone().into()),
            echo: options.echo,
            subscribe: Vec::new(),
            attach: None,
        }
    }

    fn publish(&self, subject: &[u8], reply: Option<&[u8]>, headers: &[u8], payload: &[u8], into: &mut dyn Receive) {
        let reply = reply.map(std::str::from_utf8).transpose();
        let (Ok(subject), Ok(reply)) = (std::str::from_utf8(subject), reply) else {
            // Reaches nobody, as any subject that cannot be subscribed to.
            if self.options.pedantic {
                Self::error("Invalid Publish Subject", into);
            }
            self.ok(into);
            return;
        };
        if self.options.pedantic && subject::validate_subject(subject).is_err() {
            Self::error("Invalid Publish Subject", into);
        }
        into.frame(Ok(ClientFrame::Publish(Publish {
            id: self.id(),
            subject: subject.into(),
            reply: reply.map(Into::into),
            message_id: None,
            headers: headers.into(),
            payload: payload.into(),
            body: BodyKind::Unknown,
        })));
    }

    fn subscribe(&mut self, pattern: &[u8], queue: Option<&[u8]>, name: &[u8], into: &mut dyn Receive) {
        let queue = queue.map(std::str::from_utf8).transpose();
        let (Ok(pattern), Ok(queue)) = (std::str::from_utf8(pattern), queue) else {
            Self::error("Invalid Subject", into);
            return;
        };
        let Some(sid) = self.enter(name) else {
            Self::error("maximum subscriptions exceeded", into);
            return;
        };
        let subscription = Subscription { sid, pattern: pattern.into(), queue: queue.map(Into::into), max: None };
        into.frame(Ok(ClientFrame::Subscribe { id: self.id(), subscription }));
    }

    /// The number of a subscription's name, held by this link once.
    fn enter(&mut self, name: &[u8]) -> Option<u64> {
        let sid = self.shared.sids.enter(name)?;
        if Sids::is_tabled(sid) {
            let full = self.long_names.len() >= LONG_NAMES_MAX && !self.long_names.contains(&sid);
            if full || !self.long_names.insert(sid) {
                self.shared.sids.leave(sid);
            }
            if full {
                return None;
            }
        }
        Some(sid)
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        for sid in &self.long_names {
            self.shared.sids.leave(*sid);
        }
    }
}

impl Link for NatsLink {
    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn pipe(&self) -> Arc<dyn Pipe> {
        self.socket.pipe()
    }

    fn codec(&self) -> Arc<dyn Codec> {
        let shared = &self.talk.shared;
        let codec = if self.talk.options.headers { &shared.with_headers } else { &shared.without_headers };
        Arc::<NatsCodec>::clone(codec)
    }

    fn manner(&self) -> Manner {
        Manner {
            resumable: false,
            reports: Some(Reports { unheard: self.talk.options.no_responders }),
            outbox: Some(Limits {
                bytes: self.talk.shared.config.pending_bytes_max,
                messages: u32::MAX,
                slow_consumer: SlowConsumer::Disconnect,
                ring: RingLimits { messages: 0, bytes: 0 },
            }),
        }
    }

    fn greeting(&self) -> Option<Vec<u8>> {
        Some(self.talk.shared.node.info(self.talk.telling))
    }

    fn implied_connect(&self) -> Option<Connect<'static>> {
        Some(self.talk.connect_frame())
    }

    fn user(&self) -> Option<&str> {
        self.talk.options.user.as_deref().filter(|user| !user.is_empty())
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, into: &mut dyn Receive) -> Poll<Result<(), CloseReason>> {
        let Self { socket, parser, talk, .. } = self;
        socket.poll_take(cx, |bytes| take(parser, talk, bytes, into))
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_writable(cx)
    }

    fn encode_close(&self, code: u16, message: &str, out: &mut Vec<u8>) {
        if code == 0 && !message.is_empty() {
            write_error(message, out);
        }
    }

    fn shutdown_write(&mut self) {
        self.socket.shutdown_write();
    }
}

/// Every whole operation in `bytes`.
fn take(parser: &mut Parser, talk: &mut Talk, bytes: &[u8], into: &mut dyn Receive) -> Result<(), CloseReason> {
    let mut end = None;
    let read = parser.read(bytes, &mut |op, settings| match talk.op(op, settings, into) {
        Ok(()) => ControlFlow::Continue(()),
        Err(reason) => {
            end = Some(reason);
            ControlFlow::Break(())
        }
    });
    match (end, read) {
        (Some(reason), _) => Err(reason),
        (None, Err(fault)) => Err(violation(fault.text())),
        (None, Ok(())) => Ok(()),
    }
}
