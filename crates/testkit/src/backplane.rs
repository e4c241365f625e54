//! The conformance suite of backplanes: one test a clause of [`Backplane`].
//!
//! A backplane is enrolled by one line in its `tests/conformance.rs`, `pointsman_testkit::backplane::suite!(world);`, where `world` is an async function that
//! makes a [`World`] for each clause, or says why there is none to be had here and returns `None`.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::{Condvar, Mutex};
use pointsman_contract::backplane::{Backplane, BackplaneContext, Full, Inbound, InterestChange, RunIter};
use pointsman_contract::health::Health;
use pointsman_protocol::frame::{BodyKind, DeliveryView};
use pointsman_protocol::subject::{self, Pattern};
use tokio_util::sync::CancellationToken;

use crate::history::{History, Name, Outcome, Seen};
use crate::node::until;

/// What nodes meet in: a hub, a Redis server. Made anew for each clause; worlds must not hear each other.
#[async_trait]
pub trait World: Send + Sync {
    /// Joins it as the node of `cx`.
    async fn join(&self, cx: BackplaneContext) -> Arc<dyn Backplane>;

    /// Takes what joins the nodes away, where that is possible: its process is stopped. `false` where it is not.
    async fn cut(&self) -> bool {
        false
    }

    /// Gives it back.
    async fn mend(&self) {}
}

/// What a node was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// A publication.
    Message {
        /// Where it was published.
        subject: String,
        /// Where an answer goes.
        reply: Option<String>,
        /// The header block.
        headers: Vec<u8>,
        /// The body.
        payload: Vec<u8>,
        /// What is known of the body.
        json: bool,
    },
    /// A gap.
    Gap {
        /// For these subjects.
        subjects: String,
        /// How many.
        lost: Option<u64>,
    },
}

/// A node that writes down what comes, and can be kept from taking it.
#[derive(Default)]
struct Log {
    came: Mutex<Vec<Came>>,
    held: Mutex<bool>,
    released: Condvar,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}

impl Log {
    fn hold(&self, held: bool) {
        *self.held.lock() = held;
        self.released.notify_all();
    }

    /// Waits as long as the node is held. With a deadline, so that a failing test ends.
    fn pass(&self) {
        let mut held = self.held.lock();
        let deadline = Instant::now() + Duration::from_secs(60);
        while *held && !self.released.wait_until(&mut held, deadline).timed_out() {}
    }
}

impl Inbound for Log {
    fn deliver(&self, run: RunIter<'_, '_>) {
        self.pass();
        let announced = run.len();
        let before = self.came.lock().len();
        for message in run {
            self.came.lock().push(Came::Message {
                subject: message.subject.to_owned(),
                reply: message.reply.map(ToOwned::to_owned),
                headers: message.headers.to_vec(),
                payload: message.payload.to_vec(),
                json: message.body == BodyKind::Json,
            });
        }
        assert_eq!(self.came.lock().len() - before, announced, "a run is as long as it says");
    }

    fn gap(&self, subjects: &str, lost: Option<u64>) {
        self.pass();
        self.came.lock().push(Came::Gap { subjects: subjects.to_owned(), lost });
    }
}

/// Enrols a backplane.
#[macro_export]
#[doc(hidden)]
macro_rules! __backplane_suite {
    ($world:expr) => {
        $crate::__backplane_suite!($world;
            what_is_published_arrives_as_it_was
            the_largest_payload_arrives
            fifo_per_subject
            own_echo_is_dropped
            delivered_once
            full_gives_back
            interest_is_what_the_changes_add_up_to
            confirmed_interest_misses_nothing
            peers_are_seen
            health_is_told
            a_cut_is_told
            close_sends_what_waits
            close_is_idempotent
        );
    };
    ($world:expr; $($clause:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $clause() {
                match $world().await {
                    Some(world) => $crate::backplane::$clause(&world).await,
                    None => eprintln!("skipped: {}", stringify!($clause)),
                }
            }
        )+
    };
}
pub use crate::__backplane_suite as suite;

/// A node of a world.
struct TestNode {
    name: u64,
    backplane: Arc<dyn Backplane>,
    log: Arc<Log>,
    version: u64,
    /// The number of its next fence.
    fences: AtomicU64,
    _shutdown: tokio_util::sync::DropGuard,
}

/// The subject of publications that only show that what was before them has come.
const FENCE: &str = "fence";

/// A publication by its subject and its number. Its payload is `<origin>-<number>`.
type Item<'a> = (&'a str, u64);

impl TestNode {
    async fn join(world: &dyn World, name: u64) -> Self {
        let log = Arc::<Log>::default();
        let shutdown = CancellationToken::new();
        let inbound = Arc::<Log>::clone(&log);
        let cx = BackplaneContext { inbound, node: name, shutdown: shutdown.clone() };
        let backplane = world.join(cx).await;
        Self { name, backplane, log, version: 0, fences: AtomicU64::new(0), _shutdown: shutdown.drop_guard() }
    }

    /// A node that hears everything.
    async fn listening(world: &dyn World, name: u64) -> Self {
        let mut this = Self::join(world, name).await;
        this.interest(&[">"], &[]).await;
        this
    }

    fn change(&self, version: u64, add: &[&str], remove: &[&str]) -> InterestChange {
        let patterns = |list: &[&str]| list.iter().map(|pattern| Pattern::parse(pattern).unwrap()).collect();
        InterestChange { version, add: patterns(add), remove: patterns(remove) }
    }

    async fn interest(&mut self, add: &[&str], remove: &[&str]) {
        self.version += 1;
        let change = self.change(self.version, add, remove);
        self.backplane.update_interest(change).await.unwrap();
    }

    fn try_publish(&self, run: &[Item<'_>]) -> Result<(), Full> {
        let payloads: Vec<String> = run.iter().map(|(_, number)| format!("{}-{number}", self.name)).collect();
        self.backplane.publish(&mut run.iter().zip(&payloads).map(|((subject, _), payload)| view(subject, payload)))
    }

    /// Publishes a run; what does not fit at once is tried again until it does.
    async fn publish(&self, run: &[Item<'_>]) {
        let mut done = 0;
        until("the backplane takes a run", || {
            done += match self.try_publish(&run[done..]) {
                Ok(()) => run.len() - done,
                Err(Full { accepted }) => accepted,
            };
            done == run.len()
        })
        .await;
    }

    /// What has come: subject, origin, number.
    fn came(&self) -> Vec<(String, u64, u64)> {
        let of = |came: &Came| {
            let Came::Message { subject, payload, .. } = came else { return None };
            let (origin, number) = std::str::from_utf8(payload).ok()?.split_once('-')?;
            Some((subject.clone(), origin.parse().ok()?, number.parse().ok()?))
        };
        self.log.came.lock().iter().filter_map(of).collect()
    }

    /// The same with the gaps, as a history takes it.
    fn seen(&self) -> Vec<Seen> {
        let of = |came: &Came| match came {
            Came::Gap { lost, .. } => Seen::Gap(*lost),
            Came::Message { subject, payload, .. } => {
                let (publisher, number) = std::str::from_utf8(payload).unwrap().split_once('-').unwrap();
                let (publisher, number) = (publisher.parse().unwrap(), number.parse().unwrap());
                Seen::Message(Name { publisher, subject: subject.clone(), number })
            }
        };
        self.log.came.lock().iter().map(of).collect()
    }

    fn count(&self) -> usize {
        self.log.came.lock().iter().filter(|came| matches!(came, Came::Message { .. })).count()
    }

    /// How many were told as lost, and whether a gap came without a number.
    fn told(&self) -> (u64, bool) {
        self.log.came.lock().iter().fold((0, false), |(sum, unknown), came| match came {
            Came::Gap { lost, .. } => (sum + lost.unwrap_or(0), unknown || lost.is_none()),
            Came::Message { .. } => (sum, unknown),
        })
    }

    async fn until_count(&self, count: usize) {
        until(&format!("{count} publications come"), || self.count() >= count).await;
    }

    /// Lets a publication of `from` arrive here, and with it everything that it published before.
    async fn fence(&self, from: &Self) {
        let first = from.fences.load(Ordering::Relaxed);
        for number in first..first + 200 {
            // Anew each time: it may be among those that are lost.
            from.fences.store(number + 1, Ordering::Relaxed);
            from.publish(&[(FENCE, number)]).await;
            let here = || self.came().iter().any(|(subject, _, number)| subject == FENCE && *number >= first);
            let start = Instant::now();
            while !here() && start.elapsed() < Duration::from_millis(200) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if here() {
                return;
            }
        }
        panic!("no publication of node {} reaches node {}", from.name, self.name);
    }

    async fn close(&self) {
        self.backplane.close(Instant::now() + Duration::from_secs(10)).await.unwrap();
    }
}

fn view<'a>(subject: &'a str, payload: &'a str) -> DeliveryView<'a> {
    DeliveryView { subject, reply: None, headers: &[], payload: payload.as_bytes(), body: BodyKind::Unknown }
}

fn run(subject: &str, numbers: std::ops::Range<u64>) -> Vec<Item<'_>> {
    numbers.map(|number| (subject, number)).collect()
}

/// Fails where numbers of one origin on one subject do not ascend.
fn ascends(came: &[(String, u64, u64)]) {
    let mut last: BTreeMap<(&str, u64), u64> = BTreeMap::new();
    for (subject, origin, number) in came {
        if let Some(before) = last.insert((subject, *origin), *number) {
            assert!(before < *number, "{origin} published {number} on {subject} after {before}");
        }
    }
}

/// Whatever can be in a publication arrives as it was.
pub async fn what_is_published_arrives_as_it_was(world: &impl World) {
    let (a, b) = (TestNode::join(world, 1).await, TestNode::listening(world, 2).await);
    let views = [
        DeliveryView { subject: "a", reply: None, headers: b"", payload: b"", body: BodyKind::Unknown },
        DeliveryView { subject: "a", reply: Some("_INBOX.x.1"), headers: b"", payload: b"1", body: BodyKind::Json },
        DeliveryView {
            subject: "a.b.\u{fc}",
            reply: None,
            headers: b"NATS/1.0\r\nx: y\r\n\r\n",
            payload: &[0, 255, 13, 10],
            body: BodyKind::Unknown,
        },
        DeliveryView { subject: "_R.1.1-1.1", reply: Some("c"), headers: b"", payload: b"x", body: BodyKind::Unknown },
    ];
    let reply = Pattern::parse("_R.>").unwrap();
    let change = InterestChange { version: 9, add: vec![reply], remove: Vec::new() };
    b.backplane.update_interest(change).await.unwrap();
    a.backplane.publish(&mut views.iter().copied()).unwrap();
    b.until_count(views.len()).await;
    let expected: Vec<Came> = views
        .iter()
        .map(|view| Came::Message {
            subject: view.subject.to_owned(),
            reply: view.reply.map(ToOwned::to_owned),
            headers: view.headers.to_vec(),
            payload: view.payload.to_vec(),
            json: view.body == BodyKind::Json,
        })
        .collect();
    assert_eq!(*b.log.came.lock(), expected);
}

/// `payload_bytes_max` is true, as far as a test may go.
pub async fn the_largest_payload_arrives(world: &impl World) {
    let (a, b) = (TestNode::join(world, 1).await, TestNode::listening(world, 2).await);
    let largest = usize::try_from(a.backplane.capabilities().payload_bytes_max).unwrap().min(8 << 20);
    let payload = "x".repeat(largest);
    a.backplane.publish(&mut std::iter::once(view("a", &payload))).unwrap();
    b.until_count(1).await;
    assert!(matches!(&b.log.came.lock()[..], [Came::Message { payload: came, .. }] if came.len() == largest));
}

/// Publications of one origin on one subject arrive in the order published.
pub async fn fifo_per_subject(world: &impl World) {
    let (a, b) = (TestNode::join(world, 1).await, TestNode::join(world, 2).await);
    let c = TestNode::listening(world, 3).await;
    assert!(a.backplane.capabilities().ordered, "the contract asks for it");
    for round in 0..50 {
        for node in [&a, &b] {
            let numbers = round * 20..round * 20 + 20;
            let mixed: Vec<Item<'_>> = numbers.flat_map(|number| [("x", number), ("y.z", number)]).collect();
            node.publish(&mixed).await;
        }
    }
    c.until_count(4000).await;
    let came = c.came();
    ascends(&came);
    assert_eq!(came.iter().collect::<HashSet<_>>().len(), 4000);
    assert_eq!(c.told(), (0, false));
}

/// A publication does not come back to the node it came from.
pub async fn own_echo_is_dropped(world: &impl World) {
    let (a, b) = (TestNode::listening(world, 1).await, TestNode::listening(world, 2).await);
    a.publish(&run("x", 0..100)).await;
    b.until_count(100).await;
    b.publish(&run("x", 0..1)).await;
    a.until_count(1).await;
    a.fence(&b).await;
    assert!(a.came().iter().all(|(_, origin, _)| *origin == 2), "{:?}", a.came());
}

/// However many patterns of a node match, it is given a publication once.
pub async fn delivered_once(world: &impl World) {
    let (a, mut b) = (TestNode::join(world, 1).await, TestNode::join(world, 2).await);
    b.interest(&["x.y", "x.*", "x.>", ">", "*.y", FENCE], &[]).await;
    a.publish(&run("x.y", 0..100)).await;
    b.until_count(100).await;
    b.interest(&["*.*"], &[">", "x.y"]).await;
    a.publish(&run("x.y", 100..200)).await;
    b.fence(&a).await;
    let came: Vec<u64> =
        b.came().into_iter().filter(|(subject, ..)| subject == "x.y").map(|(_, _, number)| number).collect();
    assert_eq!(came, (0..200).collect::<Vec<_>>());
}

/// What waits is bounded: what does not fit is given back or told as a gap. Received, told and given back is what was published.
pub async fn full_gives_back(world: &impl World) {
    const RUN: u64 = 16;
    const RUNS: u64 = 40_000;
    let (a, b) = (TestNode::join(world, 1).await, TestNode::listening(world, 2).await);
    b.log.hold(true);
    let (mut taken, mut given_back) = (0, 0);
    for at in 0..RUNS {
        let first = at * RUN;
        match a.try_publish(&run("x", first..first + RUN)) {
            Ok(()) => taken += RUN,
            Err(Full { accepted }) => {
                assert!((accepted as u64) < RUN, "not full at all");
                taken += accepted as u64;
                given_back += RUN - accepted as u64;
                break;
            }
        }
        if at % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    b.log.hold(false);
    b.fence(&a).await;
    let (told, unknown) = b.told();
    assert!(given_back > 0 || told > 0 || unknown, "{taken} publications wait for a node that takes none: no bound");
    if a.backplane.capabilities().tells_gaps {
        assert_eq!(history(&a, taken).check(|_| true, &b.seen()), Ok(()), "{told} told, {taken} taken");
    }
}

/// What `from` has published: numbers up to `taken` on `x`, and fences, of which some may be lost too.
fn history(from: &TestNode, taken: u64) -> History {
    let mut history = History::default();
    let name = |subject: &str, number| Name { publisher: from.name, subject: subject.into(), number };
    (0..taken).for_each(|number| history.publish(name("x", number), Outcome::Accepted));
    (0..from.fences.load(Ordering::Relaxed)).for_each(|number| history.publish(name(FENCE, number), Outcome::Unknown));
    history
}

/// A node that needs interest hears what it asked for and nothing else; one that does not hears everything. A change that is not newer is ignored.
pub async fn interest_is_what_the_changes_add_up_to(world: &impl World) {
    let (a, mut b) = (TestNode::join(world, 1).await, TestNode::join(world, 2).await);
    let needs = a.backplane.capabilities().needs_interest;
    let subjects = ["x.y", "x.z", "y", "x.y.z"];
    let mut expected = Vec::new();
    let mut number = 0;
    b.interest(&[FENCE], &[]).await;
    let steps: [(&[&str], &[&str]); 5] =
        [(&["x.*"], &[]), (&["x.y"], &[]), (&[], &["x.*"]), (&["y", "x.>"], &["x.y"]), (&[], &["x.>", "y"])];
    let mut wanted: Vec<&str> = Vec::new();
    for (add, remove) in steps {
        b.interest(add, remove).await;
        let stale = b.change(b.version, &["y", "x.y.z"], &["x.y"]);
        b.backplane.update_interest(stale).await.unwrap();
        wanted.extend(add);
        wanted.retain(|pattern| !remove.contains(pattern));
        for subject in subjects {
            number += 1;
            a.publish(&[(subject, number)]).await;
            if !needs || wanted.iter().any(|pattern| subject::matches(pattern, subject)) {
                expected.push(number);
            }
        }
        b.fence(&a).await;
    }
    let came: Vec<u64> =
        b.came().into_iter().filter(|(subject, ..)| subject != FENCE).map(|(_, _, number)| number).collect();
    // More than was asked for may come (covers are wider than patterns), less may not, and never twice.
    let wider: Vec<u64> = came.iter().copied().filter(|number| expected.contains(number)).collect();
    assert_eq!(wider, expected);
    assert_eq!(came.iter().collect::<HashSet<_>>().len(), came.len());
}

/// `Ok` from `update_interest` means that what is published anywhere from now on arrives.
pub async fn confirmed_interest_misses_nothing(world: &impl World) {
    let (a, mut b) = (TestNode::join(world, 1).await, TestNode::join(world, 2).await);
    let names: Vec<String> = (0..200).map(|at| format!("s{at}.x")).collect();
    for (at, name) in names.iter().enumerate() {
        b.interest(&[name], &[]).await;
        a.publish(&[(name, at as u64)]).await;
    }
    b.until_count(names.len()).await;
    assert_eq!(b.told(), (0, false));
}

/// `has_peers` is not `false` while somebody listens.
pub async fn peers_are_seen(world: &impl World) {
    let a = TestNode::listening(world, 1).await;
    let b = TestNode::listening(world, 2).await;
    until("both see a peer", || a.backplane.has_peers() && b.backplane.has_peers()).await;
    a.fence(&b).await;
}

/// Health is up once a node has joined, and every receiver sees it.
pub async fn health_is_told(world: &impl World) {
    let a = TestNode::join(world, 1).await;
    let b = TestNode::listening(world, 2).await;
    until("it is up", || *a.backplane.health().borrow() == Health::Up).await;
    if world.cut().await {
        let mut early = a.backplane.health();
        until("it is not up any more", || *a.backplane.health().borrow() != Health::Up).await;
        assert!(a.backplane.health().borrow().cause().is_some(), "it says why");
        assert_ne!(*early.borrow_and_update(), Health::Up);
        world.mend().await;
        until("it is up again", || *a.backplane.health().borrow() == Health::Up).await;
        b.fence(&a).await;
    }
}

/// What is lost while nodes are cut off from each other is told, where that is promised; what is taken up again is in order and once.
pub async fn a_cut_is_told(world: &impl World) {
    let (a, b) = (TestNode::join(world, 1).await, TestNode::listening(world, 2).await);
    a.publish(&run("x", 0..100)).await;
    b.until_count(100).await;
    if !world.cut().await {
        return;
    }
    let mut taken = 100;
    for at in 0..100 {
        let first = 100 + at * 10;
        taken += match a.try_publish(&run("x", first..first + 10)) {
            Ok(()) => 10,
            Err(Full { accepted }) => accepted as u64,
        };
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.mend().await;
    b.fence(&a).await;
    ascends(&b.came());
    if a.backplane.capabilities().tells_gaps {
        assert_eq!(history(&a, taken).check(|_| true, &b.seen()), Ok(()), "{taken} taken");
    }
}

/// `close` sends what waits before it ends.
pub async fn close_sends_what_waits(world: &impl World) {
    let (a, b) = (TestNode::join(world, 1).await, TestNode::listening(world, 2).await);
    for at in 0..50 {
        a.publish(&run("x", at * 20..at * 20 + 20)).await;
    }
    a.close().await;
    b.until_count(1000).await;
    assert_eq!(b.told(), (0, false));
}

/// `close` may be called again, at the same time too; a node that is closed is given nothing any more and takes nothing.
pub async fn close_is_idempotent(world: &impl World) {
    let (a, b) = (TestNode::listening(world, 1).await, TestNode::listening(world, 2).await);
    b.publish(&run("x", 0..10)).await;
    a.until_count(10).await;
    tokio::join!(a.close(), a.close());
    a.close().await;
    let _given_back = a.try_publish(&run("late", 0..10));
    let c = TestNode::listening(world, 3).await;
    b.publish(&run("x", 10..20)).await;
    c.fence(&b).await;
    c.until_count(10).await;
    assert_eq!(a.count(), 10, "nothing comes after close");
    for node in [&b, &c] {
        assert!(node.came().iter().all(|(subject, ..)| subject != "late"), "nothing goes out after close");
    }
}
