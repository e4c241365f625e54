//! The binary as its users meet it: started, spoken to over its port and its command line, told to end.
#![allow(clippy::unwrap_used, clippy::string_slice, reason = "tests state their expectations")]

#[path = "server/node.rs"]
mod node;

#[path = "server/cli.rs"]
mod cli;
#[path = "server/config.rs"]
mod config;
#[path = "server/embedding.rs"]
mod embedding;
#[path = "server/http.rs"]
mod http;
#[path = "server/lifecycle.rs"]
mod lifecycle;
#[path = "server/nats.rs"]
mod nats;
#[path = "server/raw_http.rs"]
mod raw_http;
#[path = "server/websocket.rs"]
mod websocket;
