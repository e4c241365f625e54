//! Running other programs, seen.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Shows the command, runs it with this terminal, and fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("`{line}` could not be started"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Runs without showing anything, and gives what was printed. What went wrong is in the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = shown(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("`{line}` could not be started"))?;
    if !output.status.success() {
        bail!("`{line}` failed: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program answers.
pub(crate) fn answers(program: impl AsRef<OsStr>, arguments: &[&str]) -> bool {
    output(Command::new(program).args(arguments)).is_ok()
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let set = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut words: Vec<String> = set.map(|(name, value)| format!("{}={:?}", name.display(), value)).collect();
    words.push(program.display().to_string());
    words.extend(command.get_args().map(|argument| argument.display().to_string()));
    let folder = command.get_current_dir().and_then(Path::file_name);
    match folder {
        Some(folder) => format!("{}   (in {})", words.join(" "), folder.display()),
        None => words.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_with_its_environment_and_folder() {
        let mut command = Command::new("/usr/bin/npm");
        command.args(["run", "check"]).env("A", "b").env_remove("C").current_dir("/somewhere/web");
        assert_eq!(shown(&command), "A=\"b\" npm run check   (in web)");
    }

    #[test]
    fn a_command_that_fails_says_what_it_printed() {
        let error = output(Command::new("sh").args(["-c", "echo because >&2; exit 3"])).unwrap_err().to_string();
        assert!(error.contains("because") && error.contains('3'), "{error}");
        assert!(run(Command::new("false").current_dir("/")).is_err());
        assert!(!answers("a-program-that-is-not-there", &[]));
    }
}
