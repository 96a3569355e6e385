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
    repeated_pages: u32,
}

impl Circle {
    /// Takes note of a page: its cursor, and what it held.
    ///
    /// # Errors
    /// `cursor-loop` for a circle, `page-loop` for too many pages in a row that are empty, or hold nothing but what
    /// this reading has met before.
    pub(super) fn note(&self, connector: &str, cursor: Option<&[u8]>, held: Held) -> Result<(), Failure> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.empty_pages = if held == Held::Nothing { seen.empty_pages + 1 } else { 0 };
        match held {
            Held::Repetitions => seen.repeated_pages += 1,
            Held::SomethingNew => seen.repeated_pages = 0,
            Held::Nothing => {}
        }
        if seen.repeated_pages > limits::REPEATED_PAGES_MAX {
            let message = format!(
                "the source of connector `{connector}` gave {} pages in a row with nothing but what it gave before in \
                 this reading",
                limits::REPEATED_PAGES_MAX
            );
            return Err(loops("page-loop", message));
        }
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

    /// Forgets everything: the reading begins anew.
    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Seen::default();
    }
}

/// What a page held, as far as circles are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// No item.
    Nothing,
    /// Only what this reading has met before.
    Repetitions,
    /// Something that it has not.
    SomethingNew,
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
                circle.note("c", Some(&at.to_le_bytes()), Held::SomethingNew).is_err()
            });
            let found = u32::try_from(found.unwrap()).unwrap();
            assert!(found <= 6 * (tail + length), "tail {tail}, length {length}: found after {found}");
        }
        let straight = Circle::default();
        for step in 0..20_000_u32 {
            straight.note("c", Some(&step.to_le_bytes()), Held::SomethingNew).unwrap();
        }
    }

    #[test]
    fn empty_pages_end_somewhere() {
        for (held, pages_max) in
            [(Held::Nothing, limits::EMPTY_PAGES_MAX), (Held::Repetitions, limits::REPEATED_PAGES_MAX)]
        {
            let circle = Circle::default();
            let note = |page: u32| circle.note("c", Some(&page.to_le_bytes()), held);
            (0..pages_max).for_each(|page| note(page).unwrap());
            assert_eq!(note(pages_max).unwrap_err().code, "page-loop", "one more than {pages_max} {held:?}");
        }
    }

    #[test]
    fn ever_new_cursors_over_the_same_items_end_soon_and_a_repetition_now_and_then_does_no_harm() {
        let circle = Circle::default();
        let note = |page: u32, held| circle.note("c", Some(&page.to_le_bytes()), held);
        for page in 0..1_000 {
            let held = if page % 50 == 0 { Held::SomethingNew } else { Held::Repetitions };
            note(page, held).unwrap();
        }
        let ended = (1_000..)
            .position(|page| note(page, if page % 3 == 0 { Held::Nothing } else { Held::Repetitions }).is_err());
        assert!(ended.unwrap() <= 2 * limits::REPEATED_PAGES_MAX as usize, "empty pages between them change nothing");
        circle.clear();
        note(0, Held::Repetitions).unwrap();
    }
}
