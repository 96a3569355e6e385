//! Where we are in a delivery: nine bytes.
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | version, 1 |
//! | 4 | position in the list of mails, in the zip's stored order, big-endian |
//! | 4 | length of that list, big-endian: the zip is still the one whose manifest was checked |

use kit::{Error, ErrorKind};

const VERSION: u8 = 1;

/// A place in a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The next mail.
    pub(crate) position: u32,
    /// All mails.
    pub(crate) total: u32,
}

impl Cursor {
    /// As the host keeps it.
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(self.position.to_be_bytes());
        bytes.extend(self.total.to_be_bytes());
        bytes
    }

    /// As [`Self::encode`] wrote it.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let parts = || {
            let (version, rest) = bytes.split_first()?;
            let (position, rest) = rest.split_first_chunk::<4>()?;
            let (total, rest) = rest.split_first_chunk::<4>()?;
            let cursor = Self { position: u32::from_be_bytes(*position), total: u32::from_be_bytes(*total) };
            (*version == VERSION && rest.is_empty() && cursor.position < cursor.total).then_some(cursor)
        };
        parts().ok_or_else(|| {
            Error::new(
                ErrorKind::Rejected,
                "cursor-unknown",
                format!("the stored cursor ({} bytes) was not written by this `telemessage-sftp`", bytes.len()),
            )
            .hint("go back to the plugin version that wrote it, or put the file into the folder anew")
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    #[test]
    fn bytes_are_as_documented_and_foreign_ones_refused() {
        let cursor = Cursor { position: 258, total: 259 };
        assert_eq!(cursor.encode(), [1, 0, 0, 1, 2, 0, 0, 1, 3]);
        assert_eq!(Cursor::decode(&cursor.encode()).unwrap(), cursor);
        for bytes in [&[][..], &[1, 0, 0, 0, 0], &[2, 0, 0, 0, 0, 0, 0, 0, 1], &[1, 0, 0, 0, 1, 0, 0, 0, 1]] {
            assert_eq!(Cursor::decode(bytes).unwrap_err().code, "cursor-unknown", "{bytes:?}");
        }
    }
}
