//! What is known and done: the ledgers, which are the truth, and sled, which is their index.
//!
//! What lives here: one append-only ledger a connector (`ledger`, frozen format), the sealed entries beside it
//! (`sidecar`), the index that answers questions (`index`, the only place that knows sled), keys, signed heads and
//! checkpoints. What may not: what the facts *mean* for a mailbox or a source; when anything happens; any network.
//! Everything blocks; callers have threads for that. It imports `crate::item` alone.
//!
//! # Invariants
//!
//! Asserted on write (a request that breaks one is refused and nothing is written) and on read (a ledger that breaks one
//! is damaged):
//!
//! 1. A cursor never passes an item that is not staged durably: a page's items and the cursor after it are one group.
//! 2. A copy's step only grows, and a window's pins never change. The one way back, from parked to planned, is a fact of
//!    its own.
//! 3. Durable intent, with the SHA-256 of the bytes, before the write; durable receipt after it; no receipt without its
//!    intent, and never two different intents for one attempt.
//! 4. Every fetched item ends settled or parked with a reason: none vanishes. Ordinals and groups have no gaps.
//! 5. A window closes when the source was read to its end, every item is staged and planned, and the counts balance; it
//!    is sealed when nothing is pending.
//! 6. Every size has a limit, in `crate::item::limits` or in `limits` here.
//!
//! # A commit
//!
//! Facts are gathered and tried on the index in memory, which refuses what contradicts it; the group's sealed entries are
//! appended and synced, then its facts with the commit; only then does the caller hear of it. The index reaches sled some
//! thousands of items later: what a crash keeps from it is read from the ledger again.
//!
//! A group costs one `fdatasync`, two with anything private in it.
//!
//! # Repairs
//!
//! A copy that its mailbox lost may be written again. That is no step of the copy, which stays delivered, counted once:
//! it is an act about it, with facts of its own (intent with the same SHA-256, then how it ended), which change the
//! window it belongs to, so that this is sealed anew.
//!
//! # Discarding
//!
//! A parked item or copy that a person gives up stays recorded. Its item then counts as `excluded`, even if other copies
//! of it were delivered; the copy stays among the `failed` ones.

mod acts;
mod backup;
mod check;
mod checkpoint;
mod connector;
mod counts;
mod error;
mod fact;
mod files;
mod hold;
mod index;
mod keys;
#[doc(hidden)]
pub mod fuzz {
    //! What a fuzzer feeds this room.
    pub use super::ledger::fuzz::ledger;
}
mod ledger;
mod limits;
mod lock;
mod mapping;
mod note;
mod plan;
mod rebuild;
mod rotation;
mod row;
mod sidecar;
mod verify;
mod window;

pub use acts::Act;
pub use backup::{BackupReport, backup, import};
pub use check::{CheckReport, IndexStanding, check};
pub use connector::{
    ConnectorState, CopyRow, CopyStep, Erasure, Extract, ItemPrivate, ItemRow, ItemStep, Mailbox, PageNeed, ParkedRow,
    Receipted, Receipts, RepairRecord,
};
pub use counts::{CopyCounts, ItemCounts};
pub use error::StateError;
pub use hold::{Hold, HoldSubject};
pub use plan::{
    CopyKey, Group, Intent, Observation, Ordinal, Outcome, ParkReason, Plan, PlannedCopy, Receipt, Repair,
    RepairOutcome, Repaired, StagedPage, Standing, Target,
};
pub use rebuild::rebuild;
pub use verify::{LedgerReport, VerifyOptions, VerifyReport, verify};
pub use window::{FileMemory, PageRow, Pins, WindowClose, WindowId, WindowKind, WindowOpen, WindowRow, WindowState};

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use crate::item::limits::INDEX_OPEN_TIME_MAX;

use acts::{Acts, HOST};
use files::{create_folder, list};
use index::Index;
use keys::Keys;
use lock::Lock;

/// Tells the time in milliseconds since the epoch. It stamps groups and decides nothing.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Something the operator should hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The connector, where it is about one.
    pub connector: Option<String>,
    /// One sentence.
    pub text: String,
}

/// The state of one data folder, held exclusively.
pub struct State {
    data_dir: PathBuf,
    keys: Arc<Keys>,
    index: Index,
    acts: Mutex<Acts>,
    connectors: Mutex<BTreeMap<String, Arc<ConnectorState>>>,
    /// Connectors whose files the system refused when they were opened, and why. Opening writes and syncs, and what failed
    /// there is not tried over before the next start.
    refused: Mutex<BTreeMap<String, String>>,
    announcements: Mutex<Vec<Announcement>>,
    /// Where each ledger ended when the backup was made that this folder was put back from.
    restored_groups: BTreeMap<String, u64>,
    clock: Clock,
    // Last, so that the folder is let go of after everything else.
    _lock: Lock,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

impl State {
    /// Sets up a data folder: its folders, for the owner alone, and new keys, all synced.
    ///
    /// # Errors
    /// Refuses a folder that has keys or a ledger already.
    pub fn create(data_dir: &Path) -> Result<(), StateError> {
        create_folder(data_dir)?;
        let _lock = Lock::take(data_dir)?;
        let ledgers = data_dir.join("ledger");
        if !list(&ledgers)?.is_empty() {
            return Err(StateError::AlreadyInitialised { path: ledgers });
        }
        for name in ["ledger", "index", "checkpoints", "mappings"] {
            create_folder(&data_dir.join(name))?;
        }
        // Last: with its keys a data folder is complete.
        Keys::create(data_dir)
    }

    /// Opens a data folder, which no other process may hold. An index that is missing or broken is begun anew, and
    /// announced.
    pub fn open(data_dir: &Path) -> Result<(Self, Vec<Announcement>), StateError> {
        Self::open_with_clock(data_dir, Arc::new(system_time_ms))
    }

    /// As [`State::open`], with another clock.
    pub fn open_with_clock(data_dir: &Path, clock: Clock) -> Result<(Self, Vec<Announcement>), StateError> {
        Self::open_within(data_dir, clock, INDEX_OPEN_TIME_MAX)
    }

    /// As [`State::open_with_clock`], with another time after which an index that does not open is given up.
    fn open_within(
        data_dir: &Path,
        clock: Clock,
        index_time_max: Duration,
    ) -> Result<(Self, Vec<Announcement>), StateError> {
        if !data_dir.is_dir() {
            return Err(StateError::NotInitialised { data_dir: data_dir.into(), missing: data_dir.into() });
        }
        let lock = Lock::take(data_dir)?;
        let keys = Arc::new(Keys::open(data_dir)?);
        for name in ["ledger", "index", "checkpoints", "mappings"] {
            create_folder(&data_dir.join(name))?;
        }
        let restored_groups = backup::restored_groups(data_dir, &keys)?;
        let (acts, told) = Acts::open(data_dir, &keys, &clock)?;
        let mut announcements: Vec<_> = told.into_iter().map(|text| Announcement { connector: None, text }).collect();
        let (index, why) = Index::open_within(data_dir, index_time_max)?;
        if let Some(why) = why
            && !connector_names(data_dir)?.is_empty()
        {
            let text = format!("the index is rebuilt from the ledgers: {why}");
            announcements.push(Announcement { connector: None, text });
        }
        let state = Self {
            data_dir: data_dir.into(),
            keys,
            index,
            acts: Mutex::new(acts),
            connectors: Mutex::default(),
            refused: Mutex::default(),
            announcements: Mutex::default(),
            restored_groups,
            clock,
            _lock: lock,
        };
        Ok((state, announcements))
    }

    /// A connector's state: opened once, its ledger begun when there is none, its index brought to the ledger. What the
    /// operator should hear of it waits in [`State::take_announcements`].
    ///
    /// # Errors
    /// `LedgerBehind` when acknowledged records are gone; `Damaged` when the ledger is not what was written; `Poisoned`
    /// after the system refused its files once, until the next start.
    pub fn connector(&self, name: &str) -> Result<Arc<ConnectorState>, StateError> {
        check_name(name)?;
        let mut connectors = unpoisoned(&self.connectors);
        if let Some(connector) = connectors.get(name) {
            return Ok(Arc::clone(connector));
        }
        if let Some(why) = unpoisoned(&self.refused).get(name) {
            return Err(StateError::Poisoned { connector: name.to_owned(), why: why.clone() });
        }
        let opened = ConnectorState::open(
            &self.data_dir,
            name,
            Arc::clone(&self.keys),
            &self.index,
            Arc::clone(&self.clock),
            self.restored_groups.get(name).copied(),
        );
        if let Err(error @ StateError::Io { .. }) = &opened {
            unpoisoned(&self.refused).insert(name.to_owned(), error.to_string());
        }
        let (connector, told) = opened?;
        let told = told.into_iter().map(|text| Announcement { connector: Some(name.into()), text });
        unpoisoned(&self.announcements).extend(told);
        let connector = Arc::new(connector);
        connectors.insert(name.into(), Arc::clone(&connector));
        Ok(connector)
    }

    /// Names of all connectors that have a ledger, sorted.
    pub fn connectors(&self) -> Result<Vec<String>, StateError> {
        connector_names(&self.data_dir)
    }

    /// What the operator should hear of since the last call.
    pub fn take_announcements(&self) -> Vec<Announcement> {
        std::mem::take(&mut *unpoisoned(&self.announcements))
    }

    /// Records who changed what, durably; everything in it is private.
    pub fn record_act(&self, act: Act) -> Result<(), StateError> {
        let at_ms = (self.clock)();
        unpoisoned(&self.acts).record(&act, at_ms)
    }

    /// All acts, oldest first.
    pub fn acts(&self) -> Result<Vec<Act>, StateError> {
        unpoisoned(&self.acts).all()
    }

    /// The signed checkpoints of a connector as files, by name, oldest window first.
    pub fn checkpoint_files(&self, connector: &str) -> Result<Vec<(String, PathBuf)>, StateError> {
        let mut files = list(&checkpoint::folder(&self.data_dir, connector))?;
        files.retain(|(name, _)| checkpoint::place(name).is_some());
        Ok(files)
    }

    /// Keeps a mapping, sealed and durable, and returns its version, the same for the same bytes.
    pub fn keep_mapping(&self, bytes: &[u8]) -> Result<[u8; 32], StateError> {
        mapping::keep(&self.data_dir, &self.keys, bytes)
    }

    /// The mapping of a version.
    pub fn mapping(&self, version: &[u8; 32]) -> Result<Vec<u8>, StateError> {
        mapping::read(&self.data_dir, &self.keys, version)
    }

    /// Replaces the signing key by a new one that the old one signs, and records that in every ledger; returns the new
    /// public key, as `keys/host.pub` has it.
    ///
    /// # Errors
    /// What opening a ledger fails with: the new key is in force then, and that ledger records it when it opens again.
    pub fn rotate_key(data_dir: &Path, actor: &str, reason: &str) -> Result<(String, Vec<Announcement>), StateError> {
        let rotation = {
            let _lock = Lock::take(data_dir)?;
            Keys::rotate(data_dir, system_time_ms())?
        };
        let (state, mut announcements) = Self::open(data_dir)?;
        for name in state.connectors()? {
            state.connector(&name)?;
        }
        let public = keys::hex(rotation.public.as_bytes());
        state.record_act(Act {
            at_ms: 0,
            actor: actor.into(),
            verb: "ledger rotate-key".into(),
            subject: public.clone(),
            reason: reason.into(),
        })?;
        announcements.extend(state.take_announcements());
        state.close()?;
        Ok((public, announcements))
    }

    /// A clean stop: the index is written and every ledger's head is signed. Connectors still held elsewhere fail with
    /// `state-closed` from now on.
    pub fn close(self) -> Result<(), StateError> {
        let mut result = Ok(());
        for connector in unpoisoned(&self.connectors).values() {
            result = result.and(connector.close());
        }
        result = result.and(unpoisoned(&self.acts).close(&self.data_dir, &self.keys, (self.clock)()));
        let Self { connectors, index, .. } = self;
        let result = result.and(index.flush());
        drop(connectors);
        result.and(index.close())
    }
}

/// Names of the ledgers of connectors.
fn connector_names(data_dir: &Path) -> Result<Vec<String>, StateError> {
    let names = list(&data_dir.join("ledger"))?;
    Ok(names.into_iter().map(|(name, _)| name).filter(|name| check_name(name).is_ok()).collect())
}

/// A name is a folder's name too, so it is short and plain.
fn check_name(name: &str) -> Result<(), StateError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=64).contains(&name.len()) && name.bytes().all(fits) && name != HOST {
        return Ok(());
    }
    let what = format!("`{name}` cannot name a connector: 1 to 64 letters, digits, `-` and `_`");
    Err(StateError::refused("connector-name", what))
}

/// A mailbox's address in the form that addresses are compared in.
fn plan_mailbox(address: &str) -> String {
    address.trim().to_lowercase()
}

/// These values are replaced whole, so a panic elsewhere leaves none half-changed.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn system_time_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
