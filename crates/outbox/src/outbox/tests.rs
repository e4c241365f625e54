//! The outbox against a client of its own: what was received and what was told as lost must be what was pushed, in its place.

use std::sync::Weak;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Wake;

use proptest::prelude::*;

use super::*;
use crate::pipe::{Delivered, WireMessage};
use crate::tick::Tick;

const HEADER: usize = 4;
const SIDS: [u64; 3] = [1, 2, 3];

// ---- the wire: a length of four bytes, a kind, fields ----

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wire {
    /// A delivery: messages `first..first + messages`.
    Messages {
        sids: Vec<u64>,
        first: u64,
        messages: u32,
        pad: usize,
    },
    /// A counted answer.
    Answer(u64),
    /// A greeting or a close: not counted.
    Uncounted {
        skipped: u64,
        resent: u64,
    },
    Gap {
        sids: Vec<u64>,
        lost: u64,
        reason: String,
    },
}

fn small(n: usize) -> u8 {
    u8::try_from(n).unwrap()
}

fn number(bytes: &mut &[u8]) -> u64 {
    let (n, rest) = bytes.split_at(8);
    *bytes = rest;
    u64::from_be_bytes(n.try_into().unwrap())
}

impl Wire {
    fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER]);
        let numbers = |out: &mut Vec<u8>, numbers: &[u64]| {
            numbers.iter().for_each(|n| out.extend_from_slice(&n.to_be_bytes()));
        };
        match self {
            Self::Messages { sids, first, messages, pad } => {
                out.extend_from_slice(&[b'M', small(sids.len())]);
                numbers(out, sids);
                numbers(out, &[*first, u64::from(*messages)]);
                out.resize(out.len() + pad, b'.');
            }
            Self::Answer(id) => {
                out.push(b'A');
                numbers(out, &[*id]);
            }
            Self::Uncounted { skipped, resent } => {
                out.push(b'U');
                numbers(out, &[*skipped, *resent]);
            }
            Self::Gap { sids, lost, reason } => {
                out.extend_from_slice(&[b'G', small(sids.len())]);
                numbers(out, sids);
                numbers(out, &[*lost]);
                out.extend_from_slice(reason.as_bytes());
            }
        }
        let len = u32::try_from(out.len() - start - HEADER).unwrap();
        out[start..start + HEADER].copy_from_slice(&len.to_be_bytes());
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    /// The first message of `bytes` and its length; `None` when it is not whole. Panics where something was torn.
    fn decode(bytes: &[u8]) -> Option<(Self, usize)> {
        let (payload, len) = payload(bytes)?;
        let (kind, mut rest) = payload.split_first().unwrap();
        let sids = |rest: &mut &[u8]| {
            let (n, tail) = rest.split_first().unwrap();
            *rest = tail;
            (0..*n).map(|_| number(rest)).collect::<Vec<_>>()
        };
        let wire = match kind {
            b'M' => {
                let sids = sids(&mut rest);
                let (first, messages) = (number(&mut rest), number(&mut rest));
                assert!(rest.iter().all(|byte| *byte == b'.'), "a delivery is torn");
                Self::Messages { sids, first, messages: u32::try_from(messages).unwrap(), pad: rest.len() }
            }
            b'A' => Self::Answer(number(&mut rest)),
            b'U' => Self::Uncounted { skipped: number(&mut rest), resent: number(&mut rest) },
            b'G' => {
                let sids = sids(&mut rest);
                let lost = number(&mut rest);
                Self::Gap { sids, lost, reason: String::from_utf8(rest.to_vec()).unwrap() }
            }
            other => panic!("a wire message of the kind {other} was never pushed"),
        };
        Some((wire, len))
    }

    fn is_counted(&self) -> bool {
        !matches!(self, Self::Uncounted { .. })
    }
}

fn payload(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let len = u32::from_be_bytes(bytes.get(..HEADER)?.try_into().unwrap()) as usize;
    Some((bytes.get(HEADER..HEADER + len)?, HEADER + len))
}

fn decode_all(mut bytes: &[u8]) -> Vec<Wire> {
    let mut all = Vec::new();
    while let Some((wire, len)) = Wire::decode(bytes) {
        all.push(wire);
        bytes = &bytes[len..];
    }
    assert!(bytes.is_empty(), "the bytes end within a message");
    all
}

#[derive(Debug)]
struct Lengths;

impl Framing for Lengths {
    fn next_message<'a>(&self, bytes: &'a [u8]) -> Option<WireMessage<'a>> {
        let (payload, wire_len) = payload(bytes)?;
        let counted = payload.first() != Some(&b'U');
        Some(WireMessage { wire_len, counted, payload: if counted { payload } else { &[] } })
    }

    fn delivered(&self, payload: &[u8]) -> Option<Delivered> {
        let (kind, mut rest) = payload.split_first()?;
        if *kind != b'M' {
            return None;
        }
        let (n, tail) = rest.split_first()?;
        rest = tail;
        let sids = (0..*n).map(|_| number(&mut rest)).collect();
        let _first = number(&mut rest);
        Some(Delivered { sids, messages: u32::try_from(number(&mut rest)).unwrap() })
    }

    fn encode_gap(&self, sids: &[u64], lost: u64, reason: &str, out: &mut Vec<u8>) {
        Wire::Gap { sids: sids.to_vec(), lost, reason: reason.into() }.encode(out);
    }
}

// ---- the pipe: takes what its script says ----

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Accept {
    Bytes(usize),
    Interrupted,
    Nothing,
    Fault,
}

type During = Box<dyn FnMut() + Send>;

#[derive(Default)]
struct Script {
    steps: VecDeque<Accept>,
    /// What happens when the script is over: everything is taken, or nothing.
    open: bool,
    taken: Vec<u8>,
    /// Runs within the next write, as another thread would.
    during: Option<During>,
}

#[derive(Default)]
struct FakePipe(Mutex<Script>);

impl std::fmt::Debug for FakePipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakePipe")
    }
}

impl FakePipe {
    fn open() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Script { open: true, ..Script::default() })))
    }

    fn shut() -> Arc<Self> {
        Arc::default()
    }

    fn script(&self, steps: impl IntoIterator<Item = Accept>) {
        self.0.lock().steps = steps.into_iter().collect();
    }

    fn set_open(&self, open: bool) {
        self.0.lock().open = open;
    }

    fn taken(&self) -> Vec<u8> {
        self.0.lock().taken.clone()
    }
}

impl Pipe for FakePipe {
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let during = self.0.lock().during.take();
        if let Some(mut during) = during {
            during();
        }
        let mut script = self.0.lock();
        let open = script.open;
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        assert!(offered > 0, "a write of nothing");
        let n = match script.steps.pop_front() {
            Some(Accept::Bytes(n)) => n.clamp(1, offered),
            Some(Accept::Interrupted) => return Err(io::ErrorKind::Interrupted.into()),
            Some(Accept::Nothing) => return Err(io::ErrorKind::WouldBlock.into()),
            Some(Accept::Fault) => return Err(io::ErrorKind::ConnectionReset.into()),
            None if open => offered,
            None => return Err(io::ErrorKind::WouldBlock.into()),
        };
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(n).collect();
        script.taken.extend_from_slice(&bytes);
        Ok(n)
    }
}

// ---- small helpers ----

#[derive(Debug, Default)]
struct Woken(AtomicU32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Woken {
    fn take(&self) -> u32 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

fn limits(bytes: u32, messages: u32, slow_consumer: SlowConsumer, ring: (u32, u32)) -> Limits {
    Limits { bytes, messages, slow_consumer, ring: RingLimits { messages: ring.0, bytes: ring.1 } }
}

const ROOMY: Limits = Limits {
    bytes: 1 << 20,
    messages: 10_000,
    slow_consumer: SlowConsumer::DropOldest,
    ring: RingLimits { messages: 1_000, bytes: 1 << 20 },
};

fn outbox(limits: Limits) -> Arc<Outbox> {
    Arc::new(Outbox::new(Arc::new(Lengths), limits))
}

fn greeting(attached: Attached, out: &mut Vec<u8>) {
    Wire::Uncounted { skipped: attached.skipped, resent: attached.resent }.encode(out);
}

fn attach(outbox: &Outbox, pipe: &Arc<FakePipe>, received: u64, pool: &mut Pool) -> Option<Attached> {
    let pipe: Arc<dyn Pipe> = Arc::<FakePipe>::clone(pipe);
    let (attached, pushed) = outbox.attach(pipe, received, &SIDS, greeting, pool)?;
    assert_eq!(pushed, Pushed::First);
    Some(attached)
}

/// An outbox with a link whose greeting has been taken.
fn linked(limits: Limits, pool: &mut Pool) -> (Arc<Outbox>, Arc<FakePipe>) {
    let (outbox, pipe) = (outbox(limits), FakePipe::open());
    assert_eq!(attach(&outbox, &pipe, 0, pool), Some(Attached { skipped: 0, resent: 0 }));
    assert!(!outbox.flush(pool).lost);
    let _greeting = std::mem::take(&mut pipe.0.lock().taken);
    (outbox, pipe)
}

fn message(first: u64, pad: usize) -> Wire {
    Wire::Messages { sids: vec![1], first, messages: 1, pad }
}

fn push(outbox: &Outbox, first: u64, pad: usize, pool: &mut Pool) -> Pushed {
    outbox.push(&message(first, pad).bytes(), 1, &[1], pool)
}

/// An answer.
const ANSWER: u32 = 4 + 1 + 8;
/// A message of a single subscription without padding.
const PLAIN: usize = HEADER + 2 + 8 + 16;

fn gap(sids: &[u64], lost: u64) -> Wire {
    Wire::Gap { sids: sids.to_vec(), lost, reason: "slow_consumer".into() }
}

fn overflow() -> Wire {
    Wire::Gap { sids: SIDS.to_vec(), lost: 0, reason: "resend_overflow".into() }
}

// ---- order, partial writes ----

#[test]
fn what_is_pushed_leaves_in_order_and_is_on_one_dirty_list_at_a_time() {
    let mut pool = Pool::default();
    let (outbox, pipe) = linked(ROOMY, &mut pool);
    assert_eq!(push(&outbox, 0, 3, &mut pool), Pushed::First);
    assert_eq!(push(&outbox, 1, 0, &mut pool), Pushed::Queued);
    let shared = Bytes::from(message(2, 9).bytes());
    assert_eq!(outbox.push_shared(&shared, 1, &[1], &mut pool), Pushed::Queued);
    assert_eq!(outbox.push_control(&Wire::Answer(7).bytes(), 1, &mut pool), Pushed::Queued);
    assert_eq!(push(&outbox, 3, 0, &mut pool), Pushed::Queued);
    assert!(pipe.taken().is_empty(), "a push does not write");
    assert!(!outbox.drained());
    let waiting = outbox.pending();
    assert_eq!(waiting.messages, 4);
    let flushed = outbox.flush(&mut pool);
    assert_eq!((flushed.writes, flushed.lost, outbox.phase()), (1, false, Phase::Idle));
    assert_eq!(flushed.bytes, u64::from(waiting.bytes));
    assert_eq!(
        decode_all(&pipe.taken()),
        [message(0, 3), message(1, 0), message(2, 9), Wire::Answer(7), message(3, 0)]
    );
    assert!(outbox.drained());
    assert_eq!((outbox.pending().bytes, outbox.pending().messages, outbox.pending().sent_messages), (0, 0, 4));
    assert_eq!(outbox.flush(&mut pool), Flushed::default(), "there is nothing more to write");
    assert_eq!(push(&outbox, 4, 0, &mut pool), Pushed::First);
}

#[test]
fn a_write_may_stop_at_every_byte() {
    let wires = [message(0, 3), message(1, 0), Wire::Answer(1), message(2, 40)];
    let total: usize = wires.iter().map(|wire| wire.bytes().len()).sum();
    for shared in [false, true] {
        for cut in 1..=total {
            let mut pool = Pool::default();
            let (outbox, pipe) = linked(ROOMY, &mut pool);
            for wire in &wires {
                let bytes = wire.bytes();
                let _pushed = match wire {
                    Wire::Messages { sids, .. } if shared => {
                        outbox.push_shared(&Bytes::from(bytes), 1, sids, &mut pool)
                    }
                    Wire::Messages { sids, .. } => outbox.push(&bytes, 1, sids, &mut pool),
                    _ => outbox.push_control(&bytes, 1, &mut pool),
                };
            }
            pipe.set_open(false);
            pipe.script([Accept::Interrupted, Accept::Bytes(cut)]);
            assert_eq!(outbox.flush(&mut pool).bytes, cut as u64);
            assert_eq!(outbox.phase(), if cut < total { Phase::Blocked } else { Phase::Idle });
            if cut < total {
                assert_eq!(push(&outbox, 3, 1, &mut pool), Pushed::Queued, "the link's task goes on with it");
            } else {
                assert_eq!(push(&outbox, 3, 1, &mut pool), Pushed::First);
            }
            pipe.set_open(true);
            let _rest = outbox.flush(&mut pool);
            let mut expected = wires.to_vec();
            expected.push(message(3, 1));
            assert_eq!(decode_all(&pipe.taken()), expected, "cut at {cut}");
        }
    }
}

#[test]
fn a_push_during_a_write_is_written_by_the_one_who_writes() {
    let mut pool = Pool::default();
    let (outbox, pipe) = linked(ROOMY, &mut pool);
    let weak: Weak<Outbox> = Arc::downgrade(&outbox);
    pipe.0.lock().during = Some(Box::new(move || {
        let outbox = weak.upgrade().unwrap();
        assert_eq!(outbox.phase(), Phase::Writing);
        assert!(!outbox.drained());
        assert_eq!(push(&outbox, 1, 0, &mut Pool::default()), Pushed::Queued);
    }));
    assert_eq!(push(&outbox, 0, 0, &mut pool), Pushed::First);
    assert_eq!(outbox.flush(&mut pool).writes, 2);
    assert_eq!(decode_all(&pipe.taken()), [message(0, 0), message(1, 0)]);
    assert_eq!(outbox.phase(), Phase::Idle);
}

#[test]
fn a_fault_is_told_and_the_link_s_task_is_woken() {
    let mut pool = Pool::default();
    let (outbox, pipe) = linked(ROOMY, &mut pool);
    let woken = Arc::new(Woken::default());
    outbox.register(&Arc::clone(&woken).into());
    pipe.script([Accept::Bytes(5), Accept::Fault]);
    assert_eq!(push(&outbox, 0, 0, &mut pool), Pushed::First);
    assert!(outbox.flush(&mut pool).lost);
    assert!(outbox.lost());
    assert_eq!(woken.take(), 1);
    assert!(!outbox.detach(), "the link is left within a message");
    assert!(!outbox.lost());
    assert_eq!(attach(&outbox, &FakePipe::open(), 0, &mut pool), Some(Attached { skipped: 0, resent: 0 }));
}

#[test]
fn the_link_s_task_is_woken_when_blocked_and_when_written_out() {
    let mut pool = Pool::default();
    let (outbox, pipe) = linked(ROOMY, &mut pool);
    let woken = Arc::new(Woken::default());
    let register = || outbox.register(&Arc::clone(&woken).into());
    register();
    outbox.wake_when_drained();
    assert_eq!(woken.take(), 1, "it is written out already");
    register();
    let _first = push(&outbox, 0, 0, &mut pool);
    pipe.script([Accept::Nothing]);
    let _blocked = outbox.flush(&mut pool);
    assert_eq!((outbox.phase(), woken.take()), (Phase::Blocked, 1));
    register();
    outbox.wake_when_drained();
    assert_eq!(woken.take(), 0);
    let _rest = outbox.flush(&mut pool);
    assert_eq!((outbox.phase(), woken.take()), (Phase::Idle, 1));
}

#[test]
fn a_tick_flushes_each_touched_outbox_once() {
    let mut tick = Tick::default();
    let (a, pipe_a) = linked(ROOMY, &mut tick.pool);
    let (b, pipe_b) = linked(ROOMY, &mut tick.pool);
    for first in 0..3 {
        for outbox in [&a, &b] {
            let pushed = push(outbox, first, 0, &mut tick.pool);
            tick.touched(outbox, pushed, PLAIN);
        }
    }
    tick.control(&b, &Wire::Answer(1).bytes(), 1);
    assert!(!tick.is_clean());
    tick.flush();
    assert!(tick.is_clean());
    assert_eq!(tick.take_written().writes, 2);
    assert_eq!(decode_all(&pipe_a.taken()).len(), 3);
    assert_eq!(decode_all(&pipe_b.taken()).len(), 4);
}

// ---- overflow ----

#[test]
fn drop_oldest_keeps_the_newest_and_never_tears_what_is_half_on_the_wire() {
    let limits = limits(10 * len_u32(PLAIN), 100, SlowConsumer::DropOldest, (0, 0));
    for cut in 0..PLAIN {
        let mut pool = Pool::default();
        let (outbox, pipe) = linked(limits, &mut pool);
        let _first = push(&outbox, 0, 0, &mut pool);
        pipe.script([if cut > 0 { Accept::Bytes(cut) } else { Accept::Nothing }, Accept::Nothing]);
        let _blocked = outbox.flush(&mut pool);
        pipe.set_open(false);
        let mut dropped = 0;
        for first in 1..15 {
            match push(&outbox, first, 0, &mut pool) {
                Pushed::Queued => {}
                Pushed::DroppedOldest { messages, first } => {
                    assert!(!first);
                    dropped += u64::from(messages);
                }
                other => panic!("{other:?}"),
            }
        }
        pipe.script([]);
        pipe.set_open(true);
        let _rest = outbox.flush(&mut pool);
        let sent_before = u64::from(cut > 0);
        let mut expected: Vec<Wire> = (0..sent_before).map(|first| message(first, 0)).collect();
        expected.push(gap(&[1], dropped));
        expected.extend((sent_before + dropped..15).map(|first| message(first, 0)));
        assert_eq!(decode_all(&pipe.taken()), expected, "cut at {cut}");
        assert!(dropped > 0);
    }
}

#[test]
fn drop_oldest_tells_a_loss_in_front_of_what_is_pushed_afterwards() {
    // One message is half on the wire, the next does not fit beside it, a small one does.
    let mut pool = Pool::default();
    let (outbox, pipe) = linked(limits(200, 100, SlowConsumer::DropOldest, (0, 0)), &mut pool);
    let _first = push(&outbox, 0, 100, &mut pool);
    pipe.script([Accept::Bytes(10), Accept::Nothing]);
    let _blocked = outbox.flush(&mut pool);
    assert!(matches!(push(&outbox, 1, 60, &mut pool), Pushed::DroppedNewest { .. }));
    assert_eq!(push(&outbox, 2, 0, &mut pool), Pushed::Queued);
    let _rest = outbox.flush(&mut pool);
    assert_eq!(decode_all(&pipe.taken()), [message(0, 100), gap(&[1], 1), message(2, 0)]);
}

#[test]
fn a_loss_during_a_write_is_told_behind_what_was_in_flight() {
    let mut pool = Pool::default();
    let (outbox, pipe) = linked(limits(200, 100, SlowConsumer::DropOldest, (0, 0)), &mut pool);
    let weak = Arc::downgrade(&outbox);
    pipe.0.lock().during = Some(Box::new(move || {
        let (outbox, mut pool) = (weak.upgrade().unwrap(), Pool::default());
        assert_eq!(push(&outbox, 2, 0, &mut pool), Pushed::Queued);
        assert_eq!(push(&outbox, 3, 0, &mut pool), Pushed::Queued);
        let over = push(&outbox, 4, 60, &mut pool);
        assert_eq!(over, Pushed::DroppedOldest { messages: 2, first: false });
    }));
    let _first = push(&outbox, 0, 10, &mut pool);
    let _second = outbox.push_shared(&Bytes::from(message(1, 10).bytes()), 1, &[1], &mut pool);
    pipe.script([Accept::Nothing]);
    let _blocked = outbox.flush(&mut pool);
    let _rest = outbox.flush(&mut pool);
    assert_eq!(decode_all(&pipe.taken()), [message(0, 10), message(1, 10), gap(&[1], 2), message(4, 60)]);
}

#[test]
fn a_message_larger_than_the_outbox_costs_nobody_else_its_place() {
    for slow_consumer in [SlowConsumer::DropOldest, SlowConsumer::DropNewest] {
        let mut pool = Pool::default();
        let (outbox, pipe) = linked(limits(300, 100, slow_consumer, (0, 0)), &mut pool);
        let _first = push(&outbox, 0, 0, &mut pool);
        for over in 1..3 {
            let pushed = push(&outbox, over, 300, &mut pool);
            assert_eq!(pushed, Pushed::DroppedNewest { messages: 1, first: false });
        }
        let _queued = push(&outbox, 3, 0, &mut pool);
        let _flushed = outbox.flush(&mut pool);
        assert_eq!(decode_all(&pipe.taken()), [message(0, 0), gap(&[1], 2), message(3, 0)], "{slow_consumer:?}");
    }
}

#[test]
fn a_loss_of_an_idle_outbox_is_told_without_waiting_for_the_next_push() {
    for slow_consumer in [SlowConsumer::DropOldest, SlowConsumer::DropNewest] {
        let mut tick = Tick::default();
        let (outbox, pipe) = linked(limits(100, 100, slow_consumer, (0, 0)), &mut tick.pool);
        let pushed = push(&outbox, 0, 100, &mut tick.pool);
        tick.touched(&outbox, pushed, 0);
        tick.flush();
        assert_eq!(decode_all(&pipe.taken()), [gap(&[1], 1)], "{slow_consumer:?}");
    }
}

#[test]
fn drop_newest_keeps_what_waits_and_tells_each_loss_where_it_was() {
    let mut pool = Pool::default();
    let (outbox, pipe) = linked(limits(100, 100, SlowConsumer::DropNewest, (0, 0)), &mut pool);
    pipe.set_open(false);
    let _first = push(&outbox, 0, 0, &mut pool);
    let _second = push(&outbox, 1, 0, &mut pool);
    let lost = Pushed::DroppedNewest { messages: 1, first: false };
    assert_eq!(push(&outbox, 2, 20, &mut pool), lost);
    assert_eq!(push(&outbox, 3, 20, &mut pool), lost);
    assert_eq!(push(&outbox, 4, 0, &mut pool), Pushed::Queued, "a small one fits, behind the notice");
    assert_eq!(push(&outbox, 5, 0, &mut pool), lost);
    for _ in 0..10 {
        // A socket that takes nothing does not make notices pile up.
        let before = outbox.pending().bytes;
        let _blocked = outbox.flush(&mut pool);
        assert_eq!(push(&outbox, 6, 0, &mut pool), lost);
        assert_eq!(outbox.pending().bytes, before);
    }
    pipe.set_open(true);
    let _rest = outbox.flush(&mut pool);
    assert_eq!(decode_all(&pipe.taken()), [message(0, 0), message(1, 0), gap(&[1], 2), message(4, 0), gap(&[1], 11)]);
}

#[test]
fn disconnect_asks_once_and_tells_the_loss_before_the_last_frame() {
    let mut pool = Pool::default();
    let (outbox, pipe) = linked(limits(100, 100, SlowConsumer::Disconnect, (0, 0)), &mut pool);
    let woken = Arc::new(Woken::default());
    outbox.register(&Arc::clone(&woken).into());
    let _first = push(&outbox, 0, 20, &mut pool);
    assert_eq!(push(&outbox, 1, 60, &mut pool), Pushed::Disconnect);
    assert_eq!((outbox.overflowed(), woken.take()), (true, 1));
    assert_eq!(push(&outbox, 2, 60, &mut pool), Pushed::DroppedNewest { messages: 1, first: false });
    let close = Wire::Uncounted { skipped: 0, resent: 0 };
    let _close = outbox.push_control(&close.bytes(), 0, &mut pool);
    let _flushed = outbox.flush(&mut pool);
    assert_eq!(decode_all(&pipe.taken()), [message(0, 20), gap(&[1], 2), close]);
}

#[test]
fn a_detached_outbox_that_may_not_drop_tells_its_loss_when_it_is_taken_up() {
    let mut pool = Pool::default();
    let outbox = outbox(limits(100, 100, SlowConsumer::Disconnect, (0, 0)));
    assert_eq!(push(&outbox, 0, 0, &mut pool), Pushed::Queued);
    let lost = Pushed::DroppedNewest { messages: 1, first: false };
    assert_eq!(push(&outbox, 1, 60, &mut pool), lost);
    assert_eq!(push(&outbox, 2, 0, &mut pool), Pushed::Queued);
    assert_eq!(push(&outbox, 3, 60, &mut pool), lost);
    assert!(!outbox.overflowed());
    let pipe = FakePipe::open();
    assert_eq!(attach(&outbox, &pipe, 0, &mut pool), Some(Attached { skipped: 0, resent: 0 }));
    let _flushed = outbox.flush(&mut pool);
    let hello = Wire::Uncounted { skipped: 0, resent: 0 };
    assert_eq!(decode_all(&pipe.taken()), [hello, message(0, 0), gap(&[1], 1), message(2, 0), gap(&[1], 1)]);
}

#[test]
fn a_gap_names_each_subscription_with_its_own_loss() {
    let mut pool = Pool::default();
    let (outbox, pipe) = linked(limits(300, 100, SlowConsumer::DropNewest, (0, 0)), &mut pool);
    let _first = outbox.push_control(&[Wire::Answer(0).bytes(), vec![]].concat(), 1, &mut pool);
    for (sids, messages) in [(vec![1, 2, 3], 2), (vec![2], 1), (vec![1, 3], 4)] {
        let bytes = Wire::Messages { sids: sids.clone(), first: 0, messages, pad: 300 }.bytes();
        assert_eq!(outbox.push(&bytes, messages, &sids, &mut pool), Pushed::DroppedNewest { messages, first: false });
    }
    let _flushed = outbox.flush(&mut pool);
    assert_eq!(decode_all(&pipe.taken()), [Wire::Answer(0), gap(&[2], 3), gap(&[1, 3], 6)]);
}

#[test]
fn answers_survive_an_overflow_in_their_order() {
    let mut pool = Pool::default();
    let (outbox, pipe) = linked(limits(150, 100, SlowConsumer::DropOldest, (0, 0)), &mut pool);
    pipe.set_open(false);
    for at in 0..10 {
        let _pushed = push(&outbox, at, 0, &mut pool);
        let _answer = outbox.push_control(&Wire::Answer(at).bytes(), 1, &mut pool);
    }
    pipe.set_open(true);
    let _flushed = outbox.flush(&mut pool);
    let wires = decode_all(&pipe.taken());
    let answers: Vec<_> = wires.iter().filter(|wire| matches!(wire, Wire::Answer(_))).cloned().collect();
    assert_eq!(answers, (0..10).map(Wire::Answer).collect::<Vec<_>>());
}

#[test]
fn a_slow_reader_cannot_make_the_outbox_grow() {
    for slow_consumer in [SlowConsumer::DropOldest, SlowConsumer::DropNewest, SlowConsumer::Disconnect] {
        let mut pool = Pool::default();
        let (outbox, pipe) = linked(limits(400, 8, slow_consumer, (0, 0)), &mut pool);
        pipe.set_open(false);
        let pad = 30;
        let largest = len_u32(PLAIN + pad).max(len_u32(gap(&SIDS, 1).bytes().len()));
        for first in 0..2_000 {
            let weak = Arc::downgrade(&outbox);
            if first % 3 == 0 {
                pipe.0.lock().during = Some(Box::new(move || {
                    for first in 0..20 {
                        let _pushed = push(&weak.upgrade().unwrap(), first, pad, &mut Pool::default());
                    }
                }));
            }
            let _pushed = push(&outbox, first, pad, &mut pool);
            // The socket takes one byte at most.
            pipe.script([if first % 2 == 0 { Accept::Bytes(1) } else { Accept::Nothing }]);
            let _blocked = outbox.flush(&mut pool);
            let pending = outbox.pending();
            assert!(pending.bytes <= 400 + largest, "{slow_consumer:?}: {} bytes wait", pending.bytes);
            assert!(pending.messages <= 8);
            let held: usize = outbox.state.lock().queue.iter().map(Segment::len).sum();
            assert_eq!(held, pending.bytes as usize, "what is charged is what is held");
        }
    }
}

// ---- resend ----

#[test]
fn a_client_gets_exactly_what_it_has_not_received_whatever_that_is() {
    let count = 9;
    for received in 0..=count {
        for cut in 0..=PLAIN {
            let mut pool = Pool::default();
            let (outbox, pipe) = linked(ROOMY, &mut pool);
            for first in 0..count {
                let _pushed = push(&outbox, first, 0, &mut pool);
                if first % 3 == 0 {
                    let _flushed = outbox.flush(&mut pool);
                }
                if first % 4 == 0 {
                    // Not counted, so never sent again.
                    let hello = Wire::Uncounted { skipped: 0, resent: 0 };
                    let _uncounted = outbox.push_control(&hello.bytes(), 0, &mut pool);
                }
            }
            let _flushed = outbox.flush(&mut pool);
            // One more is cut off anywhere, and one has not been written at all.
            pipe.set_open(false);
            pipe.script((cut > 0).then_some(Accept::Bytes(cut)));
            let _one = push(&outbox, count, 0, &mut pool);
            let _blocked = outbox.flush(&mut pool);
            let _two = push(&outbox, count + 1, 0, &mut pool);
            assert_eq!(outbox.detach(), cut == 0 || cut == PLAIN);
            let sent = count + u64::from(cut == PLAIN);
            for beyond in [sent + 1, sent + 2, sent + 100, u64::MAX] {
                let refused = attach(&outbox, &FakePipe::open(), beyond, &mut pool);
                assert_eq!(refused, None, "{beyond} received of {sent} sent");
            }
            let pipe = FakePipe::open();
            let attached = attach(&outbox, &pipe, received, &mut pool);
            let resent = sent - received;
            assert_eq!(attached, Some(Attached { skipped: 0, resent }));
            let _flushed = outbox.flush(&mut pool);
            let mut expected = vec![Wire::Uncounted { skipped: 0, resent }];
            expected.extend((received..count + 2).map(|first| message(first, 0)));
            assert_eq!(decode_all(&pipe.taken()), expected, "received {received}, cut at {cut}");
        }
    }
}

#[test]
fn what_the_ring_does_not_hold_any_more_is_skipped_and_told_for_every_subscription() {
    for ring in [(0, 0), (1, 10_000), (4, 10_000), (100, 4 * len_u32(PLAIN)), (100, 10_000)] {
        for received in 0..=12 {
            let mut pool = Pool::default();
            let (outbox, _pipe) = linked(limits(10_000, 100, SlowConsumer::DropOldest, ring), &mut pool);
            for first in 0..12 {
                let _pushed = push(&outbox, first, 0, &mut pool);
                let _flushed = outbox.flush(&mut pool);
            }
            assert!(outbox.pending().resend_bytes <= ring.1);
            assert!(outbox.detach());
            let pipe = FakePipe::open();
            let base = outbox.state.lock().ring.base();
            let Attached { skipped, resent } = attach(&outbox, &pipe, received, &mut pool).unwrap();
            assert_eq!(skipped, base.saturating_sub(received));
            assert_eq!(received + skipped + resent, 12);
            let _late = push(&outbox, 12, 0, &mut pool);
            let _flushed = outbox.flush(&mut pool);
            let mut expected = vec![Wire::Uncounted { skipped, resent }];
            expected.extend((skipped > 0).then(overflow));
            expected.extend((received + skipped..13).map(|first| message(first, 0)));
            assert_eq!(decode_all(&pipe.taken()), expected, "ring {ring:?}, received {received}");
        }
    }
}

#[test]
fn losses_without_a_link_are_told_behind_what_is_sent_again() {
    let mut pool = Pool::default();
    let (outbox, pipe) = linked(limits(150, 100, SlowConsumer::DropOldest, (10, 1_000)), &mut pool);
    let _first = push(&outbox, 0, 0, &mut pool);
    let _flushed = outbox.flush(&mut pool);
    let _second = push(&outbox, 1, 0, &mut pool);
    pipe.script([Accept::Bytes(7), Accept::Nothing]);
    let _blocked = outbox.flush(&mut pool);
    assert!(!outbox.detach());
    let mut dropped = 0;
    for first in 2..9 {
        if let Pushed::DroppedOldest { messages, .. } = push(&outbox, first, 0, &mut pool) {
            dropped += u64::from(messages);
        }
    }
    let pipe = FakePipe::open();
    assert_eq!(attach(&outbox, &pipe, 0, &mut pool), Some(Attached { skipped: 0, resent: 1 }));
    let _flushed = outbox.flush(&mut pool);
    let mut expected =
        vec![Wire::Uncounted { skipped: 0, resent: 1 }, message(0, 0), message(1, 0), gap(&[1], dropped)];
    expected.extend((2 + dropped..9).map(|first| message(first, 0)));
    assert_eq!(decode_all(&pipe.taken()), expected);
}

#[test]
fn an_outbox_that_has_a_link_or_is_closed_takes_none() {
    let mut pool = Pool::default();
    let (outbox, pipe) = linked(ROOMY, &mut pool);
    assert_eq!(attach(&outbox, &FakePipe::open(), 0, &mut pool), None);
    let _pushed = push(&outbox, 0, 0, &mut pool);
    assert_eq!(attach(&outbox, &FakePipe::open(), 0, &mut pool), None);
    let _flushed = outbox.flush(&mut pool);
    assert_eq!(decode_all(&pipe.taken()), [message(0, 0)]);
    outbox.close();
    assert_eq!(attach(&outbox, &FakePipe::open(), 0, &mut pool), None);
}

#[test]
fn a_confirmed_and_idle_outbox_owns_no_memory() {
    let mut pool = Pool::default();
    let (outbox, pipe) = linked(ROOMY, &mut pool);
    let weak = Arc::downgrade(&outbox);
    pipe.0.lock().during = Some(Box::new(move || {
        let _pushed = push(&weak.upgrade().unwrap(), 1, 0, &mut Pool::default());
    }));
    let _first = push(&outbox, 0, 0, &mut pool);
    let _flushed = outbox.flush(&mut pool);
    assert!(outbox.pending().resend_bytes > 0);
    outbox.confirm(1, &mut pool);
    outbox.confirm(2, &mut pool);
    let state = outbox.state.lock();
    assert_eq!((state.queue.capacity(), state.ring.bytes(), state.ring.base()), (0, 0, 2));
    assert_eq!(state.ring.parts().count(), 0);
}

#[test]
fn a_confirmation_of_more_than_was_sent_harms_nobody() {
    let mut pool = Pool::default();
    let (outbox, _pipe) = linked(ROOMY, &mut pool);
    let _first = push(&outbox, 0, 0, &mut pool);
    let _flushed = outbox.flush(&mut pool);
    outbox.confirm(u64::MAX, &mut pool);
    let _second = push(&outbox, 1, 0, &mut pool);
    let _flushed = outbox.flush(&mut pool);
    assert!(outbox.detach());
    let pipe = FakePipe::open();
    assert_eq!(attach(&outbox, &pipe, 1, &mut pool), Some(Attached { skipped: 0, resent: 1 }));
}

#[test]
fn the_last_bytes_stay_the_last_and_tell_the_losses_before_them() {
    let mut pool = Pool::default();
    for slow_consumer in [SlowConsumer::DropNewest, SlowConsumer::DropOldest, SlowConsumer::Disconnect] {
        let (outbox, pipe) = linked(limits(1000, 2, slow_consumer, (100, 10_000)), &mut pool);
        pipe.set_open(false);
        for first in 1..=4 {
            let _pushed = push(&outbox, first, 0, &mut pool);
        }
        outbox.flush(&mut pool);
        let last = Wire::Uncounted { skipped: 9, resent: 9 };
        let _pushed = outbox.push_last(&last.bytes(), &mut pool);
        assert_eq!(push(&outbox, 5, 0, &mut pool), Pushed::Closed);
        assert_eq!(outbox.push_control(b"x", 1, &mut pool), Pushed::Closed);
        assert_eq!(outbox.push_last(b"x", &mut pool), Pushed::Closed);
        pipe.set_open(true);
        outbox.flush(&mut pool);
        let sent = decode_all(&pipe.taken());
        assert_eq!(sent.last(), Some(&last), "{slow_consumer:?}");
        let told: u64 = sent.iter().map(|wire| if let Wire::Gap { lost, .. } = wire { *lost } else { 0 }).sum();
        let came = sent.iter().filter(|wire| matches!(wire, Wire::Messages { .. })).count() as u64;
        assert_eq!(told + came, 4, "{slow_consumer:?}: {sent:?}");
        assert!(outbox.drained());
    }
}

#[test]
fn what_is_wholly_on_the_wire_is_known_at_every_byte() {
    let mut pool = Pool::default();
    for at in 0..=3 * (PLAIN + 5) {
        let (outbox, pipe) = linked(limits(1000, 10, SlowConsumer::DropOldest, (2, 10_000)), &mut pool);
        pipe.set_open(false);
        for first in 1..=3 {
            let _pushed = push(&outbox, first, 5, &mut pool);
        }
        pipe.script([if at == 0 { Accept::Nothing } else { Accept::Bytes(at) }]);
        outbox.flush(&mut pool);
        let written = pipe.taken().len();
        let expected = (written / (PLAIN + 5)) as u64;
        assert_eq!(outbox.sent(), expected, "{written} bytes on the wire");
    }
}

#[test]
fn nothing_is_left_after_close() {
    for phase in ["idle", "promised", "blocked", "detached"] {
        let mut pool = Pool::default();
        let (outbox, pipe) = linked(limits(150, 100, SlowConsumer::DropNewest, (10, 1_000)), &mut pool);
        let _kept = push(&outbox, 0, 0, &mut pool);
        let _flushed = outbox.flush(&mut pool);
        if phase != "idle" {
            let _waits = outbox.push_shared(&Bytes::from(message(1, 0).bytes()), 1, &[1], &mut pool);
            let _lost = push(&outbox, 2, 200, &mut pool);
        }
        if phase == "blocked" {
            pipe.script([Accept::Bytes(3), Accept::Nothing]);
            let _blocked = outbox.flush(&mut pool);
        }
        if phase == "detached" {
            let _clean = outbox.detach();
        }
        let taken = pipe.taken();
        outbox.close();
        assert_eq!(Arc::strong_count(&pipe), 1, "{phase}: the link is let go");
        assert_eq!((outbox.phase(), outbox.drained()), (Phase::Closed, true));
        let pending = outbox.pending();
        assert_eq!((pending.bytes, pending.messages, pending.resend_bytes), (0, 0, 0), "{phase}");
        {
            let state = outbox.state.lock();
            assert!(state.gaps.is_empty() && state.queue.capacity() == 0 && state.ring.parts().count() == 0);
        }
        assert_eq!(push(&outbox, 3, 0, &mut pool), Pushed::Closed);
        assert_eq!(outbox.push_control(&Wire::Answer(0).bytes(), 1, &mut pool), Pushed::Closed);
        let shared = Bytes::from(message(1, 0).bytes());
        assert_eq!(outbox.push_shared(&shared, 1, &[1], &mut pool), Pushed::Closed);
        assert_eq!(outbox.flush(&mut pool), Flushed::default());
        assert_eq!(outbox.pending().bytes, 0);
        assert_eq!(pipe.taken(), taken, "{phase}: nothing is written after the end");
        assert!(outbox.detach() || phase == "blocked");
        assert_eq!(outbox.phase(), Phase::Closed);
    }
}

// ---- the property: received and told as lost is what was pushed, in its place, nothing twice ----

#[derive(Debug, Clone)]
struct PushOp {
    /// Which of the three subscriptions; never none.
    sids: u8,
    messages: u32,
    pad: usize,
    shared: bool,
}

#[derive(Debug, Clone)]
enum Op {
    Push(PushOp),
    Answer,
    /// A flush with what the socket takes, and what is pushed by others while it writes.
    Flush(Vec<Accept>, Vec<PushOp>),
    /// The client reads so many bytes of what the socket has taken.
    Read(usize),
    /// The client confirms all but so many of the messages it has received.
    Confirm(u64),
    /// The link breaks; what the client has not read is gone.
    Detach,
    /// A link is made; before that, one that claims so much more than was sent is refused.
    Attach(u64),
}

fn push_op() -> impl Strategy<Value = PushOp> {
    (1..8_u8, 1..4_u32, prop_oneof![4 => 0..40_usize, 1 => 0..400_usize], any::<bool>())
        .prop_map(|(sids, messages, pad, shared)| PushOp { sids, messages, pad, shared })
}

fn accept() -> impl Strategy<Value = Accept> {
    prop_oneof![
        6 => (1..200_usize).prop_map(Accept::Bytes),
        2 => Just(Accept::Bytes(usize::MAX)),
        2 => Just(Accept::Nothing),
        1 => Just(Accept::Interrupted),
        1 => Just(Accept::Fault),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => push_op().prop_map(Op::Push),
        1 => Just(Op::Answer),
        6 => (prop::collection::vec(accept(), 0..4), prop::collection::vec(push_op(), 0..3))
            .prop_map(|(accept, during)| Op::Flush(accept, during)),
        4 => (0..400_usize).prop_map(Op::Read),
        1 => (0..4_u64).prop_map(Op::Confirm),
        1 => Just(Op::Detach),
        2 => (1..4_u64).prop_map(Op::Attach),
    ]
}

fn any_limits() -> impl Strategy<Value = Limits> {
    let policy =
        prop_oneof![Just(SlowConsumer::DropOldest), Just(SlowConsumer::DropNewest), Just(SlowConsumer::Disconnect)];
    (60..800_u32, 2..20_u32, policy, 0..12_u32, 0..700_u32)
        .prop_map(|(bytes, messages, policy, ring, ring_bytes)| limits(bytes, messages, policy, (ring, ring_bytes)))
}

/// Everything that was pushed, per subscription.
#[derive(Debug, Default)]
struct Pushes {
    of_sid: [Vec<u64>; 3],
    next: u64,
    answers: u32,
    /// Somebody has the outbox on a dirty list.
    dirty: bool,
}

fn at(sid: u64) -> usize {
    usize::try_from(sid).unwrap() - 1
}

impl Pushes {
    fn push(&mut self, outbox: &Outbox, op: &PushOp, pool: &mut Pool) {
        let sids: Vec<u64> = SIDS.into_iter().filter(|sid| op.sids >> at(*sid) & 1 == 1).collect();
        let bytes = Wire::Messages { sids: sids.clone(), first: self.next, messages: op.messages, pad: op.pad }.bytes();
        for &sid in &sids {
            self.of_sid[at(sid)].extend(self.next..self.next + u64::from(op.messages));
        }
        self.next += u64::from(op.messages);
        let before = outbox.phase();
        let pushed = if op.shared {
            outbox.push_shared(&Bytes::from(bytes), op.messages, &sids, pool)
        } else {
            outbox.push(&bytes, op.messages, &sids, pool)
        };
        self.pushed(before, pushed);
    }

    fn answer(&mut self, outbox: &Outbox, pool: &mut Pool) {
        let bytes = Wire::Answer(u64::from(self.answers)).bytes();
        self.answers += 1;
        let before = outbox.phase();
        let pushed = outbox.push_control(&bytes, 1, pool);
        self.pushed(before, pushed);
    }

    fn pushed(&mut self, before: Phase, pushed: Pushed) {
        let first = match pushed {
            Pushed::First => true,
            Pushed::DroppedOldest { first, .. } | Pushed::DroppedNewest { first, .. } => first,
            Pushed::Queued | Pushed::Disconnect => false,
            Pushed::Closed => panic!("it is open"),
        };
        assert!(!first || before == Phase::Idle, "two dirty lists");
        assert!(first || before != Phase::Idle || pushed == Pushed::Disconnect, "no dirty list");
        self.dirty |= first;
    }
}

/// What a client knows.
#[derive(Debug, Default)]
struct Client {
    /// Wire messages received (protocol.md#P7.2).
    received: u64,
    /// Per subscription: how much of what was pushed has been received or told as lost.
    seen: [usize; 3],
    /// Per subscription: lost with the ring and not yet told.
    owed: [u64; 3],
    /// A greeting with a loss has come, so the next message tells it.
    overflow: bool,
    answers: u64,
    /// Bytes of the current link that have been read.
    read: usize,
}

impl Client {
    fn take(&mut self, wire: &Wire, pushes: &Pushes, log: &[Wire]) {
        if self.overflow {
            assert_eq!(*wire, overflow(), "a loss of the ring is told before anything else");
        }
        self.received += u64::from(wire.is_counted());
        match wire {
            Wire::Messages { sids, first, messages, .. } => {
                for &sid in sids {
                    assert_eq!(self.owed[at(sid)], 0, "a loss has not been told");
                    for id in *first..first + u64::from(*messages) {
                        let expected = pushes.of_sid[at(sid)].get(self.seen[at(sid)]);
                        assert_eq!(Some(&id), expected, "subscription {sid}");
                        self.seen[at(sid)] += 1;
                    }
                }
            }
            Wire::Answer(id) => {
                assert!(*id >= self.answers, "an answer came twice or out of order");
                self.answers = id + 1;
            }
            Wire::Gap { sids, lost, reason } if reason == "slow_consumer" => {
                assert!(*lost > 0);
                for &sid in sids {
                    assert_eq!(self.owed[at(sid)], 0, "a loss has not been told");
                    self.seen[at(sid)] += usize::try_from(*lost).unwrap();
                }
            }
            Wire::Gap { .. } => {
                assert_eq!(*wire, overflow());
                for (seen, owed) in self.seen.iter_mut().zip(&mut self.owed) {
                    *seen += usize::try_from(std::mem::take(owed)).unwrap();
                }
                self.overflow = false;
            }
            Wire::Uncounted { skipped, .. } => {
                let from = usize::try_from(self.received).unwrap();
                for lost in &log[from..from + usize::try_from(*skipped).unwrap()] {
                    match lost {
                        Wire::Messages { sids, messages, .. } => {
                            sids.iter().for_each(|sid| self.owed[at(*sid)] += u64::from(*messages));
                        }
                        // A notice that is lost itself: what it told is still to be told.
                        Wire::Gap { sids, lost, .. } => sids.iter().for_each(|sid| self.owed[at(*sid)] += lost),
                        Wire::Answer(_) | Wire::Uncounted { .. } => {}
                    }
                }
                self.received += skipped;
                self.overflow = *skipped > 0;
            }
        }
    }
}

/// Outbox, link and client.
struct World {
    limits: Limits,
    outbox: Arc<Outbox>,
    pool: Pool,
    pushes: Arc<Mutex<Pushes>>,
    client: Client,
    pipe: Option<Arc<FakePipe>>,
    /// The counted wire messages wholly on the wire: number n is at n − 1.
    log: Vec<Wire>,
    /// Bytes of the current link that are in the log.
    logged: usize,
}

impl World {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            outbox: outbox(limits),
            pool: Pool::default(),
            pushes: Arc::default(),
            client: Client::default(),
            pipe: None,
            log: Vec::new(),
            logged: 0,
        }
    }

    fn run(&mut self, op: &Op) {
        match op {
            Op::Push(push) => self.pushes.lock().push(&self.outbox, push, &mut self.pool),
            Op::Answer => self.pushes.lock().answer(&self.outbox, &mut self.pool),
            Op::Flush(accept, during) => self.flush(accept, during),
            Op::Read(bytes) => self.read(*bytes),
            Op::Confirm(all_but) => {
                self.outbox.confirm(self.client.received.saturating_sub(*all_but), &mut self.pool);
            }
            Op::Detach => self.detach(),
            Op::Attach(beyond) => self.attach(*beyond),
        }
        self.check();
    }

    fn flush(&mut self, accept: &[Accept], during: &[PushOp]) {
        // A fault is the end of the link: nothing is written behind it.
        let Some(pipe) = self.pipe.clone().filter(|_| !self.outbox.lost()) else { return };
        if !std::mem::take(&mut self.pushes.lock().dirty) && self.outbox.phase() != Phase::Blocked {
            return;
        }
        pipe.script(accept.iter().copied());
        if !during.is_empty() {
            let (outbox, pushes) = (Arc::downgrade(&self.outbox), Arc::clone(&self.pushes));
            let during = during.to_vec();
            pipe.0.lock().during = Some(Box::new(move || {
                let outbox = outbox.upgrade().unwrap();
                for push in &during {
                    pushes.lock().push(&outbox, push, &mut Pool::default());
                }
            }));
        }
        let _flushed = self.outbox.flush(&mut self.pool);
        pipe.0.lock().during = None;
        let taken = pipe.taken();
        while let Some((wire, len)) = Wire::decode(&taken[self.logged..]) {
            self.logged += len;
            if wire.is_counted() {
                self.log.push(wire);
            }
        }
    }

    fn read(&mut self, bytes: usize) {
        let Some(pipe) = &self.pipe else { return };
        let taken = pipe.taken();
        let until = taken.len().min(self.client.read.saturating_add(bytes));
        while let Some((wire, len)) = Wire::decode(&taken[self.client.read..until]) {
            self.client.read += len;
            self.client.take(&wire, &self.pushes.lock(), &self.log);
        }
    }

    fn detach(&mut self) {
        if self.pipe.take().is_some() {
            let _clean = self.outbox.detach();
            assert_eq!(self.outbox.phase(), Phase::Detached);
            self.pushes.lock().dirty = false;
        }
    }

    fn attach(&mut self, beyond: u64) {
        if self.pipe.is_some() {
            return;
        }
        let sent = self.log.len() as u64;
        assert_eq!(attach(&self.outbox, &FakePipe::shut(), sent + beyond, &mut self.pool), None);
        let pipe = FakePipe::shut();
        let received = self.client.received;
        let Attached { skipped, resent } = attach(&self.outbox, &pipe, received, &mut self.pool).unwrap();
        assert_eq!(received + skipped + resent, sent, "what was sent is skipped or sent again");
        self.log.truncate(usize::try_from(received + skipped).unwrap());
        self.logged = 0;
        self.client.read = 0;
        self.client.overflow = false;
        self.pipe = Some(pipe);
        self.pushes.lock().dirty = true;
    }

    /// What holds at any time.
    fn check(&self) {
        let state = self.outbox.state.lock();
        let held: usize = state.queue.iter().map(Segment::len).sum();
        assert_eq!(held, state.pending_bytes as usize, "what is charged is what is held");
        let messages: u32 = state.queue.iter().map(|segment| segment.messages).sum();
        assert_eq!(messages, state.pending_messages);
        let kept: usize = state.ring.parts().map(Segment::len).sum();
        assert_eq!(kept, state.ring.bytes() as usize);
        assert!(state.ring.bytes() <= self.limits.ring.bytes);
        // The ring moves back into the queue at attach. The greeting and a notice come on top of the limit, and one with each answer.
        let notice = len_u32(3 * gap(&SIDS, 1).bytes().len());
        let limit =
            self.limits.bytes + self.limits.ring.bytes + self.pushes.lock().answers * (notice + ANSWER) + 3 * notice;
        assert!(state.pending_bytes + state.ring.bytes() <= limit, "{} bytes wait", state.pending_bytes);
    }

    /// Everything is sent and read, and then nothing is missing.
    fn finish(mut self) {
        if self.outbox.lost() {
            self.detach();
        }
        self.attach(1);
        if self.outbox.overflowed() {
            // As a session does that is asked to close its link.
            self.pushes.lock().answer(&self.outbox, &mut self.pool);
        }
        while self.outbox.phase() != Phase::Idle {
            self.flush(&[Accept::Bytes(usize::MAX); 64], &[]);
            self.check();
        }
        self.read(usize::MAX);
        let pushes = self.pushes.lock();
        let pushed = [0, 1, 2].map(|at| pushes.of_sid[at].len());
        assert_eq!(self.client.seen, pushed, "received and told as lost is not what was pushed");
        assert_eq!(self.client.received, self.log.len() as u64);
        drop(pushes);
        assert_eq!(self.outbox.pending().bytes, 0);
        self.outbox.confirm(self.client.received, &mut self.pool);
        assert_eq!(self.outbox.pending().resend_bytes, 0, "what is confirmed is not held");
        self.outbox.close();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn received_and_told_as_lost_is_what_was_pushed(limits in any_limits(), ops in prop::collection::vec(op(), 1..80)) {
        let mut world = World::new(limits);
        for op in &ops {
            world.run(op);
        }
        world.finish();
    }
}
