//! What the facts about windows and pages change; see `apply`.

use crate::{
    item::Interval,
    state::{
        counts::Counts,
        error::StateError,
        limits::PAGE_OBSERVATIONS_MAX,
        window::{Pins, WindowKind, WindowState},
    },
};

use super::{
    apply::{Applied, At},
    meta::{Page, Window},
    tables::Tables,
};

impl Tables {
    pub(super) fn open_window(
        &mut self,
        number: u64,
        kind: u8,
        interval: Interval,
        pins: &[[u8; 32]; 5],
        at: &At,
    ) -> Applied {
        let refused = |what: String| Err(StateError::refused("window-interval", what));
        let Some(kind) = WindowKind::from_number(kind) else {
            return refused(format!("window {number} is of no known kind"));
        };
        if number != self.globals.next_window {
            return refused(format!("window {number} is not the next, {} is", self.globals.next_window));
        }
        if interval.start_ms.is_none() != (kind == WindowKind::Snapshot) {
            return refused(format!(
                "a {} window must {}have a start",
                kind.name(),
                if kind == WindowKind::Snapshot { "not " } else { "" }
            ));
        }
        if interval.start_ms.is_some_and(|start| start >= interval.end_ms) {
            return refused(format!("window {number} ends before it begins"));
        }
        if kind == WindowKind::Live {
            if let Some(covered) = self.globals.covered_until_ms
                && interval.start_ms != Some(covered)
            {
                return refused(format!("live windows are contiguous: window {number} must begin at {covered} ms"));
            }
            self.globals.covered_until_ms = Some(interval.end_ms);
        }
        self.globals.next_window += 1;
        let [source, mapper, converter, settings, mapping] = *pins;
        let window = Window {
            kind,
            interval,
            pins: Pins { source, mapper, converter, settings, mapping },
            subject: at.entry,
            state: WindowState::Open,
            counts: Counts::default(),
            pages: 0,
            read_to_end: false,
            last_page: None,
            source_total: None,
            opened_at_ms: at.at_ms,
            closed_at_ms: None,
            sealed_at_ms: None,
            changed_group: at.group,
            sealed_group: 0,
        };
        if self.window_mut(number)?.is_none() {
            self.insert_window(number, window);
        }
        Ok(())
    }

    pub(super) fn stage_page(&mut self, number: u64, page: u32, staged: Page, last: bool, at: &At) -> Applied {
        if staged.first != self.globals.next_ordinal {
            return Err(StateError::refused(
                "page-order",
                format!("page {page} of window {number} does not begin with the next item"),
            ));
        }
        if staged.items as usize > PAGE_OBSERVATIONS_MAX {
            return Err(StateError::refused(
                "page-too-large",
                format!("a page of {} items is over the limit of {PAGE_OBSERVATIONS_MAX}", staged.items),
            ));
        }
        let counting = self.counting;
        let Some(held) = self.window_mut(number)? else { return Err(unknown_window(number)) };
        if held.as_of < at.group {
            let window = &mut held.value;
            if window.state != WindowState::Open {
                return Err(StateError::refused(
                    "window-not-open",
                    format!("window {number} is closed and takes no page"),
                ));
            }
            if window.read_to_end {
                return Err(StateError::refused(
                    "window-read-to-end",
                    format!("window {number} was read to its end and takes no further page"),
                ));
            }
            if window.pages != page {
                return Err(StateError::refused(
                    "page-order",
                    format!("page {page} of window {number} is not the next"),
                ));
            }
            window.pages += 1;
            window.read_to_end = last;
            window.last_page = at.entry;
            window.changed_group = at.group;
            if counting {
                window.counts.items.seen += staged.counts.items.seen;
            }
            held.dirty = true;
        }
        if self.page_mut(number, page)?.is_none() {
            self.insert_page(number, page, staged);
        }
        self.touch(number, page);
        Ok(())
    }

    pub(super) fn close_window(
        &mut self,
        number: u64,
        source_total: Option<u64>,
        bookmark: bool,
        file: Option<[u8; 16]>,
        at: &At,
    ) -> Applied {
        let Some(held) = self.window_mut(number)? else { return Err(unknown_window(number)) };
        let moves_bookmark = bookmark && held.value.kind.moves_bookmark();
        if held.as_of < at.group {
            let window = &mut held.value;
            if window.state != WindowState::Open {
                return Err(StateError::refused("window-not-open", format!("window {number} is closed already")));
            }
            if window.pages > 0 && !window.read_to_end {
                return Err(StateError::refused("window-not-read", format!("window {number} was not read to its end")));
            }
            if at.new && window.counts.staged > 0 {
                return Err(StateError::refused(
                    "window-not-planned",
                    format!("{} items of window {number} are staged but not planned", window.counts.staged),
                ));
            }
            if at.new
                && let Err(what) = window.counts.check()
            {
                return Err(StateError::refused("window-unbalanced", format!("window {number}: {what}")));
            }
            window.state = WindowState::Closed;
            window.source_total = source_total;
            window.closed_at_ms = Some(at.at_ms);
            window.changed_group = at.group;
            held.dirty = true;
        }
        if let Some(entry) = at.entry {
            if moves_bookmark {
                self.globals.bookmark = Some(entry);
            }
            if let Some(path) = file {
                self.insert_sealed(super::FILE, &path, entry);
            }
        }
        Ok(())
    }

    pub(super) fn seal_window(&mut self, number: u64, at: &At) -> Applied {
        let Some(held) = self.window_mut(number)? else { return Err(unknown_window(number)) };
        if held.as_of >= at.group {
            return Ok(());
        }
        let window = &mut held.value;
        if window.state == WindowState::Open {
            return Err(StateError::refused("window-not-closed", format!("window {number} is not closed")));
        }
        if at.new && window.counts.in_flight() > 0 {
            return Err(StateError::refused(
                "window-pending",
                format!("{} items of window {number} are under way", window.counts.in_flight()),
            ));
        }
        window.state = WindowState::Sealed;
        window.sealed_at_ms = Some(at.at_ms);
        window.sealed_group = at.group;
        held.dirty = true;
        Ok(())
    }
}

fn unknown_window(window: u64) -> StateError {
    StateError::refused("window-unknown", format!("window {window} was never opened"))
}
