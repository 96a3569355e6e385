//! A window's beginning and end.
//!
//! A window *closes* when the source was read to its end, every item is staged and planned, the counts balance, and the
//! clock can be trusted; it is *sealed* when nothing is pending any more.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use super::{
    circle::Circle,
    crash,
    fetch::Cursor,
    file,
    tally::Tally,
    totals,
    turn::{Reading, Turn},
};
use crate::{
    item::{Failure, Interval, NextMove, Page, TimestampMs, limits},
    state::{FileMemory, WindowClose, WindowId, WindowKind, WindowOpen, WindowRow, WindowState},
};

/// A window to be done.
#[derive(Clone, Debug)]
pub struct Due {
    /// On the time line, beside it, or a file.
    pub kind: WindowKind,
    /// Which interval; for a file its end is the instant of the reading.
    pub interval: Interval,
    /// For a file: which, and in what state it is remembered when the reading succeeds.
    pub file: Option<FileMemory>,
    /// The file of a window that was left open is not there any more: what was staged of it is all there will be.
    pub is_gone: bool,
    /// Whether the source continues from a bookmark instead of reading an interval.
    pub since_bookmark: bool,
}

/// What became of a window.
#[derive(Clone, Debug)]
pub struct WindowReport {
    /// The window as the ledger has it now.
    pub row: WindowRow,
    /// What the source said it has, where it can tell.
    pub source_total: Option<u64>,
    /// The file is another by now than the one this window began with: it is due in a window of its own.
    pub file_is_due: bool,
}

/// A window being done.
pub(super) struct Window {
    pub(super) id: WindowId,
    kind: WindowKind,
    pub(super) interval: Interval,
    pub(super) bookmark: Option<Vec<u8>>,
    /// Pages of it were staged in an earlier attempt.
    pub(super) taken_up: bool,
    file: Option<FileMemory>,
    /// The file could not be read to its end; it stays due.
    file_parked: AtomicBool,
    file_is_due: bool,
    /// Why the file cannot be read on; its window ends with an entry that says so.
    file_lost: Mutex<Option<Failure>>,
    since_bookmark: bool,
    next: Option<Cursor>,
    pages: AtomicU64,
    pub(super) circle: Circle,
    pub(super) tally: Tally,
    /// It fell short of the source's totals and was begun anew.
    pub(super) read_again: AtomicBool,
    source_total: Mutex<Option<u64>>,
    /// What closed windows covered when this one was opened, as few intervals: something new in there is late.
    archived: Vec<Interval>,
}

impl Window {
    /// Where reading goes on; none when it was read to its end.
    pub(super) fn next_page(&self) -> Option<Cursor> {
        self.next.clone()
    }

    /// What the source is asked for. Only the time line looks back: what is read beside it names its own interval.
    pub(super) fn reading(&self, lookback_ms: i64) -> Reading {
        let lookback_ms = if self.kind == WindowKind::Live { lookback_ms } else { 0 };
        match (&self.file, self.interval.start_ms) {
            (Some(file), _) => Reading::File(file.path.clone()),
            (None, Some(start_ms)) if !self.since_bookmark => Reading::Window(Interval {
                start_ms: Some(start_ms.saturating_sub(lookback_ms)),
                end_ms: self.interval.end_ms,
            }),
            (None, _) => Reading::Since,
        }
    }

    pub(super) fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// Whether something of this time belongs to a window that was closed before.
    pub(super) fn is_late(&self, at_ms: TimestampMs) -> bool {
        let holds = |interval: &Interval| interval.start_ms.is_none_or(|start_ms| start_ms <= at_ms);
        self.archived.iter().any(|interval| holds(interval) && at_ms < interval.end_ms)
    }

    /// The latest time that an item of it may have.
    pub(super) fn believable_until_ms(&self) -> TimestampMs {
        believable_until_ms(self.interval)
    }

    pub(super) fn remember_total(&self, total: Option<u64>) {
        *self.source_total.lock().unwrap_or_else(PoisonError::into_inner) = total;
    }

    /// Why its file cannot be read on, once.
    pub(super) fn file_lost(&self) -> Option<Failure> {
        self.file_lost.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The last page of a file that cannot be read (on).
    pub(super) fn unreadable_file(&self, failure: Failure) -> Page {
        self.file_parked.store(true, Ordering::Relaxed);
        self.file.as_ref().map(|file| file::stand_in(file, failure)).unwrap_or_default()
    }

    /// Counts a page against the limit of pages a window may have.
    pub(super) fn count_page(&self) -> Result<(), Failure> {
        if self.pages.fetch_add(1, Ordering::Relaxed) < limits::WINDOW_PAGES_MAX {
            return Ok(());
        }
        Err(Failure::new(
            "page-loop",
            NextMove::AskPerson,
            format!("the source gave more than {} pages for one window", limits::WINDOW_PAGES_MAX),
        )
        .hint("the source or its plugin repeats itself: run `chancery connector check`"))
    }
}

/// The latest time that an item of a window may have.
pub(super) fn believable_until_ms(interval: Interval) -> TimestampMs {
    interval.end_ms.saturating_add(limits::ITEM_AHEAD_MAX.as_millis() as i64)
}

/// Opens a window, or takes up the one that an earlier attempt left open.
pub(super) async fn open(turn: &Turn, due: &Due) -> Result<Window, Failure> {
    let (due, pins) = (due.clone(), turn.pins);
    let mut window = turn
        .with_state(move |state| {
            let rows = state.windows()?;
            let bookmark = state.bookmark()?;
            let same = |row: &&WindowRow| {
                row.state == WindowState::Open
                    && row.kind == due.kind
                    && row.subject.as_deref() == due.file.as_ref().map(|file| &*file.path)
                    && (due.file.is_some() || due.since_bookmark || row.interval == due.interval)
            };
            let left_open = rows.iter().find(same).cloned();
            let (id, interval) = match &left_open {
                Some(row) => (row.id, row.interval),
                None => {
                    if let Some(file) = &due.file {
                        file::begin(state, file)?;
                    }
                    let subject = due.file.as_ref().map(|file| file.path.clone());
                    let opened = WindowOpen { kind: due.kind, interval: due.interval, pins, subject };
                    (state.open_window(opened)?, due.interval)
                }
            };
            let mut window = Window {
                id,
                kind: due.kind,
                interval,
                bookmark,
                taken_up: false,
                file: due.file.clone(),
                file_parked: AtomicBool::new(false),
                file_is_due: false,
                file_lost: Mutex::default(),
                since_bookmark: due.since_bookmark,
                next: Some(None),
                pages: AtomicU64::new(0),
                circle: Circle::default(),
                tally: Tally::default(),
                read_again: AtomicBool::new(false),
                source_total: Mutex::default(),
                archived: archived(&rows),
            };
            let Some(row) = left_open else { return Ok(window) };
            window.taken_up = row.pages > 0;
            window.pages = AtomicU64::new(row.pages.into());
            window.next = (!row.read_to_end).then(|| row.cursor.clone());
            if let Some(file) = &due.file {
                // A file that changed since is closed with what was staged of it, and read anew in a window of its own.
                let same = !due.is_gone && file::is_same(state, file)?;
                window.file_parked = AtomicBool::new(!same || file::is_stood_in_for(state, file, &row)?);
                if !same {
                    window.file_is_due = !due.is_gone;
                    window.file = Some(file::as_left_open(state, file)?);
                    window.file_lost = Mutex::new(Some(file::lost(file, due.is_gone, row.items.fetched)));
                    // Not one page was staged: there is nothing to stand in for.
                    window.next = window.next.filter(|_| row.pages > 0);
                }
            }
            Ok(window)
        })
        .await?;
    if window.taken_up && !count_again(turn, &window).await? {
        window.tally.clear();
        window.next = Some(None);
    }
    Ok(window)
}

/// What closed windows of the time line and beside it cover, neighbours joined.
fn archived(rows: &[WindowRow]) -> Vec<Interval> {
    let closed = rows.iter().filter(|row| row.state != WindowState::Open && row.kind != WindowKind::Snapshot);
    let mut intervals: Vec<Interval> = closed.map(|row| row.interval).collect();
    intervals.sort_unstable_by_key(|interval| (interval.start_ms, interval.end_ms));
    let mut joined: Vec<Interval> = Vec::new();
    for interval in intervals {
        match joined.last_mut() {
            Some(last) if interval.start_ms.is_none_or(|start_ms| start_ms <= last.end_ms) => {
                last.end_ms = last.end_ms.max(interval.end_ms);
            }
            _ => joined.push(interval),
        }
    }
    joined
}

/// Counts what an earlier attempt at an interval met, from its staged pages. False when they are not there: then the
/// reading begins anew, for what it met could not be compared with the source's totals.
async fn count_again(turn: &Turn, window: &Window) -> Result<bool, Failure> {
    if window.next.is_none() || !matches!(window.reading(0), Reading::Window(_)) {
        return Ok(true);
    }
    let id = window.id;
    for page in turn.with_state(move |state| state.pages(id)).await? {
        match turn.staged_page(page.page_name).await {
            Ok(page) => window.tally.note(&page),
            Err(failure) if failure.code == "stage-page-lost" && page.settled => return Ok(false),
            Err(failure) => return Err(failure),
        };
    }
    Ok(true)
}

/// Closes the window, and seals it when nothing is pending.
pub(super) async fn close(turn: &Turn, window: Window) -> Result<WindowReport, Failure> {
    if window.next.is_none() {
        // Read to its end in an earlier attempt, and compared there.
        totals::ask(turn, &window).await?;
    }
    let source_total = *window.source_total.lock().unwrap_or_else(PoisonError::into_inner);
    let recorded_at_ms = turn.with_state(|state| state.last_at_ms()).await?;
    turn.closing.may_close(window.interval.end_ms, recorded_at_ms)?;
    let read_whole = !window.file_parked.load(Ordering::Relaxed);
    let (file, file_is_due) = (window.file, window.file_is_due);
    let row = turn
        .with_state(move |state| {
            let row = state.window(window.id)?;
            match &file {
                Some(file) if read_whole => file::free(state, file)?,
                Some(file) => file::note_parked(state, file, &row)?,
                None => {}
            }
            let file = file.filter(|_| read_whole);
            state.close_window(window.id, WindowClose { bookmark: row.bookmark, source_total, file })?;
            crash::point("window:closed");
            state.seal_if_settled(window.id)?;
            state.window(window.id)
        })
        .await?;
    crash::point("window:sealed");
    Ok(WindowReport { row, source_total, file_is_due })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Pins;

    fn row(kind: WindowKind, state: WindowState, start_ms: i64, end_ms: i64) -> WindowRow {
        let interval = Interval { start_ms: (kind != WindowKind::Snapshot).then_some(start_ms), end_ms };
        WindowRow {
            id: WindowId(1),
            kind,
            interval,
            pins: Pins::default(),
            subject: None,
            state,
            items: crate::state::ItemCounts::default(),
            in_flight: 0,
            late: 0,
            copies: Vec::new(),
            pages: 0,
            read_to_end: true,
            cursor: None,
            bookmark: None,
            source_total: None,
            opened_at_ms: 0,
            closed_at_ms: None,
            sealed_at_ms: None,
        }
    }

    #[test]
    fn what_closed_windows_cover_is_joined_and_the_others_do_not_count() {
        let rows = [
            row(WindowKind::Live, WindowState::Sealed, 10, 20),
            row(WindowKind::Live, WindowState::Closed, 20, 30),
            row(WindowKind::Live, WindowState::Open, 30, 40),
            row(WindowKind::Replay, WindowState::Sealed, 10, 20),
            row(WindowKind::Backfill, WindowState::Sealed, 0, 5),
            row(WindowKind::Snapshot, WindowState::Sealed, 0, 100),
        ];
        let covered: Vec<_> = archived(&rows).iter().map(|interval| (interval.start_ms, interval.end_ms)).collect();
        assert_eq!(covered, [(Some(0), 5), (Some(10), 30)]);
    }
}
