//! The way through a file: objects and lists of an export are entered, records are handed out, the rest is passed over.

use kit::Error;
use serde_json::Value;

use crate::{
    input::Input,
    limits::{ORIGINAL_BYTES_MAX, RECORD_BYTES_MAX, VALUE_BYTES_MAX},
    owner,
    place::{self, Header, Level, Place},
    repair,
    scan::{Rest, Scan},
};

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing to tell; take another step.
    Nothing,
    /// A record of the chat or list at hand.
    Record(Vec<u8>),
    /// Something that is no record: a code, what to say of it, its first bytes.
    Odd(&'static str, String, Vec<u8>),
    /// The file is no export: why.
    NoExport(&'static str),
    /// Nothing more.
    End,
}

/// Members of an export that are about the account and its devices, not about chats.
const ACCOUNT_SECTIONS: [&str; 5] = ["about", "frequent_contacts", "sessions", "web_sessions", "other_data"];
/// Lists whose records become items.
const LISTS: [&str; 3] = ["profile_pictures", "stories", "profile_music"];

/// Goes through a file.
pub(crate) struct Walker<'a> {
    pub(crate) input: Input<'a>,
    /// Where we are; always between two steps.
    pub(crate) place: Place,
}

impl<'a> Walker<'a> {
    /// From a place on.
    pub(crate) fn new(input: Input<'a>, place: Place) -> Self {
        Self { input, place }
    }

    /// Goes back or forth.
    pub(crate) fn go_to(&mut self, place: Place) {
        self.input.seek(place.offset);
        self.place = place;
    }

    /// One step.
    pub(crate) fn step(&mut self) -> Result<Found, Error> {
        let found = if self.place.is_done {
            Found::End
        } else if let Some(mut scan) = self.place.skip.take() {
            match scan.skip(&mut self.input)? {
                None => {
                    self.place.skip = Some(scan);
                    Found::Nothing
                }
                Some(Rest::Ended) => self.truncated(Vec::new()),
                Some(_) => Found::Nothing,
            }
        } else {
            match self.place.levels.last() {
                None if !self.place.is_begun => self.begin()?,
                None => self.end()?,
                Some(Level::Root | Level::Chats | Level::Chat | Level::Contacts) => self.member()?,
                Some(Level::ChatList | Level::Messages | Level::List) => self.element()?,
            }
        };
        self.place.offset = self.input.position();
        Ok(found)
    }

    fn done(&mut self, found: Found) -> Found {
        self.place.is_done = true;
        self.place.levels.clear();
        if self.place.is_export { found } else { Found::NoExport("holds neither `messages` nor `chats`") }
    }

    fn truncated(&mut self, raw: Vec<u8>) -> Found {
        let what = "breaks off: the file ends before its object does".to_owned();
        self.done(Found::Odd("file-truncated", what, first(raw)))
    }

    fn begin(&mut self) -> Result<Found, Error> {
        let mut mark = 0;
        loop {
            match self.input.peek()? {
                Some(b'{') => {
                    self.input.advance(1);
                    self.place.is_begun = true;
                    self.place.levels = vec![Level::Root];
                    return Ok(Found::Nothing);
                }
                Some(byte) if byte.is_ascii_whitespace() => self.input.advance(1),
                Some(0xef | 0xbb | 0xbf) if mark < 3 => {
                    mark += 1;
                    self.input.advance(1);
                }
                Some(0xff | 0xfe | 0) => return Ok(Found::NoExport("is not written in UTF-8")),
                Some(_) => return Ok(Found::NoExport("is no JSON object")),
                None => return Ok(Found::NoExport("is empty")),
            }
        }
    }

    fn end(&mut self) -> Result<Found, Error> {
        loop {
            match self.input.peek()? {
                None => return Ok(self.done(Found::End)),
                Some(byte) if byte.is_ascii_whitespace() || byte == 0 => self.input.advance(1),
                Some(_) => {
                    let raw = self.input.rest(ORIGINAL_BYTES_MAX)?;
                    let what = "stands behind the end of the export".to_owned();
                    return Ok(self.done(Found::Odd("trailing-bytes", what, raw)));
                }
            }
        }
    }

    /// The next member of an object, or its end.
    fn member(&mut self) -> Result<Found, Error> {
        match self.blank(true)? {
            (None, _) => Ok(self.truncated(Vec::new())),
            (Some(b'}'), _) => {
                self.input.advance(1);
                self.leave();
                Ok(Found::Nothing)
            }
            (Some(b']'), _) if self.place.levels.len() > 1 => {
                self.leave();
                Ok(odd_structure("has a `]` where an object should end", Vec::new()))
            }
            (Some(b'"'), _) => self.named(),
            (Some(_), _) => {
                let mut raw = Vec::new();
                self.keep(0, &mut raw, ORIGINAL_BYTES_MAX)?;
                Ok(odd_structure("has something else where a name should be", raw))
            }
        }
    }

    fn named(&mut self) -> Result<Found, Error> {
        let mut key = Vec::new();
        if self.keep(0, &mut key, VALUE_BYTES_MAX)? == Rest::Ended {
            return Ok(self.truncated(key));
        }
        let name = repair::parse(&key).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
        if self.blank(false)?.0 != Some(b':') {
            return Ok(if self.input.peek()?.is_none() {
                self.truncated(key)
            } else {
                odd_structure("has a name without a value", first(key))
            });
        }
        self.input.advance(1);
        let level = self.place.levels.last().copied().unwrap_or(Level::Root);
        let Some(byte) = self.blank(false)?.0 else { return Ok(self.truncated(key)) };
        match (level, name.as_str(), byte) {
            (_, _, b',' | b'}' | b']') => Ok(odd_structure("has a name without a value", first(key))),
            (Level::Root, "chats" | "left_chats", b'{' | b'[') => {
                self.place.header = Header { is_left: name == "left_chats", ..Header::default() };
                Ok(self.enter(if byte == b'{' { Level::Chats } else { Level::ChatList }))
            }
            (Level::Contacts, "list", b'[') => Ok(self.enter(Level::List)),
            (Level::Chats, "list", b'[') => Ok(self.enter(Level::ChatList)),
            (Level::Root | Level::Chat, "messages", b'[') => Ok(self.enter(Level::Messages)),
            (Level::Root, "contacts", b'{' | b'[') => {
                // The first are the contacts: a file has them once.
                self.place.contacts = self.place.contacts.or(Some(self.input.position()));
                self.place.is_export = true;
                self.pass()
            }
            (Level::Root, list, b'[') if LISTS.contains(&list) => {
                self.place.header = Header { section: Some(name), ..Header::default() };
                Ok(self.enter(Level::List))
            }
            (Level::Root | Level::Chats, section, _) if ACCOUNT_SECTIONS.contains(&section) => self.pass(),
            (Level::Root, "personal_information", b'{') => {
                let Some(value) = self.value()? else { return Ok(Found::Nothing) };
                self.place.is_export = true;
                self.place.exporter = owner::of_personal_information(&value).or_else(|| self.place.exporter.take());
                Ok(Found::Nothing)
            }
            (Level::Root | Level::Chat, "id" | "type" | "name", _) => {
                let Some(value) = self.value()? else { return Ok(Found::Nothing) };
                let header = &mut self.place.header;
                match name.as_str() {
                    "id" => header.id = value.as_i64().or_else(|| value.as_str()?.parse().ok()),
                    "type" => header.kind = value.as_str().and_then(place::short),
                    _ => header.name = value.as_str().and_then(place::short),
                }
                Ok(Found::Nothing)
            }
            (_, _, b'{' | b'[') => {
                let mut raw = Vec::new();
                if self.keep(0, &mut raw, ORIGINAL_BYTES_MAX)? == Rest::Ended {
                    return Ok(self.truncated(raw));
                }
                let name = place::short(&name).unwrap_or_default();
                let what = format!("has a member `{name}` that this version does not know");
                Ok(Found::Odd("unknown-section", what, raw))
            }
            _ => self.pass(),
        }
    }

    /// The next element of a list, or its end.
    fn element(&mut self) -> Result<Found, Error> {
        let (byte, indent) = self.blank(true)?;
        let is_chats = self.place.levels.last() == Some(&Level::ChatList);
        match byte {
            None => return Ok(self.truncated(Vec::new())),
            Some(b']') => {
                self.input.advance(1);
                self.leave();
                return Ok(Found::Nothing);
            }
            Some(b'}') => {
                self.leave();
                return Ok(odd_structure("has a `}` where a list should end", Vec::new()));
            }
            Some(b'{') if is_chats => {
                self.place.header = Header { is_left: self.place.header.is_left, ..Header::default() };
                return Ok(self.enter(Level::Chat));
            }
            Some(_) => {}
        }
        self.place.record = self.place.record.saturating_add(1);
        if self.place.record == 1 {
            self.place.indent = indent.unwrap_or(0);
        }
        let mut raw = Vec::new();
        let indent = if is_chats { 0 } else { self.place.indent };
        Ok(match self.keep(indent, &mut raw, RECORD_BYTES_MAX)? {
            Rest::Ended => self.truncated(raw),
            Rest::Full => {
                let what = format!("has more than {} MiB", RECORD_BYTES_MAX >> 20);
                Found::Odd("record-too-large", what, first(raw))
            }
            _ if !repair::is_affordable(&raw) => {
                Found::Odd("record-too-large", "has too many parts to be read".to_owned(), first(raw))
            }
            _ if is_chats => odd_structure("has something else where a chat should be", first(raw)),
            _ => Found::Record(raw),
        })
    }

    /// Keeps a value's bytes; what is left of one over the limit is passed over by the next steps.
    fn keep(&mut self, indent: u32, raw: &mut Vec<u8>, bytes_max: usize) -> Result<Rest, Error> {
        let mut scan = Scan::new(indent);
        let rest = scan.keep(&mut self.input, raw, bytes_max)?;
        if rest == Rest::Full {
            self.place.skip = Some(scan);
        }
        let kept = raw.trim_ascii_end().len();
        raw.truncate(kept);
        Ok(rest)
    }

    /// A value that is looked into; none when it is too large or broken, which loses nothing but what it would tell.
    fn value(&mut self) -> Result<Option<Value>, Error> {
        let mut raw = Vec::new();
        let rest = self.keep(0, &mut raw, VALUE_BYTES_MAX)?;
        Ok(if rest == Rest::Whole { repair::parse(&raw) } else { None })
    }

    /// Begins to pass over a value.
    fn pass(&mut self) -> Result<Found, Error> {
        self.place.skip = Some(Scan::new(0));
        Ok(Found::Nothing)
    }

    fn enter(&mut self, level: Level) -> Found {
        self.input.advance(1);
        self.place.levels.push(level);
        (self.place.record, self.place.indent) = (0, 0);
        if level != Level::Chat {
            self.place.is_export = true;
        }
        Found::Nothing
    }

    fn leave(&mut self) {
        (self.place.record, self.place.indent) = (0, 0);
        if matches!(self.place.levels.pop(), Some(Level::Chats | Level::List)) {
            self.place.header = Header::default();
        }
    }

    /// Passes over space, and over commas where they may stand: the next byte, and the bytes since the last line break.
    fn blank(&mut self, with_commas: bool) -> Result<(Option<u8>, Option<u32>), Error> {
        let mut indent: Option<u32> = None;
        loop {
            match self.input.peek()? {
                Some(b'\n') => indent = Some(0),
                Some(b' ' | b'\t') => indent = indent.map(|count| count.saturating_add(1)),
                Some(b'\r') => {}
                Some(b',') if with_commas => indent = None,
                byte => return Ok((byte, indent)),
            }
            self.input.advance(1);
        }
    }
}

fn odd_structure(what: &str, raw: Vec<u8>) -> Found {
    Found::Odd("structure-broken", what.to_owned(), raw)
}

fn first(mut raw: Vec<u8>) -> Vec<u8> {
    raw.truncate(ORIGINAL_BYTES_MAX);
    raw.shrink_to_fit();
    raw
}
