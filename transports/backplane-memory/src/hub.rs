//! Where the nodes of a process meet.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use pointsman_contract::backplane::Inbound;
use pointsman_protocol::frame::{BodyKind, DeliveryView};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Runs that wait for a node.
const INBOX_RUNS: usize = 1024;
/// An inbox takes no note of the subjects it lost.
const EVERYTHING: &str = ">";

/// A publication on its way, owned.
#[derive(Debug, Clone)]
pub(crate) struct Owned {
    subject: Box<str>,
    reply: Option<Box<str>>,
    headers: Box<[u8]>,
    payload: Box<[u8]>,
    body: BodyKind,
}

impl Owned {
    pub(crate) fn of(view: DeliveryView<'_>) -> Self {
        Self {
            subject: view.subject.into(),
            reply: view.reply.map(Into::into),
            headers: view.headers.into(),
            payload: view.payload.into(),
            body: view.body,
        }
    }

    fn view(&self) -> DeliveryView<'_> {
        DeliveryView {
            subject: &self.subject,
            reply: self.reply.as_deref(),
            headers: &self.headers,
            payload: &self.payload,
            body: self.body,
        }
    }
}

/// What waits for a node.
#[derive(Debug)]
enum Entry {
    Run(Arc<[Owned]>),
    /// So many publications are missing here.
    Gap(u64),
}

#[derive(Debug)]
struct Inbox {
    node: u64,
    entries: mpsc::Sender<Entry>,
    /// Publications behind everything that waits which the inbox had no room for. Locked from the attempt to the count, so that whoever finds the
    /// inbox empty sees all of them.
    lost: Arc<Mutex<u64>>,
}

impl Inbox {
    /// Puts a run in, and in front of it the gap of those that did not go in before.
    fn put(&self, run: &Arc<[Owned]>) {
        let mut lost = self.lost.lock();
        if *lost > 0 && self.entries.try_send(Entry::Gap(*lost)).is_ok() {
            *lost = 0;
        }
        if *lost > 0 || self.entries.try_send(Entry::Run(Arc::clone(run))).is_err() {
            *lost += run.len() as u64;
        }
    }
}

/// Joins nodes.
#[derive(Debug, Default)]
pub struct Hub {
    inboxes: RwLock<Vec<Inbox>>,
}

impl Hub {
    /// Takes a node in; its task ends with `stop`.
    pub(crate) fn join(
        &self,
        node: u64,
        inbound: Arc<dyn Inbound>,
        stop: CancellationToken,
    ) -> tokio::task::JoinHandle<()> {
        let (entries, mut inbox) = mpsc::channel(INBOX_RUNS);
        let lost = Arc::new(Mutex::new(0));
        self.inboxes.write().push(Inbox { node, entries, lost: Arc::clone(&lost) });
        tokio::spawn(async move {
            loop {
                let entry = tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    entry = inbox.recv() => entry,
                };
                match entry {
                    Some(Entry::Run(run)) => inbound.deliver(&mut run.iter().map(Owned::view)),
                    Some(Entry::Gap(lost)) => inbound.gap(EVERYTHING, Some(lost)),
                    None => return,
                }
                // Nothing may come any more that the gap could go in front of.
                let untold = {
                    let mut lost = lost.lock();
                    if inbox.is_empty() { std::mem::take(&mut *lost) } else { 0 }
                };
                if untold > 0 {
                    inbound.gap(EVERYTHING, Some(untold));
                }
            }
        })
    }

    pub(crate) fn leave(&self, node: u64) {
        self.inboxes.write().retain(|inbox| inbox.node != node);
    }

    pub(crate) fn has_peers(&self, node: u64) -> bool {
        self.inboxes.read().iter().any(|inbox| inbox.node != node)
    }

    /// Gives a run to every node but its origin.
    pub(crate) fn publish(&self, origin: u64, run: &Arc<[Owned]>) {
        self.inboxes.read().iter().filter(|inbox| inbox.node != origin).for_each(|inbox| inbox.put(run));
    }
}
