//! What a turn under way is doing, for whoever looks.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::sync::watch;

use crate::{
    item::{Failure, TimestampMs},
    pipeline::{Progress, Step},
    scheduler::clock::ReadMs,
};

/// A turn under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Running {
    /// When it began.
    pub began_ms: TimestampMs,
    /// Observations that were read and staged.
    pub staged: u64,
    /// Copies that were delivered.
    pub delivered: u64,
    /// Copies that were parked.
    pub parked: u64,
    /// The last step that something took: `staged`, `delivered` or `parked`.
    pub step: Option<&'static str>,
    /// How far the source says it is, 0 to 1000.
    pub per_mille: Option<u32>,
    /// Observations a second since it began.
    pub rate: f64,
    /// The reason code of what it waits for.
    pub waits_for: Option<String>,
    /// How long nothing has moved, in milliseconds.
    pub still_ms: i64,
}

/// Watches a turn for the service.
pub(super) struct Live {
    uptime_ms: ReadMs,
    began_uptime_ms: i64,
    stopping: Arc<AtomicBool>,
    changed: watch::Sender<u64>,
    running: Mutex<(Running, i64)>,
}

impl Live {
    pub(super) fn new(
        began_ms: TimestampMs,
        uptime_ms: ReadMs,
        stopping: Arc<AtomicBool>,
        changed: watch::Sender<u64>,
    ) -> Self {
        let began_uptime_ms = uptime_ms();
        let running = Running { began_ms, ..Running::default() };
        Self { uptime_ms, began_uptime_ms, stopping, changed, running: Mutex::new((running, began_uptime_ms)) }
    }

    pub(super) fn snapshot(&self) -> Running {
        let (running, moved_ms) = self.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let now_ms = (self.uptime_ms)();
        let seconds = Duration::from_millis((now_ms - self.began_uptime_ms).max(1).unsigned_abs()).as_secs_f64();
        Running { rate: running.staged as f64 / seconds, still_ms: now_ms - moved_ms, ..running }
    }

    fn change(&self, change: impl FnOnce(&mut Running)) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut running.0);
        running.1 = (self.uptime_ms)();
        drop(running);
        self.changed.send_modify(|count| *count += 1);
    }
}

impl Progress for Live {
    fn advanced(&self, step: Step, by: u64) {
        self.change(|running| {
            running.waits_for = None;
            let (count, name) = match step {
                Step::Staged => (&mut running.staged, "staged"),
                Step::Delivered => (&mut running.delivered, "delivered"),
                Step::Parked => (&mut running.parked, "parked"),
            };
            *count += by;
            running.step = Some(name);
        });
    }

    fn waiting(&self, why: &Failure, _: Duration) {
        // Waiting is no progress: how long nothing has moved goes on.
        self.running.lock().unwrap_or_else(PoisonError::into_inner).0.waits_for = Some(why.code.clone());
        self.changed.send_modify(|count| *count += 1);
    }

    fn position(&self, per_mille: u32) {
        self.change(|running| running.per_mille = Some(per_mille));
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use super::*;

    #[test]
    fn what_moves_is_shown_with_its_rate_and_what_waits_stands_still() {
        let uptime = Arc::new(AtomicI64::new(0));
        let read = Arc::clone(&uptime);
        let (changed, changes) = watch::channel(0);
        let stopping = Arc::new(AtomicBool::new(false));
        let live = Live::new(7, Arc::new(move || read.load(Ordering::Relaxed)), Arc::clone(&stopping), changed);
        uptime.store(10_000, Ordering::Relaxed);
        live.advanced(Step::Staged, 500);
        live.advanced(Step::Delivered, 3);
        live.position(250);
        uptime.store(20_000, Ordering::Relaxed);
        live.waiting(&Failure::new("no-answer", crate::item::NextMove::Stop, "x"), Duration::from_secs(1));
        let expect = Running {
            began_ms: 7,
            staged: 500,
            delivered: 3,
            parked: 0,
            step: Some("delivered"),
            per_mille: Some(250),
            rate: 25.0,
            waits_for: Some("no-answer".into()),
            still_ms: 10_000,
        };
        assert_eq!(live.snapshot(), expect);
        assert_eq!(*changes.borrow(), 4);
        assert!(!live.is_stopping());
        stopping.store(true, Ordering::Relaxed);
        assert!(live.is_stopping());
    }
}
