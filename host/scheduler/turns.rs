//! When a connector's turns last began and how they ended: what the schedule is held against.
//!
//! It stands in a small file a connector, `turns/NAME.json` below the data folder, and not in the ledger: nothing depends
//! on it but when to look again, a look too many does no harm, and an instant of a wrong clock may be forgotten. Without
//! the file a connector is looked at once more.

use std::{fs, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::Host;
use crate::{
    item::{Failure, NextMove, TimestampMs, limits},
    pipeline::STOPPED,
};

/// How a connector's turns of what is due stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastTurn {
    /// When a turn, or a service, first knew of the connector.
    pub known_ms: Option<TimestampMs>,
    /// When the last one began.
    pub began_ms: Option<TimestampMs>,
    /// When it ended; none while it runs, and when it was left in the middle.
    pub ended_ms: Option<TimestampMs>,
    /// When the last one began that did all there was to do.
    pub done_ms: Option<TimestampMs>,
    /// Turns that failed since.
    pub failures: u32,
    /// The reason code of the last failure.
    pub code: Option<String>,
    /// When it is to be tried again, apart from the schedule.
    pub retry_ms: Option<TimestampMs>,
}

impl LastTurn {
    /// A turn begins.
    pub fn begin(&mut self, now_ms: TimestampMs) {
        self.known_ms.get_or_insert(now_ms);
        self.began_ms = Some(now_ms);
        self.ended_ms = None;
    }

    /// It ended. One that was stopped counts as left in the middle, so that the next start goes on with it.
    pub fn end(&mut self, now_ms: TimestampMs, failure: Option<&Failure>) {
        match failure {
            Some(failure) if failure.code == STOPPED => {}
            None => {
                *self = Self {
                    known_ms: self.known_ms,
                    began_ms: self.began_ms,
                    ended_ms: Some(now_ms),
                    done_ms: self.began_ms,
                    ..Self::default()
                }
            }
            Some(failure) => {
                self.ended_ms = Some(now_ms);
                self.failures = self.failures.saturating_add(1);
                self.code = Some(failure.code.clone());
                let wait_ms = i64::try_from(retry_delay(failure.next, self.failures).as_millis()).unwrap_or(i64::MAX);
                self.retry_ms = Some(now_ms.saturating_add(wait_ms));
            }
        }
    }

    /// Whether it began and was not ended: by a death of the process, or because the service was stopped.
    pub fn was_left(&self) -> bool {
        self.began_ms.is_some() && self.ended_ms.is_none()
    }
}

/// How long a failed turn waits, when so many failed in a row. What a person must mend waits long at once: a wrong
/// password that is sent every minute locks the account.
pub fn retry_delay(next: NextMove, failures: u32) -> Duration {
    let doubled = limits::TURN_RETRY_DELAY_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16));
    match next {
        NextMove::Retry { after } => {
            let least = after.unwrap_or_default().min(limits::TURN_RETRY_DELAY_MAX);
            doubled.clamp(least, limits::TURN_RETRY_DELAY_MAX)
        }
        NextMove::AskPerson | NextMove::Reject | NextMove::Stop => limits::TURN_RETRY_DELAY_MAX,
    }
}

fn file(host: &Host, connector: &str) -> PathBuf {
    host.config.data_dir.join("turns").join(format!("{connector}.json"))
}

/// How a connector's turns stand. A file that cannot be read counts as none.
pub fn read(host: &Host, connector: &str) -> LastTurn {
    let bytes = fs::read(file(host, connector)).ok();
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Writes that a turn begins.
///
/// # Errors
/// `state-io`; the turn goes on all the same.
pub(super) fn begin(host: &Host, connector: &str) -> Result<(), Failure> {
    let mut last = read(host, connector);
    last.begin((host.clocks.wall_ms)());
    write(host, connector, &last)
}

/// Writes how a turn ended.
///
/// # Errors
/// As [`begin`].
pub(super) fn end(host: &Host, connector: &str, failure: Option<&Failure>) -> Result<(), Failure> {
    let mut last = read(host, connector);
    last.end((host.clocks.wall_ms)(), failure);
    write(host, connector, &last)
}

/// Writes it down.
///
/// # Errors
/// As [`begin`].
pub(super) fn write(host: &Host, connector: &str, last: &LastTurn) -> Result<(), Failure> {
    let file = file(host, connector);
    let temporary = file.with_extension("new");
    let bytes = serde_json::to_vec(last).unwrap_or_default();
    let written = fs::create_dir_all(host.config.data_dir.join("turns"))
        .and_then(|()| fs::write(&temporary, bytes))
        .and_then(|()| fs::rename(&temporary, &file));
    written.map_err(|error| {
        let message = format!("`{}` cannot be written: {error}", file.display());
        Failure::of_disk(&error, Failure::new("state-io", NextMove::Stop, message))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_failed_turn_waits_longer_each_time_and_never_too_long() {
        let retry = |after: Option<u64>| NextMove::Retry { after: after.map(Duration::from_secs) };
        for (next, failures, expect) in [
            (retry(None), 1, MINUTE),
            (retry(None), 2, 2 * MINUTE),
            (retry(None), 6, 32 * MINUTE),
            (retry(None), 7, 60 * MINUTE),
            (retry(None), u32::MAX, 60 * MINUTE),
            (retry(Some(600)), 1, 10 * MINUTE),
            (retry(Some(600)), 5, 16 * MINUTE),
            (retry(Some(1_000_000)), 1, 60 * MINUTE),
            (NextMove::AskPerson, 1, 60 * MINUTE),
            (NextMove::Stop, 1, 60 * MINUTE),
        ] {
            assert_eq!(retry_delay(next, failures), expect, "{next:?} {failures}");
        }
    }

    #[test]
    fn a_turn_that_was_stopped_is_left_and_one_that_failed_is_not() {
        let failed = |code: &str| Failure::new(code, NextMove::Retry { after: None }, "x");
        let mut last = LastTurn::default();
        assert!(!last.was_left());
        last.begin(1_000);
        assert!(last.was_left(), "it runs, or the process died");
        last.end(2_000, Some(&failed(STOPPED)));
        assert!(last.was_left());
        last.begin(3_000);
        last.end(4_000, Some(&failed("no-answer")));
        assert_eq!((last.was_left(), last.failures, last.retry_ms, last.done_ms), (false, 1, Some(64_000), None));
        last.begin(70_000);
        last.end(71_000, None);
        let expect = LastTurn {
            known_ms: Some(1_000),
            began_ms: Some(70_000),
            ended_ms: Some(71_000),
            done_ms: Some(70_000),
            ..LastTurn::default()
        };
        assert_eq!(last, expect);
    }
}
