//! Windows with their counts.

use serde::Serialize;

use super::state_of;
use crate::{
    item::{
        Failure, TimestampMs,
        time::{DAY_MS, rfc3339},
    },
    report::{
        ConnectorSummary,
        summary::{Copies, Items, WindowSummary},
    },
    scheduler::Host,
    state::{WindowId, WindowRow},
};

/// A connector's windows, newest first.
#[derive(Debug, Serialize)]
pub(in crate::console) struct RunsDocument {
    /// The connector.
    pub(in crate::console) name: String,
    /// Windows, newest first.
    pub(in crate::console) windows: Vec<WindowDocument>,
    /// The counts of all that were asked for, together.
    pub(in crate::console) items: Items,
    /// Copies of them.
    pub(in crate::console) copies: Copies,
    /// The window to ask `before`, for older ones.
    pub(in crate::console) before: Option<u64>,
}

/// A window.
#[derive(Debug, Serialize)]
pub(in crate::console) struct WindowDocument {
    /// Its number.
    pub(in crate::console) id: u64,
    /// When it was opened.
    pub(in crate::console) opened_at: String,
    /// When it was last sealed.
    pub(in crate::console) sealed_at: Option<String>,
    /// The version of the mapping that it used, as hex digits.
    pub(in crate::console) mapping: String,
    #[serde(flatten)]
    pub(in crate::console) summary: WindowSummary,
}

impl From<&WindowRow> for WindowDocument {
    fn from(row: &WindowRow) -> Self {
        Self {
            id: row.id.0,
            opened_at: rfc3339(row.opened_at_ms),
            sealed_at: row.sealed_at_ms.map(rfc3339),
            mapping: crate::item::hex(&row.pins.mapping),
            summary: row.into(),
        }
    }
}

/// Which windows.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::console) struct Asked {
    /// Those that touch the day that begins here (UTC).
    pub(in crate::console) day_ms: Option<TimestampMs>,
    /// Those with a lower number.
    pub(in crate::console) before: Option<u64>,
    /// At most so many; none: all.
    pub(in crate::console) max: Option<usize>,
}

/// A connector's windows.
///
/// # Errors
/// `connector-unknown`.
pub(in crate::console) fn read(host: &Host, name: &str, asked: Asked) -> Result<RunsDocument, Failure> {
    let state = state_of(host, name)?;
    let touches = |window: &WindowRow| {
        asked.day_ms.is_none_or(|day_ms| {
            let start_ms = window.interval.start_ms.unwrap_or(window.interval.end_ms);
            start_ms < day_ms + DAY_MS && window.interval.end_ms >= day_ms
        })
    };
    let rows: Vec<WindowRow> = state.windows()?.into_iter().filter(touches).collect();
    let summary = ConnectorSummary {
        name: name.to_owned(),
        windows: rows.iter().map(Into::into).collect(),
        error: None,
        warnings: Vec::new(),
    };
    let (items, copies) = summary.total();
    let of = rows.iter().rev().filter(|row| asked.before.is_none_or(|before| row.id.0 < before));
    let mut windows: Vec<WindowDocument> =
        of.take(asked.max.map_or(usize::MAX, |max| max + 1)).map(Into::into).collect();
    let is_more = asked.max.is_some_and(|max| windows.len() > max);
    windows.truncate(asked.max.unwrap_or(usize::MAX));
    let before = windows.last().filter(|_| is_more).map(|window| window.id);
    Ok(RunsDocument { name: name.to_owned(), windows, items, copies, before })
}

/// One window.
///
/// # Errors
/// `connector-unknown`; none when there is no such window.
pub(in crate::console) fn window(host: &Host, name: &str, id: u64) -> Result<Option<WindowDocument>, Failure> {
    let state = state_of(host, name)?;
    let found = state.windows()?.into_iter().find(|row| row.id == WindowId(id));
    Ok(found.as_ref().map(Into::into))
}
