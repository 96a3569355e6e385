//! Where we are in an export, and what of it the records ahead are read with. As JSON it is the cursor.

use kit::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

use crate::{
    limits::{CURSOR_BYTES_MAX, NAME_BYTES_MAX},
    scan::Scan,
};

const VERSION: u8 = 1;

/// What we are inside of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Level {
    /// The object that is the file: an account, or one chat.
    Root,
    /// The object `chats` or `left_chats`.
    Chats,
    /// Its `list`.
    ChatList,
    /// A chat in it.
    Chat,
    /// The `messages` of a chat.
    Messages,
    /// A list of records that is no chat, such as `stories`.
    List,
    /// The object `contacts`, when it is read for the people in it.
    Contacts,
}

/// What stands before the messages of a chat, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// Its number.
    pub(crate) id: Option<i64>,
    /// Its `type`.
    pub(crate) kind: Option<String>,
    /// Its name.
    pub(crate) name: Option<String>,
    /// The name of the list, where it is no chat.
    pub(crate) section: Option<String>,
    /// One of the chats that were left.
    pub(crate) is_left: bool,
    /// The owner was looked for in it.
    pub(crate) is_searched: bool,
}

/// Whose account an export is of, as it says itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exporter {
    /// `user123`.
    pub(crate) id: String,
    /// Display name.
    pub(crate) name: Option<String>,
    /// Phone, digits.
    pub(crate) phone: Option<String>,
}

/// A place in an export.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    version: u8,
    /// Size of the file; 0 where it is not known.
    pub(crate) size: u64,
    /// Where the next byte is.
    pub(crate) offset: u64,
    /// What we are inside of, outermost first; none before and behind the file's object.
    pub(crate) levels: Vec<Level>,
    /// The file's object was met.
    pub(crate) is_begun: bool,
    /// Nothing more is to be read.
    pub(crate) is_done: bool,
    /// Something was met that only an export has.
    pub(crate) is_export: bool,
    /// A value that is passed over.
    pub(crate) skip: Option<Scan>,
    /// The chat at hand.
    pub(crate) header: Header,
    /// Number of the last record of the list at hand, from 1.
    pub(crate) record: u64,
    /// Bytes from a line's begin to a record's begin; 0 where records share lines.
    pub(crate) indent: u32,
    /// Items of the next record that were given.
    pub(crate) part: u32,
    /// The hash of the last record without a number, and how many such stood before it in a row.
    pub(crate) twin: (String, u32),
    /// Where the contacts are.
    pub(crate) contacts: Option<u64>,
    /// Whose export it is.
    pub(crate) exporter: Option<Exporter>,
}

impl Place {
    /// The begin of a file of this size.
    pub(crate) fn begin(size: u64) -> Self {
        Self { version: VERSION, size, ..Self::default() }
    }

    /// As the host keeps it.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).ok().filter(|bytes| bytes.len() <= CURSOR_BYTES_MAX).ok_or_else(|| {
            Error::new(ErrorKind::Rejected, "cursor-too-large", "the place in the file cannot be written down")
        })
    }

    /// As [`Self::encode`] wrote it.
    pub(crate) fn decode(bytes: &[u8], path: &str) -> Result<Self, Error> {
        let known = serde_json::from_slice::<Self>(bytes).ok();
        known.filter(|place| place.version == VERSION && place.levels.len() <= 8).ok_or_else(|| {
            Error::new(
                ErrorKind::Rejected,
                "cursor-unknown",
                format!("the stored place in `{path}` does not fit this version of `telegram-export`"),
            )
            .hint("put the file into the folder anew, so that it is read from its start")
        })
    }
}

/// A name short enough for a place.
pub(crate) fn short(text: &str) -> Option<String> {
    crate::value::name(text, NAME_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    #[test]
    fn a_full_place_fits_into_a_cursor() {
        let long = "\"".repeat(NAME_BYTES_MAX);
        let text = || short(&long);
        let place = Place {
            offset: u64::MAX,
            levels: vec![Level::ChatList; 8],
            skip: Some(Scan::new(u32::MAX)),
            header: Header {
                id: Some(i64::MIN),
                kind: text(),
                name: text(),
                section: text(),
                is_left: true,
                is_searched: true,
            },
            exporter: Some(Exporter { id: long.clone(), name: text(), phone: text() }),
            contacts: Some(u64::MAX),
            twin: (crate::identity::hash(b""), u32::MAX),
            ..Place::begin(u64::MAX)
        };
        let bytes = place.encode().unwrap();
        assert!(bytes.len() < CURSOR_BYTES_MAX, "{}", bytes.len());
        assert_eq!(Place::decode(&bytes, "x").unwrap(), place);
        for bytes in [&b""[..], b"{}", b"[]", b"null", &bytes[..bytes.len() - 1]] {
            assert_eq!(Place::decode(bytes, "x").unwrap_err().code, "cursor-unknown");
        }
    }
}
