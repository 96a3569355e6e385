//! Reads a ledger group by group and believes nothing: lengths, checksums, numbers and the chain must all hold.

use std::ops::Range;

use crate::state::{error::StateError, limits::GROUP_BYTES_MAX};

use super::{
    FILE_HEADER_BYTES, Part, Position, Storage,
    record::{Commit, FRAME_BYTES, FileHeader, RecordFault, body, chain, connector_digest, framed_length},
};

const CHUNK_BYTES: usize = 256 << 10;
/// Bytes read already are dropped from the buffer once there are this many.
const SPENT_BYTES_MAX: usize = 1 << 20;

/// Groups from a position to the end of the ledger.
pub(in crate::state) struct Groups<'a> {
    storage: &'a dyn Storage,
    connector: String,
    segments: Vec<u64>,
    position: Position,
    /// Length of the current segment when it was entered: what is appended later belongs to a later reading.
    length: u64,
    entered: bool,
    /// Records of the current segment read so far, commits included.
    records: u64,
    buffer: Vec<u8>,
    /// Where the next group begins in `buffer`.
    at: usize,
}

/// One committed group, borrowed from the reader.
pub(in crate::state) struct Group<'a> {
    /// Its commit.
    pub(in crate::state) number: u64,
    /// The host's clock at the commit.
    pub(in crate::state) at_ms: i64,
    /// Where it began.
    pub(in crate::state) before: Position,
    /// Where the next begins.
    pub(in crate::state) after: Position,
    bytes: &'a [u8],
    /// Its records in `bytes`, the commit included.
    whole: Range<usize>,
    bodies: Vec<Range<usize>>,
    first_record: u64,
}

/// What comes next.
pub(in crate::state) enum Reading<'a> {
    /// A group.
    Group(Group<'a>),
    /// The end, exactly after a commit.
    End(Position),
    /// Bytes after the last commit of the last segment that make no whole group.
    Unfinished {
        /// After the last commit.
        position: Position,
        /// Where reading stopped.
        offset: u64,
        /// The record there, counted from 1 in its file.
        record: u64,
        /// Why.
        what: &'static str,
    },
}

impl<'a> Groups<'a> {
    /// Reads on from `position`, which the caller knows to be right.
    pub(in crate::state) fn new(
        storage: &'a dyn Storage,
        connector: &str,
        position: Position,
    ) -> Result<Self, StateError> {
        let segments = storage.segments()?;
        Ok(Self {
            storage,
            connector: connector.into(),
            segments,
            position,
            length: 0,
            entered: false,
            records: 0,
            buffer: Vec::new(),
            at: 0,
        })
    }

    /// The next group, or how the ledger ends.
    pub(in crate::state) fn next(&mut self) -> Result<Reading<'_>, StateError> {
        loop {
            if !self.entered {
                if !self.segments.contains(&self.position.segment) {
                    if self.segments.is_empty() && self.position.segment == 0 {
                        return Ok(Reading::End(self.position));
                    }
                    return Err(self.damaged(0, "the segment is missing"));
                }
                self.enter()?;
            }
            if self.position.offset < self.length {
                return self.group();
            }
            if self.segments.last() == Some(&self.position.segment) {
                return Ok(Reading::End(self.position));
            }
            self.leave()?;
        }
    }

    fn enter(&mut self) -> Result<(), StateError> {
        check_header(self.storage, &self.connector, Part::Private, &self.position)?;
        check_header(self.storage, &self.connector, Part::Facts, &self.position)?;
        self.length = self.storage.length(self.position.segment, Part::Facts)?;
        if self.length < self.position.offset {
            return Err(self.damaged(self.length, "the segment is shorter than what was read of it before"));
        }
        (self.entered, self.records, self.at) = (true, 0, 0);
        self.buffer.clear();
        Ok(())
    }

    /// Goes on to the next segment; the sidecar of the one left must hold exactly what its facts name.
    fn leave(&mut self) -> Result<(), StateError> {
        let segment = self.position.segment;
        let private = self.storage.length(segment, Part::Private)?;
        if private != self.position.private {
            return Err(StateError::Damaged {
                file: self.storage.path(segment, Part::Private),
                offset: private.min(self.position.private),
                record: 0,
                what: format!("the file has {private} bytes, its segment names {}", self.position.private),
            });
        }
        self.position.segment = segment + 1;
        self.position.offset = FILE_HEADER_BYTES;
        self.position.private = FILE_HEADER_BYTES;
        self.entered = false;
        Ok(())
    }

    fn group(&mut self) -> Result<Reading<'_>, StateError> {
        if self.at > SPENT_BYTES_MAX {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        let before = self.position;
        let start = self.at;
        let mut next = start;
        let mut bodies = Vec::new();
        let first_record = self.records + 1;
        loop {
            let record = self.records + bodies.len() as u64 + 1;
            let offset = before.offset + (next - start) as u64;
            let whole = match self.record(next) {
                Ok(whole) => whole,
                Err(Fault::State(error)) => return Err(error),
                Err(Fault::Record(fault)) => return self.unfinished(offset, record, fault.what()),
            };
            let content = next + FRAME_BYTES..next + whole;
            next += whole;
            if next - start > GROUP_BYTES_MAX {
                return self.unfinished(offset, record, "the group is larger than any group");
            }
            let Some(commit) = Commit::parse(&self.buffer[content.clone()]) else {
                bodies.push(content);
                continue;
            };
            // From here on every checksum holds: what does not fit was not torn, it was changed.
            let records = &self.buffer[start..content.start - FRAME_BYTES];
            let fields = Commit::fields(&self.buffer[content]);
            let wrong = if commit.group != before.group + 1 {
                Some("the group's number does not follow the one before")
            } else if u64::from(commit.facts) != bodies.len() as u64 {
                Some("the group's commit counts other facts than there are")
            } else if commit.chain != chain(&before.chain, records, fields) {
                Some("the hash chain does not hold")
            } else if commit.private < before.private {
                Some("the group's commit shortens the sidecar")
            } else {
                None
            };
            if let Some(what) = wrong {
                let file = self.storage.path(before.segment, Part::Facts);
                return Err(StateError::Damaged { file, offset, record, what: what.into() });
            }
            self.records = record;
            self.at = next;
            self.position = Position {
                segment: before.segment,
                offset: before.offset + (next - start) as u64,
                private: commit.private,
                group: commit.group,
                chain: commit.chain,
            };
            return Ok(Reading::Group(Group {
                number: commit.group,
                at_ms: commit.at_ms,
                before,
                after: self.position,
                bytes: &self.buffer,
                whole: start..next,
                bodies,
                first_record,
            }));
        }
    }

    /// The whole length of the record at `at` in the buffer, read and checked.
    fn record(&mut self, at: usize) -> Result<usize, Fault> {
        self.fill(at + FRAME_BYTES)?;
        let whole = framed_length(self.buffer.get(at..).unwrap_or_default()).map_err(Fault::Record)?;
        self.fill(at + whole)?;
        body(self.buffer.get(at..).unwrap_or_default()).map_err(Fault::Record)?;
        Ok(whole)
    }

    /// Reads until the buffer holds `wanted` bytes or the segment ends.
    fn fill(&mut self, wanted: usize) -> Result<(), Fault> {
        while self.buffer.len() < wanted {
            let from = self.position.offset + (self.buffer.len() - self.at) as u64;
            let rest = self.length.saturating_sub(from);
            let size = rest.min(CHUNK_BYTES.max(wanted - self.buffer.len()) as u64) as usize;
            if size == 0 {
                break;
            }
            let old = self.buffer.len();
            self.buffer.resize(old + size, 0);
            let segment = self.position.segment;
            let read = self.storage.read(segment, Part::Facts, from, &mut self.buffer[old..]).map_err(Fault::State)?;
            self.buffer.truncate(old + read);
            if read == 0 {
                break;
            }
        }
        Ok(())
    }

    fn unfinished(&self, offset: u64, record: u64, what: &'static str) -> Result<Reading<'_>, StateError> {
        if self.segments.last() == Some(&self.position.segment) {
            return Ok(Reading::Unfinished { position: self.position, offset, record, what });
        }
        let file = self.storage.path(self.position.segment, Part::Facts);
        Err(StateError::Damaged { file, offset, record, what: what.into() })
    }

    fn damaged(&self, offset: u64, what: &str) -> StateError {
        let file = self.storage.path(self.position.segment, Part::Facts);
        StateError::Damaged { file, offset, record: 0, what: what.into() }
    }
}

impl Group<'_> {
    /// Its records as they stand, the commit last.
    pub(in crate::state) fn raw(&self) -> &[u8] {
        &self.bytes[self.whole.clone()]
    }

    /// The facts' bytes in order.
    pub(in crate::state) fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.bodies.iter().map(|range| &self.bytes[range.clone()])
    }

    /// Number in its file and offset of the `index`th fact, for error messages.
    pub(in crate::state) fn place(&self, index: usize) -> (u64, u64) {
        let first = self.bodies.first().map_or(0, |range| range.start);
        let here = self.bodies.get(index).map_or(first, |range| range.start);
        (self.first_record + index as u64, self.before.offset + (here - first) as u64)
    }
}

enum Fault {
    State(StateError),
    Record(RecordFault),
}

/// Compares a file's header with the position its segment must begin at.
pub(super) fn check_header(
    storage: &dyn Storage,
    connector: &str,
    part: Part,
    position: &Position,
) -> Result<(), StateError> {
    let header = read_header(storage, part, position.segment)?;
    // In the middle of a segment the chain and group before it are not known any more; its own header was checked when
    // it was entered from before, and the chain in the next header binds it again.
    let begins = position.offset == FILE_HEADER_BYTES;
    let what = if header.segment != position.segment {
        "the header names another segment"
    } else if header.connector != connector_digest(connector) {
        "the header names another connector"
    } else if begins && header.group != position.group {
        "groups are missing before this segment"
    } else if begins && header.chain != position.chain {
        "the hash chain does not hold across segments"
    } else {
        return Ok(());
    };
    let file = storage.path(position.segment, part);
    Err(StateError::Damaged { file, offset: 0, record: 0, what: what.into() })
}

/// Reads and checks a file's header by itself.
pub(super) fn read_header(storage: &dyn Storage, part: Part, segment: u64) -> Result<FileHeader, StateError> {
    let mut bytes = [0; FILE_HEADER_BYTES as usize];
    let read = storage.read(segment, part, 0, &mut bytes)?;
    FileHeader::parse(part, &bytes[..read]).map_err(|fault| fault.at(storage.path(segment, part)))
}

#[cfg(test)]
mod tests;
