//! What came of a run.

use std::fmt;

use anyhow::Result;

use super::Outcome;

/// What came of one step.
#[derive(Debug)]
pub(super) struct Line {
    /// The step.
    pub(super) name: &'static str,
    /// How long it took.
    pub(super) seconds: f64,
    /// How it ended.
    pub(super) outcome: Result<Outcome>,
}

/// What came of all steps.
#[derive(Debug, Default)]
pub(super) struct Summary {
    lines: Vec<Line>,
}

impl Summary {
    /// Takes the next step's result.
    pub(super) fn add(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// How many failed.
    pub(super) fn failed(&self) -> usize {
        self.lines.iter().filter(|line| line.outcome.is_err()).count()
    }

    fn skipped(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line.outcome, Ok(Outcome::Skipped(_)))).count()
    }
}

impl fmt::Display for Summary {
    /// A table; its last line counts, in a form that other programs read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            let (word, note) = match &line.outcome {
                Ok(Outcome::Passed) => ("passed", String::new()),
                Ok(Outcome::Skipped(reason)) => ("skipped", reason.clone()),
                Err(error) => ("FAILED", format!("{error:#}")),
            };
            let note = note.lines().next().unwrap_or_default();
            let text = format!("{:<16}  {word:<7}  {:>7.1} s  {note}", line.name, line.seconds);
            writeln!(f, "{}", text.trim_end())?;
        }
        let seconds: f64 = self.lines.iter().map(|line| line.seconds).sum();
        writeln!(f, "{:<16}  {:<7}  {seconds:>7.1} s", "all", "")?;
        let passed = self.lines.len() - self.failed() - self.skipped();
        write!(f, "\n{passed} passed, {} failed", self.failed())?;
        match self.skipped() {
            0 => writeln!(f),
            skipped => writeln!(f, ", {skipped} skipped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(outcomes: Vec<Result<Outcome>>) -> String {
        let lines = outcomes.into_iter().map(|outcome| Line { name: "step", seconds: 1.25, outcome }).collect();
        Summary { lines }.to_string()
    }

    #[test]
    fn the_last_line_counts() {
        let text = summary(vec![Ok(Outcome::Passed), Err(anyhow::anyhow!("no\nmore")), Ok(Outcome::Passed)]);
        assert_eq!(text.lines().last(), Some("2 passed, 1 failed"));
        assert!(text.contains("step              FAILED       1.2 s  no\n"), "{text}");
        assert!(text.contains("3.8 s"), "{text}");
    }

    #[test]
    fn a_skip_is_seen() {
        let text = summary(vec![Ok(Outcome::Skipped("no browser".into()))]);
        assert!(text.contains("skipped") && text.contains("no browser"), "{text}");
        assert_eq!(text.lines().last(), Some("0 passed, 0 failed, 1 skipped"));
    }
}
