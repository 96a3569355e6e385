//! Brings the index to where the ledger is: after a crash the last few groups, after a rebuild all of them.

use std::collections::BTreeSet;

use crate::state::{
    counts::{Counts, ItemCounts},
    error::StateError,
    fact::{EntryRef, Fact},
    ledger::{Group, Ledger, Part, Reading},
};

use super::{apply::At, generation::broken, tables::Tables};

/// What a replay met that is to be done once more, for it may have been interrupted.
#[derive(Debug, Default)]
pub(in crate::state) struct Replayed {
    /// Groups applied.
    pub(in crate::state) groups: u64,
    /// Entries to overwrite.
    pub(in crate::state) erased: Vec<EntryRef>,
    /// Checkpoints to write: window, group, note.
    pub(in crate::state) checkpoints: Vec<(u64, u64, Vec<u8>)>,
}

/// Applies what the index lacks.
///
/// # Errors
/// `Damaged` when the ledger contradicts itself, which no interruption can bring about.
pub(in crate::state) fn replay(ledger: &Ledger, tables: &mut Tables) -> Result<Replayed, StateError> {
    let mut replayed = Replayed::default();
    if tables.position() == ledger.position() && tables.touched.is_empty() {
        return Ok(replayed);
    }
    tables.counting = false;
    let mut groups = ledger.groups(tables.position())?;
    loop {
        match groups.next()? {
            Reading::Group(group) => {
                apply_group(ledger, tables, &group, &mut replayed)?;
                tables.settle(group.after, group.at_ms);
                replayed.groups += 1;
            }
            Reading::End(_) => break,
            Reading::Unfinished { position, offset, record, what } => {
                let file = ledger.path(position.segment, Part::Facts);
                return Err(StateError::Damaged { file, offset, record, what: what.into() });
            }
        }
        tables.flush_if_heavy()?;
    }
    recount(tables)?;
    tables.flush()?;
    Ok(replayed)
}

fn apply_group(
    ledger: &Ledger,
    tables: &mut Tables,
    group: &Group<'_>,
    replayed: &mut Replayed,
) -> Result<(), StateError> {
    let segment = group.before.segment;
    let mut private = group.before.private;
    for (index, body) in group.bodies().enumerate() {
        let damaged = |what: String| {
            let (record, offset) = group.place(index);
            StateError::Damaged { file: ledger.path(segment, Part::Facts), offset, record, what }
        };
        let fact = Fact::parse(body).map_err(|what| damaged(what.into()))?;
        let entry = fact.sealed().map(|sealed| EntryRef { segment, offset: private, bytes: sealed.bytes });
        private += entry.map_or(0, |entry| u64::from(entry.bytes));
        match &fact {
            Fact::Erased { entries, .. } => replayed.erased.extend(entries),
            Fact::WindowSealed { window, note } => {
                replayed.checkpoints.push((*window, group.number, note.to_vec()));
            }
            _ => {}
        }
        let at = At { group: group.number, at_ms: group.at_ms, entry, new: false };
        tables.apply(&fact, &at).map_err(|error| match error {
            StateError::Refused { what, .. } => damaged(what),
            other => other,
        })?;
    }
    Ok(())
}

/// Counts the touched pages anew from their rows, then their windows from their pages.
fn recount(tables: &mut Tables) -> Result<(), StateError> {
    let touched = std::mem::take(&mut tables.touched);
    for (window, number) in &touched {
        let missing = |tables: &Tables, what: String| broken(&tables.connector, &what);
        let Some(page) = tables.page(*window, *number)? else {
            return Err(missing(tables, format!("page {number} of window {window} is missing")));
        };
        let seen = page.counts.items.seen;
        let mut counts = Counts { items: ItemCounts { seen, ..ItemCounts::default() }, ..Counts::default() };
        for ordinal in page.first..page.first + u64::from(page.items) {
            match tables.row(ordinal)? {
                Some(row) if (row.window, row.page) == (*window, *number) => counts.add_item(&row),
                _ => return Err(missing(tables, format!("item {ordinal} is missing or elsewhere"))),
            }
        }
        tables.set_page_counts(*window, *number, counts)?;
        tables.flush_if_heavy()?;
    }
    let windows: BTreeSet<u64> = touched.iter().map(|(window, _)| *window).collect();
    tables.flush()?;
    for window in windows {
        let mut counts = Counts::default();
        for (_, page) in tables.page_keys(Some(window))? {
            if let Some(page) = tables.page(window, page)? {
                counts.add(&page.counts);
            }
        }
        tables.set_window_counts(window, counts)?;
    }
    tables.counting = true;
    Ok(())
}
