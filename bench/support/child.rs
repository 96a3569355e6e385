//! Programs run apart, with what they used.
//!
//! The kernel counts a child's greatest memory from before it becomes another program, when it still is a copy of its
//! parent; so the benchmark starts a small relay (this program again, with nothing in it), and the relay starts what
//! is measured.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use wait4::Wait4 as _;

use super::folder::Folder;

/// The word that makes this program the relay.
pub(crate) const RELAY: &str = "relay";

/// What a program used, its own children included.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Usage {
    /// Its greatest resident memory.
    pub(crate) peak_rss_bytes: u64,
    /// Processor time.
    pub(crate) cpu: Duration,
    /// Time on the wall.
    pub(crate) wall: Duration,
}

/// A finished program.
pub(crate) struct Finished {
    /// What it used.
    pub(crate) usage: Usage,
    /// What it said.
    pub(crate) stdout: Vec<u8>,
}

/// Runs a program to its end.
///
/// # Errors
/// When it cannot be started or fails; its last words are in the error.
pub(crate) fn run<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Finished> {
    let folder = Folder::new("usage")?;
    let report = folder.path().join("usage.json");
    let program = program.as_ref();
    let output = Command::new(std::env::current_exe()?)
        .args([OsStr::new(RELAY), report.as_os_str(), program])
        .args(arguments)
        .output()
        .with_context(|| format!("cannot start `{}`", program.display()))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let tail: Vec<&str> = words.lines().rev().take(12).collect();
        bail!("`{}` failed: {}", program.display(), tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
    }
    Ok(Finished { usage: serde_json::from_slice(&std::fs::read(report)?)?, stdout: output.stdout })
}

/// The relay's whole life: `REPORT PROGRAM ARGUMENT…`.
///
/// # Errors
/// When the program cannot be started.
pub(crate) fn relay(mut arguments: impl Iterator<Item = OsString>) -> Result<ExitCode> {
    let (Some(report), Some(program)) = (arguments.next(), arguments.next()) else {
        bail!("the relay is started by the benchmark only");
    };
    let started = Instant::now();
    let ended = Command::new(program).args(arguments).spawn()?.wait4()?;
    let usage = Usage {
        peak_rss_bytes: ended.rusage.maxrss,
        cpu: ended.rusage.utime + ended.rusage.stime,
        wall: started.elapsed(),
    };
    std::fs::write(Path::new(&report), serde_json::to_vec(&usage)?)?;
    ensure!(ended.status.success(), "it ended with {}", ended.status);
    Ok(ExitCode::SUCCESS)
}
