//! Thousands of sessions that come, break and come back at once.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tungstenite::Message;
use tungstenite::client::IntoClientRequest;

use crate::figures::{memory_mib, metric, until_metric};
use crate::is_torture;
use crate::node::{Node, eventually};
use crate::rust::{runtime, within};

const SESSIONS: usize = 2_000;
/// What may stay with the allocator when everything is over, in MiB. The sessions of one storm take about 24, and those of a second would come on top of
/// them if they were not given back.
const MEMORY_MIB: f64 = 40.0;

/// One session of the storm.
struct Session {
    /// None while its last one is gone.
    link: Option<WebSocketStream<TcpStream>>,
    id: String,
    secret: String,
    generation: u64,
    received: u64,
}

async fn greet(address: SocketAddr, fields: Value) -> (WebSocketStream<TcpStream>, Value) {
    let mut request = format!("ws://{address}/v1/ws").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "pointsman.v1.json".parse().unwrap());
    let socket = TcpStream::connect(address).await.unwrap();
    let (mut link, _) = tokio_tungstenite::client_async(request, socket).await.unwrap();
    let mut connect = json!({"op": "connect", "version": 1});
    connect.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    link.send(Message::text(connect.to_string())).await.unwrap();
    let ready = frame(&mut link).await;
    assert_eq!(ready["op"], "ready", "{ready}");
    (link, ready)
}

async fn frame(link: &mut WebSocketStream<TcpStream>) -> Value {
    match link.next().await {
        Some(Ok(Message::Text(text))) => serde_json::from_str(text.as_str()).unwrap(),
        other => panic!("{other:?}"),
    }
}

impl Session {
    async fn new(address: SocketAddr, number: usize) -> Self {
        let own = json!({"sid": 2, "pattern": format!("storm.{number}")});
        let (link, ready) = greet(address, json!({"subscribe": [{"sid": 1, "pattern": "storm.all"}, own]})).await;
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self { link: Some(link), id: text("session"), secret: text("secret"), generation: 1, received: 0 }
    }

    /// Breaks the link as a killed process does: with an end, or with a reset where something lay unread.
    fn kill(&mut self) {
        let link = self.link.take().unwrap();
        let socket = socket2::SockRef::from(link.get_ref());
        if self.secret.ends_with(['0', '2', '4', '6', '8', 'a', 'c', 'e']) {
            socket.set_linger(Some(Duration::ZERO)).unwrap();
        }
    }

    async fn come_back(mut self, address: SocketAddr) -> Self {
        self.generation += 1;
        let Self { id, secret, generation, received, .. } = &self;
        let attach = json!({"session": id, "secret": secret, "generation": generation, "received": received});
        let (link, ready) = greet(address, json!({ "attach": attach })).await;
        let told = [&ready["resumed"], &ready["generation"], &ready["skipped"]];
        assert_eq!(told, [&json!(true), &json!(generation), &json!(0)], "{ready}");
        self.link = Some(link);
        self
    }

    /// Takes the next message, which is to be this one.
    async fn take(mut self, number: u64) -> Self {
        let link = self.link.as_mut().unwrap();
        loop {
            let frame = frame(link).await;
            self.received += 1;
            if frame["op"] == "ping" {
                let pong = json!({"op": "pong", "received": self.received});
                link.send(Message::text(pong.to_string())).await.unwrap();
                continue;
            }
            assert_eq!(frame["op"], "message", "{frame}");
            assert_eq!(frame["messages"], json!([{"subject": "storm.all", "data": number}]), "{frame}");
            return self;
        }
    }
}

/// All of them at once.
async fn all<F: Future<Output = Session> + Send + 'static>(what: &str, each: impl Iterator<Item = F>) -> Vec<Session> {
    let mut set: JoinSet<Session> = each.collect();
    let mut sessions = Vec::with_capacity(set.len());
    while let Some(session) = within(what, set.join_next()).await {
        sessions.push(session.unwrap());
    }
    sessions
}

fn publish(node: &Node, number: u64) {
    let answer = node.publish(&format!(r#"{{"subject":"storm.all","data":{number}}}"#));
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn all_sessions_break_and_come_back_at_once() {
    let config = tempfile::NamedTempFile::new().unwrap();
    keep(config.path(), "10m");
    let node = Node::dev(&["--no-metrics", "--config", config.path().to_str().unwrap()]);
    let start = memory_mib(&node);
    let storms = if is_torture() { 10 } else { 2 };
    for storm in 0..storms {
        // They come back to a node that knows that they have gone, or to one that may not know it yet.
        let full = once(&node, storm % 2 == 0);
        keep(config.path(), "1s");
        node.signal("HUP");
        until_metric(&node, "pointsman_sessions", 0);
        assert_eq!(metric(&node, "pointsman_subscriptions"), 0);
        keep(config.path(), "10m");
        node.signal("HUP");
        let mut end = 0.0;
        eventually("what they took is given back", || {
            end = memory_mib(&node);
            (end < start + MEMORY_MIB).then_some(())
        });
        println!("storm: {SESSIONS} sessions; memory {start:.1} MiB at the start, {full:.1} with them, {end:.1} after");
    }
}

fn keep(config: &Path, keep: &str) {
    std::fs::write(config, format!("[session]\nheartbeat = '20s'\nkeep = '{keep}'\n")).unwrap();
}

/// They come, break, come back and break, and their sessions are kept. Says what memory they took, in MiB.
fn once(node: &Node, known: bool) -> f64 {
    let address = node.address;
    let runtime = runtime();
    let coming = (0..SESSIONS).map(|number| Session::new(address, number));
    let mut sessions = runtime.block_on(all("sessions are made", coming));
    until_metric(node, "pointsman_sessions", SESSIONS as u64);
    assert_eq!(metric(node, "pointsman_subscriptions"), 2 * SESSIONS as u64);
    publish(node, 1);
    sessions = runtime.block_on(all("everybody is told", sessions.into_iter().map(|session| session.take(1))));
    let full = memory_mib(node);
    sessions.iter_mut().for_each(Session::kill);
    if known {
        until_metric(node, "pointsman_connections", 0);
    }
    publish(node, 2);
    sessions = runtime.block_on(async {
        let back = all("they come back", sessions.into_iter().map(|session| session.come_back(address))).await;
        all("they are told once", back.into_iter().map(|session| session.take(2))).await
    });
    assert_eq!(metric(node, "pointsman_sessions"), SESSIONS as u64);
    until_metric(node, "pointsman_connections", SESSIONS as u64);
    sessions.iter_mut().for_each(Session::kill);
    until_metric(node, "pointsman_connections", 0);
    assert_eq!(metric(node, "pointsman_sessions"), SESSIONS as u64, "they are kept");
    full
}
