//! A link that breaks at every byte, and a client that comes back: received ∪ told gaps = sent, nothing twice.

use std::sync::Arc;
use std::time::Duration;

use pointsman_protocol::frame::{ClientFrame, Connect, ServerFrame};
use pointsman_testkit::client::{Client, Event, connect, publish, subscription};
use pointsman_testkit::history::{History, Name, Outcome, Seen};
use pointsman_testkit::node::{Node, config};
use pointsman_testkit::wire::{Unit, Wire};

use crate::support::both;

#[derive(Debug, Clone, Copy)]
enum Cut {
    ToServer(usize),
    ToClient(usize),
    /// As [`ToClient`](Self::ToClient), and the server notices it only when it has written everything.
    Unnoticed(usize),
}

/// What one run came to.
struct Run {
    /// Bytes each way on the first link, had it not broken.
    bytes: (usize, usize),
    resumed: bool,
}

/// What is published on each side of the cut.
const OWN: u64 = 12;

fn subscriptions() -> Vec<pointsman_protocol::frame::Subscription<'static>> {
    vec![subscription(1, "own"), subscription(2, ">"), subscription(3, "other")]
}

/// A client publishes to itself and is published to by another; its first link breaks at `cut`; it comes back and goes on.
async fn run(wire: &Arc<dyn Wire>, cut: Option<Cut>) -> Run {
    let node = Node::start(config());
    let mut other = Client::new(Arc::clone(wire));
    other.connect(&node, connect()).await;
    let mut client = Client::new(Arc::clone(wire));
    let mut sent = History::default();
    let mut answered = vec![None; usize::try_from(2 * OWN).unwrap() + 1];
    client.dial(&node);
    match cut {
        Some(Cut::ToServer(bytes)) => client.remote().cut_to_server(bytes),
        Some(Cut::ToClient(bytes)) => client.remote().cut_to_client(bytes),
        Some(Cut::Unnoticed(bytes)) => client.remote().swallow_after(bytes),
        None => {}
    }
    client.greet(Connect { subscribe: subscriptions(), ..connect() }, &[]);
    let first = next(&mut client).await;
    let ready = matches!(first, Event::Frame(ServerFrame::Ready(_)));
    if ready {
        other_publishes(&mut other, &mut sent, 1..=OWN).await;
        for number in 1..=OWN {
            client.send(&[publish(Some(number), "own", &Client::name(2, number))]);
            if number % 4 == 0 {
                client.confirm();
            }
        }
        client.put(&Unit::Ping(b"link".to_vec()));
        let received = client.received;
        client.send(&[ClientFrame::Ping { received }]);
        loop {
            match next(&mut client).await {
                Event::Frame(ServerFrame::Pong { .. }) | Event::Over => break,
                Event::Frame(frame) => note(&mut answered, &frame),
                _ => {}
            }
        }
    }
    let bytes = client.remote().passed();
    client.remote().cut();
    client.ended().await;
    // Without `ready` there is no session to take up, for the client; it begins anew.
    let connect = if ready { client.attaching() } else { connect() };
    let again = client.attach(&node, Connect { subscribe: subscriptions(), ..connect }).await;
    assert_eq!(again.resumed, ready, "the session was kept");
    if !ready {
        assert!(client.log.is_empty());
    }
    other_publishes(&mut other, &mut sent, OWN + 1..=2 * OWN).await;
    for number in OWN + 1..=2 * OWN {
        client.send(&[publish(Some(number), "own", &Client::name(2, number))]);
    }
    let received = client.received;
    client.send(&[ClientFrame::Ping { received }]);
    let mut pongs = 0;
    while answered.iter().skip(1).filter(|answered| answered.is_some()).count() < answered_of(ready) || pongs == 0 {
        match client.event().await {
            Event::Frame(ServerFrame::Pong { .. }) => pongs += 1,
            Event::Frame(frame) => note(&mut answered, &frame),
            Event::Over => panic!("the second link broke"),
            _ => {}
        }
    }
    for number in (1..=2 * OWN).filter(|number| ready || *number > OWN) {
        let outcome =
            if answered[usize::try_from(number).unwrap()].is_some() { Outcome::Accepted } else { Outcome::Unknown };
        sent.publish(Name { publisher: 2, subject: "own".into(), number }, outcome);
    }
    for (sid, takes) in [(1, "own"), (2, ""), (3, "other")] {
        let seen = client.seen(sid);
        let checked = sent.check(|subject| takes.is_empty() || takes == subject, &seen);
        assert_eq!(checked, Ok(()), "{cut:?}, sid {sid}: {seen:?}");
        assert!(!seen.iter().any(|seen| matches!(seen, Seen::Gap(_))), "{cut:?}: everything was held");
    }
    client.put(&Unit::Close { code: Some(1000), message: String::new() });
    other.put(&Unit::Close { code: Some(1000), message: String::new() });
    client.ended().await;
    other.ended().await;
    if ready {
        node.until_empty().await;
    }
    Run { bytes, resumed: again.resumed }
}

/// What comes next; nothing more once the server has handled everything and the rest of what it wrote was swallowed.
async fn next(client: &mut Client) -> Event {
    tokio::select! {
        biased;
        event = client.event() => event,
        // Under a stopped clock time passes only when nobody has anything to do.
        () = tokio::time::sleep(Duration::from_millis(1)) => Event::Over,
    }
}

fn answered_of(ready: bool) -> usize {
    usize::try_from(if ready { 2 * OWN } else { OWN }).unwrap()
}

/// Each publication is answered exactly once, over all links.
fn note(answered: &mut [Option<()>], frame: &ServerFrame<'_>) {
    if let ServerFrame::Ok { id } = frame {
        assert_eq!(answered[usize::try_from(*id).unwrap()].replace(()), None, "{id} was answered twice");
    }
}

async fn other_publishes(other: &mut Client, sent: &mut History, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        other.send(&[publish(Some(number), "other", &Client::name(1, number))]);
        other.ok(number).await;
        sent.publish(Name { publisher: 1, subject: "other".into(), number }, Outcome::Accepted);
    }
}

#[tokio::test(start_paused = true)]
async fn at_every_byte_towards_the_client() {
    for wire in both() {
        for cut in [Cut::ToClient, Cut::Unnoticed] {
            let whole = run(&wire, None).await;
            assert!(whole.bytes.1 > 500);
            let mut resumed = 0;
            for at in 0..=whole.bytes.1 {
                resumed += usize::from(run(&wire, Some(cut(at))).await.resumed);
            }
            assert!(resumed > whole.bytes.1 / 2, "most cuts lie behind `ready`");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn at_every_byte_towards_the_server() {
    for wire in both() {
        let whole = run(&wire, None).await;
        assert!(whole.bytes.0 > 200, "{:?}", whole.bytes);
        let mut resumed = 0;
        for at in 0..=whole.bytes.0 {
            resumed += usize::from(run(&wire, Some(Cut::ToServer(at))).await.resumed);
        }
        assert!(resumed > whole.bytes.0 / 2, "most cuts lie behind `connect`");
    }
}
