//! Where we are in an export: 35 bytes, numbers big-endian.
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | version, 1 |
//! | 8 | fingerprint of the archive: it is still the one that was begun |
//! | 4 | the entry, in stored order |
//! | 8 | offset of the next record in it |
//! | 4 | number of that record, from 1 |
//! | 4 | items of that record that were given |
//! | 4 | length of the line beginnings before records, 0 where there are none |
//! | 2 | where the array is: 0 before it, 1 in it, 2 after it; then how the last record ended |

use kit::{Error, ErrorKind};

use crate::splitter::Place;

const VERSION: u8 = 1;

/// A place in an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Fingerprint of the archive's names and sizes.
    pub(crate) archive: [u8; 8],
    /// The entry to read.
    pub(crate) entry: u32,
    /// Where in it.
    pub(crate) place: Place,
    /// Items of the next record that were given.
    pub(crate) part: u32,
}

impl Cursor {
    /// As the host keeps it.
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(self.archive);
        bytes.extend(self.entry.to_be_bytes());
        bytes.extend(self.place.offset.to_be_bytes());
        bytes.extend(self.place.record.to_be_bytes());
        bytes.extend(self.part.to_be_bytes());
        bytes.extend(self.place.indent.to_be_bytes());
        bytes.extend([self.place.stage, self.place.flags]);
        bytes
    }

    /// As [`Self::encode`] wrote it.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (archive, rest) = rest.split_first_chunk::<8>()?;
        let (entry, rest) = rest.split_first_chunk::<4>()?;
        let (offset, rest) = rest.split_first_chunk::<8>()?;
        let (record, rest) = rest.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_first_chunk::<4>()?;
        let (indent, rest) = rest.split_first_chunk::<4>()?;
        let [stage, flags] = *rest else { return None };
        let place = Place {
            offset: u64::from_be_bytes(*offset),
            record: u32::from_be_bytes(*record),
            indent: u32::from_be_bytes(*indent),
            stage,
            flags,
        };
        let cursor =
            Self { archive: *archive, entry: u32::from_be_bytes(*entry), place, part: u32::from_be_bytes(*part) };
        (*version == VERSION && stage <= 2).then_some(cursor)
    }
}

/// The error for a cursor that does not fit.
pub(crate) fn unknown(path: &str) -> Error {
    Error::new(
        ErrorKind::Rejected,
        "cursor-unknown",
        format!("the stored place in `{path}` does not fit this file or this version of `slack-export`"),
    )
    .hint("put the file into the folder anew, so that it is read from its start")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    #[test]
    fn bytes_are_as_documented_and_foreign_ones_refused() {
        let place = Place { offset: 258, record: 3, indent: 5, stage: 1, flags: 0 };
        let cursor = Cursor { archive: [9; 8], entry: 8, place, part: 2 };
        let bytes = cursor.encode();
        assert_eq!(bytes.len(), 35);
        assert_eq!(Cursor::decode(&bytes).unwrap(), cursor);
        for end in 0..bytes.len() {
            assert_eq!(Cursor::decode(&bytes[..end]), None);
        }
        assert_eq!(Cursor::decode(&[2; 35]), None);
        assert_eq!(Cursor::decode(&[&bytes[..33], &[3, 0]].concat()), None);
    }
}
