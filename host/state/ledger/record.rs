//! The bytes of headers, records and commits; the table is in the room's `mod.rs`.

use crate::{
    item::limits::RECORD_BYTES_MAX,
    state::{error::StateError, fact::Fact, keys::sha256},
};

use super::{Part, Position};

const FORMAT: u16 = 1;
/// Bytes of a file's header.
pub(in crate::state) const FILE_HEADER_BYTES: u64 = 94;
/// Bytes before a record's body.
pub(super) const FRAME_BYTES: usize = 8;
/// Bytes of a commit's body.
pub(super) const COMMIT_BODY_BYTES: usize = 61;
/// First byte of a commit's body; facts begin with a smaller one.
pub(super) const COMMIT_KIND: u8 = 0xff;
const CHAIN_AT: usize = COMMIT_BODY_BYTES - 32;

const _: () = assert!(CHAIN_AT == 1 + 8 + 4 + 8 + 8);

/// How a ledger names its connector.
pub(super) fn connector_digest(connector: &str) -> [u8; 32] {
    sha256(&[b"chancery connector 1\0", connector.as_bytes()])
}

/// The chain before the first group.
pub(in crate::state) fn first_chain(connector: &str) -> [u8; 32] {
    sha256(&[b"chancery ledger 1\0", &connector_digest(connector)])
}

/// A file's header for the segment that begins at `position`.
pub(super) fn file_header(part: Part, connector: &str, position: &Position) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FILE_HEADER_BYTES as usize);
    bytes.extend_from_slice(magic(part));
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&position.segment.to_le_bytes());
    bytes.extend_from_slice(&position.group.to_le_bytes());
    bytes.extend_from_slice(&connector_digest(connector));
    bytes.extend_from_slice(&position.chain);
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    debug_assert_eq!(bytes.len() as u64, FILE_HEADER_BYTES);
    bytes
}

/// What a file's header says, checked by itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileHeader {
    pub(super) segment: u64,
    pub(super) group: u64,
    pub(super) connector: [u8; 32],
    pub(super) chain: [u8; 32],
}

/// Why a header cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// Not what was written.
    Damaged(&'static str),
    /// Another format.
    Format(u16),
}

impl FileHeader {
    /// Reads a header.
    pub(super) fn parse(part: Part, bytes: &[u8]) -> Result<Self, HeaderFault> {
        if bytes.len() as u64 != FILE_HEADER_BYTES {
            return Err(HeaderFault::Damaged("the header is cut short"));
        }
        let (content, crc) = bytes.split_at(bytes.len() - 4);
        if crc32fast::hash(content).to_le_bytes() != crc {
            return Err(HeaderFault::Damaged("the header's checksum does not match"));
        }
        if &content[..8] != magic(part) {
            return Err(HeaderFault::Damaged("the header does not begin as such a file does"));
        }
        let mut fields = Fields(&content[8..]);
        let format = u16::from_le_bytes(fields.take());
        if format != FORMAT {
            return Err(HeaderFault::Format(format));
        }
        Ok(Self {
            segment: u64::from_le_bytes(fields.take()),
            group: u64::from_le_bytes(fields.take()),
            connector: fields.take(),
            chain: fields.take(),
        })
    }
}

impl HeaderFault {
    /// As an error that names the file.
    pub(super) fn at(self, file: std::path::PathBuf) -> StateError {
        match self {
            Self::Damaged(what) => StateError::Damaged { file, offset: 0, record: 0, what: what.into() },
            Self::Format(version) => StateError::Format { file, version, known: FORMAT },
        }
    }
}

/// Appends a fact as a record; returns its length, which the caller compares with the limit.
pub(super) fn push_fact(bytes: &mut Vec<u8>, fact: &Fact<'_>) -> Result<usize, StateError> {
    let at = bytes.len();
    bytes.extend_from_slice(&[0; FRAME_BYTES]);
    *bytes = postcard::to_extend(fact, std::mem::take(bytes))
        .map_err(|error| StateError::refused("fact-encoding", format!("a fact cannot be written down: {error}")))?;
    let length = bytes.len() - at - FRAME_BYTES;
    if length > RECORD_BYTES_MAX {
        return Err(StateError::refused(
            "fact-too-large",
            format!("a record of {length} bytes is over the limit of {RECORD_BYTES_MAX}"),
        ));
    }
    close_frame(&mut bytes[at..]);
    Ok(length)
}

/// A commit as read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) group: u64,
    pub(super) facts: u32,
    pub(super) at_ms: i64,
    pub(super) private: u64,
    pub(super) chain: [u8; 32],
}

/// Appends the commit that ends the group whose records are `bytes`, and returns its chain.
pub(super) fn push_commit(bytes: &mut Vec<u8>, before: &[u8; 32], mut commit: Commit) -> [u8; 32] {
    let at = bytes.len();
    bytes.extend_from_slice(&[0; FRAME_BYTES]);
    bytes.push(COMMIT_KIND);
    bytes.extend_from_slice(&commit.group.to_le_bytes());
    bytes.extend_from_slice(&commit.facts.to_le_bytes());
    bytes.extend_from_slice(&commit.at_ms.to_le_bytes());
    bytes.extend_from_slice(&commit.private.to_le_bytes());
    commit.chain = chain(before, &bytes[..at], &bytes[at + FRAME_BYTES..]);
    bytes.extend_from_slice(&commit.chain);
    close_frame(&mut bytes[at..]);
    commit.chain
}

/// The chain after a group: `records` are its facts as they stand, `fields` the commit's body before the chain.
pub(super) fn chain(before: &[u8; 32], records: &[u8], fields: &[u8]) -> [u8; 32] {
    sha256(&[before, records, fields])
}

impl Commit {
    /// Reads a commit's body; none when it is none.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        if body.len() != COMMIT_BODY_BYTES || body[0] != COMMIT_KIND {
            return None;
        }
        let mut fields = Fields(&body[1..]);
        let (group, facts) = (u64::from_le_bytes(fields.take()), u32::from_le_bytes(fields.take()));
        let (at_ms, private) = (i64::from_le_bytes(fields.take()), u64::from_le_bytes(fields.take()));
        Some(Self { group, facts, at_ms, private, chain: fields.take() })
    }

    /// The part of a body that the chain covers.
    pub(super) fn fields(body: &[u8]) -> &[u8] {
        &body[..CHAIN_AT.min(body.len())]
    }
}

/// Why no whole record begins here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordFault {
    /// Bytes missing until the record would be whole.
    Short,
    /// A length that no record has.
    Length,
    /// A checksum that does not match.
    Checksum,
}

impl RecordFault {
    /// In words.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Short => "the record is cut short",
            Self::Length => "the record's length is impossible",
            Self::Checksum => "the record's checksum does not match",
        }
    }
}

/// Bytes of the whole record that begins with this frame.
pub(super) fn framed_length(bytes: &[u8]) -> Result<usize, RecordFault> {
    let Some(frame) = bytes.first_chunk::<4>() else { return Err(RecordFault::Short) };
    match u32::from_le_bytes(*frame) as usize {
        length if length == 0 || length > RECORD_BYTES_MAX => Err(RecordFault::Length),
        length => Ok(FRAME_BYTES + length),
    }
}

/// The body of the record that begins `bytes`.
pub(super) fn body(bytes: &[u8]) -> Result<&[u8], RecordFault> {
    let whole = framed_length(bytes)?;
    let Some(record) = bytes.get(..whole) else { return Err(RecordFault::Short) };
    if crc(record).to_le_bytes() == record[4..8] { Ok(&record[FRAME_BYTES..]) } else { Err(RecordFault::Checksum) }
}

/// Appends a body as a record.
pub(super) fn frame(bytes: &mut Vec<u8>, body: &[u8]) {
    let at = bytes.len();
    bytes.extend_from_slice(&[0; FRAME_BYTES]);
    bytes.extend_from_slice(body);
    close_frame(&mut bytes[at..]);
}

fn close_frame(record: &mut [u8]) {
    let length = (record.len() - FRAME_BYTES) as u32;
    record[..4].copy_from_slice(&length.to_le_bytes());
    let crc = crc(record);
    record[4..8].copy_from_slice(&crc.to_le_bytes());
}

fn crc(record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&record[..4]);
    hasher.update(&record[FRAME_BYTES..]);
    hasher.finalize()
}

fn magic(part: Part) -> &'static [u8; 8] {
    match part {
        Part::Facts => b"CHANLEDG",
        Part::Private => b"CHANPRIV",
    }
}

/// Takes fields of a length that was checked before.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_at(N);
        self.0 = rest;
        let mut bytes = [0; N];
        bytes.copy_from_slice(field);
        bytes
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn a_length_that_no_record_has_is_told_from_one_that_is_cut_short() {
        let frame = |length: usize| framed_length(&u32::try_from(length).unwrap().to_le_bytes());
        for (length, expect) in [
            (0, Err(RecordFault::Length)),
            (1, Ok(FRAME_BYTES + 1)),
            (RECORD_BYTES_MAX, Ok(FRAME_BYTES + RECORD_BYTES_MAX)),
            (RECORD_BYTES_MAX + 1, Err(RecordFault::Length)),
        ] {
            assert_eq!(frame(length), expect, "{length}");
        }
        assert_eq!(framed_length(&[1, 0, 0]), Err(RecordFault::Short));
        let mut record = Vec::new();
        super::frame(&mut record, b"body");
        assert_eq!(body(&record).unwrap(), b"body");
        assert_eq!(body(&record[..record.len() - 1]).unwrap_err().what(), "the record is cut short");
        assert_eq!(framed_length(&[0; 8]).unwrap_err().what(), "the record's length is impossible");
        record[FRAME_BYTES] ^= 1;
        assert_eq!(body(&record).unwrap_err().what(), "the record's checksum does not match");
    }

    #[test]
    fn a_record_of_the_largest_size_is_written_and_one_byte_more_is_not() {
        // Its kind, and the note's length in three bytes.
        let note = vec![7; RECORD_BYTES_MAX - 4 + 1];
        let mut bytes = b"before".to_vec();
        let largest = push_fact(&mut bytes, &Fact::KeyRotated { note: &note[1..] }).unwrap();
        assert_eq!((largest, bytes.len()), (RECORD_BYTES_MAX, 6 + FRAME_BYTES + RECORD_BYTES_MAX));
        assert_eq!(body(&bytes[6..]).unwrap().len(), RECORD_BYTES_MAX);
        let error = push_fact(&mut Vec::new(), &Fact::KeyRotated { note: &note }).unwrap_err();
        assert_eq!(error.code(), "fact-too-large");
    }

    #[test]
    fn a_commit_is_known_by_its_length_and_its_kind() {
        let mut whole = vec![7; COMMIT_BODY_BYTES];
        assert!(Commit::parse(&whole).is_none(), "another kind");
        whole[0] = COMMIT_KIND;
        assert!(Commit::parse(&whole).is_some());
        whole.push(7);
        assert!(Commit::parse(&whole).is_none(), "longer");
        assert!(Commit::parse(&[COMMIT_KIND]).is_none(), "shorter");
    }

    #[test]
    fn both_parts_say_what_they_are_and_each_connector_has_a_chain_of_its_own() {
        let position = Position::start("c");
        assert_eq!(&file_header(Part::Facts, "c", &position)[..8], b"CHANLEDG");
        assert_eq!(&file_header(Part::Private, "c", &position)[..8], b"CHANPRIV");
        assert_ne!(first_chain("c"), first_chain("d"));
        assert_ne!(connector_digest("c"), connector_digest("d"));
    }
}
