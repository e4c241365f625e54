//! A server as a process of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::process;

/// How long a server may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Which server.
#[derive(Debug, Clone)]
pub enum Program {
    /// Pointsman, the path of its binary.
    Pointsman(PathBuf),
    /// The program that writes the same bytes to every socket: its path, and how many publications a wire message has.
    Raw(PathBuf, usize),
}

/// A running server; it is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts it on a core (`None`: on any) and waits until it listens.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(program: &Program, core: Option<usize>, settings: &[(String, String)]) -> anyhow::Result<Self> {
        let address = free_address()?;
        let (path, arguments): (&Path, Vec<String>) = match program {
            Program::Pointsman(path) => (path, ["serve", "--backplane", "memory"].map(String::from).to_vec()),
            Program::Raw(path, per_message) => {
                (path, vec!["--listen".into(), address.to_string(), "--per-message".into(), per_message.to_string()])
            }
        };
        let mut command = match core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["--cpu-list", &core.to_string()]).arg(path);
                command
            }
            None => Command::new(path),
        };
        command
            .args(arguments)
            .env("POINTSMAN_HTTP__LISTEN", address.to_string())
            .env("POINTSMAN_AUTH__ANONYMOUS__ENABLED", "true")
            .env("POINTSMAN_LOG__LEVEL", "warn")
            .envs(settings.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let child = command.spawn().with_context(|| format!("starting {}", path.display()))?;
        let mut server = Self { child, address };
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{} ended with {status} before it listened", path.display());
            }
            if Instant::now() > deadline {
                bail!("{} does not listen on {address} after {} s", path.display(), START_TIMEOUT.as_secs());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    /// Its process id. `taskset` becomes the server, so it is the server's own.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its processor time so far.
    ///
    /// # Errors
    /// When it has ended.
    pub fn processor_time(&self) -> anyhow::Result<Duration> {
        process::processor_time(self.pid()).context("the server has ended")
    }

    /// Its resident memory in bytes.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resident(&self) -> anyhow::Result<u64> {
        process::resident(self.pid()).context("the server has ended")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Either it has ended by itself or it ends now; there is nobody to tell.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// An address of this machine on which nobody listens.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
