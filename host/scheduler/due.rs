//! Which windows are due: the time line of a connector.
//!
//! Windows are stored half-open intervals of UTC instants, contiguous by construction: each begins where the last one
//! ended. A missed day is not skipped; everything up to now is due, oldest first, in slices of at most a day.

use crate::item::{Interval, TimestampMs, time::DAY_MS};

/// What the time line looks like now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// End of the last window that was opened.
    pub covered_until_ms: Option<TimestampMs>,
    /// Where the first window begins, if configured.
    pub since_ms: Option<TimestampMs>,
    /// The wall clock.
    pub now_ms: TimestampMs,
    /// How long after its end a window is read.
    pub grace_ms: i64,
}

/// The windows to open now. Without `since` the first begins a day before the clock.
pub fn windows(line: Line) -> Vec<Interval> {
    let end_ms = line.now_ms.saturating_sub(line.grace_ms);
    let first_ms = line.covered_until_ms.or(line.since_ms).unwrap_or(end_ms.saturating_sub(DAY_MS));
    slices(first_ms, end_ms)
}

/// An interval in slices of at most a day, oldest first.
pub fn slices(start_ms: TimestampMs, end_ms: TimestampMs) -> Vec<Interval> {
    let mut slices = Vec::new();
    let mut start_ms = start_ms;
    while start_ms < end_ms {
        let until_ms = end_ms.min(start_ms.saturating_add(DAY_MS));
        slices.push(Interval { start_ms: Some(start_ms), end_ms: until_ms });
        start_ms = until_ms;
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn every_missed_hour_is_due_once_and_in_order() {
        let line =
            |covered, since, now| Line { covered_until_ms: covered, since_ms: since, now_ms: now, grace_ms: HOUR_MS };
        let table = [
            ("first run", line(None, None, 100 * HOUR_MS), vec![(75, 99)]),
            ("since", line(None, Some(90 * HOUR_MS), 100 * HOUR_MS), vec![(90, 99)]),
            ("covered wins over since", line(Some(95 * HOUR_MS), Some(0), 100 * HOUR_MS), vec![(95, 99)]),
            ("days missed", line(Some(10 * HOUR_MS), None, 61 * HOUR_MS), vec![(10, 34), (34, 58), (58, 60)]),
            ("within grace", line(Some(99 * HOUR_MS), None, 100 * HOUR_MS), vec![]),
            ("since in the future", line(None, Some(200 * HOUR_MS), 100 * HOUR_MS), vec![]),
        ];
        for (name, line, expect) in table {
            let got: Vec<(i64, i64)> = windows(line)
                .iter()
                .map(|window| (window.start_ms.expect("a start") / HOUR_MS, window.end_ms / HOUR_MS))
                .collect();
            assert_eq!(got, expect, "{name}");
        }
    }
}
