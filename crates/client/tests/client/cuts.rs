//! The link is cut at every byte of a session: received ∪ told gaps = sent, and nothing twice.

use std::sync::atomic::Ordering;
use std::time::Duration;

use pointsman_client::{
    AcknowledgeError, Client, FlushError, Message, Received, ReconnectPolicy, RequestError, Subscription,
};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::proxy::{Budget, Proxy};
use crate::server::{Keep, Server};

/// No single wait takes so long unless something hangs.
const DEADLINE: Duration = Duration::from_secs(30);
const DELIVERIES: u32 = 6;
const PUBLISHES: u32 = 6;
/// Sessions that run side by side.
const PARALLEL: usize = 8;

/// What became of one session.
#[derive(Debug)]
struct Outcome {
    up: usize,
    down: usize,
    sessions: usize,
    gaps: usize,
    connected: bool,
}

/// Runs the whole script over links with these budgets and checks what arrived.
async fn run(keep: Keep, budgets: Vec<Budget>) -> Outcome {
    let server = Server::new(keep).await;
    let proxy = Proxy::new(server.address, budgets).await;
    let policy =
        ReconnectPolicy { min_delay: Duration::from_millis(1), max_delay: Duration::from_millis(5), attempts: None };
    // A reply that a resend overflow has swallowed shows only by its time.
    let overflows = matches!(keep, Keep::Last(_));
    let request_timeout = if overflows { Duration::from_millis(500) } else { DEADLINE };
    let builder = Client::builder(&proxy.address.to_string()).request_timeout(request_timeout);
    let connecting = builder.reconnect(policy).connect();
    let carried = |connected, gaps| Outcome {
        up: proxy.carried.up.load(Ordering::Relaxed),
        down: proxy.carried.down.load(Ordering::Relaxed),
        sessions: server.made(),
        gaps,
        connected,
    };
    // A cut before the first `ready` is told to the caller.
    let Ok(client) = timeout(DEADLINE, connecting).await.expect("connect hangs") else { return carried(false, 0) };
    let mut subscription = timeout(DEADLINE, client.subscribe("down")).await.expect("subscribe hangs").unwrap();
    for at in 1..=DELIVERIES / 2 {
        server.deliver(&at.to_string());
    }
    let calls = timeout(DEADLINE, publish(&client)).await.expect("calls hang");
    for at in DELIVERIES / 2 + 1..=DELIVERIES {
        server.deliver(&at.to_string());
    }
    let received = timeout(DEADLINE, receive(&server, &mut subscription)).await.expect("deliveries hang");
    check_received(&received);
    check_handled(&server.handled(), server.made() > 1, overflows, &calls);
    let gaps = received.iter().filter(|received| received.is_none()).count();
    let outcome = carried(true, gaps);
    timeout(DEADLINE, client.close()).await.expect("close hangs");
    outcome
}

struct Calls {
    acknowledged: Result<(), AcknowledgeError>,
    requested: Result<Message, RequestError>,
    flushed: Result<(), FlushError>,
}

async fn publish(client: &Client) -> Calls {
    for at in 1..=PUBLISHES / 2 {
        client.publish("up", at.to_string()).unwrap();
        tokio::task::yield_now().await;
    }
    let (acknowledged, requested) =
        tokio::join!(client.publish_acknowledged(Message::new("up", "acknowledged")), client.request("echo", "asked"));
    for at in PUBLISHES / 2 + 1..=PUBLISHES {
        client.publish("up", at.to_string()).unwrap();
        tokio::task::yield_now().await;
    }
    Calls { acknowledged, requested, flushed: client.flush().await }
}

/// Everything up to a mark that is delivered last, however often that takes; `None` stands for a gap.
async fn receive(server: &Server, subscription: &mut Subscription) -> Vec<Option<u32>> {
    let mut received = Vec::new();
    server.deliver("end");
    loop {
        match timeout(Duration::from_millis(200), subscription.next()).await {
            Ok(Some(Received::Message(message))) if message.payload == "end" => return received,
            Ok(Some(Received::Message(message))) => received.push(Some(message.json().unwrap())),
            Ok(Some(Received::Gap(_))) => received.push(None),
            Ok(other) => panic!("the subscription ended: {other:?}"),
            // The mark itself was lost with a session.
            Err(_) => server.deliver("end"),
        }
    }
}

/// Ascending without repetition, and a gap wherever a number is missing.
fn check_received(received: &[Option<u32>]) {
    let mut last = 0;
    let mut gap = false;
    for number in received.iter().copied().chain([Some(DELIVERIES + 1)]) {
        match number {
            None => gap = true,
            Some(number) => {
                assert!(number > last, "twice or out of order: {received:?}");
                assert!(number == last + 1 || gap, "an untold loss: {received:?}");
                (last, gap) = (number, false);
            }
        }
    }
}

/// Nothing handled twice; what is missing was told as unknown, and only for a cause.
fn check_handled(handled: &[String], lost: bool, overflows: bool, calls: &Calls) {
    let acknowledged = handled.iter().filter(|payload| *payload == "acknowledged").count();
    match &calls.acknowledged {
        Ok(()) => assert_eq!(acknowledged, 1, "{handled:?}"),
        Err(AcknowledgeError::OutcomeUnknown) => assert!(acknowledged <= 1 && (lost || overflows), "{handled:?}"),
        Err(AcknowledgeError::Timeout { .. }) if overflows => assert!(acknowledged <= 1, "{handled:?}"),
        Err(error) => panic!("{error}"),
    }
    match &calls.requested {
        Ok(reply) => assert_eq!(reply.payload, "asked"),
        Err(RequestError::OutcomeUnknown) => assert!(lost),
        Err(RequestError::Timeout { .. }) if overflows => {}
        Err(error) => panic!("{error}"),
    }
    let numbers: Vec<u32> = handled.iter().filter_map(|payload| payload.parse().ok()).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "twice or out of order: {numbers:?}");
    if numbers.len() < PUBLISHES as usize {
        assert!(matches!(calls.flushed, Err(FlushError::OutcomeUnknown)) && lost, "{numbers:?} {:?}", calls.flushed);
    }
}

/// Runs every list of budgets, some side by side.
async fn run_all(keep: Keep, budgets: impl IntoIterator<Item = Vec<Budget>>) -> Vec<Outcome> {
    let mut running = JoinSet::new();
    let mut outcomes = Vec::new();
    for budgets in budgets {
        if running.len() == PARALLEL {
            outcomes.extend(running.join_next().await.transpose().expect("a run failed"));
        }
        running.spawn(async move {
            let shown = format!("{budgets:?}");
            let run = tokio::spawn(run(keep, budgets)).await;
            run.unwrap_or_else(|error| panic!("with {keep:?} and {shown}: {error}"))
        });
    }
    while let Some(outcome) = running.join_next().await {
        outcomes.push(outcome.expect("a run failed"));
    }
    outcomes
}

fn down(bytes: usize) -> Budget {
    Budget { down: bytes, ..Budget::NONE }
}

fn up(bytes: usize) -> Budget {
    Budget { up: bytes, ..Budget::NONE }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_uncut_session_loses_nothing() {
    let outcome = run(Keep::Everything, Vec::new()).await;
    assert_eq!((outcome.connected, outcome.sessions, outcome.gaps), (true, 1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_session_goes_on_after_a_cut_at_every_byte() {
    let whole = run(Keep::Everything, Vec::new()).await;
    let cuts = (0..whole.down).map(|bytes| vec![down(bytes)]).chain((0..whole.up).map(|bytes| vec![up(bytes)]));
    let outcomes = run_all(Keep::Everything, cuts).await;
    assert_eq!(outcomes.len(), whole.down + whole.up);
    // One cut of a link that was ready costs nothing.
    let ready: Vec<_> = outcomes.iter().filter(|outcome| outcome.connected).collect();
    assert!(ready.iter().all(|outcome| outcome.sessions == 1 && outcome.gaps == 0));
    assert!(ready.len() > 100 && outcomes.len() - ready.len() > 100, "{} of {}", ready.len(), outcomes.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_session_is_told_after_a_cut_at_every_byte() {
    let whole = run(Keep::Everything, Vec::new()).await;
    let cuts = (0..whole.down).map(|bytes| vec![down(bytes)]).chain((0..whole.up).map(|bytes| vec![up(bytes)]));
    let outcomes = run_all(Keep::Nothing, cuts).await;
    assert!(outcomes.iter().filter(|outcome| outcome.gaps > 0).count() > 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resend_overflow_is_told_after_a_cut_at_every_byte() {
    let whole = run(Keep::Everything, Vec::new()).await;
    let outcomes = run_all(Keep::Last(1), (0..whole.down).map(|bytes| vec![down(bytes)])).await;
    assert!(outcomes.iter().any(|outcome| outcome.gaps > 0));
    assert!(outcomes.iter().filter(|outcome| outcome.connected).all(|outcome| outcome.sessions == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cuts_in_a_row_cost_nothing() {
    let whole = run(Keep::Everything, Vec::new()).await;
    let handshake = 400.min(whole.down / 2);
    // The second link is cut while the session is taken up, where a generation may be granted unseen.
    let cuts = (handshake..whole.down)
        .step_by(29)
        .flat_map(|first| (100..400).step_by(7).map(move |second| vec![down(first), down(second)]));
    let outcomes = run_all(Keep::Everything, cuts).await;
    let ready: Vec<_> = outcomes.iter().filter(|outcome| outcome.connected).collect();
    assert!(ready.iter().all(|outcome| outcome.sessions == 1 && outcome.gaps == 0), "{ready:?}");
    assert!(ready.len() > 50, "{} of {}", ready.len(), outcomes.len());
}
