//! What was delivered, by mailbox: what whoever reads the mailboxes back must find there.
//!
//! The index has no list by mailbox: a pass over its rows counts what each mailbox has; then, for as many mailboxes at a
//! time as memory allows, a second pass finds their copies and one over the ledger their SHA-256. Memory goes with the
//! copies asked for, time with the whole ledger for each time of asking.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{ConnectorState, Inner};
use crate::state::{
    error::StateError,
    fact::{EntryRef, Fact},
    ledger::{Part, Position, Reading},
    plan::{CopyKey, Ordinal, Target},
    row::{Copy, CopyState, Row},
    sidecar::Private,
    window::WindowId,
};

/// A mailbox at a destination, by its keyed name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mailbox {
    /// Index of the destination.
    pub destination: u16,
    /// The keyed name.
    pub target: [u8; 16],
}

/// A delivered copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipted {
    /// Where it was delivered.
    pub mailbox: Mailbox,
    /// The SHA-256 of the message, as intended before it was sent.
    pub sha256: [u8; 32],
    /// The copy.
    pub copy: CopyKey,
    /// Whether what is private of its item was erased.
    pub is_erased: bool,
    /// Whether a repair of it was begun and never ended.
    pub repair_begun: bool,
    /// How often it was written again.
    pub repairs: u32,
}

/// Delivered copies of some mailboxes.
#[derive(Clone, Debug, Default)]
pub struct Receipts {
    /// By mailbox, then by SHA-256.
    pub copies: Vec<Receipted>,
    /// When the mailboxes were last read back, by the host's clock.
    pub last_reconciled_at_ms: Option<i64>,
}

impl ConnectorState {
    /// Every mailbox that a copy was delivered to, with how many; only of these windows, if any are named.
    pub fn delivered(&self, windows: Option<&BTreeSet<WindowId>>) -> Result<BTreeMap<Mailbox, u64>, StateError> {
        self.read(|inner| {
            let mut mailboxes = BTreeMap::new();
            each_delivered(inner, windows, |_, copy| *mailboxes.entry(mailbox(copy)).or_default() += 1)?;
            Ok(mailboxes)
        })
    }

    /// The copies that were delivered to these mailboxes.
    ///
    /// # Errors
    /// `ledger-damaged` when a delivered copy has no intent, which cannot be.
    pub fn receipts(
        &self,
        mailboxes: &BTreeSet<Mailbox>,
        windows: Option<&BTreeSet<WindowId>>,
    ) -> Result<Receipts, StateError> {
        self.read(|inner| {
            let mut receipts = Receipts::default();
            each_delivered(inner, windows, |key, copy| {
                let mailbox = mailbox(copy);
                if mailboxes.contains(&mailbox) {
                    receipts.copies.push(Receipted {
                        mailbox,
                        sha256: [0; 32],
                        copy: key,
                        is_erased: false,
                        repair_begun: false,
                        repairs: 0,
                    });
                }
            })?;
            let mut intended = vec![false; receipts.copies.len()];
            let mut erased = HashSet::new();
            each_fact(inner, &self.name, |inner, fact, at_ms, entry| {
                // They were gathered in the order of the items and their copies.
                let place = |ordinal: u64, copy: u16| {
                    let key = CopyKey { ordinal: Ordinal(ordinal), copy };
                    receipts.copies.binary_search_by_key(&key, |receipted| receipted.copy).ok()
                };
                match fact {
                    Fact::Intended { ordinal, copy, sha256 } => {
                        if let Some(place) = place(*ordinal, *copy) {
                            receipts.copies[place].sha256 = *sha256;
                            intended[place] = true;
                        }
                    }
                    Fact::Erased { ordinal, .. } => drop(erased.insert(*ordinal)),
                    Fact::RepairIntended { ordinal, copy, .. } => {
                        if let Some(place) = place(*ordinal, *copy) {
                            receipts.copies[place].repair_begun = true;
                        }
                    }
                    Fact::RepairReceived { ordinal, copy, outcome, .. } => {
                        if let Some(place) = place(*ordinal, *copy) {
                            receipts.copies[place].repair_begun = false;
                            receipts.copies[place].repairs += u32::from(*outcome < 2);
                        }
                    }
                    Fact::Acted { .. } => {
                        let verb = entry.map(|entry| {
                            inner.open_entry(0, &entry, |entry| match entry.part {
                                Private::Act { verb, .. } => verb == "reconcile",
                                _ => false,
                            })
                        });
                        if verb.transpose()?.flatten() == Some(true) {
                            receipts.last_reconciled_at_ms = Some(at_ms);
                        }
                    }
                    _ => {}
                }
                Ok(())
            })?;
            if let Some(place) = intended.iter().position(|intended| !intended) {
                let CopyKey { ordinal, copy } = receipts.copies[place].copy;
                return Err(StateError::Damaged {
                    file: inner.ledger.path(0, Part::Facts),
                    offset: 0,
                    record: 0,
                    what: format!("copy {copy} of item {} was delivered without an intent", ordinal.0),
                });
            }
            for receipted in &mut receipts.copies {
                receipted.is_erased = erased.contains(&receipted.copy.ordinal.0);
                if receipted.repair_begun {
                    inner.repairs.insert(receipted.copy);
                }
            }
            receipts.copies.sort_unstable_by_key(|receipted| (receipted.mailbox, receipted.sha256, receipted.copy));
            Ok(receipts)
        })
    }

    /// The address of a mailbox, as the first of these items that was not erased has it.
    pub fn address(&self, copies: &[Receipted]) -> Result<Option<String>, StateError> {
        for receipted in copies.iter().filter(|receipted| !receipted.is_erased) {
            let CopyKey { ordinal, copy } = receipted.copy;
            let target = self.item_private(ordinal)?.and_then(|mut private| {
                let copy = usize::from(copy);
                (copy < private.targets.len()).then(|| private.targets.swap_remove(copy))
            });
            if let Some(Target::Mailbox(address)) = target {
                return Ok(Some(address));
            }
        }
        Ok(None)
    }
}

fn mailbox(copy: &Copy) -> Mailbox {
    Mailbox { destination: copy.destination, target: copy.target }
}

/// Shows every delivered copy, in the order of the items.
fn each_delivered(
    inner: &Inner,
    windows: Option<&BTreeSet<WindowId>>,
    mut show: impl FnMut(CopyKey, &Copy),
) -> Result<(), StateError> {
    let is_delivered =
        |copy: &Copy| matches!(copy.state, CopyState::Imported | CopyState::Partial | CopyState::Skipped);
    for ordinal in 1..inner.tables.globals().next_ordinal {
        inner.tables.look(ordinal, |row: &Row| {
            if windows.is_some_and(|windows| !windows.contains(&WindowId(row.window))) {
                return;
            }
            for (number, copy) in (0..).zip(&row.copies).filter(|(_, copy)| is_delivered(copy)) {
                show(CopyKey { ordinal: Ordinal(ordinal), copy: number }, copy);
            }
        })?;
    }
    Ok(())
}

/// Shows every fact of the ledger, with its group's time and the entry it names.
fn each_fact(
    inner: &Inner,
    connector: &str,
    mut show: impl FnMut(&Inner, &Fact<'_>, i64, Option<EntryRef>) -> Result<(), StateError>,
) -> Result<(), StateError> {
    let mut groups = inner.ledger.groups(Position::start(connector))?;
    loop {
        let group = match groups.next()? {
            Reading::Group(group) => group,
            Reading::End(_) => return Ok(()),
            Reading::Unfinished { position, offset, record, what } => {
                let file = inner.ledger.path(position.segment, Part::Facts);
                return Err(StateError::Damaged { file, offset, record, what: what.into() });
            }
        };
        let segment = group.before.segment;
        let mut offset = group.before.private;
        for (index, body) in group.bodies().enumerate() {
            let fact = Fact::parse(body).map_err(|what| {
                let (record, offset) = group.place(index);
                let file = inner.ledger.path(segment, Part::Facts);
                StateError::Damaged { file, offset, record, what: what.into() }
            })?;
            let entry = fact.sealed().map(|sealed| EntryRef { segment, offset, bytes: sealed.bytes });
            offset += entry.map_or(0, |entry| u64::from(entry.bytes));
            show(inner, &fact, group.at_ms, entry)?;
        }
    }
}
