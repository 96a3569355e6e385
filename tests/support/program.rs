//! Runs of the real program: each has a time limit, and whatever fails is shown with everything the program said.

use std::{
    fmt,
    fs::{self, File},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

/// A run that takes longer hangs.
const RUN_TIME_MAX: Duration = Duration::from_secs(150);
/// How often a run is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(4);

/// The program with these arguments, in this folder. Nothing of the developer's own environment may change what is
/// tested.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    command.current_dir(folder).args(arguments).env("TZ", "Pacific/Auckland").env("NO_COLOR", "1");
    for variable in ["CHANCERY_LOG", "CHANCERY_KILL_AT"] {
        command.env_remove(variable);
    }
    command
}

/// A run under way. Dropping it ends it.
pub(crate) struct Running {
    what: String,
    child: Child,
    started: Instant,
    output: TempDir,
}

/// A run that ended, or was ended.
pub(crate) struct Ran {
    what: String,
    status: ExitStatus,
    hung: bool,
    /// None: a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Running {
    /// Starts it.
    pub(crate) fn start(mut command: Command) -> Self {
        let what = command.get_args().map(|argument| argument.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let output = tempfile::tempdir().unwrap();
        let file = |name| File::create(output.path().join(name)).unwrap();
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        let child = command.spawn().unwrap();
        Self { what, child, started: Instant::now(), output }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it ends, is this old, or `enough` says so; true when it ended.
    pub(crate) fn wait_until(&mut self, age: Duration, mut enough: impl FnMut() -> bool) -> bool {
        loop {
            if self.child.try_wait().unwrap().is_some() {
                return true;
            }
            if self.started.elapsed() >= age || enough() {
                return false;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// What it has said so far: stdout, stderr.
    pub(crate) fn said(&self) -> [String; 2] {
        ["stdout", "stderr"].map(|name| String::from_utf8_lossy(&fs::read(self.path(name)).unwrap()).into_owned())
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills it, if it has not ended yet.
    pub(crate) fn kill(mut self) -> Ran {
        self.child.kill().unwrap();
        self.end(false)
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Ran {
        let ended = self.wait_until(RUN_TIME_MAX, || false);
        if !ended {
            self.child.kill().unwrap();
        }
        self.end(!ended)
    }

    fn end(&mut self, hung: bool) -> Ran {
        let status = self.child.wait().unwrap();
        let text = |name| String::from_utf8_lossy(&fs::read(self.path(name)).unwrap()).into_owned();
        Ran {
            what: self.what.clone(),
            status,
            hung,
            code: status.code(),
            stdout: text("stdout"),
            stderr: text("stderr"),
            took: self.started.elapsed(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.output.path().join(name)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A run that has ended cannot be killed any more, and that is all there is to say.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ran {
    /// Fails with everything the program said unless it ended with this code.
    pub(crate) fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Fails unless the program was ended by SIGKILL before its time limit.
    pub(crate) fn expect_killed(&self) {
        assert!(self.was_killed(), "{self}");
    }

    /// Whether it was ended by SIGKILL before its time limit.
    pub(crate) fn was_killed(&self) -> bool {
        !self.hung && self.status.signal() == Some(9)
    }

    /// The one JSON document on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is no JSON: {error}\n{self}"))
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, status, hung, stdout, stderr, took, .. } = self;
        let end = if *hung { "did not end" } else { "ended" };
        write!(f, "`chancery {what}` {end} ({status}) after {took:?}\n--- stdout\n{stdout}--- stderr\n{stderr}")
    }
}
