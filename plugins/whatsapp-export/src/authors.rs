//! Who wrote in a chat, collected by the scan and carried to every page.

use std::collections::HashMap;

use crate::{
    chars,
    cursor::{Decoder, Encoder},
};

/// Most bytes of names that a cursor carries: about 300 people. Authors beyond that are participants of their own
/// messages only, and every item says so.
const NAMES_BYTES_MAX: usize = 4800;
/// Longest second part of a name that holds `: `.
const SECOND_BYTES_MAX: usize = 48;
/// Most bytes of second parts that the scan's cursor carries.
const SECONDS_BYTES_MAX: usize = 4000;
/// Messages that must all begin with the same words before those count as a part of the name.
const SECOND_MESSAGES_MIN: u64 = 3;

/// One author as the scan sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Author {
    name: String,
    messages: u64,
    /// What every message so far had before a second `: `; a name may hold a colon.
    second: Option<String>,
}

/// The authors of a chat.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authors {
    list: Vec<Author>,
    bytes: usize,
    seconds_bytes: usize,
    /// True when there were more than a cursor carries.
    pub(crate) incomplete: bool,
    /// From the name as written to its place.
    places: HashMap<String, Option<usize>>,
}

impl Authors {
    /// The place of a name as written.
    pub(crate) fn place(&mut self, written: &str) -> Option<usize> {
        if let Some(place) = self.places.get(written) {
            return *place;
        }
        let name = chars::clean(written);
        let place = self.list.iter().position(|author| author.name == name);
        if self.places.len() < 4096 {
            self.places.insert(written.to_owned(), place);
        }
        place
    }

    /// Counts a message of this author; `text` is what follows the name.
    pub(crate) fn add(&mut self, written: &str, text: &str) {
        let second = || {
            text.split_once(": ")
                .map(|(second, _)| second)
                .filter(|second| second.len() <= SECOND_BYTES_MAX && !second.contains('\n'))
        };
        match self.place(written) {
            Some(place) => {
                let author = &mut self.list[place];
                author.messages += 1;
                if author.second.is_some() && author.second.as_deref() != second() {
                    author.second = None;
                }
            }
            None => {
                let name = chars::clean(written);
                let room = SECONDS_BYTES_MAX.saturating_sub(self.seconds_bytes);
                let author = Author {
                    name,
                    messages: 1,
                    second: second().filter(|second| second.len() <= room).map(str::to_owned),
                };
                if self.bytes + author.name.len() + 2 > NAMES_BYTES_MAX {
                    self.incomplete = true;
                    return;
                }
                self.bytes += author.name.len() + 2;
                self.seconds_bytes += author.second.as_ref().map_or(0, String::len);
                self.places.insert(written.to_owned(), Some(self.list.len()));
                self.list.push(author);
            }
        }
    }

    /// Ends the counting: names whose every message went on with the same `second: ` are taken with it.
    pub(crate) fn settle(&mut self) {
        for author in &mut self.list {
            if let Some(second) = author.second.take().filter(|_| author.messages >= SECOND_MESSAGES_MIN) {
                author.name = format!("{}: {}", author.name, chars::clean(&second));
            }
        }
        self.places.clear();
    }

    /// The names, by first appearance.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|author| author.name.as_str())
    }

    /// How many are listed.
    pub(crate) const fn len(&self) -> usize {
        self.list.len()
    }

    /// Writes them into a cursor, with their counts while the scan goes on.
    pub(crate) fn encode(&self, out: &mut Encoder, counting: bool) {
        out.byte(u8::from(self.incomplete));
        out.number(self.list.len() as u64);
        for author in &self.list {
            out.text(&author.name);
            if counting {
                out.number(author.messages);
                out.text(author.second.as_deref().unwrap_or_default());
            }
        }
    }

    /// Reads them from a cursor.
    pub(crate) fn decode(from: &mut Decoder<'_>, counting: bool) -> Option<Self> {
        let mut authors = Self { incomplete: from.byte()? != 0, ..Self::default() };
        let count: usize = from.small()?;
        for _ in 0..count {
            let name = from.text()?.to_owned();
            authors.bytes += name.len() + 2;
            let mut author = Author { name, messages: 0, second: None };
            if counting {
                author.messages = from.number()?;
                author.second = Some(from.text()?.to_owned()).filter(|second| !second.is_empty());
                authors.seconds_bytes += author.second.as_ref().map_or(0, String::len);
            }
            authors.list.push(author);
        }
        Some(authors)
    }
}
