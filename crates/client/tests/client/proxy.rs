//! A TCP proxy that cuts connections after a number of bytes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How much one connection may carry in each direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) up: usize,
    pub(crate) down: usize,
}

impl Budget {
    pub(crate) const NONE: Self = Self { up: usize::MAX, down: usize::MAX };
}

/// Bytes carried by the first connection.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    pub(crate) up: AtomicUsize,
    pub(crate) down: AtomicUsize,
}

#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) carried: Arc<Carried>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// The n-th connection gets the n-th budget; further ones are not cut.
    pub(crate) async fn new(to: SocketAddr, budgets: Vec<Budget>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let carried = Arc::new(Carried::default());
        let mut tasks = JoinSet::new();
        let first = Arc::clone(&carried);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            let mut budgets = budgets.into_iter();
            let mut counter = Some(first);
            while let Ok((client, _)) = listener.accept().await {
                let budget = budgets.next().unwrap_or(Budget::NONE);
                connections.spawn(carry(client, to, budget, counter.take().unwrap_or_default()));
            }
        });
        Self { address, carried, _tasks: tasks }
    }
}

async fn carry(client: TcpStream, to: SocketAddr, budget: Budget, carried: Arc<Carried>) {
    let Ok(server) = TcpStream::connect(to).await else { return };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Whichever direction ends first ends both: a cut cable knows no half-open.
    tokio::select! {
        _ = pump(from_client, to_server, budget.up, &carried.up) => {}
        _ = pump(from_server, to_client, budget.down, &carried.down) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, budget: usize, carried: &AtomicUsize) -> io::Result<()> {
    let mut left = budget;
    let mut buffer = vec![0; 4096];
    while left > 0 {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let part = read.min(left);
        to.write_all(&buffer[..part]).await?;
        carried.fetch_add(part, Ordering::Relaxed);
        left -= part;
    }
    Ok(())
}
