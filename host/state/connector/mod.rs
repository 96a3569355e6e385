//! One connector's state: its ledger, the index of it, and the lock that makes one writer of all callers.

mod commit;
mod erase;
mod extract;
mod needs;
mod query;
mod receipts;
mod repair;
mod stage;
mod windows;

pub use extract::{Erasure, Extract, RepairRecord};
pub use needs::PageNeed;
pub use query::{CopyRow, CopyStep, ItemPrivate, ItemRow, ItemStep, ParkedRow};
pub use receipts::{Mailbox, Receipted, Receipts};

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use zeroize::Zeroizing;

use super::{
    Clock,
    checkpoint::{self, Checkpoint},
    error::StateError,
    fact::{EntryRef, Fact, Sealed},
    files::{list, read_if_there},
    index::{At, Index, Tables, replay},
    keys::{Keys, Names},
    ledger::{Batch, Head, Ledger, LocalFiles},
    note,
    plan::CopyKey,
    sidecar::{Entry, Private, Sealer},
};

/// The ledger and index of one connector. Every method blocks; every answer counts all commits before it.
///
/// After any failed write or sync nothing more is written or answered (`state-poisoned`): what the disk holds is known
/// again only after the next start.
pub struct ConnectorState {
    name: String,
    data_dir: PathBuf,
    keys: Arc<Keys>,
    clock: Clock,
    names: Names,
    stage_key: Zeroizing<[u8; 32]>,
    inner: Mutex<Inner>,
}

impl std::fmt::Debug for ConnectorState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectorState").field("name", &self.name).finish_non_exhaustive()
    }
}

struct Inner {
    ledger: Ledger,
    tables: Tables,
    sealer: Sealer,
    batch: Batch,
    /// Copies whose repair was begun and not ended, as far as this process knows: no end without a beginning.
    repairs: HashSet<CopyKey>,
    stopped: Stopped,
}

enum Stopped {
    No,
    Poisoned(String),
    Closed,
}

impl ConnectorState {
    /// Opens a connector's ledger, or begins it, and brings the index to it. The second value is for the operator.
    pub(super) fn open(
        data_dir: &Path,
        name: &str,
        keys: Arc<Keys>,
        index: &Index,
        clock: Clock,
        restored_at: Option<u64>,
    ) -> Result<(Self, Vec<String>), StateError> {
        let folder = data_dir.join("ledger").join(name);
        let tables = Tables::open(index, name);
        let (mut ledger, dropped) = Ledger::open(name, Box::new(LocalFiles::create(&folder)?))?;
        let head = check_not_behind(data_dir, name, &keys, &ledger, tables.as_ref().ok())?;
        ledger.confirm(head.as_ref().map(|head| &head.position))?;
        let brought_up = tables.and_then(|mut tables| Ok((replay(&ledger, &mut tables)?, tables)));
        let (replayed, tables) = brought_up.inspect_err(|error| {
            if matches!(error, StateError::Index { .. }) {
                Index::mark_broken(data_dir, &error.to_string());
            }
        })?;
        check_checkpoints(data_dir, name, &keys, &ledger, &tables)?;
        for entry in &replayed.erased {
            ledger.erase(entry)?;
        }
        let ends_with_the_backup = restored_at == Some(ledger.position().group);
        let rotations_recorded = tables.globals().rotations;
        for (window, group, note) in &replayed.checkpoints {
            checkpoint::write(data_dir, name, *window, *group, note)?;
        }
        let inner = Inner {
            ledger,
            tables,
            sealer: Sealer::new(&keys.derive("sealed entries", name)),
            batch: Batch::default(),
            repairs: HashSet::new(),
            stopped: Stopped::No,
        };
        let connector = Self {
            name: name.into(),
            data_dir: data_dir.to_owned(),
            names: Names::new(&keys.derive("look-up names", name)),
            stage_key: keys.derive("stage names", name),
            keys,
            clock,
            inner: Mutex::new(inner),
        };
        let mut announcements = Vec::new();
        if let Some(dropped) = dropped {
            let (facts_bytes, private_bytes) = (dropped.facts_bytes, dropped.private_bytes);
            let recorded = Fact::TailDropped { facts_bytes, private_bytes };
            connector.write(|writing| writing.fact(&recorded, None))?;
            announcements.push(format!(
                "the ledger of connector `{name}` ended in an unfinished group ({facts_bytes} and {private_bytes} bytes), \
                 which nobody was told of; it was dropped and that was recorded"
            ));
        }
        for rotation in connector.keys.rotations().iter().skip(rotations_recorded as usize) {
            connector.write(|writing| writing.fact(&Fact::KeyRotated { note: &rotation.note }, None))?;
        }
        if ends_with_the_backup {
            let decision = Private::Decision { actor: "chancery".into(), reason: "restored from a backup".into() };
            connector.write(|writing| {
                let (sealed, entry) = writing.seal(0, None, decision)?;
                let until_group = writing.inner.ledger.position().group;
                writing.fact(&Fact::LossAccepted { until_group, sealed }, Some(entry))
            })?;
            announcements.push(format!(
                "connector `{name}` goes on from a backup: what may have been delivered since is looked for before it is sent"
            ));
        }
        Ok((connector, announcements))
    }

    /// The connector's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key for names in the stage.
    pub fn stage_key(&self) -> [u8; 32] {
        *self.stage_key
    }

    /// The keyed name of a mailbox, as [`ConnectorState::reached`] gives it; the address's domain is taken in lower
    /// case.
    pub fn mailbox_key(&self, address: &str) -> [u8; 16] {
        let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
        self.names.name(&[b"mailbox", local.as_bytes(), domain.to_ascii_lowercase().as_bytes()])
    }

    /// The keyed name of a participant without a mailbox.
    pub fn person_key(&self, id: &str) -> [u8; 16] {
        self.names.name(&[b"person", id.as_bytes()])
    }

    /// The latest that the host's clock has been at a commit; none before the first.
    pub fn last_at_ms(&self) -> Result<Option<i64>, StateError> {
        self.read(|inner| Ok(inner.tables.globals().at_ms))
    }

    /// The end of the ledger: the number of its last group, and the hash of the chain there.
    ///
    /// # Errors
    /// `state-closed`.
    pub fn head(&self) -> Result<(u64, [u8; 32]), StateError> {
        self.read(|inner| {
            let position = inner.ledger.position();
            Ok((position.group, position.chain))
        })
    }

    /// The number of the last group.
    pub(super) fn last_group(&self) -> Result<u64, StateError> {
        self.read(|inner| Ok(inner.ledger.position().group))
    }

    /// When records were last lost and that was accepted, by the host's clock: what is older may have been delivered
    /// without being known here.
    pub fn lost_at_ms(&self) -> Result<Option<i64>, StateError> {
        self.read(|inner| Ok(inner.tables.globals().loss.map(|loss| loss.at_ms)))
    }

    /// Makes segments small, so that tests meet several.
    #[cfg(test)]
    pub(super) fn set_segment_bytes_max(&self, bytes: u64) -> Result<(), StateError> {
        self.read(|inner| {
            inner.ledger.set_segment_bytes_max(bytes);
            Ok(())
        })
    }

    /// Ends as a crash in the middle of writing the index would.
    #[cfg(test)]
    pub(super) fn crash_while_flushing(&self, parts: usize) -> Result<(), StateError> {
        self.read(|inner| {
            inner.stopped = Stopped::Closed;
            inner.tables.flush_partly(parts)
        })
    }

    /// Signs the head and ends; later calls fail with `state-closed`.
    pub(super) fn close(&self) -> Result<(), StateError> {
        let at_ms = (self.clock)();
        self.read(|inner| {
            inner.tables.flush()?;
            self.write_head(inner, at_ms)?;
            inner.stopped = Stopped::Closed;
            Ok(())
        })
    }

    fn write_head(&self, inner: &Inner, at_ms: i64) -> Result<(), StateError> {
        if inner.ledger.is_new() {
            return Ok(());
        }
        let head = Head { position: inner.ledger.position(), at_ms };
        head.write(&self.data_dir.join("ledger").join(&self.name), &self.name, &self.keys)
    }

    /// Runs something alone, unless the state has stopped, and stops it after a failure that leaves it unknown.
    fn read<T>(&self, run: impl FnOnce(&mut Inner) -> Result<T, StateError>) -> Result<T, StateError> {
        let mut inner = self.lock()?;
        // sled may panic on a damaged file.
        let result = catch_unwind(AssertUnwindSafe(|| run(&mut inner))).unwrap_or_else(|_| {
            Err(StateError::Index { connector: self.name.clone(), what: "a defect was met while it was in use".into() })
        });
        if let Err(error) = &result {
            self.stop_after(&mut inner, error);
        }
        result
    }

    fn lock(&self) -> Result<MutexGuard<'_, Inner>, StateError> {
        let inner = self.inner.lock().map_err(|_| self.poisoned("a thread panicked while writing"))?;
        match &inner.stopped {
            Stopped::No => Ok(inner),
            Stopped::Poisoned(why) => Err(self.poisoned(why)),
            Stopped::Closed => Err(StateError::Closed { connector: self.name.clone() }),
        }
    }

    fn poisoned(&self, why: &str) -> StateError {
        StateError::Poisoned { connector: self.name.clone(), why: why.into() }
    }

    fn stop_after(&self, inner: &mut Inner, error: &StateError) {
        match error {
            StateError::Refused { .. } | StateError::NotAllowed { .. } | StateError::Unknown { .. } => return,
            StateError::Index { .. } => Index::mark_broken(&self.data_dir, &error.to_string()),
            _ => {}
        }
        inner.stopped = Stopped::Poisoned(error.to_string());
    }

    /// Runs `put` to gather facts, makes them durable as one group and tells the index. When `put` refuses, nothing has
    /// happened.
    fn write<T>(&self, put: impl FnOnce(&mut Writing<'_>) -> Result<T, StateError>) -> Result<T, StateError> {
        let at_ms = (self.clock)();
        self.read(|inner| {
            let result = inner.write(at_ms, put)?;
            inner.tables.flush_if_heavy()?;
            Ok(result)
        })
    }
}

impl Inner {
    fn write<T>(
        &mut self,
        at_ms: i64,
        put: impl FnOnce(&mut Writing<'_>) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        self.ledger.begin(&mut self.batch)?;
        self.tables.begin();
        let mut writing = Writing { inner: self, at_ms };
        let result = match put(&mut writing) {
            Ok(result) => result,
            Err(error) => {
                self.tables.roll_back();
                self.batch.clear();
                return Err(error);
            }
        };
        let position =
            if self.batch.is_empty() { self.ledger.position() } else { self.ledger.append(&mut self.batch, at_ms)? };
        self.tables.settle(position, at_ms);
        Ok(result)
    }

    /// Opens a sealed entry and shows it to `show`; none when it was erased.
    fn open_entry<T>(
        &self,
        about: u64,
        entry: &EntryRef,
        show: impl FnOnce(Entry<'_>) -> T,
    ) -> Result<Option<T>, StateError> {
        let mut bytes = self.ledger.entry(entry)?;
        match self.sealer.open(about, &mut bytes) {
            Ok(opened) => Ok(opened.map(show)),
            Err(what) => Err(StateError::Damaged {
                file: self.ledger.path(entry.segment, super::ledger::Part::Private),
                offset: entry.offset,
                record: 0,
                what: what.into(),
            }),
        }
    }
}

/// The group that is being gathered.
struct Writing<'a> {
    inner: &'a mut Inner,
    at_ms: i64,
}

impl Writing<'_> {
    /// The tables, with everything gathered so far.
    fn tables(&mut self) -> &mut Tables {
        &mut self.inner.tables
    }

    /// Seals an entry for the fact that comes next.
    fn seal(
        &mut self,
        about: u64,
        previous: Option<EntryRef>,
        part: Private<'_>,
    ) -> Result<(Sealed, EntryRef), StateError> {
        let position = self.inner.ledger.position();
        let out = self.inner.batch.private();
        let offset = position.private + out.len() as u64;
        let sealed = self.inner.sealer.seal(about, &Entry { previous, part }, out)?;
        Ok((sealed, EntryRef { segment: position.segment, offset, bytes: sealed.bytes }))
    }

    /// Adds a fact, with the entry it names.
    fn fact(&mut self, fact: &Fact<'_>, entry: Option<EntryRef>) -> Result<(), StateError> {
        let group = self.inner.ledger.position().group + 1;
        self.inner.tables.apply(fact, &At { group, at_ms: self.at_ms, entry, new: true })?;
        self.inner.batch.push(fact)
    }
}

/// A ledger must reach as far as everything that was written after it says. Returns its signed head.
fn check_not_behind(
    data_dir: &Path,
    name: &str,
    keys: &Keys,
    ledger: &Ledger,
    tables: Option<&Tables>,
) -> Result<Option<Head>, StateError> {
    let behind = |why: String| StateError::LedgerBehind { connector: name.into(), why };
    let end = ledger.position().group;
    let head = Head::read(&data_dir.join("ledger").join(name), name, &keys.trusted())?;
    if let Some(head) = &head
        && !ledger.holds(&head.position)?
    {
        let group = head.position.group;
        return Err(behind(format!(
            "its signed head is of group {group}, the ledger ends with group {end} or differs there"
        )));
    }
    if let Some(tables) = tables
        && !ledger.holds(&tables.position())?
    {
        let group = tables.position().group;
        return Err(behind(format!(
            "its index is of group {group}, the ledger ends with group {end} or differs there"
        )));
    }
    if ledger.is_new() && !list(&checkpoint::folder(data_dir, name))?.is_empty() {
        return Err(behind("there are checkpoints of it, but not one record".into()));
    }
    Ok(head)
}

/// Nor may a signed checkpoint be of records that are not there, unless their loss was accepted.
fn check_checkpoints(
    data_dir: &Path,
    name: &str,
    keys: &Keys,
    ledger: &Ledger,
    tables: &Tables,
) -> Result<(), StateError> {
    let end = ledger.position().group;
    for (group, path) in checkpoint::files(data_dir, name)? {
        if group <= end {
            continue;
        }
        let Some(bytes) = read_if_there(&path)? else { continue };
        let signed = note::open(&bytes, &keys.trusted()).ok().and_then(|text| Checkpoint::anchor(text, name));
        let explained = |at_ms| tables.globals().loss.is_some_and(|loss| loss.explains(group, at_ms));
        if signed.is_some_and(|anchor| !explained(anchor.at_ms)) {
            let why = format!("a signed checkpoint is of group {group}, the ledger ends with group {end}");
            return Err(StateError::LedgerBehind { connector: name.into(), why });
        }
    }
    Ok(())
}
