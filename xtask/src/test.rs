//! `cargo xtask test`: every check, one step after the other, then a table of what came of them.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::project::Project;

mod browser;
mod deny;
mod npm;
mod rust;
mod server;
mod summary;

use summary::{Line, Summary};

/// Arguments of the task.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Runs only these steps: names, or what names begin with before a `-`. Repeat it for more.
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Lists the steps.
    #[arg(long)]
    list: bool,
}

/// How a step ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// Everything was checked.
    Passed,
    /// Nothing was checked, for this reason.
    Skipped(String),
}

/// One check.
#[derive(Debug)]
struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Project) -> Result<Outcome>,
}

/// All steps in their order: what fails soonest comes first, and what needs a server last.
fn steps() -> Vec<Step> {
    let mut steps = Vec::new();
    steps.extend(rust::STEPS);
    steps.extend(deny::STEPS);
    steps.extend(npm::STEPS);
    steps.extend(browser::STEPS);
    steps
}

/// A step that fails makes the exit code a failure; the others run all the same. The last line counts them.
pub(crate) fn run(project: &Project, arguments: &Arguments) -> Result<ExitCode> {
    let steps = choose(steps(), &arguments.only)?;
    if arguments.list {
        for step in &steps {
            println!("{:<16}  {}", step.name, step.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut summary = Summary::default();
    for step in &steps {
        println!("\n=== {}: {}", step.name, step.about);
        let started = Instant::now();
        let outcome = (step.run)(project);
        if let Err(error) = &outcome {
            println!("FAILED {}: {error:#}", step.name);
        }
        if let Ok(Outcome::Skipped(reason)) = &outcome {
            println!("SKIPPED {}: {reason}", step.name);
        }
        summary.add(Line { name: step.name, seconds: started.elapsed().as_secs_f64(), outcome });
    }
    print!("\n{summary}");
    Ok(if summary.failed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn choose(steps: Vec<Step>, only: &[String]) -> Result<Vec<Step>> {
    let is_meant = |step: &Step, wanted: &String| {
        step.name.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    for wanted in only {
        if !steps.iter().any(|step| is_meant(step, wanted)) {
            let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
            bail!("there is no step `{wanted}`; there are: {}", names.join(", "));
        }
    }
    let chosen = steps.into_iter().filter(|step| only.is_empty() || only.iter().any(|wanted| is_meant(step, wanted)));
    Ok(chosen.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_names_of_their_own() {
        let mut names: Vec<&str> = steps().iter().map(|step| step.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn steps_are_chosen_by_name_or_by_what_stands_before_the_dash() {
        let chosen = |only: &[&str]| {
            let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
            choose(steps(), &only).map(|steps| steps.iter().map(|step| step.name).collect::<Vec<_>>())
        };
        assert_eq!(chosen(&[]).unwrap().len(), steps().len());
        assert_eq!(chosen(&["clippy", "format"]).unwrap(), ["format", "clippy"]);
        assert_eq!(chosen(&["web"]).unwrap(), ["web-check", "web-unit", "web-build"]);
        let error = chosen(&["clip"]).unwrap_err().to_string();
        assert!(error.contains("`clip`") && error.contains("clippy"), "{error}");
    }
}
