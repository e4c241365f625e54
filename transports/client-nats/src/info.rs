//! `INFO`: what the server says of itself.

use std::net::SocketAddr;

use serde::Serialize;

/// The version that NATS libraries look at to know what a server can do: the last before features that are not here.
const NATS_VERSION: &str = "2.10.0";

/// The node as it shows itself to NATS clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// Boot id of the node.
    pub(crate) id: String,
    /// Its name and version.
    pub(crate) server: String,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

/// All fields, each time: some libraries take every `INFO` as the whole state.
#[derive(Debug, Serialize)]
struct Info<'a> {
    server_id: &'a str,
    server_name: &'a str,
    version: &'static str,
    proto: u8,
    go: &'static str,
    host: String,
    port: u16,
    headers: bool,
    auth_required: bool,
    max_payload: usize,
    client_id: u64,
    client_ip: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    connect_info: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_account: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ldm: bool,
    pointsman: &'a str,
}

/// What differs from one `INFO` to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Telling {
    pub(crate) client_id: u64,
    pub(crate) client: SocketAddr,
    pub(crate) auth_required: bool,
    pub(crate) max_payload: usize,
    /// Whether the client has connected, so that this is not the first one.
    pub(crate) connected: bool,
}

impl Node {
    /// The line, its end included.
    pub(crate) fn info(&self, telling: Telling) -> Vec<u8> {
        let info = Info {
            server_id: &self.id,
            server_name: &self.server,
            version: NATS_VERSION,
            proto: 1,
            go: "none",
            host: self.address.ip().to_string(),
            port: self.address.port(),
            headers: true,
            auth_required: telling.auth_required,
            max_payload: telling.max_payload,
            client_id: telling.client_id,
            client_ip: telling.client.ip().to_string(),
            connect_info: telling.connected,
            remote_account: telling.connected.then_some("$G"),
            ldm: false,
            pointsman: &self.server,
        };
        let mut line = b"INFO ".to_vec();
        // Writing to memory what is made of texts and numbers does not fail.
        let _infallible = serde_json::to_writer(&mut line, &info);
        line.extend_from_slice(b" \r\n");
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json_between_its_name_and_its_end() {
        let address = SocketAddr::from(([127, 0, 0, 1], 4222));
        let node = Node { id: "n".into(), server: "pointsman/1".into(), address };
        let telling =
            Telling { client_id: 7, client: address, auth_required: true, max_payload: 1024, connected: false };
        let line = String::from_utf8(node.info(telling)).unwrap();
        let json = line.strip_prefix("INFO ").and_then(|line| line.strip_suffix(" \r\n")).unwrap();
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(value["port"], 4222);
        assert_eq!((&value["client_id"], &value["auth_required"]), (&7.into(), &true.into()));
        assert!(value.get("connect_info").is_none());
        let again = String::from_utf8(node.info(Telling { connected: true, ..telling })).unwrap();
        assert!(again.contains(r#""connect_info":true"#) && again.contains(r#""client_ip":"127.0.0.1""#));
    }
}
