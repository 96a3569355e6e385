//! Proves offline, with the public key alone, that a ledger is what was written.

use std::{collections::BTreeMap, path::Path};

use ed25519_dalek::VerifyingKey;

use crate::state::{
    checkpoint::{self, Checkpoint},
    error::StateError,
    fact::{EntryRef, Fact},
    files::{list, read_if_there},
    keys::sha256,
    note,
    sidecar::is_erased,
};

use super::{Group, Groups, Head, LocalFiles, Part, Position, Reading, Storage, writer::holds};

/// What was proved of one ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerReport {
    /// The connector; `@host` for the host's own acts.
    pub name: String,
    /// Segments.
    pub segments: u64,
    /// Groups, each bound to the one before.
    pub groups: u64,
    /// Facts.
    pub facts: u64,
    /// Sealed entries that are what the chain commits to.
    pub entries: u64,
    /// Sealed entries that were erased, each by a recorded decision.
    pub erased: u64,
    /// Windows' checkpoints whose signature and place in the chain hold.
    pub checkpoints: u64,
    /// Of those, found in the checkpoints' folder too, byte for byte.
    pub checkpoint_files: u64,
    /// Checkpoint files of records whose loss was accepted.
    pub superseded_files: u64,
    /// Bytes of an unfinished last group; only while a host is running, else this is an error.
    pub unfinished_bytes: u64,
}

/// Reads everything of a ledger and checks it against itself, the signed head and the checkpoints.
pub(in crate::state) fn verify_connector(
    data_dir: &Path,
    name: &str,
    key: &VerifyingKey,
    running: bool,
) -> Result<LedgerReport, StateError> {
    let folder = data_dir.join("ledger").join(name);
    let storage = LocalFiles::read_only(&folder);
    let mut proof = Proof {
        storage: &storage,
        name,
        key,
        report: LedgerReport { name: name.into(), ..LedgerReport::default() },
        erased: Vec::new(),
        erasures: Vec::new(),
        notes: BTreeMap::new(),
        lost_until: 0,
    };
    // The head first: while a host runs, the ledger only grows past it.
    let head = Head::read(&folder, name, key)?;
    let mut groups = Groups::new(&storage, name, Position::start(name))?;
    let end = loop {
        match groups.next()? {
            Reading::Group(group) => proof.group(&group)?,
            Reading::End(position) => break position,
            Reading::Unfinished { position, offset, record, what } => {
                if !running {
                    let file = storage.path(position.segment, Part::Facts);
                    let what = format!(
                        "{what}; if the host was cut off here, start it once: it drops an unfinished group and records that"
                    );
                    return Err(StateError::Damaged { file, offset, record, what });
                }
                let length = storage.length(position.segment, Part::Facts)?;
                proof.report.unfinished_bytes = length.saturating_sub(position.offset);
                break position;
            }
        }
    };
    proof.end(&end, running)?;
    proof.erasures()?;
    proof.checkpoint_files(data_dir)?;
    if let Some(head) = head
        && !holds(&storage, name, &head.position, &end)?
    {
        let why = format!(
            "its signed head is of group {}, the ledger ends with group {} or differs there",
            head.position.group, end.group
        );
        return Err(StateError::LedgerBehind { connector: name.into(), why });
    }
    Ok(proof.report)
}

struct Proof<'a> {
    storage: &'a LocalFiles,
    name: &'a str,
    key: &'a VerifyingKey,
    report: LedgerReport,
    /// Entries found overwritten, with the record that names them.
    erased: Vec<(EntryRef, u64)>,
    /// Entries that a recorded decision overwrote.
    erasures: Vec<EntryRef>,
    /// Digest of each checkpoint by window and group.
    notes: BTreeMap<(u64, u64), [u8; 32]>,
    lost_until: u64,
}

impl Proof<'_> {
    fn group(&mut self, group: &Group<'_>) -> Result<(), StateError> {
        let segment = group.before.segment;
        let size = group.after.private - group.before.private;
        let mut private =
            vec![0; usize::try_from(size).unwrap_or(usize::MAX).min(super::super::limits::GROUP_BYTES_MAX)];
        let read = self.storage.read(segment, Part::Private, group.before.private, &mut private)?;
        private.truncate(read);
        let mut at = 0;
        for (index, body) in group.bodies().enumerate() {
            let (record, offset) = group.place(index);
            let damaged = |what: &str| StateError::Damaged {
                file: self.storage.path(segment, Part::Facts),
                offset,
                record,
                what: what.into(),
            };
            let fact = Fact::parse(body).map_err(damaged)?;
            if let Some(sealed) = fact.sealed() {
                let entry = EntryRef { segment, offset: group.before.private + at as u64, bytes: sealed.bytes };
                let end = at + sealed.bytes as usize;
                let bytes = private.get(at..end).unwrap_or_default();
                if bytes.len() == sealed.bytes as usize && sha256(&[bytes]) == sealed.sha256 {
                    self.report.entries += 1;
                } else if !bytes.is_empty() && is_erased(bytes) {
                    self.erased.push((entry, record));
                } else {
                    return Err(self.entry_damaged(
                        &entry,
                        record,
                        "the sealed entry is not what the chain commits to",
                    ));
                }
                at = end;
            }
            match &fact {
                Fact::WindowSealed { window, note } => {
                    self.checkpoint(*window, group, note).map_err(damaged)?;
                }
                Fact::Erased { entries, .. } => self.erasures.extend(entries),
                Fact::LossAccepted { until_group, .. } => self.lost_until = self.lost_until.max(*until_group),
                _ => {}
            }
            self.report.facts += 1;
        }
        if at != private.len() || at as u64 != size {
            let entry = EntryRef { segment, offset: group.before.private + at as u64, bytes: 0 };
            let (record, _) = group.place(0);
            return Err(self.entry_damaged(
                &entry,
                record,
                "the group's sealed entries are not those that its facts name",
            ));
        }
        self.report.groups += 1;
        Ok(())
    }

    fn checkpoint(&mut self, window: u64, group: &Group<'_>, note: &[u8]) -> Result<(), &'static str> {
        let text = note::open(note, self.key)?;
        let anchor = Checkpoint::anchor(text, self.name).ok_or("the checkpoint cannot be read")?;
        if (anchor.window, anchor.group, anchor.chain) != (window, group.before.group, group.before.chain) {
            return Err("the checkpoint speaks of another window or another place in the chain");
        }
        self.notes.insert((window, group.number), sha256(&[note]));
        self.report.checkpoints += 1;
        Ok(())
    }

    fn end(&mut self, end: &Position, running: bool) -> Result<(), StateError> {
        self.report.segments = self.storage.segments()?.len() as u64;
        if self.report.segments == 0 {
            return Ok(());
        }
        let private = self.storage.length(end.segment, Part::Private)?;
        if private == end.private || (running && private > end.private) {
            return Ok(());
        }
        let what = format!("the file has {private} bytes, its segment names {}", end.private);
        let file = self.storage.path(end.segment, Part::Private);
        Err(StateError::Damaged { file, offset: private.min(end.private), record: 0, what })
    }

    /// Every overwritten entry needs a decision.
    fn erasures(&mut self) -> Result<(), StateError> {
        self.erasures.sort_unstable();
        for (entry, record) in &self.erased {
            if self.erasures.binary_search(entry).is_err() {
                return Err(self.entry_damaged(
                    entry,
                    *record,
                    "the sealed entry was overwritten, and no decision to erase it is recorded",
                ));
            }
        }
        self.report.erased = self.erased.len() as u64;
        Ok(())
    }

    fn checkpoint_files(&mut self, data_dir: &Path) -> Result<(), StateError> {
        for (name, path) in list(&checkpoint::folder(data_dir, self.name))? {
            let Some(stem) = name.strip_suffix(".checkpoint") else { continue };
            let Some(bytes) = read_if_there(&path)? else { continue };
            let key =
                stem.split_once('-').and_then(|(window, group)| Some((window.parse().ok()?, group.parse().ok()?)));
            let damaged =
                |what: &str| StateError::Damaged { file: path.clone(), offset: 0, record: 0, what: what.into() };
            note::open(&bytes, self.key).map_err(damaged)?;
            let known = key.and_then(|key: (u64, u64)| self.notes.get(&key));
            if known == Some(&sha256(&[&bytes])) {
                self.report.checkpoint_files += 1;
            } else if key.is_some_and(|(_, group)| group <= self.lost_until) {
                self.report.superseded_files += 1;
            } else {
                return Err(damaged("the checkpoint is signed, but the ledger does not hold it"));
            }
        }
        Ok(())
    }

    fn entry_damaged(&self, entry: &EntryRef, record: u64, what: &str) -> StateError {
        let file = self.storage.path(entry.segment, Part::Private);
        StateError::Damaged { file, offset: entry.offset, record, what: what.into() }
    }
}
