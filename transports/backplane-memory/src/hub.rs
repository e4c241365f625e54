//! Where the nodes of a process meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use pointsman_contract::backplane::Inbound;
use pointsman_protocol::frame::{BodyKind, DeliveryView};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Runs that wait for a node.
const INBOX_RUNS: usize = 1024;

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

#[derive(Debug)]
struct Inbox {
    node: u64,
    runs: mpsc::Sender<Arc<[Owned]>>,
    /// Publications that the inbox had no room for, not told yet.
    lost: Arc<AtomicU64>,
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
        let (runs, mut inbox) = mpsc::channel::<Arc<[Owned]>>(INBOX_RUNS);
        let lost = Arc::new(AtomicU64::new(0));
        self.inboxes.write().push(Inbox { node, runs, lost: Arc::clone(&lost) });
        tokio::spawn(async move {
            loop {
                let run = tokio::select! {
                    () = stop.cancelled() => return,
                    run = inbox.recv() => run,
                };
                let Some(run) = run else { return };
                let missed = lost.swap(0, Ordering::AcqRel);
                if missed > 0 {
                    inbound.gap(">", Some(missed));
                }
                inbound.deliver(&mut run.iter().map(Owned::view));
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
        for inbox in self.inboxes.read().iter().filter(|inbox| inbox.node != origin) {
            if inbox.runs.try_send(Arc::clone(run)).is_err() {
                inbox.lost.fetch_add(run.len() as u64, Ordering::AcqRel);
            }
        }
    }
}
