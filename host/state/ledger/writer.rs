//! Appends groups, and finds at open where the last one ended.

use crate::{
    item::limits::SEGMENT_BYTES_MAX,
    state::{
        error::StateError,
        fact::{EntryRef, Fact},
        limits::{GROUP_BYTES_MAX, SIDECAR_BYTES_MAX},
    },
};

use super::{
    FILE_HEADER_BYTES, Groups, Part, Position, Reading, Storage,
    reader::{check_header, read_header},
    record::{COMMIT_BODY_BYTES, COMMIT_KIND, Commit, FRAME_BYTES, body, file_header, push_commit, push_fact},
};

/// A connector's ledger, open for appending.
pub(in crate::state) struct Ledger {
    connector: String,
    storage: Box<dyn Storage>,
    position: Position,
    /// Where the last group of the last segment begins; none when the segment has none. Of interest until `confirm`.
    last: Option<Position>,
    segment_bytes_max: u64,
}

/// The group that is being put together.
#[derive(Default)]
pub(in crate::state) struct Batch {
    records: Vec<u8>,
    private: Vec<u8>,
    facts: u32,
}

/// An unfinished tail that was dropped at open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state) struct Dropped {
    /// Bytes of records.
    pub(in crate::state) facts_bytes: u64,
    /// Bytes of sealed entries.
    pub(in crate::state) private_bytes: u64,
}

impl Ledger {
    /// Opens a ledger, or begins it. Only the last segment is read; an unfinished last group is dropped.
    ///
    /// # Errors
    /// `Damaged` when the last segment is not what was written.
    pub(in crate::state) fn open(
        connector: &str,
        storage: Box<dyn Storage>,
    ) -> Result<(Self, Option<Dropped>), StateError> {
        let mut ledger = Self {
            connector: connector.into(),
            storage,
            position: Position::start(connector),
            last: None,
            segment_bytes_max: SEGMENT_BYTES_MAX,
        };
        let mut dropped = ledger.drop_unborn_segment()?;
        let segments = ledger.storage.segments()?;
        if let Some(gap) = (0..).zip(&segments).find(|(expected, found)| expected != *found) {
            let what = format!("segments are missing: found number {} instead", gap.1);
            let file = ledger.storage.path(gap.0, Part::Facts);
            return Err(StateError::Damaged { file, offset: 0, record: 0, what });
        }
        let Some(last) = segments.last() else {
            ledger.create_segment()?;
            return Ok((ledger, dropped));
        };
        let header = read_header(&*ledger.storage, Part::Facts, *last)?;
        ledger.position = Position {
            segment: *last,
            offset: FILE_HEADER_BYTES,
            private: FILE_HEADER_BYTES,
            group: header.group,
            chain: header.chain,
        };
        if let Some(tail) = ledger.find_end()? {
            dropped = Some(tail);
        }
        Ok((ledger, dropped))
    }

    /// Makes the end of the ledger durable before anybody acts on it, unless the signed head says that it is: the
    /// process that wrote it may have died, or its sync may have failed, before it told anybody.
    pub(in crate::state) fn confirm(&mut self, head: Option<&Position>) -> Result<(), StateError> {
        if head == Some(&self.position) {
            return Ok(());
        }
        let (private, facts) = self.last.map_or((0, 0), |last| (last.private, last.offset));
        // The sidecar first, as when it was written.
        self.storage.renew(self.position.segment, Part::Private, private)?;
        self.storage.renew(self.position.segment, Part::Facts, facts)
    }

    /// Where the next group goes.
    pub(in crate::state) fn position(&self) -> Position {
        self.position
    }

    /// Whether nothing was ever appended.
    pub(in crate::state) fn is_new(&self) -> bool {
        self.position.group == 0
    }

    /// Begins a segment early, so that tests meet several.
    #[cfg(test)]
    pub(in crate::state) fn set_segment_bytes_max(&mut self, bytes: u64) {
        self.segment_bytes_max = bytes;
    }

    /// Empties `batch` and makes sure that its segment has room, so that entries know where they will stand.
    pub(in crate::state) fn begin(&mut self, batch: &mut Batch) -> Result<(), StateError> {
        batch.clear();
        let full = self.position.offset >= self.segment_bytes_max || self.position.private >= SIDECAR_BYTES_MAX;
        if !full || self.position.offset == FILE_HEADER_BYTES {
            return Ok(());
        }
        self.position.segment += 1;
        (self.position.offset, self.position.private) = (FILE_HEADER_BYTES, FILE_HEADER_BYTES);
        self.create_segment()
    }

    /// Makes the batch durable, sidecar first.
    pub(in crate::state) fn append(&mut self, batch: &mut Batch, at_ms: i64) -> Result<Position, StateError> {
        let before = self.position;
        let private = before.private + batch.private.len() as u64;
        let commit = Commit { group: before.group + 1, facts: batch.facts, at_ms, private, chain: [0; 32] };
        let group = commit.group;
        let chain = push_commit(&mut batch.records, &before.chain, commit);
        if !batch.private.is_empty() {
            self.storage.append(before.segment, Part::Private, before.private, &batch.private)?;
        }
        self.storage.append(before.segment, Part::Facts, before.offset, &batch.records)?;
        let offset = before.offset + batch.records.len() as u64;
        self.position = Position { segment: before.segment, offset, private, group, chain };
        batch.clear();
        Ok(self.position)
    }

    /// Groups after `position`.
    pub(in crate::state) fn groups(&self, position: Position) -> Result<Groups<'_>, StateError> {
        Groups::new(&*self.storage, &self.connector, position)
    }

    /// Whether the ledger once stood at `position`: the group that ended there is there, with the same chain.
    pub(in crate::state) fn holds(&self, position: &Position) -> Result<bool, StateError> {
        holds(&*self.storage, &self.connector, position, &self.position)
    }

    /// The bytes of a sealed entry.
    pub(in crate::state) fn entry(&self, entry: &EntryRef) -> Result<Vec<u8>, StateError> {
        read_entry(&*self.storage, entry)
    }

    /// Overwrites a sealed entry with zeros.
    pub(in crate::state) fn erase(&mut self, entry: &EntryRef) -> Result<(), StateError> {
        self.storage.erase(entry.segment, entry.offset, u64::from(entry.bytes))
    }

    /// A file's path, for error messages.
    pub(in crate::state) fn path(&self, segment: u64, part: Part) -> std::path::PathBuf {
        self.storage.path(segment, part)
    }

    fn create_segment(&mut self) -> Result<(), StateError> {
        let facts = file_header(Part::Facts, &self.connector, &self.position);
        let private = file_header(Part::Private, &self.connector, &self.position);
        self.storage.create(self.position.segment, &facts, &private)
    }

    /// A last segment whose header never became whole holds nothing: it goes.
    fn drop_unborn_segment(&mut self) -> Result<Option<Dropped>, StateError> {
        let Some(last) = self.storage.segments()?.last().copied() else { return Ok(None) };
        let facts_bytes = self.storage.length(last, Part::Facts)?;
        if facts_bytes > FILE_HEADER_BYTES || read_header(&*self.storage, Part::Facts, last).is_ok() {
            return Ok(None);
        }
        self.storage.remove(last)?;
        Ok(Some(Dropped { facts_bytes, private_bytes: 0 }))
    }

    /// Reads the last segment to the last commit and drops what follows it.
    fn find_end(&mut self) -> Result<Option<Dropped>, StateError> {
        let connector = self.connector.clone();
        let mut groups = Groups::new(&*self.storage, &connector, self.position)?;
        let mut last = None;
        let (end, unfinished) = loop {
            match groups.next()? {
                Reading::Group(group) => last = Some(group.before),
                Reading::End(position) => break (position, None),
                Reading::Unfinished { position, offset, record, what } => {
                    break (position, Some((offset, record, what)));
                }
            }
        };
        let facts = self.storage.length(end.segment, Part::Facts)?;
        if let Some((offset, record, what)) = unfinished
            && self.later_commit(&end, facts)?
        {
            // Later groups were made durable after this one: it was whole once.
            let file = self.storage.path(end.segment, Part::Facts);
            return Err(StateError::Damaged { file, offset, record, what: what.into() });
        }
        let private = self.storage.length(end.segment, Part::Private)?;
        if private < end.private {
            return Err(StateError::Damaged {
                file: self.storage.path(end.segment, Part::Private),
                offset: private,
                record: 0,
                what: format!("the file has {private} bytes, its segment names {}", end.private),
            });
        }
        (self.position, self.last) = (end, last);
        let dropped = Dropped { facts_bytes: facts - end.offset, private_bytes: private - end.private };
        if dropped.private_bytes > 0 {
            self.storage.truncate(end.segment, Part::Private, end.private)?;
        }
        if dropped.facts_bytes > 0 {
            self.storage.truncate(end.segment, Part::Facts, end.offset)?;
        }
        Ok((dropped.facts_bytes > 0 || dropped.private_bytes > 0).then_some(dropped))
    }

    /// Whether a commit of a later group than the unfinished one stands anywhere in the tail.
    fn later_commit(&self, end: &Position, length: u64) -> Result<bool, StateError> {
        let size = (length - end.offset).min(GROUP_BYTES_MAX as u64) as usize;
        let mut tail = vec![0; size];
        let read = self.storage.read(end.segment, Part::Facts, end.offset, &mut tail)?;
        tail.truncate(read);
        let frame = (COMMIT_BODY_BYTES as u32).to_le_bytes();
        Ok((0..tail.len()).any(|at| {
            tail[at..].starts_with(&frame)
                && tail.get(at + FRAME_BYTES) == Some(&COMMIT_KIND)
                && body(&tail[at..]).ok().and_then(Commit::parse).is_some_and(|commit| commit.group > end.group + 1)
        }))
    }
}

impl Batch {
    /// Adds a fact.
    pub(in crate::state) fn push(&mut self, fact: &Fact<'_>) -> Result<(), StateError> {
        push_fact(&mut self.records, fact)?;
        self.facts += 1;
        if self.records.len() > GROUP_BYTES_MAX / 2 || self.private.len() > GROUP_BYTES_MAX / 2 {
            return Err(StateError::refused(
                "group-too-large",
                "a group of facts is over the limit; commit smaller groups",
            ));
        }
        Ok(())
    }

    /// The sealed entries so far; the caller appends one and then pushes the fact that names it.
    pub(in crate::state) fn private(&mut self) -> &mut Vec<u8> {
        &mut self.private
    }

    /// Whether there is nothing to append.
    pub(in crate::state) fn is_empty(&self) -> bool {
        self.facts == 0
    }

    /// Drops everything; large buffers are given back.
    pub(in crate::state) fn clear(&mut self) {
        const KEEP_BYTES: usize = 4 << 20;
        for buffer in [&mut self.records, &mut self.private] {
            buffer.clear();
            buffer.shrink_to(KEEP_BYTES);
        }
        self.facts = 0;
    }
}

/// See [`Ledger::holds`]; `end` is where the ledger ends.
pub(super) fn holds(
    storage: &dyn Storage,
    connector: &str,
    position: &Position,
    end: &Position,
) -> Result<bool, StateError> {
    if position.group > end.group || (position.segment, position.offset) > (end.segment, end.offset) {
        return Ok(false);
    }
    if position.offset == FILE_HEADER_BYTES {
        return Ok(check_header(storage, connector, Part::Facts, position).is_ok());
    }
    let size = FRAME_BYTES + COMMIT_BODY_BYTES;
    let Some(from) = position.offset.checked_sub(size as u64) else { return Ok(false) };
    let mut bytes = vec![0; size];
    let read = storage.read(position.segment, Part::Facts, from, &mut bytes)?;
    Ok(body(&bytes[..read]).ok().and_then(Commit::parse).is_some_and(|commit| {
        (commit.group, commit.private, commit.chain) == (position.group, position.private, position.chain)
    }))
}

/// The bytes of a sealed entry.
pub(super) fn read_entry(storage: &dyn Storage, entry: &EntryRef) -> Result<Vec<u8>, StateError> {
    let mut bytes = vec![0; entry.bytes as usize];
    let read = storage.read(entry.segment, Part::Private, entry.offset, &mut bytes)?;
    if read == bytes.len() {
        return Ok(bytes);
    }
    Err(StateError::Damaged {
        file: storage.path(entry.segment, Part::Private),
        offset: entry.offset + read as u64,
        record: 0,
        what: "a sealed entry is cut short".into(),
    })
}
