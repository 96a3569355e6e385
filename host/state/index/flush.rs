//! Writing what changed to sled, in an order that an interruption cannot spoil.

use std::collections::BTreeMap;

use crate::state::{
    counts::Counts,
    error::StateError,
    limits::INDEX_DIRTY_MAX,
    plan::CopyKey,
    row::{CopyState, Row, Step},
};

use super::{
    generation::broken,
    meta::{Meta, encode, page_key},
    tables::{Held, Tables},
};

/// Parts of a flush, the position in the last.
const PARTS: usize = 5;

impl Tables {
    /// Writes what changed to sled once enough has.
    pub(in crate::state) fn flush_if_heavy(&mut self) -> Result<(), StateError> {
        if self.weight > INDEX_DIRTY_MAX { self.flush() } else { Ok(()) }
    }

    /// Writes what changed to sled, the position last.
    ///
    /// Interrupted anywhere, the old position stands beside some newer values, which know that they are newer.
    pub(in crate::state) fn flush(&mut self) -> Result<(), StateError> {
        assert!(self.undo.is_none(), "a group that may yet be refused is never written to the index");
        for part in 0..PARTS {
            self.flush_part(part)?;
        }
        self.ids.tidy()?;
        self.stored_rows.tidy()?;
        self.let_go(self.position.group);
        Ok(())
    }

    /// Writes as much as an interruption lets through; nothing may be done with the tables afterwards.
    #[cfg(test)]
    pub(in crate::state) fn flush_partly(&mut self, parts: usize) -> Result<(), StateError> {
        (0..parts).try_for_each(|part| self.flush_part(part))
    }

    fn flush_part(&mut self, part: usize) -> Result<(), StateError> {
        let group = self.position.group;
        match part {
            0 => self.flush_rows(group),
            1 => self.flush_pages(group),
            2 => self.flush_windows(group),
            3 => {
                for (key, entry) in std::mem::take(&mut self.sealed) {
                    self.insert(&self.trees.sealed, &key, encode(&self.connector, group, &entry)?)?;
                }
                Ok(())
            }
            _ => {
                let (runs, next_run) = self.ids.write()?;
                let globals = self.globals.clone();
                let meta = Meta { position: self.position, counted: self.counting, globals, runs, next_run };
                self.insert(&self.trees.meta, b"meta", encode(&self.connector, group, &meta)?)
            }
        }
    }

    fn flush_rows(&mut self, group: u64) -> Result<(), StateError> {
        let mut dirty: Vec<_> =
            self.rows.iter().filter(|(_, held)| held.dirty).map(|(key, held)| (*key, held)).collect();
        dirty.sort_unstable_by_key(|(ordinal, _)| *ordinal);
        let rows: Vec<_> = dirty.iter().map(|(ordinal, held)| (*ordinal, &held.value)).collect();
        // The list first: a row that says it is up to date is not listed again after an interruption.
        for (ordinal, held) in &dirty {
            if held.listed || held.value.has_parked() {
                self.list_parked(*ordinal, &held.value)?;
            }
        }
        self.stored_rows.put(group, &rows)
    }

    /// Makes the tree of parked copies say what a row says.
    fn list_parked(&self, ordinal: u64, row: &Row) -> Result<(), StateError> {
        let mut parked = BTreeMap::new();
        if let Step::Parked(code) = &row.step {
            parked.insert(parked_key(ordinal, CopyKey::WHOLE), code);
        }
        for (copy, held) in (0..).zip(&row.copies) {
            if let CopyState::Parked(code) = &held.state {
                parked.insert(parked_key(ordinal, copy), code);
            }
        }
        for entry in self.trees.parked.scan_prefix(ordinal.to_be_bytes()) {
            let (key, _) = entry.map_err(|error| broken(&self.connector, &error))?;
            if !key.first_chunk::<10>().is_some_and(|key| parked.contains_key(key)) {
                self.trees.parked.remove(key).map_err(|error| broken(&self.connector, &error))?;
            }
        }
        for (key, code) in parked {
            self.insert(&self.trees.parked, &key, code.as_bytes().to_vec())?;
        }
        Ok(())
    }

    fn flush_pages(&mut self, group: u64) -> Result<(), StateError> {
        let mut dirty: Vec<_> = self.pages.iter().filter(|(_, held)| held.dirty).collect();
        dirty.sort_unstable_by_key(|(key, _)| **key);
        for ((window, page), held) in dirty {
            let key = page_key(*window, *page);
            if self.counting {
                self.check(&held.value.counts, || format!("page {page} of window {window}"))?;
            }
            self.insert(&self.trees.pages, &key, encode(&self.connector, group, &held.value)?)?;
            if held.value.is_live() {
                self.insert(&self.trees.live, &key, held.value.name.to_vec())?;
            } else {
                self.trees.live.remove(key).map_err(|error| broken(&self.connector, &error))?;
            }
        }
        Ok(())
    }

    fn flush_windows(&mut self, group: u64) -> Result<(), StateError> {
        let mut dirty: Vec<_> = self.windows.iter().filter(|(_, held)| held.dirty).collect();
        dirty.sort_unstable_by_key(|(key, _)| **key);
        for (window, held) in dirty {
            if self.counting {
                self.check(&held.value.counts, || format!("window {window}"))?;
            }
            self.insert(&self.trees.windows, &window.to_be_bytes(), encode(&self.connector, group, &held.value)?)?;
        }
        Ok(())
    }

    /// Keeps in memory what is under way, unless that alone is too much.
    fn let_go(&mut self, group: u64) {
        fn written<T>(held: &mut Held<T>, group: u64) {
            if held.dirty {
                (held.dirty, held.as_of) = (false, group);
            }
        }
        self.rows.values_mut().for_each(|held| {
            written(held, group);
            held.listed = held.value.has_parked();
        });
        self.pages.values_mut().for_each(|held| written(held, group));
        self.windows.values_mut().for_each(|held| written(held, group));
        self.rows.retain(|_, held| held.value.class().is_in_flight());
        self.pages.retain(|_, held| held.value.counts.in_flight() > 0);
        self.windows.retain(|_, held| held.value.counts.in_flight() > 0);
        self.weight = self.rows.values().map(|held| 1 + held.value.copies.len()).sum();
        if self.weight > INDEX_DIRTY_MAX / 2 {
            self.rows.clear();
            self.weight = 0;
        }
        self.rows.shrink_to(INDEX_DIRTY_MAX);
    }

    fn check(&self, counts: &Counts, of: impl FnOnce() -> String) -> Result<(), StateError> {
        counts.check().map_err(|what| broken(&self.connector, &format!("{}: {what}", of())))
    }
}

/// A parked copy's key.
pub(super) fn parked_key(ordinal: u64, copy: u16) -> [u8; 10] {
    let mut key = [0; 10];
    key[..8].copy_from_slice(&ordinal.to_be_bytes());
    key[8..].copy_from_slice(&copy.to_be_bytes());
    key
}
