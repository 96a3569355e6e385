//! Where we are in a file: 19 bytes, numbers big-endian.
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | version, 1 |
//! | 8 | offset of the next body |
//! | 4 | number of the body before it, from 1 |
//! | 4 | parts of the next body that were given |
//! | 1 | 1 when the bodies stand in an array that was not closed yet |
//! | 1 | 1 when the end of the file was told of |

use kit::{Error, ErrorKind};

use crate::splitter::Place;

const VERSION: u8 = 1;

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Between two bodies.
    pub(crate) place: Place,
    /// Parts of the next body that were given.
    pub(crate) part: u32,
}

impl Cursor {
    /// As the host keeps it.
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(self.place.offset.to_be_bytes());
        bytes.extend(self.place.record.to_be_bytes());
        bytes.extend(self.part.to_be_bytes());
        bytes.extend([u8::from(self.place.in_array), u8::from(self.place.ended)]);
        bytes
    }

    /// As [`Self::encode`] wrote it.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (offset, rest) = rest.split_first_chunk::<8>()?;
        let (record, rest) = rest.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_first_chunk::<4>()?;
        let [in_array @ 0..=1, ended @ 0..=1] = *rest else { return None };
        let place = Place {
            offset: u64::from_be_bytes(*offset),
            record: u32::from_be_bytes(*record),
            in_array: in_array == 1,
            ended: ended == 1,
        };
        (*version == VERSION).then_some(Self { place, part: u32::from_be_bytes(*part) })
    }
}

/// The error for a cursor that does not fit.
pub(crate) fn unknown(path: &str) -> Error {
    Error::new(
        ErrorKind::Rejected,
        "cursor-unknown",
        format!("the stored place in `{path}` does not fit this version of `whatsapp-cloud`"),
    )
    .hint("put the file into the folder anew, so that it is read from its start")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    #[test]
    fn bytes_are_as_documented_and_foreign_ones_refused() {
        let place = Place { offset: 258, record: 3, in_array: true, ended: false };
        let cursor = Cursor { place, part: 2 };
        let bytes = cursor.encode();
        assert_eq!(bytes.len(), 19);
        assert_eq!(Cursor::decode(&bytes).unwrap(), cursor);
        for end in 0..bytes.len() {
            assert_eq!(Cursor::decode(&bytes[..end]), None);
        }
        assert_eq!(Cursor::decode(&[2; 19]), None);
        assert_eq!(Cursor::decode(&[7; 19]), None);
    }
}
