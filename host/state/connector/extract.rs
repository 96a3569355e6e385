//! The part of a ledger that proves what became of some windows, for a person without Chancery.
//!
//! The records from the window's opening on, unbroken, and a signed statement of the chain after them: who computes the
//! chain over the records and finds the signed one knows that they stand in the signed ledger, and that none is missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Write as _},
    ops::Range,
    path::Path,
};

use super::ConnectorState;
use crate::state::{
    checkpoint::Checkpoint,
    error::StateError,
    fact::{EntryRef, Fact},
    keys::hex,
    ledger::{Group, Head, Part, Position, Reading},
    note,
    plan::{CopyKey, Ordinal, RepairOutcome},
    sidecar::Private,
    window::WindowId,
};

/// What an extract holds besides the records, which are in the file.
#[derive(Clone, Debug, Default)]
pub struct Extract {
    /// The chain before the first record, in hex.
    pub chain_before: String,
    /// Groups before the first record.
    pub groups_before: u64,
    /// Groups in it.
    pub groups: u64,
    /// The signed statement of the chain after the last record: a checkpoint or the ledger's head.
    pub signed: Vec<u8>,
    /// The public key that signed it.
    pub public_key: [u8; 32],
    /// Notes that lead from that key to the newest, oldest first.
    pub rotations: Vec<Vec<u8>>,
    /// The SHA-256 of each copy's message, as intended before it was sent.
    pub intents: BTreeMap<CopyKey, [u8; 32]>,
    /// What was erased of the items.
    pub erasures: Vec<Erasure>,
    /// Copies of the items that were written again.
    pub repairs: Vec<RepairRecord>,
    /// Each window's newest checkpoint.
    pub checkpoints: BTreeMap<u64, Vec<u8>>,
}

/// A recorded decision to erase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The item.
    pub ordinal: Ordinal,
    /// The host's clock.
    pub at_ms: i64,
    /// Who decided.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// A recorded repair of a delivered copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairRecord {
    /// The copy.
    pub copy: CopyKey,
    /// The host's clock.
    pub at_ms: i64,
    /// Who decided.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// How it ended; none when it was begun and never ended.
    pub outcome: Option<RepairOutcome>,
}

/// A statement that could end the extract.
struct End {
    length: u64,
    groups: u64,
    signed: Vec<u8>,
    keys_before: usize,
}

/// A decision whose entry is to be opened.
enum Decided {
    Erasure(u64),
    Repair(CopyKey),
}

impl Decided {
    fn ordinal(&self) -> u64 {
        match self {
            Self::Erasure(ordinal) => *ordinal,
            Self::Repair(copy) => copy.ordinal.0,
        }
    }
}

/// What is being gathered.
struct Gathering<'a> {
    items: Vec<Range<u64>>,
    windows: &'a BTreeSet<u64>,
    extract: Extract,
    begun: bool,
    length: u64,
    /// The first checkpoint after the last record that concerns the windows.
    end: Option<End>,
    rotations: usize,
}

impl ConnectorState {
    /// Writes the records to `file`, a new one, and returns the rest.
    ///
    /// # Errors
    /// Refuses windows that were never opened.
    pub fn extract(&self, windows: &[WindowId], file: &Path) -> Result<Extract, StateError> {
        let windows: BTreeSet<u64> = windows.iter().map(|window| window.0).collect();
        let mut items = Vec::new();
        for window in &windows {
            for page in self.pages(WindowId(*window))? {
                items.push(page.first.0..page.first.0 + u64::from(page.count));
            }
        }
        let at_ms = (self.clock)();
        self.read(|inner| {
            let wrote = StateError::io("write", file);
            let mut out = io::BufWriter::new(File::create_new(file).map_err(StateError::io("create", file))?);
            let mut gathering = Gathering {
                items,
                windows: &windows,
                extract: Extract::default(),
                begun: false,
                length: 0,
                end: None,
                rotations: 0,
            };
            let mut groups = inner.ledger.groups(Position::start(&self.name))?;
            loop {
                let group = match groups.next()? {
                    Reading::Group(group) => group,
                    Reading::End(_) => break,
                    Reading::Unfinished { position, offset, record, what } => {
                        let file = inner.ledger.path(position.segment, Part::Facts);
                        return Err(StateError::Damaged { file, offset, record, what: what.into() });
                    }
                };
                let decided = gathering.group(&group, |what| inner.ledger_damage(&group, what))?;
                if gathering.begun {
                    out.write_all(group.raw()).map_err(StateError::io("write", file))?;
                }
                for (about, entry) in decided {
                    // A repair's entry is among its item's, an erasure's is not, or it would erase itself.
                    let of = if matches!(about, Decided::Repair(_)) { about.ordinal() } else { 0 };
                    let decision = inner.open_entry(of, &entry, |entry| match entry.part {
                        Private::Decision { actor, reason } => (actor.into_owned(), reason.into_owned()),
                        _ => Default::default(),
                    })?;
                    let (actor, reason) = decision.unwrap_or_default();
                    let at_ms = group.at_ms;
                    match about {
                        Decided::Erasure(ordinal) => {
                            gathering.extract.erasures.push(Erasure {
                                ordinal: Ordinal(ordinal),
                                at_ms,
                                actor,
                                reason,
                            });
                        }
                        Decided::Repair(copy) => {
                            gathering.extract.repairs.push(RepairRecord { copy, at_ms, actor, reason, outcome: None });
                        }
                    }
                }
            }
            let Gathering { mut extract, length, end, rotations, .. } = gathering;
            let end = match end {
                Some(end) => end,
                None => {
                    let head = Head { position: inner.ledger.position(), at_ms };
                    End {
                        length,
                        groups: extract.groups,
                        signed: head.note(&self.name, &self.keys),
                        keys_before: rotations,
                    }
                }
            };
            let finished = out.into_inner().map_err(io::IntoInnerError::into_error);
            finished.and_then(|out| out.set_len(end.length).and_then(|()| out.sync_all())).map_err(wrote)?;
            let trusted = self.keys.trusted();
            extract.groups = end.groups;
            extract.signed = end.signed;
            extract.public_key = trusted.get(end.keys_before).or(trusted.last()).map_or([0; 32], |key| key.to_bytes());
            let later = self.keys.rotations().iter().skip(end.keys_before);
            extract.rotations = later.map(|rotation| rotation.note.clone()).collect();
            Ok(extract)
        })
    }
}

impl super::Inner {
    fn ledger_damage(&self, group: &Group<'_>, what: &str) -> StateError {
        let (record, offset) = group.place(0);
        let file = self.ledger.path(group.before.segment, Part::Facts);
        StateError::Damaged { file, offset, record, what: what.into() }
    }
}

impl Gathering<'_> {
    /// Takes a group in; returns the decisions about our items with the entries that say why.
    fn group(
        &mut self,
        group: &Group<'_>,
        damaged: impl Fn(&str) -> StateError,
    ) -> Result<Vec<(Decided, EntryRef)>, StateError> {
        let mut decided = Vec::new();
        let mut private = group.before.private;
        let (length_before, groups_before) = (self.length, self.extract.groups);
        let mut sealing = None;
        let mut concerns = false;
        for body in group.bodies() {
            let fact = Fact::parse(body).map_err(&damaged)?;
            let entry = fact.sealed().map(|sealed| {
                let entry = EntryRef { segment: group.before.segment, offset: private, bytes: sealed.bytes };
                private += u64::from(sealed.bytes);
                entry
            });
            match &fact {
                Fact::WindowOpened { window, .. } if self.windows.contains(window) => {
                    if !self.begun {
                        self.begun = true;
                        self.extract.chain_before = hex(&group.before.chain);
                        self.extract.groups_before = group.before.group;
                    }
                    concerns = true;
                }
                Fact::WindowSealed { window, note } => {
                    sealing = Some(note.to_vec());
                    if self.windows.contains(window) {
                        self.extract.checkpoints.insert(*window, note.to_vec());
                    }
                }
                Fact::KeyRotated { .. } => self.rotations += 1,
                Fact::PageStaged { window, .. } | Fact::WindowClosed { window, .. } => {
                    concerns |= self.windows.contains(window);
                }
                Fact::Intended { ordinal, copy, sha256 } if self.is_ours(*ordinal) => {
                    self.extract.intents.insert(CopyKey { ordinal: Ordinal(*ordinal), copy: *copy }, *sha256);
                    concerns = true;
                }
                Fact::Erased { ordinal, .. } if self.is_ours(*ordinal) => {
                    decided.extend(entry.map(|entry| (Decided::Erasure(*ordinal), entry)));
                    concerns = true;
                }
                Fact::RepairIntended { ordinal, copy, .. } if self.is_ours(*ordinal) => {
                    let copy = CopyKey { ordinal: Ordinal(*ordinal), copy: *copy };
                    decided.extend(entry.map(|entry| (Decided::Repair(copy), entry)));
                    concerns = true;
                }
                Fact::RepairReceived { ordinal, copy, outcome, .. } if self.is_ours(*ordinal) => {
                    let copy = CopyKey { ordinal: Ordinal(*ordinal), copy: *copy };
                    // Of a group before this one: a repair never begins and ends in the same.
                    if let Some(begun) = self.extract.repairs.iter_mut().rfind(|repair| repair.copy == copy) {
                        begun.outcome = RepairOutcome::from_number(*outcome);
                    }
                    concerns = true;
                }
                Fact::ItemStaged { ordinal, .. }
                | Fact::Planned { ordinal, .. }
                | Fact::Received { ordinal, .. }
                | Fact::Failed { ordinal, .. }
                | Fact::Freed { ordinal, .. }
                | Fact::Discarded { ordinal, .. } => concerns |= self.is_ours(*ordinal),
                _ => {}
            }
        }
        if self.begun {
            self.length += group.raw().len() as u64;
            self.extract.groups += 1;
        }
        if concerns {
            self.end = None;
        } else if let (true, None, Some(signed)) = (self.begun, &self.end, sealing) {
            // It speaks of the chain before its own group.
            self.end = Some(End { length: length_before, groups: groups_before, signed, keys_before: self.rotations });
        }
        Ok(decided)
    }

    fn is_ours(&self, ordinal: u64) -> bool {
        // Pages come in the order of their items.
        let after = self.items.partition_point(|range| range.start <= ordinal);
        after.checked_sub(1).is_some_and(|at| self.items[at].contains(&ordinal))
    }
}

impl Extract {
    /// The lines of the signed statement and its signature, apart, as other tools take them.
    pub fn statement(&self) -> Option<(&str, [u8; 64])> {
        note::split(&self.signed).ok()
    }

    /// Whether the statement is a window's checkpoint, not the ledger's head.
    pub fn is_checkpoint(&self, connector: &str) -> bool {
        self.statement().is_some_and(|(text, _)| Checkpoint::anchor(text, connector).is_some())
    }
}
