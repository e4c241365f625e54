//! What the kernel knows of a process.

use std::fs;
use std::io;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

/// Processor time of a process: exact for its living threads (`schedstat`), with what the kernel did for it.
///
/// # Errors
/// When the process is gone.
pub fn processor_time(pid: u32) -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the reading; what it used is lost to this sum.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        nanoseconds += text.split(' ').next().and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Processor time by the clock ticks of `stat`: user and system. Ticks are 10 ms, threads that have ended are included.
///
/// # Errors
/// When the process is gone.
pub fn ticks(pid: u32) -> io::Result<(Duration, Duration)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name stands in brackets and may hold spaces.
    let mut fields = text.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').skip(11);
    let mut next = || fields.next().and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Ok((Duration::from_millis(10 * next()), Duration::from_millis(10 * next())))
}

/// Resident memory in bytes.
///
/// # Errors
/// When the process is gone.
pub fn resident(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kibibytes = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.parse::<u64>().ok());
    kibibytes.map(|n| n * 1024).ok_or_else(|| io::Error::other("no VmRSS in /proc/pid/status"))
}

/// Processor time of this thread.
///
/// # Errors
/// Where `/proc` is not there.
pub fn thread_time() -> io::Result<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split(' ').next().and_then(|field| field.parse().ok()).unwrap_or(0);
    Ok(Duration::from_nanos(nanoseconds))
}

/// Keeps this process on one core.
///
/// # Errors
/// Without the program `taskset`, or such a core.
pub fn pin(core: usize) -> anyhow::Result<()> {
    let pid = std::process::id().to_string();
    let output = Command::new("taskset")
        .args(["--all-tasks", "--pid", "--cpu-list", &core.to_string(), &pid])
        .output()
        .context("`taskset` (util-linux) did not start")?;
    ensure!(output.status.success(), "core {core}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// Allows as many open files as the hard limit does, and says how many.
#[must_use]
pub fn raise_open_files() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Where it is refused the present limit stays, and opening too many links says so.
    let _refused = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
