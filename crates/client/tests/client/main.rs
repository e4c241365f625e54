//! The client against a scripted server, over real sockets.
#![allow(clippy::unwrap_used, reason = "tests state their expectations")]

mod cuts;
mod node;
mod proxy;
mod server;
mod wire;
