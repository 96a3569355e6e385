//! How the service and its connectors stand, for pages, metrics and whoever supervises.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::{Service, live::Running, unpoisoned};
use crate::{
    item::{Failure, TimestampMs, limits, time::rfc3339},
    scheduler::{pauses::Pause, turns::LastTurn},
};

/// Codes after which nothing is recorded any more until somebody acts.
const STOPS_THE_RECORD: [&str; 7] =
    ["disk-full", "index-broken", "ledger-behind", "ledger-damaged", "state-closed", "state-io", "state-poisoned"];

/// What a connector is doing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Doing {
    /// It waits for its schedule, or has none.
    Idle,
    /// Its turn is due and waits for another one's end.
    Queued,
    /// Its turn is under way.
    Running(Running),
    /// It failed and is tried again.
    Retrying,
    /// Nothing begins by itself.
    Paused,
}

/// A failure, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// The reason code.
    pub code: String,
    /// What failed, on what, why. It may hold addresses: not for endpoints that ask nobody who they are.
    pub message: String,
    /// The next step.
    pub hint: Option<String>,
}

impl From<&Failure> for Failed {
    fn from(failure: &Failure) -> Self {
        Self { code: failure.code.clone(), message: failure.message.clone(), hint: failure.hint.clone() }
    }
}

/// How a connector stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConnectorStatus {
    /// Its name.
    pub name: String,
    /// Its schedule, as written.
    pub schedule: Option<String>,
    /// What it is doing.
    pub doing: Doing,
    /// Who paused it, since when and why.
    pub pause: Option<Pause>,
    /// How its turns stand.
    pub last: LastTurn,
    /// How its last turn failed, since the service was started.
    pub failure: Option<Failed>,
    /// When its next turn begins by itself.
    pub next_ms: Option<TimestampMs>,
    /// Since when it is overdue.
    pub overdue_since_ms: Option<TimestampMs>,
    /// Turns that were done since the service was started.
    pub turns_done: u64,
    /// Turns that failed since then.
    pub turns_failed: u64,
}

/// Whether the service makes progress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// What stands against it; nothing when all is well. No personal data.
    pub problems: Vec<String>,
}

impl Service {
    /// What time it is, by the clock that turns go by.
    pub fn now_ms(&self) -> TimestampMs {
        (self.0.clocks.wall_ms)()
    }

    /// How each configured connector stands, by name.
    pub fn connectors(&self) -> Vec<ConnectorStatus> {
        let Some(host) = self.host() else { return Vec::new() };
        let now_ms = (self.0.clocks.wall_ms)();
        let live = unpoisoned(&self.0.live).clone();
        let outcomes = unpoisoned(&self.0.outcomes).clone();
        let plan = unpoisoned(&self.0.plan);
        let row = |(name, entry): (&str, &super::plan::Entry)| {
            let outcomes = outcomes.get(name).cloned().unwrap_or_default();
            let due_ms = entry.due_ms(now_ms).map(|due_ms| due_ms.max(now_ms));
            let running = entry.is_running.then(|| live.get(name).map(|live| live.snapshot()).unwrap_or_default());
            let overdue_since_ms = entry.overdue_since(now_ms).filter(|_| {
                // A long turn that moves is at work, however long it takes.
                let limit_ms = limits::OVERDUE_AFTER.as_millis() as i64;
                running.as_ref().is_none_or(|running| running.still_ms > limit_ms)
            });
            let doing = match running {
                Some(running) => Doing::Running(running),
                None if due_ms == Some(now_ms) => Doing::Queued,
                None if entry.pause.is_some() => Doing::Paused,
                None if entry.last.failures > 0 => Doing::Retrying,
                None => Doing::Idle,
            };
            ConnectorStatus {
                name: name.to_owned(),
                schedule: host
                    .config
                    .connector(name)
                    .and_then(|connector| Some(connector.schedule.as_ref()?.text.clone())),
                doing,
                pause: entry.pause.clone(),
                last: entry.last.clone(),
                failure: outcomes.failure.as_ref().map(Failed::from),
                next_ms: due_ms,
                overdue_since_ms,
                turns_done: outcomes.done,
                turns_failed: outcomes.failed,
            }
        };
        plan.entries().map(row).collect()
    }

    /// Whether it makes progress: the loop looks, no connector is overdue, everything is recorded.
    pub fn health(&self) -> Health {
        let mut problems = Vec::new();
        if self.host().is_none() || self.is_stopping() {
            problems.push("the service is stopping".to_owned());
        }
        let still_ms = (self.0.clocks.uptime_ms)() - self.0.looked_uptime_ms.load(Ordering::Relaxed);
        if u128::from(still_ms.max(0).unsigned_abs()) > limits::SERVICE_STUCK_AFTER.as_millis() {
            problems.push(format!("the scheduler has not looked for {} seconds", still_ms / 1_000));
        }
        for status in self.connectors() {
            let ConnectorStatus { name, overdue_since_ms, last, .. } = &status;
            if let Some(since_ms) = overdue_since_ms {
                let code = last.code.as_ref().map_or_else(String::new, |code| format!(", last failure {code}"));
                problems.push(format!("connector {name} is overdue since {}{code}", rfc3339(*since_ms)));
            }
            if let Some(code) = last.code.as_deref().filter(|code| STOPS_THE_RECORD.contains(code)) {
                problems.push(format!("nothing is recorded for connector {name}: {code}"));
            }
        }
        Health { problems }
    }
}
