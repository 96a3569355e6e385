//! What is seen of a plugin beside its answers: what its calls cost, and what it says in its log and in the words of its errors.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::Finding;
use crate::{
    item::{Failure, limits},
    sandbox::LastCall,
};

/// What is kept of what a plugin says, in bytes.
const SAID_BYTES_MAX: usize = 256 << 10;
/// Shorter texts stand in other words by chance.
const PRIVATE_BYTES_MIN: usize = 8;
/// Texts that are looked for.
const PRIVATE_TEXTS_MAX: usize = 2_000;

/// What calls came to.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// Largest linear memory of an instance, in bytes.
    pub memory_bytes: usize,
    /// The longest call.
    pub slowest: Duration,
    /// What the guest wrote to its log, call by call; where that is much, not all of it.
    pub log: String,
}

/// Watches calls.
#[derive(Debug, Default)]
pub(super) struct Watch(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    used: Used,
    /// The words of errors, a line each.
    errors: String,
}

impl Watch {
    /// A call begins.
    pub(super) fn call(&self) -> Call<'_> {
        Call { watch: self, began: Instant::now() }
    }

    /// A sentence of the plugin's.
    pub(super) fn told(&self, message: &str) {
        append(&mut self.seen().errors, message);
    }

    /// What it came to so far.
    pub(super) fn used(&self) -> Used {
        self.seen().used.clone()
    }

    /// What calls cost, against the limits that end them. The samples are small: whoever takes half of a limit for them meets
    /// it with a real day.
    pub(super) fn cost(&self) -> Finding {
        let Used { memory_bytes, slowest, .. } = self.used();
        let (memory_max, time_max) = (limits::GUEST_MEMORY_BYTES_MAX, limits::CALL_CPU_TIME_MAX);
        let text = format!(
            "at most {} KiB of memory (of {} MiB) and {} ms a call (of {} s)",
            memory_bytes >> 10,
            memory_max >> 20,
            slowest.as_millis(),
            time_max.as_secs()
        );
        if memory_bytes > memory_max / 2 || slowest > time_max / 2 {
            let hint = "read in pieces, and keep nothing that a page does not need: a call over the limit is ended";
            return Finding::bad("cost", text, hint);
        }
        Finding::good("cost", text)
    }

    /// Whether what people wrote stands in what the plugin says: its log and its errors are shown to operators, sent to
    /// webhooks, and kept longer than mail is.
    pub(super) fn discretion<'t>(&self, private: impl IntoIterator<Item = &'t str>) -> Finding {
        let seen = self.seen();
        let lines =
            private.into_iter().flat_map(str::lines).map(str::trim).filter(|line| line.len() >= PRIVATE_BYTES_MIN);
        for line in lines.take(PRIVATE_TEXTS_MAX) {
            for (place, said) in [("its log", &seen.used.log), ("the words of an error", &seen.errors)] {
                if said.contains(line) {
                    let text =
                        format!("what a person wrote or is called ({} bytes of it) stands in {place}", line.len());
                    let hint = "say which item, line or field it is; never what stands there";
                    return Finding::bad("discretion", text, hint);
                }
            }
        }
        Finding::good("discretion", "what people wrote stands in no log and no error")
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that has begun.
#[derive(Debug)]
pub(super) struct Call<'a> {
    watch: &'a Watch,
    began: Instant,
}

impl Call<'_> {
    /// Takes note of it: how long it took, and what the sandbox saw of it, if its instance is still there.
    pub(super) fn ended(self, last: Option<LastCall>) {
        let took = self.began.elapsed();
        let used = &mut self.watch.seen().used;
        used.slowest = used.slowest.max(took);
        if let Some(last) = last {
            used.memory_bytes = used.memory_bytes.max(last.memory_bytes);
            append(&mut used.log, &last.log);
        }
    }

    /// As [`Call::ended`], with how it failed where it did.
    pub(super) fn ended_with<T>(self, last: Option<LastCall>, answer: &Result<T, Failure>) {
        if let Err(failure) = answer {
            self.watch.told(&failure.message);
        }
        self.ended(last);
    }
}

fn append(said: &mut String, more: &str) {
    let room = SAID_BYTES_MAX.saturating_sub(said.len());
    if !more.is_empty() && more.len() < room {
        said.push_str(more);
        said.push('\n');
    }
}
