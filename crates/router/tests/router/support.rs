//! Sessions whose deliveries can be read back.

use std::fmt;
use std::io::{self, IoSlice};
use std::ops::ControlFlow;
use std::sync::Arc;

use parking_lot::Mutex;
use pointsman_contract::batch::{Answer, Batch, PublicationView};
use pointsman_contract::codec::Codec;
use pointsman_contract::identity::{Identity, Rules};
use pointsman_contract::outcome::Outcome;
use pointsman_contract::policy::{DeliverRule, PlanContext, Policy, PublishRule, Verdict};
use pointsman_contract::port::{Member, Port, SessionKey, Submitted, SubscribeRequest};
use pointsman_contract::refusal::Refusal;
use pointsman_contract::worker::Worker;
use pointsman_outbox::outbox::{Limits, Outbox, SlowConsumer};
use pointsman_outbox::pipe::{Delivered, Framing, Pipe, WireMessage};
use pointsman_outbox::ring::RingLimits;
use pointsman_protocol::codes::ErrorCode;
use pointsman_protocol::frame::{BodyKind, ClientFrame, DeliveryView, FrameError, ServerFrame};
use pointsman_protocol::subject::Pattern;
use pointsman_router::router::{Router, RouterConfig};

/// What a session has been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    Message { sids: Vec<u64>, messages: Vec<Got> },
    Reply { id: u64, payload: Vec<u8> },
    Gap { sids: Vec<u64>, lost: u64, reason: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) subject: String,
    pub(crate) reply: Option<String>,
    pub(crate) payload: Vec<u8>,
}

fn put(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
    out.extend_from_slice(bytes);
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n);
        self.0 = rest;
        taken
    }
    fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }
    fn number(&mut self) -> u64 {
        u64::from_be_bytes(self.take(8).try_into().unwrap())
    }
    fn bytes(&mut self) -> &'a [u8] {
        let len = u32::from_be_bytes(self.take(4).try_into().unwrap());
        self.take(len as usize)
    }
    fn text(&mut self) -> String {
        String::from_utf8(self.bytes().to_vec()).unwrap()
    }
    fn numbers(&mut self) -> Vec<u64> {
        (0..self.number()).map(|_| self.number()).collect()
    }
    fn messages(&mut self) -> Vec<Got> {
        (0..self.number())
            .map(|_| Got {
                subject: self.text(),
                reply: (self.byte() == 1).then(|| self.text()),
                payload: self.bytes().to_vec(),
            })
            .collect()
    }
}

type During = Box<dyn FnOnce() + Send>;

/// A length, the codec's key, a kind, fields.
#[derive(Default)]
pub(crate) struct TestCodec {
    key: u16,
    /// Runs within the next encoding, as another thread would.
    pub(crate) during: Mutex<Option<During>>,
}

impl fmt::Debug for TestCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestCodec({})", self.key)
    }
}

impl TestCodec {
    pub(crate) fn new(key: u16) -> Arc<Self> {
        Arc::new(Self { key, during: Mutex::default() })
    }

    fn frame(&self, kind: u8, out: &mut Vec<u8>, fields: impl FnOnce(&mut Vec<u8>)) {
        let mut payload = self.key.to_be_bytes().to_vec();
        payload.push(kind);
        fields(&mut payload);
        put(&payload, out);
    }

    /// Whole frames only; anything else was torn or encoded for somebody else.
    fn read(&self, bytes: &[u8]) -> Vec<Frame> {
        let mut wire = Fields(bytes);
        let mut frames = Vec::new();
        while !wire.0.is_empty() {
            let mut fields = Fields(wire.bytes());
            assert_eq!(fields.take(2), self.key.to_be_bytes(), "encoded for another link kind");
            frames.push(match fields.byte() {
                b'M' => Frame::Message { sids: fields.numbers(), messages: fields.messages() },
                b'R' => Frame::Reply { id: fields.number(), payload: fields.bytes().to_vec() },
                b'G' => Frame::Gap { sids: fields.numbers(), lost: fields.number(), reason: fields.text() },
                other => panic!("unknown kind {other}"),
            });
            assert!(fields.0.is_empty());
        }
        frames
    }
}

fn put_numbers(numbers: &[u64], out: &mut Vec<u8>) {
    out.extend_from_slice(&(numbers.len() as u64).to_be_bytes());
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_be_bytes()));
}

impl Framing for TestCodec {
    fn next_message<'a>(&self, bytes: &'a [u8]) -> Option<WireMessage<'a>> {
        let len = u32::from_be_bytes(bytes.get(..4)?.try_into().unwrap()) as usize;
        Some(WireMessage { wire_len: 4 + len, counted: true, payload: bytes.get(4..4 + len)? })
    }

    fn delivered(&self, payload: &[u8]) -> Option<Delivered> {
        let mut fields = Fields(payload.get(2..)?);
        (fields.byte() == b'M')
            .then(|| Delivered { sids: fields.numbers(), messages: u32::try_from(fields.number()).unwrap() })
    }

    fn encode_gap(&self, sids: &[u64], lost: u64, reason: &str, out: &mut Vec<u8>) {
        self.frame(b'G', out, |out| {
            put_numbers(sids, out);
            out.extend_from_slice(&lost.to_be_bytes());
            put(reason.as_bytes(), out);
        });
    }
}

impl Codec for TestCodec {
    fn key(&self) -> u16 {
        self.key
    }

    fn name(&self) -> &'static str {
        "test"
    }

    fn encode_run<'a>(
        &self,
        sids: &[u64],
        run: &mut dyn ExactSizeIterator<Item = DeliveryView<'a>>,
        out: &mut Vec<u8>,
    ) {
        let during = self.during.lock().take();
        if let Some(during) = during {
            during();
        }
        self.frame(b'M', out, |out| {
            put_numbers(sids, out);
            out.extend_from_slice(&(run.len() as u64).to_be_bytes());
            for message in run {
                put(message.subject.as_bytes(), out);
                out.push(u8::from(message.reply.is_some()));
                if let Some(reply) = message.reply {
                    put(reply.as_bytes(), out);
                }
                put(message.payload, out);
            }
        });
    }

    fn encode_reply(&self, id: u64, _: &[u8], payload: &[u8], _: BodyKind, out: &mut Vec<u8>) {
        self.frame(b'R', out, |out| {
            out.extend_from_slice(&id.to_be_bytes());
            put(payload, out);
        });
    }

    fn encode_frame(&self, frame: &ServerFrame<'_>, _: &mut Vec<u8>) {
        panic!("the router makes no frame like {frame:?}");
    }

    fn decode(&self, _: &[u8], _: &mut dyn FnMut(Result<ClientFrame<'_>, FrameError>) -> ControlFlow<()>) {
        panic!("the router reads nothing");
    }
}

/// Takes everything, or nothing.
#[derive(Debug, Default)]
struct Recorder {
    taken: Mutex<Vec<u8>>,
    shut: Mutex<bool>,
}

impl Pipe for Recorder {
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if *self.shut.lock() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut taken = self.taken.lock();
        let before = taken.len();
        slices.iter().for_each(|slice| taken.extend_from_slice(slice));
        Ok(taken.len() - before)
    }
}

/// A session in the router.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) key: SessionKey,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) codec: Arc<TestCodec>,
    pipe: Arc<Recorder>,
}

impl Peer {
    /// What came since the last call.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        self.codec.read(&std::mem::take(&mut *self.pipe.taken.lock()))
    }

    /// The messages that came since the last call, each with the numbers it is for; nothing else may have come.
    pub(crate) fn got(&self) -> Vec<(Vec<u64>, String)> {
        let mut got = Vec::new();
        for frame in self.frames() {
            let Frame::Message { sids, messages } = frame else { panic!("not a message: {frame:?}") };
            got.extend(messages.into_iter().map(|one| (sids.clone(), String::from_utf8(one.payload).unwrap())));
        }
        got
    }

    /// The payloads of the messages that came since the last call.
    pub(crate) fn payloads(&self) -> Vec<String> {
        self.got().into_iter().map(|(_, payload)| payload).collect()
    }

    /// From now on its socket takes nothing, or everything again.
    pub(crate) fn shut(&self, shut: bool, worker: &mut Worker) {
        *self.pipe.shut.lock() = shut;
        if !shut {
            let _flushed = self.outbox.flush(&mut worker.tick.pool);
        }
    }
}

/// How a session is made.
#[derive(Debug, Clone)]
pub(crate) struct Make {
    pub(crate) identity: Identity,
    pub(crate) echo: bool,
    pub(crate) subscriptions_max: u32,
    pub(crate) requests_max: u32,
    pub(crate) key: u16,
    pub(crate) outbox: Limits,
}

impl Default for Make {
    fn default() -> Self {
        Self {
            identity: Identity::anonymous(),
            echo: true,
            subscriptions_max: 1_000,
            requests_max: 100,
            key: 1,
            outbox: Limits {
                bytes: 64 << 20,
                messages: 1 << 20,
                slow_consumer: SlowConsumer::DropOldest,
                ring: RingLimits { messages: 0, bytes: 0 },
            },
        }
    }
}

/// A router with one worker.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) router: Arc<Router>,
    pub(crate) worker: Worker,
}

impl Node {
    pub(crate) fn new() -> Self {
        Self::with(RouterConfig { cache_entries: 64, ..RouterConfig::default() }, Vec::new())
    }

    pub(crate) fn with(config: RouterConfig, policies: Vec<Arc<dyn Policy>>) -> Self {
        Self { router: Arc::new(Router::new(config, 7, policies)), worker: Worker::default() }
    }

    pub(crate) fn with_id(id: u64) -> Self {
        Self { router: Arc::new(Router::new(RouterConfig::default(), id, Vec::new())), worker: Worker::default() }
    }

    pub(crate) fn join(&mut self) -> Peer {
        self.make(Make::default())
    }

    pub(crate) fn make(&mut self, make: Make) -> Peer {
        self.try_make(make).unwrap()
    }

    pub(crate) fn try_make(&mut self, make: Make) -> Result<Peer, Refusal> {
        let codec = TestCodec::new(make.key);
        let outbox = Arc::new(Outbox::new(Arc::<TestCodec>::clone(&codec), make.outbox));
        let pipe = Arc::<Recorder>::default();
        let attached = outbox.attach(Arc::<Recorder>::clone(&pipe), 0, &[], |_, _| {}, &mut self.worker.tick.pool);
        assert!(attached.is_some());
        let _flushed = outbox.flush(&mut self.worker.tick.pool);
        let key = self.router.attach(Member {
            outbox: Arc::clone(&outbox),
            codec: Arc::<TestCodec>::clone(&codec),
            identity: Arc::new(make.identity),
            echo: make.echo,
            subscriptions_max: make.subscriptions_max,
            requests_max: make.requests_max,
        })?;
        Ok(Peer { key, outbox, codec, pipe })
    }

    pub(crate) fn subscribe(&self, peer: &Peer, sid: u64, pattern: &str) -> Result<(), ErrorCode> {
        self.subscribe_as(peer, &SubscribeRequest { sid, pattern, queue: None, max: None })
    }

    pub(crate) fn subscribe_as(&self, peer: &Peer, request: &SubscribeRequest<'_>) -> Result<(), ErrorCode> {
        self.router.subscribe(peer.key, request).map_err(|refusal| refusal.code)
    }

    /// Submits, flushes, and returns what is answered, with the place in the batch.
    pub(crate) fn submit(&mut self, peer: &Peer, publications: &[PublicationView<'_>]) -> Vec<(u32, Outcome)> {
        let mut batch = Batch::default();
        publications.iter().for_each(|publication| batch.push(publication));
        let Submitted { pause } = self.router.submit(peer.key, batch.view(), &mut self.worker);
        assert_eq!(pause, None);
        self.worker.tick.flush();
        std::mem::take(&mut self.worker.outcomes)
    }

    /// Publishes one message and returns what is answered.
    pub(crate) fn publish(&mut self, peer: &Peer, subject: &str, payload: &str) -> Vec<Outcome> {
        let outcomes = self.submit(peer, &[publication(subject, payload)]);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }
}

/// A publication that wants no answer.
pub(crate) fn publication<'a>(subject: &'a str, payload: &'a str) -> PublicationView<'a> {
    PublicationView {
        subject,
        reply: None,
        message_id: None,
        headers: &[],
        payload: payload.as_bytes(),
        body: BodyKind::Unknown,
        answer: Answer::Silent,
    }
}

/// The code of a refusal.
pub(crate) fn code(outcome: &Outcome) -> Option<ErrorCode> {
    match outcome {
        Outcome::Refused(refusal) => Some(refusal.code),
        _ => None,
    }
}

/// A user who may not read what `deny` matches.
pub(crate) fn denied(user: Option<&str>, deny: &[&str]) -> Identity {
    let deny = deny.iter().map(|pattern| Pattern::parse(pattern).unwrap()).collect();
    Identity { user: user.map(Into::into), subscribe: Rules { allow: None, deny }, ..Identity::anonymous() }
}

/// Cuts what an identity may not read, as the real policy does.
#[derive(Debug)]
pub(crate) struct ReadRules;

impl Policy for ReadRules {
    fn name(&self) -> &'static str {
        "read"
    }

    fn applies(&self, identity: &Identity) -> bool {
        !identity.subscribe.is_open()
    }

    fn plan_publish(&self, _: &PlanContext<'_>) -> Option<Arc<dyn PublishRule>> {
        None
    }

    fn plan_deliver(&self, cx: &PlanContext<'_>) -> Option<DeliverRule> {
        (!cx.identity.subscribe.permit(cx.subject)).then_some(DeliverRule { deny: true })
    }

    fn on_subscribe(&self, identity: &Identity, request: &SubscribeRequest<'_>) -> Verdict {
        if identity.subscribe.permit_pattern(request.pattern) {
            Verdict::Pass
        } else {
            Verdict::Refuse(Refusal::new(ErrorCode::PermissionDenied, "denied"))
        }
    }
}
