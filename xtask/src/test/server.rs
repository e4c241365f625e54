//! A server for browser tests: started on a free port of this machine, and ended by its own process id.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command;
use crate::project::Project;

/// How long a start may take on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the drain may take: the server's own limits are well below.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
/// How much of the log a failure shows.
const LOG_LINES: usize = 40;

/// A running server. Dropped without [`stop`](Server::stop), it is killed.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// Builds `pointsman`, starts `pointsman dev` and waits until it is ready.
    pub(super) fn start(project: &Project) -> Result<Self> {
        let program = build(project)?;
        let address = free_address()?;
        let log = project.target().join(format!("xtask-server-{}.log", address.port()));
        let output = File::create(&log).with_context(|| format!("{} could not be written", log.display()))?;
        let mut command = project.command(program);
        command.arg("dev").env("POINTSMAN_HTTP__LISTEN", address.to_string());
        println!("$ {}", command::shown(&command));
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("the server could not be started")?;
        let mut server = Self { child, address, log };
        match server.wait_until_ready() {
            Ok(()) => Ok(server),
            Err(error) => Err(server.with_log(error)),
        }
    }

    /// Where WebSocket clients go.
    pub(super) fn websocket_url(&self) -> String {
        format!("ws://{}/v1/ws", self.address)
    }

    /// Where pages are.
    pub(super) fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks the server to go, and fails unless it ends by itself with 0.
    pub(super) fn stop(mut self) -> Result<()> {
        match self.end() {
            Ok(()) => fs::remove_file(&self.log).context("the log could not be removed"),
            Err(error) => Err(self.with_log(error)),
        }
    }

    fn end(&mut self) -> Result<()> {
        command::output(Command::new("kill").args(["-TERM", &self.child.id().to_string()]))?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        let status = loop {
            if let Some(status) = self.exited()? {
                break status;
            }
            if Instant::now() >= deadline {
                bail!("the server was still there {} s after SIGTERM", STOP_TIMEOUT.as_secs());
            }
            std::thread::sleep(POLL);
        };
        if !status.success() {
            bail!("the server ended with {status} after SIGTERM");
        }
        Ok(())
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(status) = self.exited()? {
                bail!("the server ended with {status} before it was ready");
            }
            let answer = get(self.address, "/readyz").unwrap_or_default();
            if answer.starts_with("HTTP/1.1 200") {
                return Ok(());
            }
            if Instant::now() >= deadline {
                bail!("the server was not ready after {} s; its last answer: {answer:?}", START_TIMEOUT.as_secs());
            }
            std::thread::sleep(POLL);
        }
    }

    fn exited(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("the server could not be watched")
    }

    /// Shows the end of the server's log beside what went wrong.
    fn with_log(&self, error: anyhow::Error) -> anyhow::Error {
        println!("--- the end of {}", self.log.display());
        print!("{}", tail(&self.log));
        println!("---");
        error
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail on a server that has ended, and then there is nothing to do.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// Builds the server as the tests of the workspace do, so that it is mostly built already.
pub(super) fn build(project: &Project) -> Result<PathBuf> {
    command::run(project.cargo().args(["build", "--workspace", "--bin", "pointsman"]))?;
    Ok(project.target().join("debug/pointsman"))
}

/// A port that was free a moment ago.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port of 127.0.0.1 could be bound")?;
    listener.local_addr().context("the port has no number")
}

/// The head of an answer.
fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LOG_LINES);
    lines.iter().skip(from).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::BufRead;

    use super::*;

    #[test]
    fn the_head_of_an_answer_is_read() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = std::io::BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<String> = lines.by_ref().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nready").unwrap();
            head
        });
        assert!(get(address, "/x").unwrap().starts_with("HTTP/1.1 200"));
        let head = server.join().unwrap();
        assert_eq!(head.first().unwrap(), "GET /x HTTP/1.1");
        assert!(head.contains(&format!("Host: {address}")), "{head:?}");
    }

    #[test]
    fn the_end_of_a_log_is_shown() {
        let log = std::env::temp_dir().join(format!("xtask-log-{}", std::process::id()));
        let text: String = (0..LOG_LINES + 5).map(|line| format!("line {line}\n")).collect();
        fs::write(&log, text).unwrap();
        assert!(tail(&log).starts_with("line 5\n") && tail(&log).ends_with("line 44\n"));
        fs::remove_file(&log).unwrap();
    }
}
