//! Proves offline, with the public key alone, that a ledger is what was written.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use ed25519_dalek::VerifyingKey;

use crate::state::{
    checkpoint::{self, Anchor, Checkpoint},
    error::StateError,
    fact::{EntryRef, Fact},
    files::{list, read_if_there},
    index::Loss,
    keys::sha256,
    note,
    rotation::Rotation,
    sidecar::is_erased,
};

use super::{Group, Groups, Head, LocalFiles, Part, Position, Reading, Storage, head, writer::holds};

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
    /// Of the checkpoints, found byte for byte in the copies that were compared.
    pub copies_matched: u64,
    /// Rotations of the signing key, each signed by the key before.
    pub rotations: u64,
    /// Bytes of an unfinished last group; only while a host is running, else this is an error.
    pub unfinished_bytes: u64,
}

/// Reads everything of a ledger and checks it against itself, the signed head, the checkpoints, and copies of those kept
/// elsewhere.
pub(in crate::state) fn verify_connector(
    data_dir: &Path,
    name: &str,
    key: &VerifyingKey,
    running: bool,
    copies: &[PathBuf],
) -> Result<LedgerReport, StateError> {
    let folder = data_dir.join("ledger").join(name);
    let storage = LocalFiles::read_only(&folder);
    let mut proof = Proof {
        storage: &storage,
        name,
        report: LedgerReport { name: name.into(), ..LedgerReport::default() },
        erased: Vec::new(),
        erasures: Vec::new(),
        notes: BTreeMap::new(),
        losses: Vec::new(),
        signed: Vec::new(),
    };
    // The head first: while a host runs, the ledger only grows past it.
    let head_path = head::path(&folder);
    let head = read_if_there(&head_path)?;
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
    let keys = proof.signatures(key)?;
    proof.checkpoint_files(&checkpoint::folder(data_dir, name), &keys)?;
    for copy in copies {
        proof.copy(&copy.join(name), &keys, &end)?;
    }
    let head = head.map(|bytes| Head::open(&head_path, &bytes, name, &keys)).transpose()?;
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

/// What a file of checkpoints is.
enum Found {
    Matched,
    Superseded,
    NoCheckpoint,
    /// Signed, of this group, and not in the ledger.
    Unknown(u64),
}

struct Proof<'a> {
    storage: &'a LocalFiles,
    name: &'a str,
    report: LedgerReport,
    /// Entries found overwritten, with the record that names them.
    erased: Vec<(EntryRef, u64)>,
    /// Entries that a recorded decision overwrote.
    erasures: Vec<EntryRef>,
    /// Digest of each checkpoint by window and group.
    notes: BTreeMap<(u64, u64), [u8; 32]>,
    losses: Vec<Loss>,
    /// Signed notes in the order of the ledger, with the place to blame. Their keys are known only at its end.
    signed: Vec<(Note, PathBuf, u64, u64)>,
}

/// What is signed in a ledger.
enum Note {
    /// A window's checkpoint, with what it must speak of.
    Checkpoint { note: Vec<u8>, anchor: Anchor },
    /// The next key.
    Rotation(Box<Rotation>),
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
                    let (group_before, chain) = (group.before.group, group.before.chain);
                    let anchor = Anchor { window: *window, group: group_before, chain, at_ms: group.at_ms };
                    self.notes.insert((*window, group.number), sha256(&[note]));
                    let file = self.storage.path(segment, Part::Facts);
                    self.signed.push((Note::Checkpoint { note: note.to_vec(), anchor }, file, offset, record));
                }
                Fact::KeyRotated { note } => {
                    let rotation = Rotation::parse(note).map_err(damaged)?;
                    let file = self.storage.path(segment, Part::Facts);
                    self.signed.push((Note::Rotation(Box::new(rotation)), file, offset, record));
                }
                Fact::Erased { entries, .. } => self.erasures.extend(entries),
                Fact::LossAccepted { .. } => {
                    self.losses.push(Loss { group: group.number, at_ms: group.at_ms });
                }
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

    /// Checks every signature against the key that was in force at its place; returns the keys of this ledger. `key`
    /// must be one of them: who trusts it can follow the chain of keys from there.
    fn signatures(&mut self, key: &VerifyingKey) -> Result<Vec<VerifyingKey>, StateError> {
        let mut keys: Vec<VerifyingKey> = Vec::new();
        for (note, ..) in &self.signed {
            let Note::Rotation(rotation) = note else { continue };
            if keys.is_empty() {
                keys.push(rotation.previous);
            }
            keys.push(rotation.public);
        }
        if keys.is_empty() {
            keys.push(*key);
        }
        let mut at = 0;
        for (note, file, offset, record) in std::mem::take(&mut self.signed) {
            let checked = match &note {
                Note::Rotation(rotation) if rotation.previous != keys[at] => {
                    Err("the rotation is not of the key in force here")
                }
                Note::Rotation(_) => {
                    at += 1;
                    self.report.rotations += 1;
                    Ok(())
                }
                Note::Checkpoint { note, anchor } => self.checkpoint(note, anchor, keys[at]),
            };
            checked.map_err(|what| StateError::Damaged { file, offset, record, what: what.into() })?;
        }
        if keys.contains(key) {
            return Ok(keys);
        }
        let what = "the key to verify with is none of those that signed this ledger".into();
        let file = self.storage.path(0, Part::Facts);
        Err(StateError::Damaged { file, offset: 0, record: 0, what })
    }

    fn checkpoint(&mut self, note: &[u8], anchor: &Anchor, key: VerifyingKey) -> Result<(), &'static str> {
        let text = note::open(note, &[key])?;
        if Checkpoint::anchor(text, self.name).ok_or("the checkpoint cannot be read")? != *anchor {
            return Err("the checkpoint speaks of another window or another place in the chain");
        }
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

    fn checkpoint_files(&mut self, folder: &Path, keys: &[VerifyingKey]) -> Result<(), StateError> {
        for (name, path) in list(folder)? {
            match self.checkpoint_file(&name, &path, keys)? {
                Found::Matched => self.report.checkpoint_files += 1,
                Found::Superseded => self.report.superseded_files += 1,
                Found::NoCheckpoint => {}
                Found::Unknown(_) => {
                    let what = "the checkpoint is signed, but the ledger does not hold it".into();
                    return Err(StateError::Damaged { file: path, offset: 0, record: 0, what });
                }
            }
        }
        Ok(())
    }

    /// A copy kept elsewhere: what it holds and the ledger does not was taken from the ledger.
    fn copy(&mut self, folder: &Path, keys: &[VerifyingKey], end: &Position) -> Result<(), StateError> {
        for (name, path) in list(folder)? {
            match self.checkpoint_file(&name, &path, keys)? {
                Found::Matched => self.report.copies_matched += 1,
                Found::Superseded => self.report.superseded_files += 1,
                Found::NoCheckpoint => {}
                Found::Unknown(group) => {
                    let why = format!(
                        "the copy `{}` is a signed checkpoint of group {group} that the ledger does not hold; the ledger ends with group {}",
                        path.display(),
                        end.group
                    );
                    return Err(StateError::LedgerBehind { connector: self.name.into(), why });
                }
            }
        }
        Ok(())
    }

    fn checkpoint_file(&self, name: &str, path: &Path, keys: &[VerifyingKey]) -> Result<Found, StateError> {
        let (true, Some(bytes)) = (name.ends_with(".checkpoint"), read_if_there(path)?) else {
            return Ok(Found::NoCheckpoint);
        };
        let damaged = |what: &str| StateError::Damaged { file: path.into(), offset: 0, record: 0, what: what.into() };
        let text = note::open(&bytes, keys).map_err(damaged)?;
        let anchor = Checkpoint::anchor(text, self.name)
            .ok_or_else(|| damaged("it is signed, but no checkpoint of this connector"))?;
        let place = checkpoint::place(name).ok_or_else(|| damaged("its name says no window and group"))?;
        Ok(if self.notes.get(&place) == Some(&sha256(&[&bytes])) {
            Found::Matched
        } else if self.losses.iter().any(|loss| loss.explains(place.1, anchor.at_ms)) {
            Found::Superseded
        } else {
            Found::Unknown(place.1)
        })
    }

    fn entry_damaged(&self, entry: &EntryRef, record: u64, what: &str) -> StateError {
        let file = self.storage.path(entry.segment, Part::Private);
        StateError::Damaged { file, offset: entry.offset, record, what: what.into() }
    }
}
