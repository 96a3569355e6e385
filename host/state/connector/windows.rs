//! Windows: opened, closed when everything is accounted for, sealed when nothing is pending.

use std::borrow::Cow;

use super::{ConnectorState, Inner};
use crate::{
    item::limits::BOOKMARK_BYTES_MAX,
    state::{
        checkpoint::{self, Checkpoint},
        error::StateError,
        fact::Fact,
        index::{FILE, Window},
        note,
        plan::Ordinal,
        sidecar::Private,
        window::{FileMemory, PageRow, WindowClose, WindowId, WindowOpen, WindowRow, WindowState},
    },
};

impl ConnectorState {
    /// Opens a window.
    ///
    /// # Errors
    /// Refuses a live window that does not begin where the last one ended, and an interval that fits no such window.
    pub fn open_window(&self, window: WindowOpen) -> Result<WindowId, StateError> {
        self.write(|writing| {
            let number = writing.tables().globals().next_window;
            let named = match &window.subject {
                Some(subject) => Some(writing.seal(number, None, Private::Subject(Cow::Borrowed(subject)))?),
                None => None,
            };
            let (sealed, entry) = named.unzip();
            let pins = &window.pins;
            let fact = Fact::WindowOpened {
                window: number,
                kind: window.kind.number(),
                start_ms: window.interval.start_ms,
                end_ms: window.interval.end_ms,
                pins: [pins.source, pins.mapper, pins.converter, pins.settings, pins.mapping],
                sealed,
            };
            writing.fact(&fact, entry)?;
            Ok(WindowId(number))
        })
    }

    /// Closes a window that was read to its end, with every item planned and the counts balanced. Only live windows
    /// and snapshots move the bookmark.
    ///
    /// # Errors
    /// Refuses while an item is staged and not planned, and while the last page is not the source's last.
    pub fn close_window(&self, id: WindowId, close: WindowClose) -> Result<(), StateError> {
        if close.bookmark.as_ref().is_some_and(|bookmark| bookmark.len() > BOOKMARK_BYTES_MAX) {
            let what = format!("the bookmark of window {} is over the limit of {BOOKMARK_BYTES_MAX} bytes", id.0);
            return Err(StateError::refused("bookmark-too-large", what));
        }
        self.write(|writing| {
            let named = if close.bookmark.is_some() || close.file.is_some() {
                let file = close.file.as_ref().map(Cow::Borrowed);
                Some(writing.seal(0, None, Private::Close { bookmark: close.bookmark.as_deref(), file })?)
            } else {
                None
            };
            let (sealed, entry) = named.unzip();
            let fact = Fact::WindowClosed {
                window: id.0,
                source_total: close.source_total,
                bookmark: close.bookmark.is_some(),
                file: close.file.as_ref().map(|file| self.file_key(&file.path)),
                sealed,
            };
            writing.fact(&fact, entry)
        })
    }

    /// Seals a closed window once nothing of it is pending: a signed checkpoint goes into the ledger and to
    /// `data_dir/checkpoints`. True when the window is sealed and nothing has changed since.
    pub fn seal_if_settled(&self, id: WindowId) -> Result<bool, StateError> {
        let at_ms = (self.clock)();
        self.read(|inner| {
            let window = self.known_window(inner, id)?;
            if window.state == WindowState::Open || window.counts.in_flight() > 0 {
                return Ok(false);
            }
            if window.state == WindowState::Sealed && window.changed_group <= window.sealed_group {
                return Ok(true);
            }
            let position = inner.ledger.position();
            let checkpoint = Checkpoint {
                window: id.0,
                kind: window.kind,
                interval: window.interval,
                items: window.counts.items,
                copies: window.counts.copies,
                group: position.group,
                chain: position.chain,
                at_ms,
            };
            let text = checkpoint.text(&self.name);
            let note = note::close(&text, &self.keys.sign(text.as_bytes()));
            inner.write(at_ms, |writing| {
                writing.fact(&Fact::WindowSealed { window: id.0, note: note.as_bytes() }, None)
            })?;
            // Before the index may be written: while it is behind, the next open writes the checkpoint again.
            checkpoint::write(&self.data_dir, &self.name, id.0, position.group + 1, note.as_bytes())?;
            self.write_head(inner, at_ms)?;
            inner.tables.flush_if_heavy()?;
            Ok(true)
        })
    }

    /// Seals what could have been sealed: a turn that died after the last receipt left it undone.
    pub fn seal_settled(&self) -> Result<(), StateError> {
        let windows = self.read(|inner| Ok(inner.tables.globals().next_window))?;
        (1..windows).try_for_each(|number| self.seal_if_settled(WindowId(number)).map(drop))
    }

    /// Windows that are not closed, oldest first.
    pub fn open_windows(&self) -> Result<Vec<WindowRow>, StateError> {
        let mut windows = self.windows()?;
        windows.retain(|window| window.state == WindowState::Open);
        Ok(windows)
    }

    /// All windows, oldest first.
    pub fn windows(&self) -> Result<Vec<WindowRow>, StateError> {
        self.read(|inner| {
            (1..inner.tables.globals().next_window).map(|number| self.window_row(inner, WindowId(number))).collect()
        })
    }

    /// A window.
    pub fn window(&self, id: WindowId) -> Result<WindowRow, StateError> {
        self.read(|inner| self.window_row(inner, id))
    }

    /// The end of the last live window that was opened; the next begins there.
    pub fn covered_until_ms(&self) -> Result<Option<i64>, StateError> {
        self.read(|inner| Ok(inner.tables.globals().covered_until_ms))
    }

    /// What the source wanted to remember at the end of the last window that moves it.
    pub fn bookmark(&self) -> Result<Option<Vec<u8>>, StateError> {
        self.read(|inner| {
            let Some(entry) = inner.tables.globals().bookmark else { return Ok(None) };
            let bookmark = inner.open_entry(0, &entry, |entry| match entry.part {
                Private::Close { bookmark, .. } => bookmark.map(<[u8]>::to_vec),
                _ => None,
            })?;
            Ok(bookmark.flatten())
        })
    }

    /// What is remembered of a file that was read whole.
    pub fn file_memory(&self, path: &str) -> Result<Option<FileMemory>, StateError> {
        let key = self.file_key(path);
        self.read(|inner| {
            let Some(entry) = inner.tables.sealed(FILE, &key)? else { return Ok(None) };
            let file = inner.open_entry(0, &entry, |entry| match entry.part {
                Private::Close { file, .. } => file.map(Cow::into_owned),
                _ => None,
            })?;
            Ok(file.flatten().filter(|file| file.path == path))
        })
    }

    /// The pages of a window, in order.
    pub fn pages(&self, id: WindowId) -> Result<Vec<PageRow>, StateError> {
        self.read(|inner| {
            let window = self.known_window(inner, id)?;
            let mut rows = Vec::with_capacity(window.pages as usize);
            for seq in 0..window.pages {
                let page = self.known_page(inner, id, seq)?;
                rows.push(PageRow {
                    seq,
                    page_name: page.name,
                    first: Ordinal(page.first),
                    count: page.items,
                    settled: page.counts.in_flight() == 0,
                    parked: page.counts.items.parked,
                });
            }
            Ok(rows)
        })
    }

    pub(super) fn known_window(&self, inner: &Inner, id: WindowId) -> Result<Window, StateError> {
        let unknown = || StateError::Unknown { connector: self.name.clone(), what: format!("window {}", id.0) };
        inner.tables.window(id.0)?.ok_or_else(unknown)
    }

    pub(super) fn known_page(
        &self,
        inner: &Inner,
        id: WindowId,
        seq: u32,
    ) -> Result<crate::state::index::Page, StateError> {
        let unknown =
            || StateError::Unknown { connector: self.name.clone(), what: format!("page {seq} of window {}", id.0) };
        inner.tables.page(id.0, seq)?.ok_or_else(unknown)
    }

    fn file_key(&self, path: &str) -> [u8; 16] {
        self.names.name(&[b"file", path.as_bytes()])
    }

    fn window_row(&self, inner: &Inner, id: WindowId) -> Result<WindowRow, StateError> {
        let window = self.known_window(inner, id)?;
        let subject = match &window.subject {
            None => None,
            Some(entry) => inner.open_entry(id.0, entry, |entry| match entry.part {
                Private::Subject(subject) => Some(subject.into_owned()),
                _ => None,
            })?,
        };
        let last = match &window.last_page {
            Some(entry) if window.state == WindowState::Open => {
                inner.open_entry(id.0, entry, |entry| match entry.part {
                    Private::Page { cursor, bookmark } => (cursor.map(<[u8]>::to_vec), bookmark.map(<[u8]>::to_vec)),
                    _ => (None, None),
                })?
            }
            _ => None,
        };
        let (cursor, bookmark) = last.unwrap_or_default();
        Ok(WindowRow {
            id,
            kind: window.kind,
            interval: window.interval,
            pins: window.pins,
            subject: subject.flatten(),
            state: window.state,
            items: window.counts.items,
            in_flight: window.counts.in_flight(),
            late: window.counts.late,
            copies: window.counts.copies,
            pages: window.pages,
            read_to_end: window.read_to_end,
            cursor,
            bookmark,
            source_total: window.source_total,
            opened_at_ms: window.opened_at_ms,
            closed_at_ms: window.closed_at_ms,
            sealed_at_ms: window.sealed_at_ms,
        })
    }
}
