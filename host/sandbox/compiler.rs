//! Compiles components in a child process: a large one takes seconds and hundreds of megabytes (measured: 5 s and 390 MB
//! for 12 MB of Python), which a host that runs for months would keep.

use std::{
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use rustix::process::{Resource, Rlimit, setrlimit};

use super::engine;
use crate::item::{Failure, NextMove, limits};

/// The word that makes the program compile what it is given and end.
pub const COMPILE: &str = "compile-component";

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// From now on children of this program compile. `program` is what understands [`COMPILE`]: the program's `main` says
/// so once; whoever only links the library compiles in its own process.
pub fn compile_in_children_of(program: PathBuf) {
    let _said_before = PROGRAM.set(program);
}

/// Compiles the component on stdin into the cache file `path`; what [`COMPILE`] does.
///
/// # Errors
/// When the bytes do not compile or the file cannot be written.
pub fn compile_here(path: &Path) -> Result<(), Failure> {
    let failed = |what: String| Failure::new("plugin-corrupt", NextMove::AskPerson, what);
    let seconds = Some(limits::COMPILE_CPU_TIME_MAX.as_secs());
    let _refused = setrlimit(Resource::Cpu, Rlimit { current: seconds, maximum: seconds });
    let mut bytes = Vec::new();
    io::stdin()
        .take(limits::COMPONENT_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(format!("no component came: {error}")))?;
    engine::compile_to(&engine::new_engine()?, &bytes, path)
        .map_err(|error| failed(format!("the component does not compile: {error:#}")))
}

/// Has a child compile `bytes` into the cache file; false when there is no program for it or it did not work, so that
/// the caller does it, and finds out why.
pub(super) fn compiled_by_child(bytes: &[u8], path: &Path) -> bool {
    let Some(program) = PROGRAM.get() else { return false };
    match run(program, bytes, path) {
        Ok(true) => true,
        Ok(false) => false,
        Err(error) => {
            tracing::debug!(program = %program.display(), %error, "compiling in this process instead");
            false
        }
    }
}

fn run(program: &Path, bytes: &[u8], path: &Path) -> io::Result<bool> {
    let mut child = Command::new(program)
        .arg(COMPILE)
        .arg(path)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // The pipe must be closed before waiting: its end is the component's end.
    let sent = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(bytes));
    let status = child.wait()?;
    sent?;
    Ok(status.success())
}
