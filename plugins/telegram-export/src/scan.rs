//! One JSON value, found without understanding it.
//!
//! Only strings and brackets are looked at. A string that does not end on its line is ended there, and in a file whose records
//! begin on lines of their own, lines that begin as a record or the end of one do are taken for that: so one broken record does
//! not take those after it along. A scan can rest anywhere and go on from what it is, so that a value of any size is passed over
//! in pages.

use kit::Error;
use serde::{Deserialize, Serialize};

use crate::input::Input;

/// Where in a value we are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scan {
    /// Brackets that are open.
    depth: u64,
    in_string: bool,
    escaped: bool,
    /// Bytes of space since the last line break, while there was nothing else.
    line_indent: Option<u32>,
    /// Bytes passed.
    pub(crate) length: u64,
    /// Bytes from a line's begin to a record's begin; 0 where records share lines.
    indent: u32,
}

/// How a scan came to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// The value is whole.
    Whole,
    /// Something begins that cannot stand in the value.
    BrokenOff,
    /// As many bytes as may be kept were met; there are more.
    Full,
    /// The file ended.
    Ended,
}

impl Scan {
    /// At the begin of a value in an array whose values begin so far from the begin of their lines.
    pub(crate) fn new(indent: u32) -> Self {
        Self { indent, ..Self::default() }
    }

    /// Goes on until the value's end, keeping its bytes, at most `bytes_max` of them in all.
    pub(crate) fn keep(&mut self, input: &mut Input<'_>, kept: &mut Vec<u8>, bytes_max: usize) -> Result<Rest, Error> {
        loop {
            if kept.len() >= bytes_max {
                return Ok(Rest::Full);
            }
            if input.peek()?.is_none() {
                return Ok(Rest::Ended);
            }
            let chunk = input.rest_of_chunk();
            let room = bytes_max.saturating_sub(kept.len()).min(chunk.len());
            let chunk = chunk.get(..room).unwrap_or_default();
            let (taken, rest) = self.chunk(chunk);
            kept.extend_from_slice(chunk.get(..taken).unwrap_or_default());
            input.advance(taken);
            if let Some(rest) = rest {
                return Ok(rest);
            }
        }
    }

    /// Goes on until the value's end or the end of the chunk at hand; none: there is more.
    pub(crate) fn skip(&mut self, input: &mut Input<'_>) -> Result<Option<Rest>, Error> {
        if input.peek()?.is_none() {
            return Ok(Some(Rest::Ended));
        }
        let (taken, rest) = self.chunk(input.rest_of_chunk());
        input.advance(taken);
        Ok(rest)
    }

    /// How many bytes of a chunk belong to the value, and whether it ends in it.
    fn chunk(&mut self, chunk: &[u8]) -> (usize, Option<Rest>) {
        let mut at = 0;
        while let Some(byte) = chunk.get(at).copied() {
            // Most of a file is the inside of strings: up to where one may end it is taken at once.
            if self.in_string && !self.escaped {
                let inside = chunk.get(at..).unwrap_or_default();
                let run = memchr::memchr3(b'"', b'\\', b'\n', inside).unwrap_or(inside.len());
                if run > 0 {
                    (self.line_indent, at) = (None, at.saturating_add(run));
                    self.length = self.length.saturating_add(run as u64);
                    continue;
                }
            }
            let (is_taken, rest) = self.byte(byte);
            if is_taken {
                at = at.saturating_add(1);
                self.length = self.length.saturating_add(1);
            }
            if rest.is_some() {
                return (at, rest);
            }
        }
        (at, None)
    }

    /// Whether a byte belongs to the value, and whether the value ends with or before it.
    fn byte(&mut self, byte: u8) -> (bool, Option<Rest>) {
        let line_indent = self.line_indent;
        self.line_indent = match (byte, line_indent) {
            (b'\n', _) => Some(0),
            (b' ' | b'\t', Some(count)) => Some(count.saturating_add(1)),
            _ => None,
        };
        if self.in_string {
            match byte {
                // No string of JSON goes over a line break: this one was never ended.
                b'\n' => (self.in_string, self.escaped) = (false, false),
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.in_string = false;
                    return (true, (self.depth == 0).then_some(Rest::Whole));
                }
                _ => {}
            }
            return (true, None);
        }
        if self.depth > 0 && self.indent > 0 {
            match (byte, line_indent) {
                (b'{' | b'[' | b'}' | b']', Some(count)) if count < self.indent => {
                    return (false, Some(Rest::BrokenOff));
                }
                (b'{', Some(count)) if count == self.indent => return (false, Some(Rest::BrokenOff)),
                (b'}', Some(count)) if count == self.indent => return (true, Some(Rest::Whole)),
                _ => {}
            }
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' if self.depth > 0 => {
                self.depth = self.depth.saturating_sub(1);
                return (true, (self.depth == 0).then_some(Rest::Whole));
            }
            // A number or a word ends before what follows it.
            b'}' | b']' | b',' | b'\n' if self.depth == 0 && self.length > 0 => return (false, Some(Rest::Whole)),
            _ => {}
        }
        (true, None)
    }
}
