//! Links whose other end is gone without a word.

use pointsman_client::{ConnectionState, LinkError, Received};
use serde_json::json;

use crate::figures::{metric, until_metric};
use crate::json::Client;
use crate::node::Node;
use crate::proxy::{Direction, Proxy};
use crate::rust::{builder, runtime, session, within};

/// With the shortest heartbeat the node gives a link up after 2 × 2 + 5 seconds (protocol.md#P7.1).
fn node() -> Node {
    Node::dev(&["--no-metrics", "--set", "session.heartbeat='2s'"])
}

#[test]
fn the_node_gives_a_silent_link_up_and_keeps_its_session() {
    let node = node();
    let (deaf, gone) = (Proxy::new(node.address), Proxy::new(node.address));
    let subscribe = json!({"subscribe": [{"sid": 1, "pattern": "h"}]});
    // Of one the node hears nothing any more; of the other neither end hears anything.
    let mut heard = Client::connected(deaf.address, &subscribe);
    let mut unheard = Client::connected(gone.address, &subscribe);
    deaf.swallow(Direction::ToServer, true);
    gone.swallow(Direction::ToServer, true);
    gone.swallow(Direction::ToClient, true);
    assert_eq!(node.publish(r#"{"subject":"h","data":1}"#).status, 200);
    let first = heard.next().unwrap();
    assert_eq!(first["messages"][0]["data"], 1, "what the node says still comes");
    let close = heard.next().unwrap();
    assert_eq!((&close["op"], &close["code"]), (&json!("close"), &json!(3009)), "{close}");
    assert_eq!(heard.next(), None, "and then the link ends");
    until_metric(&node, "pointsman_connections", 0);
    assert_eq!(metric(&node, "pointsman_sessions"), 2);
    assert_eq!(metric(&node, "pointsman_subscriptions"), 2);
    assert_eq!(node.publish(r#"{"subject":"h","data":2}"#).status, 200);
    deaf.swallow(Direction::ToServer, false);
    gone.swallow(Direction::ToServer, false);
    gone.swallow(Direction::ToClient, false);
    for (client, expected) in [(&mut heard, vec![2]), (&mut unheard, vec![1, 2])] {
        let ready = client.attach().unwrap();
        assert_eq!((&ready["resumed"], &ready["skipped"]), (&json!(true), &json!(0)), "{ready}");
        let mut seen = Vec::new();
        while seen.len() < expected.len() {
            let frame = client.next().unwrap();
            assert!(frame["op"] == "message", "{frame}");
            seen.extend(frame["messages"].as_array().unwrap().iter().map(|one| one["data"].as_u64().unwrap()));
        }
        assert_eq!(seen, expected);
        client.send(&json!({"op": "ping", "received": client.received}));
        let pong = client.next().unwrap();
        assert_eq!(pong, json!({"op": "pong", "received": client.sent()}), "the counts agree");
    }
}

#[test]
fn the_client_gives_a_silent_link_up_and_takes_its_session_up() {
    let node = node();
    let proxy = Proxy::new(node.address);
    runtime().block_on(async {
        let client = builder(&proxy.url()).connect().await.unwrap();
        let mut subscription = client.subscribe("h").await.unwrap();
        let before = session(&client).await;
        let mut state = client.state();
        proxy.swallow(Direction::ToClient, true);
        client.publish("h", "1").unwrap();
        let silent = |state: &ConnectionState| {
            matches!(state, ConnectionState::Reconnecting { cause: LinkError::Silent { .. }, .. })
        };
        drop(within("the client notices", state.wait_for(silent)).await.unwrap());
        proxy.swallow(Direction::ToClient, false);
        let connected = within("it is back", state.wait_for(ConnectionState::is_connected)).await.unwrap().clone();
        let ConnectionState::Connected { session, resumed, .. } = connected else { panic!("{connected:?}") };
        assert_eq!((session, resumed), (before.0, true));
        client.publish("h", "2").unwrap();
        for expected in ["1", "2"] {
            let received = within("what was swallowed", subscription.next()).await;
            assert!(
                matches!(&received, Some(Received::Message(message)) if message.payload == expected),
                "{received:?}"
            );
        }
        client.close().await;
    });
}
