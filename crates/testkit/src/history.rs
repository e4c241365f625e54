//! What was published, what each subscription saw, and whether the two agree: **received ∪ told gaps = sent**, nothing twice, in order.

use std::collections::HashMap;

/// What the publisher knows of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Answered with `ok`: it may not be lost without a word.
    Accepted,
    /// Answered with an error: it may not appear.
    Refused,
    /// Not answered: it may appear or not.
    Unknown,
}

/// A publication: the `number`-th of a publisher, counted over all its subjects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    /// Who published it.
    pub publisher: u64,
    /// Where.
    pub subject: String,
    /// Ascends with each publication of the publisher.
    pub number: u64,
}

/// What one subscription saw, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A message.
    Message(Name),
    /// It was told that messages are missing here; how many, where that is known.
    Gap(Option<u64>),
}

/// What is wrong with a history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Seen and never published where the subscription looks.
    #[error("{0:?} was seen and never published")]
    Phantom(Name),
    /// Seen although the publisher was told that it was not taken.
    #[error("{0:?} was refused and seen")]
    RefusedSeen(Name),
    /// Seen more than once.
    #[error("{0:?} was seen twice")]
    Twice(Name),
    /// Seen behind a later one of the same publisher and subject.
    #[error("{0:?} was seen too late")]
    OutOfOrder(Name),
    /// Accepted, not seen, and no gap was told at its place.
    #[error("{0:?} was lost and nobody was told")]
    Lost(Name),
    /// The gaps tell of another number than is missing.
    #[error("{told} were told as lost, {missing} are missing, of {unknown} more nobody knows")]
    Miscounted {
        /// The sum of the gaps.
        told: u64,
        /// Accepted and not seen.
        missing: u64,
        /// Of unknown outcome and not seen.
        unknown: u64,
    },
}

/// Everything that was published, in the order of each publisher.
#[derive(Debug, Clone, Default)]
pub struct History {
    sent: Vec<(Name, Outcome)>,
}

/// One publisher and subject, as one subscription has seen it so far.
#[derive(Default)]
struct Stream<'h> {
    sent: Vec<(&'h Name, Outcome)>,
    /// Where each number stands in `sent`.
    places: HashMap<u64, usize>,
    seen: Vec<bool>,
    /// Publications up to here are seen or passed over.
    next: usize,
    /// Whether a gap was told since the last message of this stream.
    told: bool,
}

impl History {
    /// Notes a publication.
    pub fn publish(&mut self, name: Name, outcome: Outcome) {
        self.sent.push((name, outcome));
    }

    /// Checks what one subscription saw whose pattern takes the subjects that `takes` says. It must have been there from before the first
    /// publication to beyond the last one.
    ///
    /// # Errors
    /// The first fault found.
    pub fn check(&self, takes: impl Fn(&str) -> bool, seen: &[Seen]) -> Result<(), Fault> {
        let mut streams: HashMap<(u64, &str), Stream<'_>> = HashMap::new();
        for (name, outcome) in self.sent.iter().filter(|(name, _)| takes(&name.subject)) {
            let stream = streams.entry((name.publisher, &name.subject)).or_default();
            stream.places.insert(name.number, stream.sent.len());
            stream.sent.push((name, *outcome));
            stream.seen.push(false);
        }
        let (mut told, mut told_unknown) = (0, false);
        for entry in seen {
            match entry {
                Seen::Gap(lost) => {
                    told += lost.unwrap_or(0);
                    told_unknown |= lost.is_none();
                    streams.values_mut().for_each(|stream| stream.told = true);
                }
                Seen::Message(name) => streams
                    .get_mut(&(name.publisher, name.subject.as_str()))
                    .ok_or_else(|| Fault::Phantom(name.clone()))?
                    .take(name)?,
            }
        }
        let (mut missing, mut unknown) = (0, 0);
        for stream in streams.values_mut() {
            stream.pass_over(stream.sent.len())?;
            for ((_, outcome), _) in stream.sent.iter().zip(&stream.seen).filter(|(_, seen)| !**seen) {
                match outcome {
                    Outcome::Accepted => missing += 1,
                    Outcome::Unknown => unknown += 1,
                    Outcome::Refused => {}
                }
            }
        }
        let enough = told_unknown || told >= missing;
        if !enough || told > missing + unknown {
            return Err(Fault::Miscounted { told, missing, unknown });
        }
        Ok(())
    }
}

impl Stream<'_> {
    fn take(&mut self, name: &Name) -> Result<(), Fault> {
        let at = *self.places.get(&name.number).ok_or_else(|| Fault::Phantom(name.clone()))?;
        if self.sent[at].1 == Outcome::Refused {
            return Err(Fault::RefusedSeen(name.clone()));
        }
        if self.seen[at] {
            return Err(Fault::Twice(name.clone()));
        }
        if at < self.next {
            return Err(Fault::OutOfOrder(name.clone()));
        }
        self.pass_over(at)?;
        self.seen[at] = true;
        self.next = at + 1;
        self.told = false;
        Ok(())
    }

    /// Everything before `to` that has not been seen is missing here; that must have been told.
    fn pass_over(&mut self, to: usize) -> Result<(), Fault> {
        let lost = (self.next..to).find(|at| self.sent[*at].1 == Outcome::Accepted);
        match lost {
            Some(at) if !self.told => Err(Fault::Lost(self.sent[at].0.clone())),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: u64) -> Name {
        Name { publisher: 1, subject: "a".into(), number }
    }

    fn seen(numbers: &[i64]) -> Vec<Seen> {
        numbers
            .iter()
            .map(|n| u64::try_from(*n).map_or_else(|_| Seen::Gap(Some(n.unsigned_abs())), |n| Seen::Message(name(n))))
            .collect()
    }

    fn history(outcomes: &[Outcome]) -> History {
        let mut history = History::default();
        for (number, outcome) in (1..).zip(outcomes) {
            history.publish(name(number), *outcome);
        }
        history
    }

    use Outcome::{Accepted, Refused, Unknown};

    /// A negative number is a gap of so many.
    #[test]
    fn good_histories_pass() {
        for (outcomes, numbers) in [
            (&[Accepted; 4][..], &[1, 2, 3, 4][..]),
            (&[Accepted; 4], &[-4]),
            (&[Accepted; 4], &[1, -2, 4]),
            (&[Accepted; 4], &[-1, 2, -2]),
            (&[Accepted, Refused, Accepted], &[1, 3]),
            (&[Accepted, Unknown, Accepted], &[1, 3]),
            (&[Accepted, Unknown, Accepted], &[1, 2, 3]),
            (&[Accepted, Unknown, Accepted], &[1, -1, 3]),
            (&[Accepted, Unknown], &[1]),
        ] {
            assert_eq!(history(outcomes).check(|_| true, &seen(numbers)), Ok(()), "{outcomes:?} {numbers:?}");
        }
        let all_gone = [Seen::Message(name(1)), Seen::Gap(None)];
        assert_eq!(history(&[Accepted; 9]).check(|_| true, &all_gone), Ok(()));
    }

    #[test]
    fn each_fault_is_found() {
        let miscounted = |told, missing, unknown| Fault::Miscounted { told, missing, unknown };
        for (outcomes, numbers, fault) in [
            (&[Accepted; 2][..], &[1, 2, 3][..], Fault::Phantom(name(3))),
            (&[Accepted, Refused], &[1, 2], Fault::RefusedSeen(name(2))),
            (&[Accepted; 2], &[1, 2, 2], Fault::Twice(name(2))),
            (&[Accepted; 3], &[1, -1, 3, 2], Fault::OutOfOrder(name(2))),
            (&[Accepted; 3], &[1, 3], Fault::Lost(name(2))),
            (&[Accepted; 3], &[2, 3], Fault::Lost(name(1))),
            (&[Accepted; 3], &[1, 2], Fault::Lost(name(3))),
            (&[Accepted; 3], &[-1, 1, 3], Fault::Lost(name(2))),
            (&[Accepted; 3], &[1, 3, -1], Fault::Lost(name(2))),
            (&[Accepted; 5], &[1, -2, 5], miscounted(2, 3, 0)),
            (&[Accepted; 5], &[1, -4, 5], miscounted(4, 3, 0)),
            (&[Accepted; 2], &[1, 2, -1], miscounted(1, 0, 0)),
            (&[Accepted, Unknown, Accepted], &[1, -2, 3], miscounted(2, 0, 1)),
        ] {
            let found = history(outcomes).check(|_| true, &seen(numbers));
            assert_eq!(found, Err(fault), "{outcomes:?} {numbers:?}");
        }
        let elsewhere = Name { publisher: 2, ..name(1) };
        let found = history(&[Accepted]).check(|_| true, &[Seen::Message(elsewhere.clone())]);
        assert_eq!(found, Err(Fault::Phantom(elsewhere)));
        let not_asked_for = history(&[Accepted]).check(|_| false, &seen(&[1]));
        assert_eq!(not_asked_for, Err(Fault::Phantom(name(1))));
    }
}
