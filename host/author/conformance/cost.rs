//! What calls cost, against the limits that end them. The samples are small: whoever takes half of a limit for them meets it
//! with a real day.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use super::Finding;
use crate::item::limits;

/// The dearest call so far.
#[derive(Debug, Default)]
pub(super) struct Cost {
    memory_bytes: AtomicUsize,
    slowest_us: AtomicU64,
}

impl Cost {
    /// A call begins.
    pub(super) fn call(&self) -> Call<'_> {
        Call { cost: self, began: Instant::now() }
    }

    /// What it came to.
    pub(super) fn finding(&self) -> Finding {
        let memory_bytes = self.memory_bytes.load(Ordering::Relaxed);
        let slowest = Duration::from_micros(self.slowest_us.load(Ordering::Relaxed));
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
}

/// A call that has begun.
#[derive(Debug)]
pub(super) struct Call<'a> {
    cost: &'a Cost,
    began: Instant,
}

impl Call<'_> {
    /// Takes note of it: how long it took, and how much memory its instance has now, if it is still there.
    pub(super) fn ended(self, memory_bytes: Option<usize>) {
        let took_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.cost.slowest_us.fetch_max(took_us, Ordering::Relaxed);
        self.cost.memory_bytes.fetch_max(memory_bytes.unwrap_or(0), Ordering::Relaxed);
    }
}
