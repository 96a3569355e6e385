//! The webhook bodies of a file, found without holding the file: JSON values one after the other, on lines or in an array.
//!
//! Only strings and brackets are looked at. A string that does not end on its line is ended there, and a line that begins
//! as bodies do begins a body: so one broken body does not take those after it along.

use kit::{Error, ErrorKind, Host};
use memchr::memchr3;

use crate::limits::{CHUNK_BYTES, RECORD_BYTES_MAX, WALK_BYTES_MAX};

/// How lines of a `.json` file begin where a body begins.
const BEGINNINGS: [&[u8]; 2] = [b"\n{\"object\"", b"\n{\"entry\""];

/// A place in a file, between two bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where the next body, or the space before it, begins.
    pub(crate) offset: u64,
    /// Number of the last body, from 1.
    pub(crate) record: u32,
    /// The bodies stand in an array that was not closed yet.
    pub(crate) in_array: bool,
    /// The end of the file was told of.
    pub(crate) ended: bool,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its bytes, as far as the limit.
    pub(crate) bytes: Vec<u8>,
    /// Its length.
    pub(crate) length: u64,
    /// The file ends within it.
    pub(crate) is_cut: bool,
}

/// Reads a file from a place on.
pub(crate) struct Splitter<'a> {
    path: &'a str,
    /// Every line begins a body, as in `.jsonl` files.
    has_lines: bool,
    /// The chunk at hand, and where in the file it begins.
    chunk: Vec<u8>,
    chunk_start: u64,
    at: usize,
    /// Where we are.
    pub(crate) place: Place,
}

impl<'a> Splitter<'a> {
    /// The file at `path`, from `place` on.
    pub(crate) fn new(path: &'a str, place: Place) -> Self {
        let name = path.to_ascii_lowercase();
        let has_lines = name.ends_with(".jsonl") || name.ends_with(".ndjson");
        Self { path, has_lines, chunk: Vec::new(), chunk_start: place.offset, at: 0, place }
    }

    fn peek(&mut self, host: &mut dyn Host) -> Result<Option<u8>, Error> {
        if self.at >= self.chunk.len() {
            self.chunk_start = self.position();
            self.at = 0;
            if self.chunk_start.saturating_sub(self.place.offset) > WALK_BYTES_MAX {
                let (path, number) = (self.path, self.place.record);
                let why = format!("body {number} of `{path}` does not end within {WALK_BYTES_MAX} bytes");
                return Err(Error::new(ErrorKind::Rejected, "body-endless", why)
                    .hint("look whether the file holds webhook bodies; if so, take out that one"));
            }
            self.chunk = host.folder_read(self.path, self.chunk_start, CHUNK_BYTES)?;
        }
        Ok(self.chunk.get(self.at).copied())
    }

    fn position(&self) -> u64 {
        self.chunk_start.saturating_add(self.at as u64)
    }

    /// The next body; none at the end. `place` is behind it afterwards.
    pub(crate) fn next(&mut self, host: &mut dyn Host) -> Result<Option<Found>, Error> {
        if self.place.ended {
            return Ok(None);
        }
        let first = loop {
            match self.peek(host)? {
                None => {
                    self.place.ended = true;
                    if !self.place.in_array {
                        return Ok(None);
                    }
                    self.place.record = self.place.record.saturating_add(1);
                    self.place.offset = self.position();
                    return Ok(Some(Found { bytes: Vec::new(), length: 0, is_cut: true }));
                }
                Some(b'[') if self.place.record == 0 && !self.place.in_array => self.place.in_array = true,
                Some(b']') if self.place.in_array => self.place.in_array = false,
                Some(b' ' | b'\t' | b'\r' | b'\n' | b',') => {}
                Some(0xef | 0xbb | 0xbf) if self.position() < 3 => {}
                Some(byte) => break byte,
            }
            self.at += 1;
        };
        self.place.record = self.place.record.saturating_add(1);
        let found = if matches!(first, b'{' | b'[') { self.value(host)? } else { self.line(host)? };
        self.place.offset = self.position();
        self.place.ended = found.is_cut;
        Ok(Some(found))
    }

    /// What begins as no JSON object does: up to the end of its line.
    fn line(&mut self, host: &mut dyn Host) -> Result<Found, Error> {
        let mut found = Found { bytes: Vec::new(), length: 0, is_cut: false };
        while let Some(byte) = self.peek(host)? {
            if byte == b'\n' {
                break;
            }
            found.push(byte);
            self.at += 1;
        }
        Ok(found)
    }

    /// One value, from its first bracket to the one that closes it.
    fn value(&mut self, host: &mut dyn Host) -> Result<Found, Error> {
        let mut found = Found { bytes: Vec::new(), length: 0, is_cut: false };
        let mut depth = 0_u64;
        let (mut in_string, mut escaped) = (false, false);
        // How many bytes of each beginning stand at the end of what was read.
        let mut matched = [0_usize; 2];
        loop {
            let Some(byte) = self.peek(host)? else {
                found.is_cut = true;
                return Ok(found);
            };
            // Most of a file is the inside of strings: up to where one may end it is taken at once.
            if in_string && !escaped && matched == [0, 0] {
                let inside = self.chunk.get(self.at..).unwrap_or_default();
                let run = memchr3(b'"', b'\\', b'\n', inside).unwrap_or(inside.len());
                if run > 0 {
                    let room = RECORD_BYTES_MAX.saturating_sub(found.bytes.len()).min(run);
                    found.bytes.extend_from_slice(inside.get(..room).unwrap_or_default());
                    found.length = found.length.saturating_add(run as u64);
                    self.at += run;
                    continue;
                }
            }
            for (beginning, count) in BEGINNINGS.iter().zip(&mut matched) {
                let goes_on = beginning.get(*count) == Some(&byte);
                *count = if goes_on { *count + 1 } else { usize::from(byte == b'\n') };
                let enough = if self.has_lines { 2 } else { beginning.len() };
                if *count >= enough {
                    // The line break stays with what was broken off; the body begins behind it.
                    let back = *count - 1;
                    found.take_back(back - 1);
                    self.chunk_start = self.position().saturating_sub(back as u64 - 1);
                    self.chunk.clear();
                    self.at = 0;
                    return Ok(found);
                }
            }
            found.push(byte);
            self.at += 1;
            if in_string {
                match byte {
                    // No string of JSON goes over a line break: this one was never ended.
                    b'\n' => (in_string, escaped) = (false, false),
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => in_string = true,
                b'{' | b'[' => depth = depth.saturating_add(1),
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return Ok(found);
            }
        }
    }
}

impl Found {
    fn push(&mut self, byte: u8) {
        self.length = self.length.saturating_add(1);
        if self.bytes.len() < RECORD_BYTES_MAX {
            self.bytes.push(byte);
        }
    }

    fn take_back(&mut self, count: usize) {
        self.length = self.length.saturating_sub(count as u64);
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        self.bytes.truncate(length);
    }
}
