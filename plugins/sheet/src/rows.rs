//! A text's rows: delimiter line, quotation marks, line numbers.

use std::io::Read;

use csv::ByteRecord;

use crate::decode::line_ends;

/// What is read after the text's end. When it does not come out as a row of its own, a quotation mark was never closed
/// and has swallowed the rest of the file, which a CSV reader by itself passes over in silence.
const END: &[u8] = b"\n\x01";

/// Delimiters, in the order in which they are tried.
pub const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// The rows of a text from `start` on.
pub struct Rows<'a> {
    reader: csv::Reader<Box<dyn Read + 'a>>,
    lines: Lines<'a>,
    start: usize,
    record: ByteRecord,
}

/// The next row, or why there is none.
#[derive(Debug)]
pub enum Next<'a> {
    /// A row and its line, from 1. Cells are UTF-8 as the text is.
    Row(u32, &'a ByteRecord),
    /// A quotation mark in the row that begins on this line is never closed.
    Unclosed(u32),
    /// There are no more.
    End,
}

impl<'a> Rows<'a> {
    /// Reads `text` from the byte `start` on, cells cut at `delimiter`.
    pub fn new(text: &'a str, start: usize, delimiter: u8) -> Self {
        let bytes = text.as_bytes();
        let input: Box<dyn Read + 'a> = Box::new(bytes[start..].chain(END));
        let reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(input);
        Self { reader, lines: Lines { bytes, at: 0, line: 1 }, start, record: ByteRecord::new() }
    }

    /// The next row that is not wholly empty.
    #[expect(clippy::should_implement_trait, reason = "a row is lent, which an iterator cannot do")]
    pub fn next(&mut self) -> Next<'_> {
        // Reading from memory cannot fail, and rows may have any number of cells.
        if !matches!(self.reader.read_byte_record(&mut self.record), Ok(true)) || self.record.as_slice() == &END[1..] {
            return Next::End;
        }
        let position =
            self.record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(usize::MAX));
        let line = self.lines.of_record(self.start.saturating_add(position));
        if self.record.as_slice().ends_with(END) { Next::Unclosed(line) } else { Next::Row(line, &self.record) }
    }
}

/// Line numbers of rising byte positions, counted as they come.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl Lines<'_> {
    /// The line of a record that the reader says begins at `start`: it does not count blank lines before it.
    fn of_record(&mut self, start: usize) -> u32 {
        let start = start.min(self.bytes.len());
        let blank = self.bytes[start..].iter().take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = &self.bytes[self.at..start + blank];
        self.line = self.line.saturating_add(u32::try_from(line_ends(passed, None)).unwrap_or(u32::MAX));
        self.at = start + blank;
        self.line
    }
}

/// The delimiter that a first line `sep=;` declares, and where the text after it begins.
pub fn separator_line(text: &str) -> (Option<u8>, usize) {
    let end = text.find(['\r', '\n']).unwrap_or(text.len());
    let line = text[..end].trim_matches([' ', '"']);
    match line.as_bytes() {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] if !delimiter.is_ascii_alphanumeric() => {
            (Some(*delimiter), end)
        }
        _ => (None, 0),
    }
}

/// A cell's text without surrounding space and invisible marks.
pub fn trimmed(cell: &[u8]) -> &str {
    crate::cell::trim(str::from_utf8(cell).unwrap_or_default())
}

/// A column's name without case, spaces and punctuation.
pub fn heading(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
