//! The link of a session breaks at one byte after the other.

use pointsman_testkit::history::{History, Seen};

use crate::proxy::{Direction, End, Plan};
use crate::record::{accepted, assert_whole};
use crate::torture;

/// Publications of the other session in each half.
pub(crate) const HALF: u64 = 10;
/// Of the client itself, in each half.
pub(crate) const OWN: u64 = 3;
/// How many deliveries of the second half the limited subscription is to get.
pub(crate) const LIMITED: u64 = 3;
/// Cuts in each direction and with each end, where not every byte is tried.
const SPREAD: u64 = 40;

/// Who publishes.
pub(crate) const OTHER: u64 = 1;
pub(crate) const SELF: u64 = 2;

/// What is published in one run, below a subject of its own.
pub(crate) struct Script {
    pub(crate) root: String,
}

impl Script {
    pub(crate) fn new(run: u64) -> Self {
        Self { root: format!("c{run}") }
    }

    pub(crate) fn subject(&self, tail: &str) -> String {
        format!("{}.{tail}", self.root)
    }

    /// The subject of the other session's `number`-th publication.
    pub(crate) fn of_other(&self, number: u64) -> String {
        self.subject(["c", "a.x", "b"][number as usize % 3])
    }

    /// One in five is large enough to be shared between the receivers instead of copied.
    pub(crate) fn padding(number: u64) -> usize {
        if number % 5 == 4 { 5_000 } else { 10 * number as usize }
    }

    /// Everything that was accepted.
    fn history(&self) -> History {
        let mut history = History::default();
        for number in 1..=2 * HALF {
            accepted(&mut history, OTHER, &self.of_other(number), number);
        }
        for number in 1..=2 * OWN {
            accepted(&mut history, SELF, &self.subject("own"), number);
        }
        accepted(&mut history, OTHER, &self.subject("ask"), 2 * HALF + 1);
        accepted(&mut history, OTHER, &self.subject("a.end"), 2 * HALF + 2);
        history
    }

    /// What the limited subscription gets: everything of the first half, and so many of the second.
    fn limited(&self) -> History {
        let mut history = History::default();
        let is_limited = |number: &u64| self.of_other(*number) == self.subject("b");
        let second = (HALF + 1..=2 * HALF).filter(is_limited).take(LIMITED as usize);
        for number in (1..=HALF).filter(is_limited).chain(second) {
            accepted(&mut history, OTHER, &self.subject("b"), number);
        }
        history
    }

    pub(crate) fn check(&self, of: &str, [a, all, b]: [&[Seen]; 3]) {
        let history = self.history();
        assert_whole(&history, |subject| subject.starts_with(&self.subject("a.")), a, &format!("{of}, a.*"));
        assert_whole(&history, |_| true, all, &format!("{of}, >"));
        assert_whole(&self.limited(), |_| true, b, &format!("{of}, b"));
    }
}

/// Bytes that passed on the link that was to be cut, towards the server and towards the client.
pub(crate) type Passed = [u64; 2];

/// Cuts at every byte that a run without a cut passes, or at some of them.
pub(crate) fn at_every_byte(of: &str, mut run: impl FnMut(u64, Option<Plan>) -> Passed) {
    let whole = run(0, None);
    let (mut runs, mut torn) = (0, [0, 0]);
    for direction in [Direction::ToServer, Direction::ToClient] {
        // Wire messages are not gathered in the same way each time, so that a later run may take some bytes more.
        let total = whole[direction as usize] + 32;
        let step = torture().unwrap_or((total / SPREAD).max(1));
        for (at, end) in (0..).zip([End::Fin, End::Reset, End::Unnoticed]) {
            for after in (at * step / 3..=total).step_by(step as usize) {
                runs += 1;
                let passed = run(runs, Some(Plan::cut(direction, after, end)));
                torn[direction as usize] += u64::from(passed[direction as usize] == after);
            }
        }
    }
    println!("{of}: {runs} runs over {whole:?} bytes (to the server, to the client), cut: {torn:?}");
    // A cut at the last bytes may not come about; most do.
    assert!(torn.iter().sum::<u64>() > runs * 9 / 10, "the links were cut");
}
