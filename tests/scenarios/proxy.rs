//! A TCP proxy on the loopback that breaks links in the ways in which networks break them.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

/// Where bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

/// How a link ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Both ends see the other one finish.
    Fin,
    /// Both ends see a reset.
    Reset,
    /// The client sees the end; the server goes on writing into the void.
    Unnoticed,
}

/// An end after exactly so many bytes in a direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) direction: Direction,
    pub(crate) after: u64,
    pub(crate) end: End,
}

/// What happens to one link.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Plan {
    pub(crate) cut: Option<Cut>,
    /// Each piece that is read waits so long before it goes on.
    pub(crate) delay: Duration,
    /// Pieces are at most so large.
    pub(crate) piece: Option<usize>,
}

impl Plan {
    pub(crate) fn cut(direction: Direction, after: u64, end: End) -> Self {
        Self { cut: Some(Cut { direction, after, end }), ..Self::default() }
    }
}

/// A proxy to one address. Everything of it ends when it is dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    to: SocketAddr,
    plans: Mutex<VecDeque<Plan>>,
    links: Mutex<Vec<Weak<Link>>>,
    opened: AtomicUsize,
    /// Bytes of the newest link with a plan, towards the server and towards the client.
    passed: Mutex<Arc<[AtomicU64; 2]>>,
    swallows: [AtomicBool; 2],
    refuses: AtomicBool,
    stopped: AtomicBool,
}

struct Link {
    client: TcpStream,
    server: TcpStream,
    plan: Plan,
    passed: Arc<[AtomicU64; 2]>,
    /// Nothing is passed on any more.
    over: AtomicBool,
    shared: Arc<Shared>,
}

impl Proxy {
    pub(crate) fn new(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            to,
            plans: Mutex::default(),
            links: Mutex::default(),
            opened: AtomicUsize::new(0),
            passed: Mutex::default(),
            swallows: Default::default(),
            refuses: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        });
        let accepting = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    /// Where a client of the Rust crate connects.
    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// What happens to the next link that is opened, after those planned before. Without a plan a link is left alone.
    pub(crate) fn plan(&self, plan: Plan) {
        self.shared.plans.lock().unwrap().push_back(plan);
    }

    /// Ends every link.
    pub(crate) fn cut_all(&self, end: End) {
        let links: Vec<_> = self.shared.links.lock().unwrap().iter().filter_map(Weak::upgrade).collect();
        links.iter().for_each(|link| link.end(end));
    }

    /// Takes bytes and passes none on, as a network that is gone and has not been missed yet; or no longer so.
    pub(crate) fn swallow(&self, direction: Direction, swallows: bool) {
        self.shared.swallows[direction as usize].store(swallows, Ordering::SeqCst);
    }

    /// Ends new links at once; or no longer so.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.shared.refuses.store(refuses, Ordering::SeqCst);
    }

    /// Links opened so far.
    pub(crate) fn opened(&self) -> usize {
        self.shared.opened.load(Ordering::SeqCst)
    }

    /// Bytes that the newest link with a plan has passed on, towards the server and towards the client.
    pub(crate) fn passed(&self) -> [u64; 2] {
        let passed = self.shared.passed.lock().unwrap();
        [0, 1].map(|direction: usize| passed[direction].load(Ordering::SeqCst))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for links.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            accepting.join().unwrap();
        }
        self.cut_all(End::Reset);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(client) = client else { continue };
        let server = match TcpStream::connect(shared.to) {
            Ok(server) if !shared.refuses.load(Ordering::SeqCst) => server,
            _ => {
                reset_when_closed(&client);
                continue;
            }
        };
        for socket in [&client, &server] {
            socket.set_nodelay(true).unwrap();
        }
        let passed = Arc::<[AtomicU64; 2]>::default();
        let plan = shared.plans.lock().unwrap().pop_front();
        if plan.is_some() {
            *shared.passed.lock().unwrap() = Arc::clone(&passed);
        }
        let plan = plan.unwrap_or_default();
        let over = AtomicBool::new(false);
        let link = Arc::new(Link { client, server, plan, passed, over, shared: Arc::clone(shared) });
        {
            let mut links = shared.links.lock().unwrap();
            links.retain(|link| link.strong_count() > 0);
            links.push(Arc::downgrade(&link));
        }
        shared.opened.fetch_add(1, Ordering::SeqCst);
        for direction in [Direction::ToServer, Direction::ToClient] {
            let link = Arc::clone(&link);
            std::thread::spawn(move || link.pump(direction));
        }
    }
}

fn reset_when_closed(socket: &TcpStream) {
    // A socket that is gone already cannot be reset.
    let _gone = socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

impl Link {
    fn pump(&self, direction: Direction) {
        let (mut from, mut to) = match direction {
            Direction::ToServer => (&self.client, &self.server),
            Direction::ToClient => (&self.server, &self.client),
        };
        let passed = &self.passed[direction as usize];
        let cut = self.plan.cut.filter(|cut| cut.direction == direction);
        let mut buffer = vec![0; self.plan.piece.unwrap_or(64 * 1024)];
        loop {
            let left = cut.map(|cut| cut.after.saturating_sub(passed.load(Ordering::SeqCst)));
            if let (Some(0), Some(cut)) = (left, cut) {
                self.end(cut.end);
            }
            let read = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(_) => break self.end(End::Reset),
            };
            std::thread::sleep(self.plan.delay);
            if self.over.load(Ordering::SeqCst) || self.shared.swallows[direction as usize].load(Ordering::SeqCst) {
                continue;
            }
            let pass = left.map_or(read, |left| usize::try_from(left).unwrap_or(usize::MAX).min(read));
            if to.write_all(&buffer[..pass]).is_err() {
                break self.end(End::Reset);
            }
            passed.fetch_add(pass as u64, Ordering::SeqCst);
        }
        if !self.over.load(Ordering::SeqCst) {
            // Nothing more comes from here; the other direction may go on.
            let _gone = to.shutdown(Shutdown::Write);
        }
    }

    fn end(&self, end: End) {
        if self.over.swap(true, Ordering::SeqCst) {
            return;
        }
        match end {
            End::Fin => {
                for socket in [&self.client, &self.server] {
                    let _gone = socket.shutdown(Shutdown::Write);
                }
            }
            End::Reset => {
                for socket in [&self.client, &self.server] {
                    reset_when_closed(socket);
                    // Lets the threads go that wait for bytes, and with the last of them the socket.
                    let _gone = socket.shutdown(Shutdown::Read);
                }
            }
            End::Unnoticed => {
                let _gone = self.client.shutdown(Shutdown::Write);
            }
        }
    }
}
