//! Publications through the router.

use std::hint::black_box;
use std::io::{self, IoSlice};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use pointsman_client_websocket::codec::WebSocketCodec;
use pointsman_contract::batch::{Answer, Batch, PublicationView};
use pointsman_contract::codec::Codec;
use pointsman_contract::identity::Identity;
use pointsman_contract::policy::{DeliverRule, PlanContext, Policy, PublishRule, Verdict};
use pointsman_contract::port::{Port, SessionKey, SubscribeRequest};
use pointsman_outbox::pipe::Pipe;
use pointsman_protocol::frame::{BodyKind, ClientFrame};

use super::Workload;
use crate::node::Node;
use crate::sample::{self, SUBJECT};

const RECEIVERS: [usize; 4] = [1, 10, 100, 1000];
/// Publications of a run that is copied into each outbox, and of one that is shared.
const COPIED: usize = 2;
const SHARED: usize = 32;

pub(super) fn workloads() -> Vec<Workload> {
    let mut all = vec![
        Workload::new("match-hit", "routes one publication that nobody hears and whose match is remembered", || {
            let (mut node, from, batch) = publisher([SUBJECT], Vec::new());
            Box::new(move || node.submit(from, &batch))
        }),
        Workload::new("match-miss", "the same with a match that is no longer valid, among 1,000 others", || {
            let (mut node, from, batch) = publisher([SUBJECT], Vec::new());
            let other = node.join(WebSocketCodec::Json, true);
            for sid in 0..1000 {
                let pattern = if sid % 10 == 0 { format!("metrics.{sid}.>") } else { format!("metrics.m{sid}") };
                node.subscribe(other, sid, &pattern);
            }
            Box::new(move || {
                node.router.permissions_changed();
                node.submit(from, &batch);
            })
        }),
        Workload::new("policy-hit", "routes one publication of a session that a policy lets pass", || {
            let (mut node, from, batch) = publisher([SUBJECT], vec![Arc::new(PassAll)]);
            Box::new(move || node.submit(from, &batch))
        }),
        Workload::new("policy-hit-16", "the same with 16 publications on one subject", || {
            let (mut node, from, batch) = publisher([SUBJECT; 16], vec![Arc::new(PassAll)]);
            Box::new(move || node.submit(from, &batch))
        }),
        // The subscription, its pattern, and the copy by which the change is announced.
        Workload::new("subscribe", "makes and ends a subscription on a subject of its own", || {
            let node = Node::default();
            let session = node.join(WebSocketCodec::Json, true);
            Box::new(move || {
                node.subscribe(session, 1, "_INBOX.f3a9c1.17");
                let ended = node.router.unsubscribe(session, 1, None);
                assert!(black_box(ended).is_ok());
            })
        })
        .allocations(3),
        Workload::new("request", "a request and its reply", request),
        Workload::new("subjects-16-10", "routes 16 publications on 16 subjects to the same 10 receivers", || {
            let subjects: Vec<String> = (0..16).map(|at| format!("metrics.host-{at}.updated")).collect();
            let (mut node, from, batch) = publisher(subjects.iter().map(String::as_str), Vec::new());
            for _ in 0..10 {
                let to = node.join(WebSocketCodec::Json, true);
                node.subscribe(to, 1, "metrics.>");
            }
            Box::new(move || node.submit(from, &batch))
        }),
    ];
    for receivers in RECEIVERS {
        // A thousand receivers at once need nearly all that the pool may keep, so a buffer is let go now and then.
        all.push(run("run-copy", COPIED, receivers).allocations(u64::from(receivers >= 1000)));
        if receivers > 1 {
            // The shared chunk and its reference count.
            all.push(run("run-share", SHARED, receivers).allocations(2));
        }
        all.push(path(receivers));
    }
    all
}

/// A node, a session that publishes, and its batch.
fn publisher<'s>(
    subjects: impl IntoIterator<Item = &'s str>,
    policies: Vec<Arc<dyn Policy>>,
) -> (Node, SessionKey, Batch) {
    let node = Node::new(policies);
    let from = node.join(WebSocketCodec::Json, true);
    (node, from, sample::batch(subjects))
}

fn receivers(node: &Node, count: usize) {
    for _ in 0..count {
        let to = node.join(WebSocketCodec::Json, true);
        node.subscribe(to, 1, SUBJECT);
    }
}

fn iterations(receivers: usize) -> u64 {
    match receivers {
        0..=10 => 1_000,
        11..=100 => 200,
        _ => 50,
    }
}

fn run(name: &str, length: usize, to: usize) -> Workload {
    let about = "routes a run on one subject to so many receivers and flushes";
    Workload::new(format!("{name}-{to}"), about, move || {
        let (mut node, from, batch) = publisher(std::iter::repeat_n(SUBJECT, length), Vec::new());
        receivers(&node, to);
        Box::new(move || node.submit(from, &batch))
    })
    .iterations(iterations(to))
}

/// From the wire message of the publisher to the bytes of the receivers: what the server does between its two system calls.
fn path(to: usize) -> Workload {
    let about = "decodes one JSON wire message of 16 publications, routes it to so many receivers and flushes";
    let workload = Workload::new(format!("path-json-16-{to}"), about, move || {
        let (mut node, from, _) = publisher([SUBJECT], Vec::new());
        receivers(&node, to);
        let message = sample::wire_message(16, true);
        let mut batch = Batch::default();
        Box::new(move || {
            batch.clear();
            WebSocketCodec::Json.decode(black_box(&message), &mut |frame| {
                if let Ok(ClientFrame::Publish(publish)) = frame {
                    batch.push(&PublicationView {
                        subject: &publish.subject,
                        reply: publish.reply.as_deref(),
                        message_id: publish.message_id.as_deref(),
                        headers: &publish.headers,
                        payload: &publish.payload,
                        body: publish.body,
                        answer: Answer::Silent,
                    });
                }
                ControlFlow::Continue(())
            });
            node.submit(from, &batch);
        })
    });
    workload.iterations(iterations(to)).allocations(if to >= 32 { 2 } else { 0 })
}

/// A request to a responder that answers it, as two sessions on one worker.
fn request() -> super::Operation {
    let mut node = Node::default();
    let asked = Arc::new(FirstWrite::default());
    let from = node.join(WebSocketCodec::Json, true);
    let to = node.join_with(WebSocketCodec::Json, true, Arc::<FirstWrite>::clone(&asked));
    node.subscribe(to, 1, "time.now");
    let view = |subject| PublicationView {
        subject,
        reply: None,
        message_id: None,
        headers: &[],
        payload: b"{}",
        body: BodyKind::Json,
        answer: Answer::Silent,
    };
    let mut question = Batch::default();
    question.push(&PublicationView { answer: Answer::Reply { id: 1, timeout_ms: 60_000 }, ..view("time.now") });
    node.submit(from, &question);
    // The same session and id give the same reply subject each time.
    let seen = String::from_utf8_lossy(&asked.0.lock()).into_owned();
    let reply =
        seen.split('"').find(|text| text.starts_with("_R.")).unwrap_or_else(|| panic!("no reply subject: {seen}"));
    let mut answer = Batch::default();
    answer.push(&view(reply));
    node.submit(to, &answer);
    Box::new(move || {
        node.submit(from, &question);
        assert!(node.worker.outcomes.is_empty());
        node.submit(to, &answer);
    })
}

/// Keeps what is written first.
#[derive(Debug, Default)]
struct FirstWrite(Mutex<Vec<u8>>);

impl Pipe for FirstWrite {
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut first = self.0.lock();
        if first.is_empty() {
            slices.iter().for_each(|slice| first.extend_from_slice(slice));
        }
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }
}

/// A policy with a rule for everybody that lets everything pass, as a rate limit does that is not reached.
#[derive(Debug)]
struct PassAll;

impl PublishRule for PassAll {
    fn check(&self, messages: u32, bytes: u64, _: Instant) -> Verdict {
        black_box((messages, bytes));
        Verdict::Pass
    }
}

impl Policy for PassAll {
    fn name(&self) -> &'static str {
        "pass-all"
    }
    fn applies(&self, _: &Identity) -> bool {
        true
    }
    fn plan_publish(&self, _: &PlanContext<'_>) -> Option<Arc<dyn PublishRule>> {
        Some(Arc::new(Self))
    }
    fn plan_deliver(&self, _: &PlanContext<'_>) -> Option<DeliverRule> {
        None
    }
    fn on_subscribe(&self, _: &Identity, _: &SubscribeRequest<'_>) -> Verdict {
        Verdict::Pass
    }
}
