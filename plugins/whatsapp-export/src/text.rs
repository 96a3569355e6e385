//! The file's bytes as text: encoding, chunks, and a buffer that a cursor can carry.
//!
//! The whole file is never in memory: [`Text`] holds what is not yet dealt with, and a page ends with little of it
//! left, so that the next page reads on exactly where this one stopped. That matters for zip archives, where going
//! back means unpacking from the start.

use kit::{Error, ErrorKind, Host};

use crate::{
    cursor::{Decoder, Encoder},
    input::Chat,
};

/// How the file writes its characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, little end first.
    Utf16Le,
    /// UTF-16, big end first.
    Utf16Be,
}

/// Most bytes of unread text that travel in a cursor; more is read again instead.
const CARRIED_BYTES_MAX: usize = 3 * 1024;

/// A window on the file's text.
#[derive(Debug)]
pub(crate) struct Text {
    encoding: Encoding,
    /// Bytes of the file read so far.
    offset: u64,
    /// Bytes of a character that is cut by the end of the last chunk.
    rest: Vec<u8>,
    /// Decoded text; everything before `start` is dealt with.
    buffer: String,
    start: usize,
    /// Line number of `start`, from 1.
    pub(crate) line: u64,
    ended: bool,
}

impl Text {
    /// Begins at the start of the file: looks at its first bytes for a byte order mark.
    pub(crate) fn open(host: &mut dyn Host, chat: &Chat) -> Result<Self, Error> {
        let first = chat.read(host, 0, 4)?;
        let encoding = match first.as_slice() {
            [0xFF, 0xFE, ..] => Encoding::Utf16Le,
            [0xFE, 0xFF, ..] => Encoding::Utf16Be,
            _ => Encoding::Utf8,
        };
        let mut text =
            Self { encoding, offset: 0, rest: Vec::new(), buffer: String::new(), start: 0, line: 1, ended: false };
        text.take(&first, chat)?;
        text.ended = first.is_empty();
        Ok(text)
    }

    /// The text not yet dealt with.
    pub(crate) fn rest(&self) -> &str {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// True when everything was read and dealt with.
    pub(crate) fn is_done(&self) -> bool {
        self.ended && self.start == self.buffer.len()
    }

    /// True when the file has no more bytes; the buffer may hold some.
    pub(crate) const fn is_read(&self) -> bool {
        self.ended
    }

    /// Bytes of the file read so far.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Marks `length` bytes of [`Text::rest`], with so many line ends, as dealt with.
    pub(crate) fn advance(&mut self, length: usize, lines: u64) {
        self.start += length;
        self.line += lines;
    }

    /// Reads on, about `bytes_max` bytes.
    pub(crate) fn fill(&mut self, host: &mut dyn Host, chat: &Chat, bytes_max: u32) -> Result<(), Error> {
        if self.ended {
            return Ok(());
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let chunk = chat.read(host, self.offset, bytes_max)?;
        if chunk.is_empty() {
            self.ended = true;
            if !self.rest.is_empty() {
                return Err(self.wrong_encoding(chat, self.offset - self.rest.len() as u64));
            }
            return Ok(());
        }
        self.take(&chunk, chat)
    }

    /// Decodes a chunk onto the buffer.
    fn take(&mut self, chunk: &[u8], chat: &Chat) -> Result<(), Error> {
        let before = self.offset - self.rest.len() as u64;
        self.offset += chunk.len() as u64;
        let joined;
        let bytes = if self.rest.is_empty() {
            chunk
        } else {
            joined = [self.rest.as_slice(), chunk].concat();
            joined.as_slice()
        };
        let taken = match self.encoding {
            Encoding::Utf8 => take_utf8(bytes, &mut self.buffer),
            Encoding::Utf16Le => take_utf16(bytes, u16::from_le_bytes, &mut self.buffer),
            Encoding::Utf16Be => take_utf16(bytes, u16::from_be_bytes, &mut self.buffer),
        };
        match taken {
            Ok(length) => {
                self.rest = bytes[length..].to_vec();
                Ok(())
            }
            Err(length) => Err(self.wrong_encoding(chat, before + length as u64)),
        }
    }

    /// Bytes that are no text; the buffer holds everything before them.
    fn wrong_encoding(&self, chat: &Chat, offset: u64) -> Error {
        let line = self.line + memchr::memchr_iter(b'\n', self.rest().as_bytes()).count() as u64;
        let expected = match self.encoding {
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf16Le | Encoding::Utf16Be => "UTF-16",
        };
        Error::new(
            ErrorKind::Rejected,
            "wrong-encoding",
            format!(
                "`{}` is not {expected} text: the bytes at offset {offset} (line {line}) are no character",
                chat.label()
            ),
        )
        .hint("use the file as WhatsApp exported it; an editor or a mail program may have converted it")
    }

    /// Writes the state into a cursor.
    pub(crate) fn encode(&self, out: &mut Encoder) {
        let carried = self.rest();
        let carries = carried.len() <= CARRIED_BYTES_MAX;
        let back = if carries { 0 } else { self.width(carried) + self.rest.len() as u64 };
        out.byte(self.encoding as u8);
        out.number(self.offset - back);
        out.number(self.line);
        out.bytes(if carries { &self.rest } else { &[] });
        out.text(if carries { carried } else { "" });
    }

    /// Reads the state from a cursor.
    pub(crate) fn decode(from: &mut Decoder<'_>) -> Option<Self> {
        let encoding =
            [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be].get(usize::from(from.byte()?)).copied()?;
        let offset = from.number()?;
        let line = from.number()?;
        let rest = from.bytes()?.to_vec();
        let buffer = from.text()?.to_owned();
        Some(Self { encoding, offset, rest, buffer, start: 0, line, ended: false })
    }

    /// Bytes that this text takes in the file.
    fn width(&self, text: &str) -> u64 {
        match self.encoding {
            Encoding::Utf8 => text.len() as u64,
            Encoding::Utf16Le | Encoding::Utf16Be => text.encode_utf16().count() as u64 * 2,
        }
    }
}

/// Appends what is whole; tells how many bytes were taken, or where the first wrong one stands.
fn take_utf8(bytes: &[u8], buffer: &mut String) -> Result<usize, usize> {
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            buffer.push_str(text);
            Ok(bytes.len())
        }
        Err(error) => {
            let valid = error.valid_up_to();
            buffer.push_str(std::str::from_utf8(&bytes[..valid]).unwrap_or_default());
            if error.error_len().is_none() { Ok(valid) } else { Err(valid) }
        }
    }
}

/// As [`take_utf8`], for pairs of bytes.
fn take_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, buffer: &mut String) -> Result<usize, usize> {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let mut taken = 0;
    for c in char::decode_utf16(units) {
        match c {
            Ok(c) => {
                buffer.push(c);
                taken += c.len_utf16() * 2;
            }
            // The first half of a pair at the end waits for the second.
            Err(error)
                if taken + 2 >= bytes.len() - bytes.len() % 2
                    && (0xD800..0xDC00).contains(&error.unpaired_surrogate()) =>
            {
                break;
            }
            Err(_) => return Err(taken),
        }
    }
    Ok(taken)
}
