//! Measurements of the hot path: what a message costs in instructions, allocations, memory and processor time.
//!
//! - [`workload`]: single operations without sockets, on one thread. The program `harness` runs one of them so often; the program `gate`
//!   counts their instructions and compares them with `instructions.json`; a test counts their allocations.
//! - The program `matcher`: matching with up to a million subscriptions.
//! - The program `load`: a whole server beside `raw`, which writes the same bytes to every socket and does nothing else.
//!
//! `docs/performance.md` says how to repeat the figures.

pub mod client;
pub mod frames;
pub mod node;
pub mod process;
pub mod sample;
pub mod scenario;
pub mod server;
pub mod summary;
pub mod workload;
