//! A guest's store: its powers, its limits, its WASI, and how one call is begun and ended.

use std::{
    future::Future,
    sync::{Arc, LazyLock},
    time::Duration,
};

use sha2::{Digest, Sha256};
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::{
    Deterministic, HostMonotonicClock, HostWallClock, ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
};

use super::{
    contract::v1::{descriptors, types},
    diagnostic::{Ending, printable},
    egress::Scrub,
    guest_log::GuestLog,
    limits::{CallLimits, HANDLES_MAX, Limiter, Meter, SLICE_TICKS, Stop},
};

/// What a pure guest takes for the time: 2000-01-01T00:00:00Z, always.
const PURE_NOW: Duration = Duration::from_secs(946_684_800);
/// How much later it is elsewhere: more than a day, another month and year.
const ELSEWHERE_LATER: Duration = Duration::from_secs(400 * 24 * 60 * 60 + 12_345);
/// Bytes of randomness a guest may ask for at once.
const RANDOM_BYTES_MAX: u64 = 1 << 20;

/// What a store holds beside the guest: `P` is what the guest may do through the contract.
pub(super) struct Guest<P> {
    pub(super) powers: P,
    pub(super) limiter: Limiter,
    pub(super) meter: Meter,
    pub(super) log: GuestLog,
    pub(super) table: ResourceTable,
    wasi: WasiCtx,
    nature: Nature,
}

impl<P> Guest<P> {
    /// What is seen of the last call beside its answer.
    pub(super) fn last_call(&self, scrub: &Scrub) -> LastCall {
        let log = scrub.text(&self.log.text());
        let lines: Vec<String> = log.lines().map(printable).collect();
        LastCall { memory_bytes: self.limiter.memory_bytes(), log: lines.join("\n") }
    }
}

/// What is seen of a call beside its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastCall {
    /// Linear memory of the instance, in bytes; it never shrinks.
    pub memory_bytes: usize,
    /// The end of what the guest wrote to its log, without secrets and control characters.
    pub log: String,
}

/// What a guest sees of the world through WASI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// True time and randomness; no files, no environment, no sockets.
    Source,
    /// Nothing: the clock stands still and randomness begins anew with every call, so that a used instance cannot
    /// answer otherwise than a fresh one because of them.
    Pure,
    /// As [`Nature::Pure`], at another time and with other randomness: nobody's answers may show that.
    Elsewhere,
}

impl<P> Guest<P> {
    /// Waits for something outside; the wait does not count as computing.
    pub(super) async fn waiting<R>(&mut self, work: impl Future<Output = R>) -> R {
        self.meter.pause();
        let result = work.await;
        self.meter.resume();
        result
    }
}

// Interfaces without functions.
impl<P> types::Host for Guest<P> {}
impl<P> descriptors::Host for Guest<P> {}

impl<P: Send + 'static> WasiView for Guest<P> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Makes a store with every limit on.
pub(super) fn new_store<P: Send + 'static>(
    engine: &Engine,
    limits: &CallLimits,
    nature: Nature,
    powers: P,
) -> Store<Guest<P>> {
    let log = GuestLog::new(limits.log_bytes_max);
    let wasi = new_wasi(nature, &log);
    let guest = Guest {
        powers,
        limiter: Limiter::new(limits.memory_bytes_max),
        meter: Meter::new(limits),
        log,
        table: ResourceTable::new(),
        wasi,
        nature,
    };
    let mut store = Store::new(engine, guest);
    store.limiter(|guest| &mut guest.limiter);
    store.set_hostcall_fuel(limits.hostcall_bytes_max);
    store.set_max_component_handles(HANDLES_MAX);
    store.epoch_deadline_callback(|mut guest| {
        guest.data_mut().meter.check_cpu_time()?;
        Ok(UpdateDeadline::Yield(SLICE_TICKS.into()))
    });
    store
}

/// Readies a store for one call: limits are per call, and the epoch's deadline does not start anew by itself.
pub(super) fn begin<P: Send + 'static>(store: &mut Store<Guest<P>>, limits: &CallLimits) {
    store.set_epoch_deadline(SLICE_TICKS.into());
    let guest = store.data_mut();
    guest.meter = Meter::new(limits);
    guest.log.clear();
    if guest.nature != Nature::Source {
        guest.wasi = new_wasi(guest.nature, &guest.log);
    }
}

/// Runs a guest's function to its end or to the call's time limit. An epoch does not interrupt a host function that
/// waits, and a time limit does not interrupt a guest that computes: it takes both.
pub(super) async fn limited<R>(
    limits: &CallLimits,
    call: impl Future<Output = wasmtime::Result<R>>,
) -> Result<R, Ending> {
    match tokio::time::timeout(limits.time_max, call).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(error)) => Err(Ending::of(&error)),
        Err(_) => Err(Ending::Time(limits.time_max)),
    }
}

impl From<Stop> for Ending {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

fn new_wasi(nature: Nature, log: &GuestLog) -> WasiCtx {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(log.clone())
        .stderr(log.clone())
        .max_random_size(RANDOM_BYTES_MAX)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    if nature != Nature::Source {
        let (still, seed) = match nature {
            Nature::Elsewhere => (Still(PURE_NOW + ELSEWHERE_LATER), 1),
            _ => (Still(PURE_NOW), 0),
        };
        let mut randomness = pure_randomness();
        randomness.rotate_left(seed);
        wasi.wall_clock(still)
            .monotonic_clock(still)
            .secure_random(Deterministic::new(randomness.clone()))
            .insecure_random(Deterministic::new(randomness))
            .insecure_random_seed(seed as u128);
    }
    wasi.build()
}

/// Bytes that look random and are always the same. Long enough that rejection sampling ends.
fn pure_randomness() -> Vec<u8> {
    static BYTES: LazyLock<Arc<[u8]>> = LazyLock::new(|| {
        let block = |number: u32| Sha256::digest(number.to_be_bytes());
        (0..128).flat_map(block).collect()
    });
    BYTES.to_vec()
}

/// A clock that stands still.
#[derive(Clone, Copy)]
struct Still(Duration);

impl HostWallClock for Still {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

impl HostMonotonicClock for Still {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        // Nanoseconds since the pure time, which is 0 everywhere but elsewhere.
        u64::try_from(self.0.saturating_sub(PURE_NOW).as_nanos()).unwrap_or(u64::MAX)
    }
}
