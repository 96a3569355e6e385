//! The tables of one connector: what changed lately in memory, the rest in sled.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::de::DeserializeOwned;

use crate::state::{counts::Counts, error::StateError, fact::EntryRef, ledger::Position, row::Row};

use super::{
    generation::{Index, broken},
    ids::{Ids, Known},
    meta::{Globals, Meta, Page, Window, decode, page_key},
    reached::ReachedCache,
    rows::Rows,
};

/// Kind of a sealed value's key: a remembered fact.
pub(in crate::state) const REMEMBERED: u8 = 1;
/// Kind of a sealed value's key: a file's memory.
pub(in crate::state) const FILE: u8 = 2;

/// Everything the index knows of one connector.
pub(in crate::state) struct Tables {
    pub(super) connector: String,
    pub(super) globals: Globals,
    pub(super) ids: Ids,
    pub(super) reached: ReachedCache,
    /// Whether pages and windows are counted as facts are applied; while replaying they are counted afterwards.
    pub(super) counting: bool,
    /// Pages that a replay touched.
    pub(super) touched: BTreeSet<(u64, u32)>,
    pub(super) position: Position,
    pub(super) rows: HashMap<u64, Held<Row>>,
    pub(super) pages: HashMap<(u64, u32), Held<Page>>,
    pub(super) windows: HashMap<u64, Held<Window>>,
    pub(super) sealed: BTreeMap<[u8; 17], EntryRef>,
    pub(super) weight: usize,
    pub(super) undo: Option<Undo>,
    pub(super) stored_rows: Rows,
    pub(super) trees: Trees,
}

pub(super) struct Trees {
    pub(super) meta: sled::Tree,
    pub(super) pages: sled::Tree,
    pub(super) windows: sled::Tree,
    pub(super) parked: sled::Tree,
    pub(super) live: sled::Tree,
    pub(super) sealed: sled::Tree,
}

/// A value in memory.
#[derive(Clone)]
pub(super) struct Held<T> {
    pub(super) value: T,
    /// The group up to which sled has it; 0 when it has it not.
    pub(super) as_of: u64,
    pub(super) dirty: bool,
    /// Whether the small trees may have entries that no longer hold.
    pub(super) listed: bool,
}

/// What to put back when a group is refused.
pub(super) struct Undo {
    globals: Globals,
    rows: HashMap<u64, Option<Held<Row>>>,
    pages: HashMap<(u64, u32), Option<Held<Page>>>,
    windows: HashMap<u64, Option<Held<Window>>>,
    sealed: Option<BTreeMap<[u8; 17], EntryRef>>,
    ids: Vec<[u8; 16]>,
}

impl Tables {
    /// Opens the tables as far as the index has them.
    pub(in crate::state) fn open(index: &Index, connector: &str) -> Result<Self, StateError> {
        let tree = |name| index.tree(connector, name);
        let trees = Trees {
            meta: tree("meta")?,
            pages: tree("pages")?,
            windows: tree("windows")?,
            parked: tree("parked")?,
            live: tree("live")?,
            sealed: tree("sealed")?,
        };
        let stored = trees.meta.get("meta").map_err(|error| broken(connector, &error))?;
        let meta = match stored {
            Some(bytes) => decode::<Meta>(connector, &bytes)?.1,
            None => Meta {
                position: Position::start(connector),
                counted: true,
                globals: Globals::start(),
                runs: Vec::new(),
                next_run: 1,
            },
        };
        let mut tables = Self {
            connector: connector.into(),
            globals: meta.globals,
            ids: Ids::open(index, connector, &meta.runs, meta.next_run)?,
            reached: ReachedCache::default(),
            counting: true,
            touched: BTreeSet::new(),
            position: meta.position,
            rows: HashMap::new(),
            pages: HashMap::new(),
            windows: HashMap::new(),
            sealed: BTreeMap::new(),
            weight: 0,
            undo: None,
            stored_rows: Rows::open(index, connector)?,
            trees,
        };
        if !meta.counted {
            tables.touched = tables.page_keys(None)?.into_iter().collect();
        }
        Ok(tables)
    }

    /// Everything before it is applied.
    pub(in crate::state) fn position(&self) -> Position {
        self.position
    }

    /// What is known of the connector as a whole.
    pub(in crate::state) fn globals(&self) -> &Globals {
        &self.globals
    }

    // Groups.

    /// Begins a group whose facts may yet be refused.
    pub(in crate::state) fn begin(&mut self) {
        self.undo = Some(Undo {
            globals: self.globals.clone(),
            rows: HashMap::new(),
            pages: HashMap::new(),
            windows: HashMap::new(),
            sealed: None,
            ids: Vec::new(),
        });
    }

    /// The group is durable and ends at `position`.
    pub(in crate::state) fn settle(&mut self, position: Position, at_ms: i64) {
        self.undo = None;
        self.position = position;
        // The latest, not the last: a clock that was put back in between must be seen to be behind.
        self.globals.at_ms = Some(self.globals.at_ms.map_or(at_ms, |before| before.max(at_ms)));
    }

    /// The group is refused: everything is as before it.
    pub(in crate::state) fn roll_back(&mut self) {
        let Some(undo) = self.undo.take() else { return };
        self.globals = undo.globals;
        put_back(&mut self.rows, undo.rows);
        put_back(&mut self.pages, undo.pages);
        put_back(&mut self.windows, undo.windows);
        if let Some(sealed) = undo.sealed {
            self.sealed = sealed;
        }
        for id in &undo.ids {
            self.ids.take_back(id);
        }
        self.reached.clear();
    }

    // Values.

    /// Reads a row without keeping it.
    pub(in crate::state) fn row(&self, ordinal: u64) -> Result<Option<Row>, StateError> {
        match self.rows.get(&ordinal) {
            Some(held) => Ok(Some(held.value.clone())),
            None => Ok(self.stored_rows.get(ordinal)?.map(|(_, row)| row)),
        }
    }

    /// Looks at a row without copying it.
    pub(in crate::state) fn look<T>(
        &self,
        ordinal: u64,
        look: impl FnOnce(&Row) -> T,
    ) -> Result<Option<T>, StateError> {
        match self.rows.get(&ordinal) {
            Some(held) => Ok(Some(look(&held.value))),
            None => Ok(self.stored_rows.get(ordinal)?.map(|(_, row)| look(&row))),
        }
    }

    /// Reads a page.
    pub(in crate::state) fn page(&self, window: u64, page: u32) -> Result<Option<Page>, StateError> {
        match self.pages.get(&(window, page)) {
            Some(held) => Ok(Some(held.value.clone())),
            None => Ok(self.read::<Page>(&self.trees.pages, &page_key(window, page))?.map(|(_, page)| page)),
        }
    }

    /// Reads a window.
    pub(in crate::state) fn window(&self, window: u64) -> Result<Option<Window>, StateError> {
        match self.windows.get(&window) {
            Some(held) => Ok(Some(held.value.clone())),
            None => Ok(self.read::<Window>(&self.trees.windows, &window.to_be_bytes())?.map(|(_, window)| window)),
        }
    }

    /// What is known of an id.
    pub(in crate::state) fn known(&self, key: &[u8; 16]) -> Result<Option<Known>, StateError> {
        self.ids.get(key)
    }

    /// Where a sealed value stands.
    pub(in crate::state) fn sealed(&self, kind: u8, name: &[u8; 16]) -> Result<Option<EntryRef>, StateError> {
        let key = sealed_key(kind, name);
        match self.sealed.get(&key) {
            Some(entry) => Ok(Some(*entry)),
            None => Ok(self.read::<EntryRef>(&self.trees.sealed, &key)?.map(|(_, entry)| entry)),
        }
    }

    // Changes; all by `apply`.

    /// A row to change; loaded when sled has it.
    pub(super) fn row_mut(&mut self, ordinal: u64) -> Result<Option<&mut Held<Row>>, StateError> {
        if !self.rows.contains_key(&ordinal) {
            let Some((as_of, value)) = self.stored_rows.get(ordinal)? else { return Ok(None) };
            self.weight += 1 + value.copies.len();
            let listed = value.has_parked();
            self.rows.insert(ordinal, Held { value, as_of, dirty: false, listed });
        }
        let held = self.rows.get_mut(&ordinal);
        if let (Some(held), Some(undo)) = (&held, &mut self.undo) {
            undo.rows.entry(ordinal).or_insert_with(|| Some((*held).clone()));
        }
        Ok(held)
    }

    pub(super) fn insert_row(&mut self, ordinal: u64, value: Row) {
        self.weight += 1;
        let before = self.rows.insert(ordinal, Held { value, as_of: 0, dirty: true, listed: false });
        if let Some(undo) = &mut self.undo {
            undo.rows.entry(ordinal).or_insert(before);
        }
    }

    pub(super) fn add_weight(&mut self, copies: usize) {
        self.weight += copies;
    }

    /// A page to change.
    pub(super) fn page_mut(&mut self, window: u64, page: u32) -> Result<Option<&mut Held<Page>>, StateError> {
        let key = (window, page);
        if !self.pages.contains_key(&key) {
            let Some((as_of, value)) = self.read::<Page>(&self.trees.pages, &page_key(window, page))? else {
                return Ok(None);
            };
            self.pages.insert(key, Held { value, as_of, dirty: false, listed: true });
        }
        let held = self.pages.get_mut(&key);
        if let (Some(held), Some(undo)) = (&held, &mut self.undo) {
            undo.pages.entry(key).or_insert_with(|| Some((*held).clone()));
        }
        Ok(held)
    }

    pub(super) fn insert_page(&mut self, window: u64, page: u32, value: Page) {
        let before = self.pages.insert((window, page), Held { value, as_of: 0, dirty: true, listed: false });
        if let Some(undo) = &mut self.undo {
            undo.pages.entry((window, page)).or_insert(before);
        }
    }

    /// A window to change.
    pub(super) fn window_mut(&mut self, window: u64) -> Result<Option<&mut Held<Window>>, StateError> {
        if !self.windows.contains_key(&window) {
            let Some((as_of, value)) = self.read::<Window>(&self.trees.windows, &window.to_be_bytes())? else {
                return Ok(None);
            };
            self.windows.insert(window, Held { value, as_of, dirty: false, listed: false });
        }
        let held = self.windows.get_mut(&window);
        if let (Some(held), Some(undo)) = (&held, &mut self.undo) {
            undo.windows.entry(window).or_insert_with(|| Some((*held).clone()));
        }
        Ok(held)
    }

    pub(super) fn insert_window(&mut self, window: u64, value: Window) {
        let before = self.windows.insert(window, Held { value, as_of: 0, dirty: true, listed: false });
        if let Some(undo) = &mut self.undo {
            undo.windows.entry(window).or_insert(before);
        }
    }

    /// The counts that an item of this page is part of, to change.
    pub(super) fn counts_of(&mut self, window: u64, page: u32) -> Result<[&mut Counts; 2], StateError> {
        self.page_mut(window, page)?;
        self.window_mut(window)?;
        let (Some(page), Some(window)) = (self.pages.get_mut(&(window, page)), self.windows.get_mut(&window)) else {
            return Err(broken(&self.connector, &"an item's page or window is missing"));
        };
        (page.dirty, window.dirty) = (true, true);
        Ok([&mut page.value.counts, &mut window.value.counts])
    }

    /// Replaces a page's counts.
    pub(super) fn set_page_counts(&mut self, window: u64, page: u32, counts: Counts) -> Result<(), StateError> {
        self.weight += 1;
        match self.page_mut(window, page)? {
            Some(held) => (held.value.counts, held.dirty) = (counts, true),
            None => return Err(broken(&self.connector, &format!("page {page} of window {window} is missing"))),
        }
        Ok(())
    }

    /// Replaces a window's counts.
    pub(super) fn set_window_counts(&mut self, window: u64, counts: Counts) -> Result<(), StateError> {
        match self.window_mut(window)? {
            Some(held) => (held.value.counts, held.dirty) = (counts, true),
            None => return Err(broken(&self.connector, &format!("window {window} is missing"))),
        }
        Ok(())
    }

    pub(super) fn insert_id(&mut self, key: [u8; 16], known: Known) {
        self.ids.insert(key, known);
        if let Some(undo) = &mut self.undo {
            undo.ids.push(key);
        }
    }

    pub(super) fn insert_sealed(&mut self, kind: u8, name: &[u8; 16], entry: EntryRef) {
        if let Some(undo) = &mut self.undo {
            undo.sealed.get_or_insert_with(|| self.sealed.clone());
        }
        self.weight += 1;
        self.sealed.insert(sealed_key(kind, name), entry);
    }

    pub(super) fn read<T: DeserializeOwned>(
        &self,
        tree: &sled::Tree,
        key: &[u8],
    ) -> Result<Option<(u64, T)>, StateError> {
        match tree.get(key).map_err(|error| broken(&self.connector, &error))? {
            Some(bytes) => decode(&self.connector, &bytes).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn insert(&self, tree: &sled::Tree, key: &[u8], value: Vec<u8>) -> Result<(), StateError> {
        tree.insert(key, value).map(drop).map_err(|error| broken(&self.connector, &error))
    }
}

fn put_back<K: std::hash::Hash + Eq, V>(held: &mut HashMap<K, V>, before: HashMap<K, Option<V>>) {
    for (key, value) in before {
        match value {
            Some(value) => held.insert(key, value),
            None => held.remove(&key),
        };
    }
}

fn sealed_key(kind: u8, name: &[u8; 16]) -> [u8; 17] {
    let mut key = [kind; 17];
    key[1..].copy_from_slice(name);
    key
}
