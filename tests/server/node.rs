//! A node as a child process, and clients that speak to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

/// Everything that is waited for comes long before.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until `condition` gives something.
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The command under test, with nothing of the caller's environment that could change it.
pub(crate) fn pointsman() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("POINTSMAN_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// A running node. Killed when dropped.
pub(crate) struct Node {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Vec<Value>>>,
    reader: Option<JoinHandle<()>>,
}

impl Node {
    /// `pointsman dev` on a free port, with more arguments.
    pub(crate) fn dev(arguments: &[&str]) -> Self {
        Self::start("dev", arguments)
    }

    /// `pointsman serve` on a free port and the memory backplane, with more arguments.
    pub(crate) fn serve(arguments: &[&str]) -> Self {
        let mut all = vec!["--backplane", "memory"];
        all.extend(arguments);
        Self::start("serve", &all)
    }

    fn start(verb: &str, arguments: &[&str]) -> Self {
        let mut child = pointsman()
            .arg(verb)
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let stderr = child.stderr.take().unwrap();
        let reader = std::thread::spawn({
            let log = Arc::clone(&log);
            move || keep(stderr, &log)
        });
        let mut node = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), log, reader: Some(reader) };
        let ready = eventually("the node is ready", || {
            assert!(node.child.try_wait().unwrap().is_none(), "the node ended: {:?}", node.log.lock().unwrap());
            node.find("ready")
        });
        node.address = ready["address"].as_str().unwrap().parse().unwrap();
        node
    }

    /// The first log line with this message.
    pub(crate) fn find(&self, message: &str) -> Option<Value> {
        self.log.lock().unwrap().iter().find(|line| line["message"] == message).cloned()
    }

    /// How many log lines have this message.
    pub(crate) fn count(&self, message: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|line| line["message"] == message).count()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end of the process and gives its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let status = eventually("the node ends", || self.child.try_wait().unwrap());
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status.code()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    /// Sends bytes as they are and reads until the server closes, or has said `until`.
    pub(crate) fn raw(&self, bytes: &[u8], until: &str) -> String {
        let mut stream = self.tcp();
        // A server that has heard enough may close before everything is sent.
        let _closed_early = stream.write_all(bytes);
        read_until(&mut stream, until)
    }

    /// One request: status, headers in lower case, body.
    pub(crate) fn http(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let answer = self.raw(&[head.as_bytes(), body].concat(), "\0");
        Answer::parse(&answer)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.http("GET", path, &[], b"")
    }

    pub(crate) fn publish(&self, body: &str) -> Answer {
        self.http("POST", "/v1/publish", &[("content-type", "application/json")], body.as_bytes())
    }

    /// A WebSocket with the JSON subprotocol; the answer instead where there is none.
    pub(crate) fn upgrade(&self, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
        let mut request = format!("ws://{}/v1/ws", self.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "pointsman.v1.json".parse().unwrap());
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match tungstenite::client(request, self.tcp()) {
            Ok((socket, _)) => Ok(Socket(socket)),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
                Err(response.status().as_u16())
            }
            Err(error) => panic!("no upgrade: {error}"),
        }
    }

    /// A session: connected with these fields beside `op` and `version`; the socket and what `ready` said.
    pub(crate) fn session(&self, fields: &Value) -> (Socket, Value) {
        let mut socket = self.upgrade(&[]).unwrap();
        let mut connect = serde_json::json!({ "op": "connect", "version": 1 });
        connect.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        socket.send(&connect);
        let ready = socket.next().expect("an answer to connect");
        (socket, ready)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

fn keep(stderr: ChildStderr, log: &Mutex<Vec<Value>>) {
    for line in BufReader::new(stderr).lines() {
        let line = line.unwrap();
        let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
        log.lock().unwrap().push(value);
    }
}

/// Reads until the peer closes or `until` has come.
pub(crate) fn read_until(stream: &mut TcpStream, until: &str) -> String {
    let mut all = Vec::new();
    let mut some = [0; 4096];
    loop {
        match stream.read(&mut some) {
            Ok(0) => break,
            Ok(read) => all.extend_from_slice(&some[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(error) => panic!("after {:?}: {error}", String::from_utf8_lossy(&all)),
        }
        if String::from_utf8_lossy(&all).contains(until) {
            break;
        }
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// An answer of the HTTP port.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        Self { status, headers: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// A WebSocket that speaks frames as JSON values.
pub(crate) struct Socket(pub(crate) WebSocket<TcpStream>);

impl Socket {
    pub(crate) fn send(&mut self, frame: &Value) {
        self.0.send(Message::text(frame.to_string())).unwrap();
    }

    pub(crate) fn send_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    /// The next frame as text; `None` after the end.
    pub(crate) fn next_text(&mut self) -> Option<String> {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return Some(text.as_str().to_owned()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next frame that is no ping; `None` after the end.
    pub(crate) fn next(&mut self) -> Option<Value> {
        loop {
            let frame: Value = serde_json::from_str(&self.next_text()?).unwrap();
            if frame["op"] != "ping" {
                return Some(frame);
            }
        }
    }

    /// The close frame of WebSocket itself.
    pub(crate) fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.0.read() {
                Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Err(_) => return None,
                Ok(_) => {}
            }
        }
    }
}
