//! Erasing what is private of an item: its entries are overwritten, and the ledger says that and why.

use super::{ConnectorState, query::check_older};
use crate::state::{error::StateError, fact::Fact, plan::Ordinal, sidecar::Private};

impl ConnectorState {
    /// Erases what is private of an item. It stays counted, and known, so that it does not come again.
    ///
    /// # Errors
    /// Refuses an item that is under way or parked: deliver or discard it first.
    pub(in crate::state) fn erase(&self, ordinal: Ordinal, reason: &str, actor: &str) -> Result<(), StateError> {
        if reason.trim().is_empty() || actor.trim().is_empty() {
            return Err(StateError::reason_missing("what is erased"));
        }
        let at_ms = (self.clock)();
        self.read(|inner| {
            let row = self.known_row(inner, ordinal)?;
            if row.class().is_in_flight() || row.has_parked() {
                let what =
                    format!("item {} is under way or parked; deliver or discard it before erasing it", ordinal.0);
                let hint = format!("`chancery parked show {} {}` says how it stands", self.name, ordinal.0);
                return Err(StateError::NotAllowed { code: "item-not-settled", what, hint });
            }
            let mut entries = Vec::new();
            let mut next = row.entry;
            while let Some(entry) = next {
                let Some(previous) = inner.open_entry(ordinal.0, &entry, |entry| entry.previous)? else {
                    // Erased before: the entries before it are, too.
                    break;
                };
                check_older(self, ordinal, &entry, previous.as_ref())?;
                entries.push(entry);
                next = previous;
            }
            if entries.is_empty() {
                return Ok(());
            }
            entries.reverse();
            inner.write(at_ms, |writing| {
                let (sealed, entry) =
                    writing.seal(0, None, Private::Decision { actor: actor.into(), reason: reason.into() })?;
                let fact = Fact::Erased { ordinal: ordinal.0, entries: entries.clone(), sealed };
                writing.fact(&fact, Some(entry))
            })?;
            // Before the index may be written: while it is behind, the next open overwrites them again. The oldest
            // first, so that the newest leads to the others until all are gone.
            for entry in &entries {
                inner.ledger.erase(entry)?;
            }
            inner.tables.flush_if_heavy()
        })
    }
}
