//! A window's beginning and end.
//!
//! A window *closes* when the source was read to its end, every item is staged and planned, and the counts balance; it
//! is *sealed* when nothing is pending any more.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{
    attempt::attempt,
    circle::Circle,
    crash,
    fetch::Cursor,
    file,
    turn::{Reading, Turn},
};
use crate::{
    item::{Failure, Interval, NextMove, Page, limits},
    state::{FileMemory, WindowClose, WindowId, WindowKind, WindowOpen, WindowRow},
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
}

/// A window being done.
pub(super) struct Window {
    pub(super) id: WindowId,
    pub(super) interval: Interval,
    pub(super) bookmark: Option<Vec<u8>>,
    /// Pages of it were staged in an earlier attempt.
    pub(super) taken_up: bool,
    file: Option<FileMemory>,
    /// The file could not be read to its end; it stays due.
    file_parked: AtomicBool,
    since_bookmark: bool,
    next: Option<Cursor>,
    pages: AtomicU64,
    pub(super) circle: Circle,
}

impl Window {
    /// Where reading goes on; none when it was read to its end.
    pub(super) fn next_page(&self) -> Option<Cursor> {
        self.next.clone()
    }

    pub(super) fn reading(&self, lookback_ms: i64) -> Reading {
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

/// Opens a window, or takes up the one that an earlier attempt left open.
pub(super) async fn open(turn: &Turn, due: &Due) -> Result<Window, Failure> {
    let (due, pins) = (due.clone(), turn.pins);
    turn.with_state(move |state| {
        let bookmark = state.bookmark()?;
        let same = |row: &WindowRow| {
            row.kind == due.kind && row.subject.as_deref() == due.file.as_ref().map(|file| &*file.path)
        };
        let left_open = state
            .open_windows()?
            .into_iter()
            .find(|row| same(row) && (due.file.is_some() || due.since_bookmark || row.interval == due.interval));
        let file = due.file.clone();
        if let Some(row) = left_open {
            // A file that changed since is closed with what was staged of it, and read anew in a window of its own.
            let (same, stood_in_for) = match &file {
                Some(file) => (file::is_same(state, file)?, file::is_stood_in_for(state, file, &row)?),
                None => (true, false),
            };
            let next = (same && !row.read_to_end).then_some(row.cursor);
            return Ok(Window {
                id: row.id,
                interval: row.interval,
                bookmark,
                taken_up: row.pages > 0,
                file,
                file_parked: AtomicBool::new(!same || stood_in_for),
                since_bookmark: due.since_bookmark,
                next,
                pages: AtomicU64::new(row.pages.into()),
                circle: Circle::default(),
            });
        }
        if let Some(file) = &file {
            file::begin(state, file)?;
        }
        let subject = due.file.as_ref().map(|file| file.path.clone());
        let id = state.open_window(WindowOpen { kind: due.kind, interval: due.interval, pins, subject })?;
        Ok(Window {
            id,
            interval: due.interval,
            bookmark,
            taken_up: false,
            file,
            file_parked: AtomicBool::new(false),
            since_bookmark: due.since_bookmark,
            next: Some(None),
            pages: AtomicU64::new(0),
            circle: Circle::default(),
        })
    })
    .await
}

/// Compares with the source's totals, closes the window, and seals it when nothing is pending.
pub(super) async fn close(turn: &Turn, window: Window) -> Result<WindowReport, Failure> {
    let source_total = compare_totals(turn, &window).await?;
    let read_whole = !window.file_parked.load(Ordering::Relaxed);
    let file = window.file;
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
    Ok(WindowReport { row, source_total })
}

/// A source that knows how much it has must have given at least that; a repeated item may make it more.
async fn compare_totals(turn: &Turn, window: &Window) -> Result<Option<u64>, Failure> {
    let Reading::Window(interval) = window.reading(turn.lookback_ms) else { return Ok(None) };
    let total = attempt(turn, false, || async { turn.source.lock().await.totals(&turn.account, interval).await })
        .await
        .map_err(|(failure, _)| failure)?;
    let Some(total) = total else { return Ok(None) };
    let id = window.id;
    let items = turn.with_state(move |state| state.window(id)).await?.items;
    let met = items.fetched + items.seen;
    if met >= total {
        return Ok(Some(total));
    }
    Err(Failure::new(
        "source-total-missing",
        NextMove::Retry { after: None },
        format!(
            "the source of connector `{}` says it has {total} observations for this window and gave {met}; the window \
             stays open",
            turn.connector
        ),
    )
    .hint(format!("run `chancery sync {}` again; if it stays so, ask the source's operator", turn.connector)))
}
