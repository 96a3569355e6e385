//! What one guest call may use, and the keeping of it.

use std::time::Duration;

use tokio::time::Instant;
use wasmtime::ResourceLimiter;

use crate::item::limits;

/// Epoch ticks after which a guest gives way to the runtime's other tasks.
pub(super) const SLICE_TICKS: u32 = 4;
/// The most that one piece of computing counts for.
const PIECE_MAX: Duration = limits::EPOCH_TICK.saturating_mul(SLICE_TICKS * 3 / 2);
/// Core instances of one component instance (a Python component has about thirty).
const INSTANCES_MAX: usize = 256;
/// Tables of one component instance.
const TABLES_MAX: usize = 64;
/// Elements of all tables together.
const TABLE_ELEMENTS_MAX: usize = 1 << 20;
/// Linear memories of one component instance.
const MEMORIES_MAX: usize = 16;
/// Handles that a guest may hold at once.
pub(super) const HANDLES_MAX: usize = 10_000;

/// The limits of one guest call. All of them are on by default; tests set them lower.
#[derive(Clone, Debug)]
pub struct CallLimits {
    /// Wall-clock time, waiting included.
    pub time_max: Duration,
    /// Time without the waiting in host functions.
    pub cpu_time_max: Duration,
    /// Linear memories together.
    pub memory_bytes_max: usize,
    /// Bytes that go from the guest to the host in one function call, results included.
    pub hostcall_bytes_max: usize,
    /// Bytes of stdout and stderr, after which the call is ended.
    pub log_bytes_max: usize,
    /// HTTP requests of a source; questions of a mapper to the directory.
    pub requests_max: u32,
    /// Batches after which a pure plugin's instance is replaced.
    pub reuse_batches_max: u32,
    /// Linear memory above which a pure plugin's instance is replaced.
    pub reuse_bytes_max: usize,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            time_max: limits::CALL_TIME_MAX,
            cpu_time_max: limits::CALL_CPU_TIME_MAX,
            memory_bytes_max: limits::GUEST_MEMORY_BYTES_MAX,
            hostcall_bytes_max: limits::HOSTCALL_BYTES_MAX,
            log_bytes_max: limits::GUEST_LOG_FLOOD_BYTES_MAX,
            requests_max: limits::CALL_REQUESTS_MAX,
            reuse_batches_max: limits::GUEST_REUSE_BATCHES_MAX,
            reuse_bytes_max: limits::GUEST_REUSE_BYTES_MAX,
        }
    }
}

/// Why the host ended a call from within; raised as the error of the guest's run and found again in it.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Stop {
    /// It computed for longer than allowed.
    #[error("computed for more than {} s", .0.as_secs_f32())]
    CpuTime(Duration),
    /// It wrote more to its log than allowed.
    #[error("wrote more than {0} bytes to its log")]
    LogFlood(usize),
    /// It sent more requests than allowed.
    #[error("sent more than {0} requests")]
    Requests(u32),
    /// It called a host function when it may not.
    #[error("{0}")]
    Misuse(&'static str),
    /// Something of the host's failed, which is not the guest's business (the directory is away, the stage is full).
    #[error("{0}")]
    Host(crate::item::Failure),
}

/// Bounds memory, tables and instances of a store, and remembers what it refused: to a guest, refused memory looks
/// like any panic, and the trap alone does not tell.
#[derive(Debug)]
pub(super) struct Limiter {
    memory_bytes_max: usize,
    memory_bytes: usize,
    table_elements: usize,
    /// Bytes the guest wanted when it was first refused.
    pub(super) refused_bytes: Option<usize>,
}

impl Limiter {
    pub(super) fn new(memory_bytes_max: usize) -> Self {
        Self { memory_bytes_max, memory_bytes: 0, table_elements: 0, refused_bytes: None }
    }

    /// Linear memory in use; it only ever grows.
    pub(super) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.memory_bytes.saturating_sub(current).saturating_add(desired);
        if wanted > self.memory_bytes_max {
            self.refused_bytes.get_or_insert(wanted);
            return Ok(false);
        }
        self.memory_bytes = wanted;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.table_elements.saturating_sub(current).saturating_add(desired);
        if wanted > TABLE_ELEMENTS_MAX {
            return Ok(false);
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

/// Counts what one call uses: computing time and requests.
///
/// Computing is measured piece by piece, between host functions and at the epoch's slices. No piece counts for more
/// than a slice and a half: what is longer was spent elsewhere (in another task of the runtime, in a wait that WASI does
/// on its own). The call's wall-clock limit covers the rest.
#[derive(Debug)]
pub(super) struct Meter {
    computed: Duration,
    /// Where the current piece began.
    piece: Instant,
    cpu_time_max: Duration,
    requests: u32,
    requests_max: u32,
}

impl Meter {
    pub(super) fn new(limits: &CallLimits) -> Self {
        Self {
            computed: Duration::ZERO,
            piece: Instant::now(),
            cpu_time_max: limits.cpu_time_max,
            requests: 0,
            requests_max: limits.requests_max,
        }
    }

    /// Ends a piece of computing: the guest waits from now on.
    pub(super) fn pause(&mut self) {
        self.end_piece(self.piece.elapsed());
        self.piece = Instant::now();
    }

    fn end_piece(&mut self, lasted: Duration) {
        self.computed += lasted.min(PIECE_MAX);
    }

    /// The guest computes again.
    pub(super) fn resume(&mut self) {
        self.piece = Instant::now();
    }

    /// Asked once a slice.
    pub(super) fn check_cpu_time(&mut self) -> Result<(), Stop> {
        self.pause();
        self.within_cpu_time()
    }

    fn within_cpu_time(&self) -> Result<(), Stop> {
        if self.computed > self.cpu_time_max { Err(Stop::CpuTime(self.cpu_time_max)) } else { Ok(()) }
    }

    /// Counts a request.
    pub(super) fn count_request(&mut self) -> Result<(), Stop> {
        self.requests += 1;
        if self.requests > self.requests_max { Err(Stop::Requests(self.requests_max)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn memory_is_bounded_over_all_memories_and_refusals_are_remembered() {
        let mut limiter = Limiter::new(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap(), "a second memory");
        assert!(!limiter.memory_growing(60, 61, None).unwrap());
        assert!(!limiter.memory_growing(60, 90, None).unwrap());
        assert_eq!((limiter.memory_bytes(), limiter.refused_bytes), (100, Some(101)), "the first refusal counts");
        assert!(!limiter.table_growing(0, TABLE_ELEMENTS_MAX + 1, None).unwrap());
    }

    #[test]
    fn waiting_is_not_computing() {
        let limits = CallLimits { cpu_time_max: Duration::from_millis(100), requests_max: 1, ..CallLimits::default() };
        let mut meter = Meter::new(&limits);
        meter.end_piece(Duration::from_secs(10));
        assert_eq!(meter.computed, PIECE_MAX, "somebody else had the processor");
        meter.end_piece(Duration::from_millis(40));
        meter.within_cpu_time().unwrap();
        meter.end_piece(Duration::from_millis(1));
        assert!(matches!(meter.within_cpu_time(), Err(Stop::CpuTime(_))));
        meter.count_request().unwrap();
        assert!(matches!(meter.count_request(), Err(Stop::Requests(1))));
    }
}
