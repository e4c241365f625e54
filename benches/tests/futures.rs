//! What a link's task holds while it does nothing.

use std::io;
use std::mem::size_of;
use std::sync::Arc;
use std::task::{Context, Poll};

use pointsman_contract::codec::Codec;
use pointsman_outbox::pipe::Pipe;
use pointsman_session::close::CloseReason;
use pointsman_session::drive::drive;
use pointsman_session::link::{Link, Peer, Receive};

/// A link of so many bytes. None is ever made.
struct Sized<const BYTES: usize>([u8; BYTES]);

impl<const BYTES: usize> Link for Sized<BYTES> {
    fn peer(&self) -> &Peer {
        unreachable!("no link is made: {}", self.0.len())
    }
    fn pipe(&self) -> Arc<dyn Pipe> {
        unreachable!("no link is made")
    }
    fn codec(&self) -> Arc<dyn Codec> {
        unreachable!("no link is made")
    }
    fn poll_receive(&mut self, _: &mut Context<'_>, _: &mut dyn Receive) -> Poll<Result<(), CloseReason>> {
        unreachable!("no link is made")
    }
    fn poll_writable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        unreachable!("no link is made")
    }
    fn encode_close(&self, _: u16, _: &str, _: &mut Vec<u8>) {
        unreachable!("no link is made")
    }
    fn shutdown_write(&mut self) {
        unreachable!("no link is made")
    }
}

/// Bytes of the future that a function of two arguments returns.
fn size_of_future<A, B, F>(_: impl FnOnce(A, B) -> F) -> usize {
    size_of::<F>()
}

#[test]
fn the_task_of_an_idle_link_is_small() {
    // A WebSocket link has about 400 bytes.
    let bytes = size_of_future(drive::<Sized<400>>);
    assert!(bytes < 1024, "a link's future has {bytes} bytes; something large lives across an await");
    // The link stands in it once, not again for every step.
    let growth = size_of_future(drive::<Sized<800>>) - bytes;
    assert!(growth <= 800, "{growth}");
}
