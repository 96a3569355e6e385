//! Notices a source that goes in circles.
//!
//! A cursor that comes a second time means that everything after it comes a second time, for ever. Remembering every
//! cursor would grow with the window, so one is remembered, and a new one after 1, 2, 4, … pages (Brent's algorithm): a
//! circle of any length is found within a few rounds of it. The host's items are not doubled meanwhile, they are known.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Mutex, PoisonError},
};

use crate::item::{Failure, NextMove, limits};

/// What was seen of a window's cursors and pages.
#[derive(Default)]
pub(super) struct Circle(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    remembered: Option<u64>,
    since: u64,
    lasts: u64,
    empty_pages: u32,
}

impl Circle {
    /// Takes note of a page's cursor and whether it held anything.
    ///
    /// # Errors
    /// `cursor-loop` for a circle, `page-loop` for too many empty pages in a row.
    pub(super) fn note(&self, connector: &str, cursor: Option<&[u8]>, is_empty: bool) -> Result<(), Failure> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.empty_pages = if is_empty { seen.empty_pages + 1 } else { 0 };
        if seen.empty_pages > limits::EMPTY_PAGES_MAX {
            let message = format!(
                "the source of connector `{connector}` gave {} pages in a row without an item",
                limits::EMPTY_PAGES_MAX
            );
            return Err(loops("page-loop", message));
        }
        let Some(cursor) = cursor else { return Ok(()) };
        let mut hasher = DefaultHasher::new();
        cursor.hash(&mut hasher);
        let cursor = hasher.finish();
        if seen.remembered == Some(cursor) {
            let message = format!("the source of connector `{connector}` gave a cursor that it gave before");
            return Err(loops("cursor-loop", message));
        }
        if seen.since == seen.lasts {
            seen.remembered = Some(cursor);
            seen.since = 0;
            seen.lasts = (seen.lasts * 2).max(1);
        }
        seen.since += 1;
        Ok(())
    }
}

fn loops(code: &str, message: String) -> Failure {
    Failure::new(code, NextMove::AskPerson, message)
        .hint("the source or its plugin repeats itself: run `chancery connector check`, then tell the plugin's author")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn circles_of_any_length_are_found_and_straight_lines_are_not() {
        for (tail, length) in [(0, 1), (0, 2), (3, 1), (5, 7), (100, 64), (1, 1000)] {
            let circle = Circle::default();
            let found = (0..20_000_u32).position(|step| {
                let at = if step < tail { step } else { tail + (step - tail) % length };
                circle.note("c", Some(&at.to_le_bytes()), false).is_err()
            });
            let found = u32::try_from(found.unwrap()).unwrap();
            assert!(found <= 6 * (tail + length), "tail {tail}, length {length}: found after {found}");
        }
        let straight = Circle::default();
        for step in 0..20_000_u32 {
            straight.note("c", Some(&step.to_le_bytes()), false).unwrap();
        }
    }

    #[test]
    fn empty_pages_end_somewhere() {
        let circle = Circle::default();
        let ended = (0..=limits::EMPTY_PAGES_MAX)
            .map(|page| circle.note("c", Some(&page.to_le_bytes()), true))
            .find_map(Result::err)
            .unwrap();
        assert_eq!(ended.code, "page-loop");
    }
}
