//! How the dates of each conversation were read at its first import: the connector's bookmark.
//!
//! A short export may not tell day from month, although a longer one did. What was decided once, by the file's dates
//! or by a person, is therefore remembered and answers for every later export of that conversation; a file whose dates
//! say otherwise is refused with a question. The order of dates belongs to the phone: two owners' exports of one group
//! have a pin each, and whether a chat is taken for direct or a group makes no difference.
//!
//! The bookmark is the version byte [`VERSION`] and then, ascending and without gaps, one record of nine bytes for
//! each conversation: eight bytes of a hash of title and owner, and one byte of [`Pin`]. Anything else is refused.

use std::collections::BTreeMap;

use kit::{Error, ErrorKind};
use sha2::{Digest as _, Sha256};

use crate::{
    cursor::{Decoder, Encoder},
    dates::{Calendar, Order},
    input::Chat,
    settings::Settings,
    title::Title,
};

/// Version of the bookmark's layout; the first byte.
const VERSION: u8 = 1;
/// Bytes of a conversation's hash. A chance of one in a million million that two of a full table are equal.
const KEY_BYTES: usize = 8;
/// Bytes of a record.
const RECORD_BYTES: usize = KEY_BYTES + 1;
/// Most bytes of a bookmark, as the contract has it.
const BOOKMARK_BYTES_MAX: usize = 64 * 1024;
/// Most conversations that are remembered: 7281.
const PINS_MAX: usize = (BOOKMARK_BYTES_MAX - 1) / RECORD_BYTES;

/// A conversation as one owner's phone exports it.
type Key = [u8; KEY_BYTES];

/// How a conversation's dates are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    /// Where day, month and year stand.
    pub(crate) order: Order,
    /// What years of two digits mean; none while no export had any. Years of four digits tell by themselves.
    pub(crate) short_years: Option<Calendar>,
}

impl Pin {
    /// One byte, from 1 to 9: `1 + order + 3 * short years`.
    pub(crate) const fn byte(self) -> u8 {
        let short_years = match self.short_years {
            None => 0,
            Some(Calendar::Gregorian) => 1,
            Some(Calendar::Buddhist) => 2,
        };
        1 + self.order as u8 + 3 * short_years
    }

    /// Reads a [`Pin::byte`].
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        let number = usize::from(byte.checked_sub(1)?);
        let order = *Order::ALL.get(number % 3)?;
        let short_years = *[None, Some(Calendar::Gregorian), Some(Calendar::Buddhist)].get(number / 3)?;
        Some(Self { order, short_years })
    }

    /// Writes a pin that may be missing into a cursor.
    pub(crate) fn encode(pin: Option<Self>, out: &mut Encoder) {
        out.byte(pin.map_or(0, Self::byte));
    }

    /// Reads a pin that may be missing from a cursor.
    pub(crate) fn decode(from: &mut Decoder<'_>) -> Option<Option<Self>> {
        match from.byte()? {
            0 => Some(None),
            byte => Self::from_byte(byte).map(Some),
        }
    }
}

/// The table, seen from the conversation whose file is read.
#[derive(Clone, Debug)]
pub(crate) struct Pins {
    table: BTreeMap<Key, Pin>,
    key: Key,
}

impl Pins {
    /// Reads the bookmark that the last file left.
    pub(crate) fn read(bookmark: Option<&[u8]>, chat: &Chat, settings: &Settings, owner: &str) -> Result<Self, Error> {
        let table = match bookmark {
            None => BTreeMap::new(),
            Some(bookmark) => decode(bookmark).ok_or_else(unknown_bookmark)?,
        };
        Ok(Self { table, key: key(chat, settings, owner) })
    }

    /// How this conversation's dates were read before.
    pub(crate) fn known(&self) -> Option<Pin> {
        self.table.get(&self.key).copied()
    }

    /// True when this conversation can be remembered.
    pub(crate) fn has_room(&self) -> bool {
        self.table.len() < PINS_MAX || self.table.contains_key(&self.key)
    }

    /// The bookmark to leave, with what this file decided, if anything.
    pub(crate) fn write(mut self, decided: Option<Pin>, chat: &Chat) -> Result<Vec<u8>, Error> {
        if let Some(pin) = decided {
            if !self.has_room() {
                return Err(too_many(chat, pin.order));
            }
            self.table.insert(self.key, pin);
        }
        let mut bookmark = Vec::with_capacity(1 + self.table.len() * RECORD_BYTES);
        bookmark.push(VERSION);
        for (key, pin) in &self.table {
            bookmark.extend_from_slice(key);
            bookmark.push(pin.byte());
        }
        Ok(bookmark)
    }
}

/// Reads a table; none when it is not one that [`Pins::write`] wrote.
fn decode(bookmark: &[u8]) -> Option<BTreeMap<Key, Pin>> {
    let (&VERSION, records) = bookmark.split_first()? else { return None };
    let (records, rest) = records.as_chunks::<RECORD_BYTES>();
    let mut table = BTreeMap::new();
    for record in records {
        let (key, byte) = record.split_first_chunk::<KEY_BYTES>()?;
        let pin = Pin::from_byte(*byte.first()?)?;
        if table.last_key_value().is_some_and(|(before, _)| before >= key) {
            return None;
        }
        table.insert(*key, pin);
    }
    rest.is_empty().then_some(table)
}

/// The hash of title and owner; without a title, of path and owner.
fn key(chat: &Chat, settings: &Settings, owner: &str) -> Key {
    let title = Title::of(chat, settings.conversation.as_deref());
    let (kind, name) = title.text().map_or(("path", chat.path.as_str()), |title| ("title", title));
    let mut hash = Sha256::new_with_prefix(b"chancery whatsapp-export dates 1");
    for part in [kind, name, &owner.to_lowercase()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut key = [0; KEY_BYTES];
    key.copy_from_slice(&hash.finalize()[..KEY_BYTES]);
    key
}

/// A bookmark of another version, or none at all. It is nobody's to overwrite: the whole connector waits.
fn unknown_bookmark() -> Error {
    Error::new(
        ErrorKind::Misconfigured,
        "unknown-bookmark",
        "what the connector remembers of the dates of its conversations was not written by this version of the plugin",
    )
    .hint("go back to the plugin's version that read the last file, or to a newer one; or set up a new connector for the folder")
}

/// No room for another conversation. Forgetting one would let its next export be read another way, unnoticed.
pub(crate) fn too_many(chat: &Chat, order: Order) -> Error {
    let message = format!(
        "the order of dates in `{}` cannot be remembered: the connector remembers {PINS_MAX} conversations already, the most there can be",
        chat.label()
    );
    Error::new(ErrorKind::Rejected, "too-many-conversations", message).hint(format!(
        "add `date_order = \"{}\"` to the source's settings, then nothing needs to be remembered for new conversations; or read them by a connector of their own",
        order.name()
    ))
}

// The version byte has room too.
const _: () = assert!(PINS_MAX * RECORD_BYTES < BOOKMARK_BYTES_MAX);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    const DMY: Pin = Pin { order: Order::Dmy, short_years: None };

    fn chat(path: &str) -> Chat {
        Chat { path: path.to_owned(), entry: None, size: 0 }
    }

    fn pins(bookmark: Option<&[u8]>, path: &str, owner: &str) -> Result<Pins, Error> {
        let settings = Settings::parse(r#"{"path":"inbox","owner":"anna@example.com"}"#).unwrap();
        Pins::read(bookmark, &chat(path), &settings, owner)
    }

    #[test]
    fn the_layout_is_pinned() {
        // Golden: bookmarks of installed connectors have this layout.
        let path = "inbox/WhatsApp Chat with Bob.txt";
        let first = pins(None, path, "anna@example.com").unwrap();
        assert_eq!(first.known(), None);
        assert_eq!(first.clone().write(None, &chat(path)).unwrap(), [1]);
        let pin = Pin { order: Order::Mdy, short_years: Some(Calendar::Buddhist) };
        let bookmark = first.write(Some(pin), &chat(path)).unwrap();
        assert_eq!(bookmark, [1, 117, 155, 116, 89, 146, 151, 43, 158, 8]);
        let again = pins(Some(&bookmark), "inbox/WhatsApp Chat - Bob (2).zip", "Anna@example.com").unwrap();
        assert_eq!(again.known(), Some(pin));
        assert_eq!(again.write(None, &chat(path)).unwrap(), bookmark, "unchanged");
        assert_eq!(pins(Some(&bookmark), path, "carl@example.com").unwrap().known(), None, "another phone");
        assert_eq!(pins(Some(&bookmark), "inbox/chat.txt", "anna@example.com").unwrap().known(), None, "another chat");
    }

    #[test]
    fn every_pin_is_a_byte_and_every_other_byte_is_refused() {
        for byte in 0..=u8::MAX {
            assert_eq!(Pin::from_byte(byte).map(Pin::byte), Some(byte).filter(|byte| (1..=9).contains(byte)));
        }
    }

    #[test]
    fn strange_bookmarks_are_refused() {
        let record = |key: u8, byte: u8| [[key; KEY_BYTES].as_slice(), &[byte]].concat();
        for (name, bookmark) in [
            ("empty", Vec::new()),
            ("another version", vec![2]),
            ("cut", [&[VERSION][..], &record(1, 1)[..5]].concat()),
            ("too long", [&[VERSION][..], &record(1, 1), &[0]].concat()),
            ("descending", [&[VERSION][..], &record(2, 1), &record(1, 1)].concat()),
            ("twice", [&[VERSION][..], &record(1, 1), &record(1, 2)].concat()),
            ("no pin", [&[VERSION][..], &record(1, 0)].concat()),
            ("unknown pin", [&[VERSION][..], &record(1, 10)].concat()),
            ("text", b"a bookmark of somebody else".to_vec()),
        ] {
            let error = pins(Some(&bookmark), "inbox/a.txt", "anna@example.com").unwrap_err();
            assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Misconfigured, "unknown-bookmark"), "{name}");
            assert!(error.hint.is_some(), "{name}");
        }
    }

    #[test]
    fn a_full_table_forgets_nothing() {
        let new = |path: &str, bookmark: Option<&[u8]>| pins(bookmark, path, "anna@example.com").unwrap();
        let mut many = new("inbox/0.txt", None);
        for number in 0..PINS_MAX {
            many.table.insert(new(&format!("inbox/{number}.txt"), None).key, DMY);
        }
        let full = many.write(None, &chat("inbox/0.txt")).unwrap();
        assert!(full.len() <= BOOKMARK_BYTES_MAX && full.len() > BOOKMARK_BYTES_MAX - RECORD_BYTES);
        let known = new("inbox/0.txt", Some(full.as_slice()));
        assert_eq!(known.write(Some(DMY), &chat("inbox/0.txt")).unwrap(), full, "known ones go on");
        let new = new("inbox/new.txt", Some(full.as_slice()));
        assert_eq!(new.clone().write(None, &chat("inbox/new.txt")).unwrap(), full);
        let error = new.write(Some(DMY), &chat("inbox/new.txt")).unwrap_err();
        assert_eq!(error.code, "too-many-conversations");
        assert!(error.message.contains("inbox/new.txt") && error.hint.unwrap().contains("date_order = \"dmy\""));
    }
}
