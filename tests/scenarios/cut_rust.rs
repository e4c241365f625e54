//! The link of the Rust client breaks at one byte after the other.

use pointsman_client::{Client, Encoding, Message, Received, SubscribeOptions, Subscription};
use pointsman_testkit::history::Seen;

use crate::cut::{HALF, LIMITED, OTHER, OWN, Passed, SELF, Script, at_every_byte};
use crate::node::{DEADLINE, Node};
use crate::proxy::{Plan, Proxy};
use crate::record::{message, seen};
use crate::rust::{builder, session, within};

#[test]
fn a_postcard_link_of_the_rust_client_is_cut_at_every_byte() {
    sweep("Rust, postcard", Encoding::Postcard);
}

#[test]
fn a_json_link_of_the_rust_client_is_cut_at_every_byte() {
    sweep("Rust, JSON", Encoding::Json);
}

fn sweep(of: &str, encoding: Encoding) {
    let node = Node::dev(&["--no-metrics"]);
    let proxy = Proxy::new(node.address);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let direct = format!("ws://{}", node.address);
    let other = runtime.block_on(connect(&direct, encoding)).expect("nothing is in the way");
    let requests = runtime.block_on(other.subscribe("svc.echo")).unwrap();
    let echoing = runtime.spawn(echo(other.clone(), requests));
    let mut runs = 0;
    at_every_byte(of, |run, plan| {
        runs += 1;
        runtime.block_on(Run { script: Script::new(run), plan, encoding }.once(&proxy, &direct, &other))
    });
    let requests = runtime.block_on(async {
        other.request("svc.echo", "the end").await.unwrap();
        echoing.await.unwrap()
    });
    assert_eq!(requests, runs + 1, "each request was handled once");
    runtime.block_on(other.close());
}

async fn connect(url: &str, encoding: Encoding) -> Option<Client> {
    builder(url).encoding(encoding).connect().await.ok()
}

/// Answers requests with themselves, up to the last; how many there were.
async fn echo(client: Client, mut requests: Subscription) -> u64 {
    let mut echoed = 0;
    while let Some(request) = requests.next_message().await {
        client.respond(&request, request.payload.clone()).unwrap();
        echoed += 1;
        if request.payload == "the end" {
            break;
        }
    }
    echoed
}

struct Run {
    script: Script,
    plan: Option<Plan>,
    encoding: Encoding,
}

/// Three subscriptions whose patterns overlap, and what they saw.
struct Subscribed {
    of: [Subscription; 3],
    seen: [Vec<Seen>; 3],
}

impl Subscribed {
    async fn new(client: &Client, script: &Script) -> Self {
        let limited =
            (1..=HALF).filter(|number| script.of_other(*number) == script.subject("b")).count() as u64 + LIMITED;
        let a = client.subscribe(script.subject("a.*")).await.unwrap();
        let all = client.subscribe(script.subject(">")).await.unwrap();
        let b = client.subscribe_with(SubscribeOptions::new(script.subject("b")).max(limited)).await.unwrap();
        Self { of: [a, all, b], seen: Default::default() }
    }

    /// Reads one of them up to a subject, or to its end.
    async fn until(&mut self, at: usize, subject: Option<&str>) -> Option<Message> {
        loop {
            let Some(received) = self.of[at].next().await else {
                assert_eq!(subject, None, "it ended too early: {:?}", self.of[at].ended());
                return None;
            };
            self.seen[at].push(seen(&received));
            if let Received::Message(message) = received
                && Some(message.subject.as_str()) == subject
            {
                return Some(message);
            }
        }
    }

    async fn check(&mut self, script: &Script, of: &str) {
        let end = script.subject("a.end");
        self.until(0, Some(&end)).await;
        self.until(1, Some(&end)).await;
        self.until(2, None).await;
        let [a, all, b] = &self.seen;
        script.check(of, [a, all, b]);
    }
}

impl Run {
    async fn once(&self, proxy: &Proxy, direct: &str, other: &Client) -> Passed {
        let of = format!("{} {:?}", self.script.root, self.plan);
        within(&of, self.run(proxy, direct, other, &of)).await
    }

    async fn run(&self, proxy: &Proxy, direct: &str, other: &Client, of: &str) -> Passed {
        let script = &self.script;
        proxy.plan(self.plan.unwrap_or_default());
        let client = match connect(&proxy.url(), self.encoding).await {
            Some(client) => client,
            // The first attempt is the application's; only from then on the client connects by itself.
            None => connect(&proxy.url(), self.encoding).await.expect("one link was to be cut"),
        };
        let (before, _) = session(&client).await;
        // With a second receiver of the same subscriptions, large messages are shared.
        let witness = connect(direct, self.encoding).await.unwrap();
        let mut mine = Subscribed::new(&client, script).await;
        let mut its = Subscribed::new(&witness, script).await;

        let published = |number| {
            let message = message(OTHER, &script.of_other(number), number, Script::padding(number));
            async move { other.publish_acknowledged(message).await.unwrap() }
        };
        let own = |number| client.publish_acknowledged(message(SELF, &script.subject("own"), number, 20));
        for number in 1..=HALF {
            published(number).await;
        }
        for number in 1..=OWN {
            own(number).await.unwrap();
        }
        let reply = client.request("svc.echo", script.root.clone()).await.unwrap();
        assert_eq!(reply.payload, script.root);
        for number in HALF + 1..=2 * HALF {
            published(number).await;
        }
        for number in OWN + 1..=2 * OWN {
            own(number).await.unwrap();
        }
        let ask = script.subject("ask");
        let question = message(OTHER, &ask, 2 * HALF + 1, 0);
        let (answer, ()) = tokio::join!(other.request_message(question, DEADLINE), async {
            let question = mine.until(1, Some(&ask)).await.unwrap();
            client.respond(&question, "here").unwrap();
        });
        assert_eq!(answer.unwrap().payload, "here", "{of}");
        other.publish_acknowledged(message(OTHER, &script.subject("a.end"), 2 * HALF + 2, 0)).await.unwrap();
        mine.check(script, of).await;
        its.check(script, of).await;
        client.flush().await.unwrap();
        assert_eq!(session(&client).await.0, before, "{of}: it went on");
        let passed = proxy.passed();
        client.close().await;
        witness.close().await;
        passed
    }
}
