//! The client against a real node, where one has been built: the binary that `POINTSMAN_BINARY` names, or the one beside this test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use pointsman_client::{
    AcknowledgeError, Client, ConnectionState, Encoding, Message, Received, ReconnectPolicy, RequestError,
    SubscribeOptions, Subscription,
};
use tokio::time::timeout;

use crate::proxy::{Budget, Proxy};

const DEADLINE: Duration = Duration::from_secs(30);

/// A running node. Ends with its value.
struct Node {
    child: Child,
    address: SocketAddr,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

fn binary() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("POINTSMAN_BINARY") {
        return Some(named.into());
    }
    // target/debug/deps/client-… lies beside target/debug/pointsman.
    let beside = std::env::current_exe().ok()?.parent()?.parent()?.join("pointsman");
    beside.exists().then_some(beside)
}

impl Node {
    /// `None`, said aloud, where no node has been built.
    fn start() -> Option<Self> {
        let Some(binary) = binary() else {
            println!("skipped: no node has been built; `cargo build -p pointsman`, or name one in POINTSMAN_BINARY");
            return None;
        };
        let mut child = Command::new(binary)
            .args(["dev", "--listen", "127.0.0.1:0", "--no-metrics"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(&line.ok()?).ok()?;
            (line["message"] == "ready").then(|| line["address"].as_str().unwrap().parse().unwrap())
        });
        // The rest of the log is read away, so that the node never waits for it.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let mut node = Self { child, address: ([127, 0, 0, 1], 0).into() };
        node.address = address.expect("the node ended before it was ready");
        Some(node)
    }

    async fn client(&self, encoding: Encoding) -> Client {
        Client::builder(&self.address.to_string()).encoding(encoding).connect().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_on_a_real_node() {
    let Some(node) = Node::start() else { return };
    for encoding in [Encoding::Postcard, Encoding::Json] {
        timeout(DEADLINE, everything(&node, encoding)).await.expect("it hangs");
    }
}

async fn everything(node: &Node, encoding: Encoding) {
    let one = node.client(encoding).await;
    let two = node.client(Encoding::Postcard).await;
    let mut requests = two.subscribe_with(SubscribeOptions::new("service.*").queue("group")).await.unwrap();
    let mut plain = one.subscribe("service.>").await.unwrap();

    let asked = one.request("service.echo", "ping");
    let answered = async {
        let request = requests.next_message().await.unwrap();
        two.respond(&request, format!("{}!", String::from_utf8_lossy(&request.payload))).unwrap();
    };
    let (reply, ()) = tokio::join!(asked, answered);
    let reply = reply.unwrap();
    assert_eq!((reply.subject.as_str(), &*reply.payload), ("service.echo", &b"ping!"[..]));
    assert_eq!(plain.next_message().await.unwrap().payload, "ping");
    assert!(matches!(one.request("nobody", "").await, Err(RequestError::NoResponders)));

    let message = Message::new("service.a", vec![0, 1, 0xff]).with_header("kind", "ä").unwrap();
    one.publish_acknowledged(message).await.unwrap();
    let message = plain.next_message().await.unwrap();
    assert_eq!((&*message.payload, message.headers.get("kind")), (&[0, 1, 0xff][..], Some("ä")));
    let error = one.publish_acknowledged(Message::new("nobody", "").with_reply("x.y")).await.unwrap_err();
    assert!(matches!(error, AcknowledgeError::NoResponders), "{error}");

    // Many, in order, from one to the other.
    let mut many = two.subscribe("many").await.unwrap();
    let publishing = async {
        for at in 0..20_000_u32 {
            while one.publish("many", at.to_string()).is_err() {
                one.writable().await;
            }
        }
        one.flush().await.unwrap();
    };
    let reading = async {
        let mut next = 0;
        while next < 20_000_u32 {
            match many.next().await.unwrap() {
                Received::Message(message) => {
                    assert_eq!(message.json::<u32>().unwrap(), next);
                    next += 1;
                }
                // The node may find the reader slow; then it says how many are lost.
                Received::Gap(gap) => next += u32::try_from(gap.lost.unwrap()).unwrap(),
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::join!(publishing, reading);

    let mut some = one.subscribe_with(SubscribeOptions::new("some").max(2)).await.unwrap();
    for _ in 0..3 {
        two.publish("some", "").unwrap();
    }
    assert!(some.next().await.is_some() && some.next().await.is_some() && some.next().await.is_none());
    plain.unsubscribe().await.unwrap();
    two.publish("service.b", "").unwrap();
    two.flush().await.unwrap();
    one.drain().await.unwrap();
    assert!(plain.next().await.is_none());
    two.close().await;
}

/// Numbers up to `last`, ascending, with a gap wherever one is missing. Gives the number of gaps.
async fn read_numbers(subscription: &mut Subscription, last: u32) -> usize {
    let (mut seen, mut gap, mut gaps) = (0, false, 0);
    while seen < last {
        match subscription.next().await.unwrap() {
            Received::Message(message) => {
                let number: u32 = message.json().unwrap();
                assert!(number > seen, "{number} after {seen}: twice or out of order");
                assert!(number == seen + 1 || gap, "{number} after {seen}: an untold loss");
                (seen, gap) = (number, false);
            }
            Received::Gap(_) => (gap, gaps) = (true, gaps + 1),
            other => panic!("{other:?}"),
        }
    }
    gaps
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_at_every_byte_costs_nothing_on_a_real_node() {
    let Some(node) = Node::start() else { return };
    let publisher = node.client(Encoding::Postcard).await;
    let whole = cut(&node, &publisher, Vec::new()).await.expect("not connected");
    let mut resumed = 0;
    for (up, down) in (0..whole.1).map(|down| (usize::MAX, down)).chain((0..whole.0).map(|up| (up, usize::MAX))) {
        resumed += usize::from(cut(&node, &publisher, vec![Budget { up, down }]).await.is_some());
    }
    assert!(resumed > 100, "{resumed}");
    // The second link is cut while the session is taken up.
    let mut resumed = 0;
    for second in (0..whole.1).step_by(3) {
        let first = Budget { down: whole.1 - 1 - second % 60, ..Budget::NONE };
        let second = Budget { down: second, ..Budget::NONE };
        resumed += usize::from(cut(&node, &publisher, vec![first, second]).await.is_some());
    }
    assert!(resumed > 50, "{resumed}");
    publisher.close().await;
}

/// One short session over links with these budgets; gives what it carried, or `None` when the cut came before the session.
async fn cut(node: &Node, publisher: &Client, budgets: Vec<Budget>) -> Option<(usize, usize)> {
    const LAST: u32 = 8;
    let proxy = Proxy::new(node.address, budgets.clone()).await;
    let policy =
        ReconnectPolicy { min_delay: Duration::from_millis(1), max_delay: Duration::from_millis(5), attempts: None };
    let connecting = Client::builder(&proxy.address.to_string()).reconnect(policy).connect();
    let client = timeout(DEADLINE, connecting).await.expect("connect hangs").ok()?;
    let mut subscription = timeout(DEADLINE, client.subscribe("cut")).await.expect("subscribe hangs").unwrap();
    for number in 1..LAST {
        publisher.publish("cut", number.to_string()).unwrap();
        tokio::task::yield_now().await;
    }
    // The last one comes from the client itself, so that the other direction is cut, too.
    publisher.flush().await.unwrap();
    client.publish("cut", LAST.to_string()).unwrap();
    let gaps = timeout(DEADLINE, read_numbers(&mut subscription, LAST)).await.expect("deliveries hang");
    assert_eq!(gaps, 0, "{budgets:?}");
    // The last byte may have been the one to be cut after.
    let mut state = client.state();
    let connected = state.wait_for(ConnectionState::is_connected);
    timeout(DEADLINE, connected).await.expect("reconnect hangs").unwrap();
    let carried = (proxy.carried.up.load(Ordering::Relaxed), proxy.carried.down.load(Ordering::Relaxed));
    timeout(DEADLINE, client.close()).await.expect("close hangs");
    Some(carried)
}
