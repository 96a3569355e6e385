//! The records of a JSON array, found without holding the file.
//!
//! Only strings and brackets are looked at. A string that does not end on its line is ended there, and in a file whose
//! records begin on lines of their own a line that begins as records do begins a record: so one broken record does not
//! take those after it along.

use kit::{Error, Host};

use crate::limits::{CHUNK_BYTES, ORIGINAL_BYTES_MAX, RECORD_BYTES_MAX};

/// A place in a file, between two records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where the next record, or the space before it, begins.
    pub(crate) offset: u64,
    /// Number of the last record, from 1.
    pub(crate) record: u32,
    /// Bytes from a line's begin to a record's begin; 0 where records share lines.
    pub(crate) indent: u32,
    /// 0 before the array, 1 in it, 2 after it.
    pub(crate) stage: u8,
    /// 1 when a comma may not follow any more because a record was broken off.
    pub(crate) flags: u8,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A record's bytes.
    Record(Vec<u8>),
    /// A record over the limit: its first bytes, and its length.
    TooLarge(Vec<u8>, u64),
    /// The file is no array: its first bytes.
    NotAnArray(Vec<u8>),
    /// It ends within a record or before the array does: what was left.
    Truncated(Vec<u8>),
    /// Something follows the array: its first bytes.
    Trailing(Vec<u8>),
    /// Nothing more.
    End,
}

/// Reads an entry from a place on.
pub(crate) struct Splitter<'a> {
    host: &'a mut dyn Host,
    path: &'a str,
    entry: u32,
    /// The chunk at hand, and where in the entry it begins.
    chunk: Vec<u8>,
    chunk_start: u64,
    at: usize,
    ended: bool,
    /// Where we are.
    pub(crate) place: Place,
}

impl<'a> Splitter<'a> {
    /// An entry of the archive at `path`, from `place` on.
    pub(crate) fn new(host: &'a mut dyn Host, path: &'a str, entry: u32, place: Place) -> Self {
        Self { host, path, entry, chunk: Vec::new(), chunk_start: place.offset, at: 0, ended: false, place }
    }

    fn peek(&mut self) -> Result<Option<u8>, Error> {
        if self.at >= self.chunk.len() {
            if self.ended {
                return Ok(None);
            }
            self.chunk_start = self.chunk_start.saturating_add(self.chunk.len() as u64);
            self.at = 0;
            self.chunk = self.host.archive_read(self.path, self.entry, self.chunk_start, CHUNK_BYTES)?;
            self.ended = self.chunk.is_empty();
        }
        Ok(self.chunk.get(self.at).copied())
    }

    fn position(&self) -> u64 {
        self.chunk_start.saturating_add(self.at as u64)
    }

    /// The first bytes of what is left; the entry is done with.
    fn rest(&mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = self.peek()? {
            if bytes.len() >= ORIGINAL_BYTES_MAX {
                break;
            }
            bytes.push(byte);
            self.at += 1;
        }
        Ok(bytes)
    }

    /// The next record. `place` is behind it afterwards.
    pub(crate) fn next(&mut self) -> Result<Found, Error> {
        if self.place.stage == 0 {
            let start = self.begin()?;
            if let Some(found) = start {
                return Ok(found);
            }
        }
        if self.place.stage == 2 {
            return self.end();
        }
        // Space and commas before a record; the bytes since the last line break are its indent.
        let mut indent: Option<u32> = None;
        loop {
            match self.peek()? {
                None => {
                    self.place.stage = 2;
                    self.place.record = self.place.record.saturating_add(1);
                    return Ok(Found::Truncated(Vec::new()));
                }
                Some(b'\n') => indent = Some(0),
                Some(b' ' | b'\t') => indent = indent.map(|count| count.saturating_add(1)),
                Some(b'\r') => {}
                Some(b',') => indent = None,
                Some(b']') => {
                    self.at += 1;
                    self.place.stage = 2;
                    self.place.offset = self.position();
                    return self.end();
                }
                Some(_) => break,
            }
            self.at += 1;
        }
        self.place.record = self.place.record.saturating_add(1);
        if self.place.record == 1 {
            self.place.indent = indent.unwrap_or(0);
        }
        let found = self.record()?;
        self.place.offset = self.position();
        Ok(found)
    }

    fn begin(&mut self) -> Result<Option<Found>, Error> {
        let mut head = Vec::new();
        loop {
            match self.peek()? {
                Some(b'[') => {
                    self.at += 1;
                    self.place.stage = 1;
                    self.place.offset = self.position();
                    return Ok(None);
                }
                Some(byte) if head.len() < 16 && (byte.is_ascii_whitespace() || b"\xef\xbb\xbf".contains(&byte)) => {
                    head.push(byte);
                    self.at += 1;
                }
                other => {
                    head.extend(self.rest()?);
                    head.truncate(ORIGINAL_BYTES_MAX);
                    self.place.stage = 2;
                    self.place.flags = 1;
                    self.place.record = 1;
                    let found = if other.is_none() { Found::Truncated(head) } else { Found::NotAnArray(head) };
                    return Ok(Some(found));
                }
            }
        }
    }

    fn end(&mut self) -> Result<Found, Error> {
        if self.place.flags == 1 {
            return Ok(Found::End);
        }
        self.place.flags = 1;
        loop {
            match self.peek()? {
                None => return Ok(Found::End),
                Some(byte) if byte.is_ascii_whitespace() || byte == 0 => self.at += 1,
                Some(_) => {
                    self.place.record = self.place.record.saturating_add(1);
                    return self.rest().map(Found::Trailing);
                }
            }
        }
    }

    /// One record, from its first byte to before the comma or bracket that ends it.
    fn record(&mut self) -> Result<Found, Error> {
        let mut bytes: Vec<u8> = Vec::new();
        let (mut length, mut depth) = (0_u64, 0_u64);
        let (mut in_string, mut escaped) = (false, false);
        // Bytes of space since the last line break, while there was nothing else.
        let mut line_indent: Option<u32> = None;
        let mut ended = true;
        loop {
            let Some(byte) = self.peek()? else {
                ended = false;
                break;
            };
            let broken_off = byte == b'{'
                && depth > 0
                && !in_string
                && self.place.indent > 0
                && line_indent == Some(self.place.indent);
            if broken_off {
                break;
            }
            // Most of a file is the inside of strings: up to where one may end it is taken at once.
            if in_string && !escaped {
                let inside = self.chunk.get(self.at..).unwrap_or_default();
                let run = memchr::memchr3(b'"', b'\\', b'\n', inside).unwrap_or(inside.len());
                if run > 0 {
                    let room = RECORD_BYTES_MAX.saturating_sub(bytes.len()).min(run);
                    bytes.extend_from_slice(inside.get(..room).unwrap_or_default());
                    length += run as u64;
                    self.at += run;
                    line_indent = None;
                    continue;
                }
            }
            line_indent = match (byte, line_indent) {
                (b'\n', _) => Some(0),
                (b' ' | b'\t', Some(count)) => Some(count.saturating_add(1)),
                _ => None,
            };
            if in_string {
                match byte {
                    // No string of JSON goes over a line break: this one was never ended.
                    b'\n' => (in_string, escaped) = (false, false),
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => in_string = false,
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => in_string = true,
                    b'{' | b'[' => depth += 1,
                    b',' | b']' if depth == 0 => break,
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            length += 1;
            if bytes.len() < RECORD_BYTES_MAX {
                bytes.push(byte);
            }
            self.at += 1;
        }
        let kept = bytes.trim_ascii_end().len();
        bytes.truncate(kept);
        // A whole record is one even where its file ends behind it.
        let whole = depth == 0 && !in_string && matches!(bytes.last(), Some(b'}' | b']' | b'"'));
        if !ended && !whole {
            self.place.stage = 2;
            self.place.flags = 1;
            bytes.truncate(ORIGINAL_BYTES_MAX);
            return Ok(Found::Truncated(bytes));
        }
        if length > RECORD_BYTES_MAX as u64 {
            bytes.truncate(ORIGINAL_BYTES_MAX);
            bytes.shrink_to_fit();
            return Ok(Found::TooLarge(bytes, length));
        }
        Ok(Found::Record(bytes))
    }
}
