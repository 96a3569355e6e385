//! Which closed windows are to be read once more, to find what the source showed only later.
//!
//! Nothing of this is kept apart: when a window was read is in the ledger, and a reading beside the time line counts
//! for every window that it covers, whoever asked for it. A window that was read only long after its end (days were
//! missed) needs no reading for the days that had passed by then, and after a longer silence one reading makes up for
//! several.

use std::collections::BTreeMap;

use crate::{
    item::{Interval, TimestampMs, limits, time::DAY_MS},
    state::{WindowKind, WindowRow, WindowState},
};

/// A window as far as reading it again is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// On the time line, or beside it.
    pub kind: WindowKind,
    /// What it covers.
    pub interval: Interval,
    /// When it began to be read.
    pub opened_at_ms: TimestampMs,
    /// Whether it was read to its end.
    pub is_closed: bool,
}

impl From<&WindowRow> for Read {
    fn from(row: &WindowRow) -> Self {
        Self {
            kind: row.kind,
            interval: row.interval,
            opened_at_ms: row.opened_at_ms,
            is_closed: row.state != WindowState::Open,
        }
    }
}

/// The intervals to read again now, oldest first, neighbours joined up to a day; at most
/// [`limits::REREADS_PER_TURN_MAX`]. `after_ms` says how long after its end a window is read again.
pub fn due(windows: &[Read], after_ms: &[i64], now_ms: TimestampMs) -> Vec<Interval> {
    let closed = |kind: WindowKind| windows.iter().filter(move |window| window.is_closed && window.kind == kind);
    let mut beside: BTreeMap<TimestampMs, Vec<&Read>> = BTreeMap::new();
    let mut longest_ms = 0;
    for window in closed(WindowKind::Replay).chain(closed(WindowKind::Backfill)) {
        let Some(start_ms) = window.interval.start_ms else { continue };
        longest_ms = longest_ms.max(window.interval.end_ms - start_ms);
        beside.entry(start_ms).or_default().push(window);
    }
    let mut due: Vec<Interval> = Vec::new();
    for window in closed(WindowKind::Live) {
        let Interval { start_ms: Some(start_ms), end_ms } = window.interval else { continue };
        // The last of the days that have passed; reading now makes up for those before it.
        let passed =
            after_ms.iter().map(|after_ms| end_ms.saturating_add(*after_ms)).filter(|due_ms| *due_ms <= now_ms);
        let Some(due_ms) = passed.max() else { continue };
        let covering = beside.range(end_ms.saturating_sub(longest_ms)..=start_ms).flat_map(|(_, readings)| readings);
        let mut readings = covering.filter(|reading| reading.interval.end_ms >= end_ms).chain([&window]);
        if readings.any(|reading| reading.opened_at_ms >= due_ms) {
            continue;
        }
        let is_full = due.len() == limits::REREADS_PER_TURN_MAX;
        match due.last_mut() {
            Some(last)
                if last.end_ms == start_ms && last.start_ms.is_some_and(|first_ms| end_ms - first_ms <= DAY_MS) =>
            {
                last.end_ms = end_ms;
            }
            _ if is_full => break,
            _ => due.push(window.interval),
        }
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    const AFTER_MS: [i64; 3] = [DAY_MS, 7 * DAY_MS, 30 * DAY_MS];

    /// Kind, start and end in hours, opened at in hours.
    fn read(kind: WindowKind, start: i64, end: i64, opened: i64) -> Read {
        let interval = Interval { start_ms: Some(start * HOUR_MS), end_ms: end * HOUR_MS };
        Read { kind, interval, opened_at_ms: opened * HOUR_MS, is_closed: true }
    }

    fn live(start: i64, end: i64, opened: i64) -> Read {
        read(WindowKind::Live, start, end, opened)
    }

    #[test]
    fn a_window_is_read_again_after_each_of_its_days_and_not_more_often() {
        let day = live(0, 24, 24);
        let again = |opened| read(WindowKind::Replay, 0, 24, opened);
        let open = Read { is_closed: false, ..again(50) };
        /// Name, what was read, the hour it is, the hours that are due.
        type Case = (&'static str, Vec<Read>, i64, &'static [(i64, i64)]);
        let table: [Case; 14] = [
            ("nothing was read", vec![], 1_000, &[]),
            ("before the first day is over", vec![day], 47, &[]),
            ("after a day", vec![day], 48, &[(0, 24)]),
            ("read again by then", vec![day, again(48)], 49, &[]),
            ("read again too early", vec![day, again(47)], 49, &[(0, 24)]),
            ("begun again and not ended", vec![day, open], 60, &[(0, 24)]),
            ("before a week is over", vec![day, again(48)], 8 * 24 - 1, &[]),
            ("after a week", vec![day, again(48)], 8 * 24, &[(0, 24)]),
            ("one reading makes up for two", vec![day, again(8 * 24)], 9 * 24, &[]),
            ("after thirty days the last time", vec![day, again(31 * 24)], 10_000, &[]),
            ("a backfill counts", vec![day, read(WindowKind::Backfill, -24, 48, 50)], 60, &[]),
            ("one that covers a part does not", vec![day, read(WindowKind::Backfill, 1, 48, 50)], 60, &[(0, 24)]),
            ("read late, it was read after its day", vec![live(0, 24, 50)], 100, &[]),
            (
                "hours are joined up to a day",
                (0..30).map(|hour| live(hour, hour + 1, hour + 1)).collect(),
                200,
                &[(0, 24), (24, 30)],
            ),
        ];
        for (name, windows, now, expect) in table {
            let found = due(&windows, &AFTER_MS, now * HOUR_MS);
            let found: Vec<_> = found
                .iter()
                .map(|interval| (interval.start_ms.unwrap_or(0) / HOUR_MS, interval.end_ms / HOUR_MS))
                .collect();
            assert_eq!(found, expect, "{name}");
        }
        assert_eq!(due(&[day], &[], 1_000 * HOUR_MS), [], "switched off");
        let open_live = Read { is_closed: false, ..day };
        assert_eq!(due(&[open_live], &AFTER_MS, 1_000 * HOUR_MS), [], "a window that is open is not read again");
        let many: Vec<Read> = (0..1_000).map(|day| live(day * 24, day * 24 + 24, day * 24 + 24)).collect();
        let found = due(&many, &AFTER_MS, 2_000 * 24 * HOUR_MS);
        assert_eq!(found.len(), limits::REREADS_PER_TURN_MAX, "the others wait for the next turn");
        assert_eq!(found[0], many[0].interval, "the oldest first");
    }
}
