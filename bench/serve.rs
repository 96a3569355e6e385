//! A service that waits: how soon it answers, and how much memory it keeps.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use world::VolumeOptions;

use crate::support::{
    Bench,
    compare::Spread,
    folder,
    installation::{Installation, PROGRAM},
    table::{Row, Target, number},
};

const MB: f64 = 1e6;
/// Seconds from the start of the process to the first answer.
const FIRST_PAGE: Target = Target::AtMost(1.0);
/// Resident memory, in MB.
const IDLE: Target = Target::AtMost(60.0);
/// A service is idle so long after it has nothing to do.
const SETTLE: Duration = Duration::from_secs(2);
/// A turn takes no longer.
const TURN_TIME_MAX: Duration = Duration::from_secs(600);

/// First answer and idle memory, after a turn in the same process and after a start.
///
/// # Errors
/// When a service does not start, or its turn fails.
pub(crate) fn waiting(bench: &Bench) -> Result<Vec<Row>> {
    let items = bench.choose(10_000, 1_000);
    let installation = Installation::of_site(bench, VolumeOptions { items, ..VolumeOptions::default() })?;
    installation.schedule("daily at 02:00 UTC")?;
    let first = Served::start(&installation)?;
    let started = Instant::now();
    while !first.get("/metrics")?.contains("chancery_turns_total{connector=\"bench\",outcome=\"done\"} 1") {
        ensure!(started.elapsed() < TURN_TIME_MAX, "the first turn does not end");
        thread::sleep(Duration::from_millis(200));
    }
    thread::sleep(SETTLE);
    let after_turn = first.resident_bytes()?;
    drop(first);
    let mut answers = Vec::new();
    let mut idle = 0.0;
    for _ in 0..5 {
        folder::settle_disk();
        let served = Served::start(&installation)?;
        ensure!(served.get("/sign-in")?.contains("<form"), "it shows no page");
        answers.push(served.started.elapsed().as_secs_f64());
        thread::sleep(SETTLE);
        idle = served.resident_bytes()?;
    }
    installation.close(bench);
    let answers = Spread::of(answers);
    let spread = format!("{}–{} s", number(answers.least), number(answers.greatest));
    Ok(vec![
        Row::value("first page of `serve`, warm code cache", "–", &spread, answers.median, " s", FIRST_PAGE),
        Row::value("idle `serve`, nothing done yet: resident memory", "–", "–", idle / MB, " MB", IDLE),
        Row::value(
            &format!("idle `serve` after a turn of {items} items: resident memory"),
            "–",
            &format!("{:.2} of before", after_turn / idle),
            after_turn / MB,
            " MB",
            IDLE,
        ),
    ])
}

/// A running service. Dropping it stops it.
struct Served {
    child: Child,
    address: String,
    started: Instant,
    /// Kept open: it says more there.
    _said: BufReader<ChildStdout>,
}

impl Served {
    fn start(installation: &Installation) -> Result<Self> {
        let started = Instant::now();
        let mut child = Command::new(PROGRAM)
            .arg("--config")
            .arg(installation.configuration())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("the service does not start")?;
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().context("it has no stdout")?);
        said.read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on http://").context("it does not listen")?.to_owned();
        Ok(Self { child, address, started, _said: said })
    }

    fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").context("it does not answer")?;
        Ok(body.to_owned())
    }

    fn resident_bytes(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no resident memory")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024.0)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // As a system stops it; a service that is gone needs nothing.
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.child.wait();
    }
}
