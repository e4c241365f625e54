//! A node that is killed and comes back on its port.

use std::time::Duration;

use pointsman_client::{AcknowledgeError, Client, Gap, GapReason, Received, ReconnectPolicy, Subscription};

use crate::figures::{metric, until_metric};
use crate::is_torture;
use crate::node::{DEADLINE, Node};
use crate::proxy::{Direction, Proxy};
use crate::record::{message, name};
use crate::rust::{session, within};

const PUBLISHER: u64 = 1;
/// Acknowledged publishes that the node has not answered when it is killed.
const UNANSWERED: u64 = 8;

#[test]
fn clients_come_back_to_a_killed_node_and_are_told_what_nobody_knows() {
    let mut node = Node::dev(&["--no-metrics"]);
    let address = node.address.to_string();
    let proxy = Proxy::new(node.address);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let policy =
        ReconnectPolicy { min_delay: Duration::from_millis(20), max_delay: Duration::from_millis(50), attempts: None };
    let (client, mut subscriptions) = runtime.block_on(async {
        let client = Client::builder(&proxy.url()).reconnect(policy).request_timeout(DEADLINE).connect().await.unwrap();
        let subscriptions = [client.subscribe("k.a").await.unwrap(), client.subscribe("k.>").await.unwrap()];
        (client, subscriptions)
    });
    let rounds = if is_torture() { 30 } else { 3 };
    for round in 0..rounds {
        let first = round * 1_000;
        runtime.block_on(async {
            client.publish_acknowledged(message(PUBLISHER, "k.a", first, 10)).await.unwrap();
            for subscription in &mut subscriptions {
                assert_eq!(next_number(subscription).await, first);
            }
        });
        // The node accepts them, and its answers do not arrive.
        let accepted = metric(&node, "pointsman_messages_received_total");
        proxy.swallow(Direction::ToClient, true);
        let publish = |number| {
            let client = client.clone();
            runtime.spawn(async move { client.publish_acknowledged(message(PUBLISHER, "k.a", number, 10)).await })
        };
        let unanswered: Vec<_> = (1..=UNANSWERED).map(|number| publish(first + number)).collect();
        until_metric(&node, "pointsman_messages_received_total", accepted + UNANSWERED);
        let before = runtime.block_on(session(&client));
        proxy.refuse(true);
        node.signal("KILL");
        assert_eq!(node.ended(), None);
        node = Node::dev(&["--no-metrics", "--listen", &address]);
        runtime.block_on(async {
            let url = format!("ws://{address}");
            let witness = Client::connect(&url).await.unwrap();
            let mut witnessed = witness.subscribe("k.>").await.unwrap();
            proxy.swallow(Direction::ToClient, false);
            proxy.refuse(false);
            for unanswered in unanswered {
                let outcome = within("its outcome is told", unanswered).await.unwrap();
                assert!(matches!(outcome, Err(AcknowledgeError::OutcomeUnknown)), "{outcome:?}");
            }
            let after = within("the client is back", session(&client)).await;
            assert!(after.0 != before.0 && !after.1, "a new session: {before:?} {after:?}");
            let last = first + UNANSWERED + 1;
            client.publish_acknowledged(message(PUBLISHER, "k.a", last, 10)).await.unwrap();
            for subscription in &mut subscriptions {
                let gap = Received::Gap(gap_of(subscription).await);
                assert!(
                    matches!(gap, Received::Gap(Gap { lost: None, reason: GapReason::SessionGone, .. })),
                    "{gap:?}"
                );
                assert_eq!(next_number(subscription).await, last, "it goes on");
            }
            assert_eq!(next_number(&mut witnessed).await, last, "what nobody knows of is not sent again");
            witness.close().await;
        });
    }
    println!("kill: {rounds} rounds, {} links", proxy.opened());
    runtime.block_on(client.close());
}

async fn next_number(subscription: &mut Subscription) -> u64 {
    match within("a message", subscription.next()).await {
        Some(Received::Message(message)) => name(&message.subject, &message.json().unwrap()).number,
        other => panic!("{other:?}"),
    }
}

async fn gap_of(subscription: &mut Subscription) -> Gap {
    match within("a gap", subscription.next()).await {
        Some(Received::Gap(gap)) => gap,
        other => panic!("{other:?}"),
    }
}
