//! The bounded outgoing queue of a session, and the tick that flushes it.
//!
//! A router *pushes* encoded wire messages into an [`Outbox`](outbox::Outbox); the outboxes touched for the first time stand on the
//! dirty list of a [`Tick`](tick::Tick), which writes them out at its end, directly and vectored, on the thread that pushed. Nobody
//! ever waits for a socket: what a socket does not take stays in the outbox, within its limits, and the link's own task goes on with it.
//!
//! It is not a channel: there is no receiver that is woken per message. It knows neither sockets (a [`Pipe`](pipe::Pipe) stands for
//! one) nor protocols (a [`Framing`](pipe::Framing) finds the wire messages in the bytes again where that is needed: resend, overflow).
//!
//! # Invariants
//! - Only the holder of the phase `Writing` touches the pipe; every byte of a link goes through its outbox. Phases change under the lock.
//! - An outbox that is idle and fully acknowledged owns no heap memory besides itself.
//! - Deliveries that are queued plus those in flight never exceed the [limits](outbox::Limits), but for what an attach sends again; an
//!   overflow is recorded as a gap per subscription, whose notice comes on top.
//!
//! # Ordering
//! Wire messages leave in the order pushed. A gap record stands where the loss happened: in front of what was kept when the oldest
//! were dropped, behind it when the newest were (which also happens to what no dropping could make room for).
//!
//! # Limits
//! Bytes and messages per outbox ([`Limits`](outbox::Limits)); the resend ring in wire messages and bytes; the pool of a tick keeps at
//! most 4 MiB of buffers.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests state their expectations"))]

pub mod gaps;
pub mod outbox;
pub mod pipe;
pub mod pool;
pub mod ring;
pub mod segment;
pub mod tick;
