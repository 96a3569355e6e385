//! A running `chancery serve`, asked over HTTP as whoever supervises it does.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use rustix::process::Signal;

use super::program::{Ran, Running};

/// What a service is waited for takes no longer.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// A service.
pub(crate) struct Served {
    running: Running,
    address: String,
}

impl Served {
    /// Starts one, and waits until it says where it listens.
    pub(crate) fn start(command: Command) -> Self {
        let mut running = Running::start(command);
        loop {
            let [stdout, _] = running.said();
            if let Some(said) = stdout.strip_prefix("listening on http://")
                && let Some((address, _)) = said.split_once('\n')
            {
                return Self { address: address.to_owned(), running };
            }
            let ended = running.wait_until(Duration::ZERO, || true);
            assert!(!ended, "the service does not listen: {}", running.finish());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The path of the link with which the first account is made.
    pub(crate) fn set_up(&self) -> String {
        loop {
            let [stdout, _] = self.running.said();
            let line = stdout.lines().find_map(|line| line.strip_prefix("set up: "));
            if let Some(link) = line.filter(|_| stdout.contains("(works once")) {
                let (_, path) = link.split_once(&*self.address).unwrap_or_else(|| panic!("elsewhere: {link}"));
                return path.to_owned();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The answer to a question: its status and its body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Its metrics, by name and labels.
    pub(crate) fn metrics(&self) -> BTreeMap<String, f64> {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200, "{text}");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.rsplit_once(' ').unwrap())
            .map(|(name, value)| (name.into(), value.parse().unwrap()))
            .collect()
    }

    /// One of them; 0 when it is not there.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        self.metrics().get(name).copied().unwrap_or(0.0)
    }

    /// Turns of a connector that were done, or failed.
    pub(crate) fn turns(&self, connector: &str, outcome: &str) -> f64 {
        self.metric(&format!("chancery_turns_total{{connector=\"{connector}\",outcome=\"{outcome}\"}}"))
    }

    /// Waits until this is so.
    pub(crate) fn wait(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let started = std::time::Instant::now();
        while !is_so(self) {
            let ended = self.running.wait_until(Duration::ZERO, || true);
            assert!(!ended, "the service ended while it was waited for: {what}\n{}", self.log());
            assert!(started.elapsed() < WAIT_MAX, "{what} does not come\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        let [_, stderr] = self.running.said();
        stderr
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// Stops it as a system does, and waits for its end.
    pub(crate) fn stop(self) -> Ran {
        self.signal(Signal::TERM);
        self.finish()
    }

    /// Waits for its end.
    pub(crate) fn finish(self) -> Ran {
        self.running.finish()
    }
}
