//! A mapping file's text as a table: delimiter, header, rows with their lines.

use std::io::Read;

use csv::ByteRecord;

use crate::{decode::line_ends, fault::EXCEL_NUMBER, key::is_scientific, problem::Problems};

/// Most rows that are read.
pub(crate) const ROWS_MAX: u32 = 1_000_000;

/// What is read after the text's end. When it does not come out as a row of its own, a quotation mark was never closed
/// and has swallowed the rest of the file, which a CSV reader by itself passes over in silence.
const END: &[u8] = b"\n\x01";

/// Delimiters, in the order in which they are tried.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// One row's cells, as text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cells<'a> {
    pub(crate) line: u32,
    pub(crate) key: &'a str,
    pub(crate) mailbox: &'a str,
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
}

/// Where the columns stand.
#[derive(Clone, Copy, Debug)]
struct Columns {
    key: usize,
    mailbox: usize,
    from: Option<usize>,
    to: Option<usize>,
    count: usize,
}

/// A text whose header was understood.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    text: &'a str,
    /// Where the header begins: after a `sep=` line.
    start: usize,
    columns: Columns,
    /// The delimiter found.
    pub(crate) delimiter: u8,
}

/// Why there is no table; a problem of the whole file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoTable {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl<'a> Table<'a> {
    /// Finds delimiter and header. The delimiter is the one with which the header makes sense.
    pub(crate) fn open(text: &'a str) -> Result<Self, NoTable> {
        if text.chars().all(|character| character.is_whitespace() || crate::cell::is_invisible(character)) {
            return Err(no_table("empty-file", "The mapping file holds nothing, not even a header".to_owned()));
        }
        let (declared, start) = separator_line(text);
        let candidates = declared.as_ref().map_or(&DELIMITERS[..], std::slice::from_ref);
        let mut first_fault = None;
        for &delimiter in candidates {
            match read_header(&text.as_bytes()[start..], delimiter) {
                Ok(columns) => return Ok(Self { text, start, columns, delimiter }),
                // A header found incomplete says more than one not found at all.
                Err(fault) if first_fault.is_none() || fault.code != "header-missing" => first_fault = Some(fault),
                Err(_) => {}
            }
        }
        Err(first_fault.unwrap_or_else(|| header_missing("")))
    }

    /// Hands each row that is not blank, at most `rows_max`, to `each`; a row whose shape is wrong, and what ends the reading early, go to
    /// `problems`.
    pub(crate) fn rows(&self, rows_max: u32, problems: &mut Problems, mut each: impl FnMut(&mut Problems, Cells<'_>)) {
        let bytes = self.text.as_bytes();
        let mut reader = reader(&bytes[self.start..], self.delimiter);
        let mut record = ByteRecord::new();
        let mut lines = Lines { bytes, at: 0, line: 1 };
        let mut rows = 0;
        let mut is_header = true;
        loop {
            // Reading from memory cannot fail, and rows may have any number of cells.
            if !matches!(reader.read_byte_record(&mut record), Ok(true)) || record.as_slice() == &END[1..] {
                return;
            }
            let position =
                record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(usize::MAX));
            let line = lines.of_record(self.start.saturating_add(position));
            if is_unclosed(&record) {
                let message =
                    "A quotation mark in this row is never closed, so the rest of the file cannot be told apart";
                return problems.push(line, "unclosed-quote", message);
            }
            if std::mem::take(&mut is_header) || record.iter().all(|cell| trimmed(cell).is_empty()) {
                continue;
            }
            if rows == rows_max {
                let message = format!("The file has more than {rows_max} rows; what begins on this line was not read");
                return problems.push(line, "too-many-rows", message);
            }
            rows += 1;
            if let Some((code, message)) = self.misshapen(&record) {
                problems.push(line, code, message);
                continue;
            }
            let cell = |column: usize| record.get(column).map_or("", |cell| str::from_utf8(cell).unwrap_or_default());
            let optional = |column: Option<usize>| column.map_or("", cell);
            let columns = self.columns;
            let (key, mailbox) = (cell(columns.key), cell(columns.mailbox));
            each(problems, Cells { line, key, mailbox, from: optional(columns.from), to: optional(columns.to) });
        }
    }

    /// More cells than the header has columns: a delimiter stands inside a value.
    fn misshapen(&self, record: &ByteRecord) -> Option<(&'static str, String)> {
        let extra = record.iter().skip(self.columns.count).any(|cell| !trimmed(cell).is_empty());
        if !extra {
            return None;
        }
        let cut_number = record.iter().zip(record.iter().skip(1)).any(|(left, right)| {
            is_scientific(&format!("{},{}", trimmed(left), trimmed(right))) && self.delimiter == b','
        });
        if cut_number {
            return Some((EXCEL_NUMBER.0, EXCEL_NUMBER.1.to_owned()));
        }
        let message = format!(
            "The row has {} cells, the header {}; put a value that holds the delimiter in quotation marks",
            record.len(),
            self.columns.count
        );
        Some(("too-many-cells", message))
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

/// Whether this row has swallowed the end.
fn is_unclosed(record: &ByteRecord) -> bool {
    record.as_slice().ends_with(END)
}

fn reader<'a>(bytes: &'a [u8], delimiter: u8) -> csv::Reader<impl Read + use<'a>> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(bytes.chain(END))
}

fn trimmed(cell: &[u8]) -> &str {
    crate::cell::trim(str::from_utf8(cell).unwrap_or_default())
}

/// The delimiter that a first line `sep=;` declares, and where the text after it begins.
fn separator_line(text: &str) -> (Option<u8>, usize) {
    let end = text.find(['\r', '\n']).unwrap_or(text.len());
    let line = text[..end].trim_matches([' ', '"']);
    match line.as_bytes() {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] if !delimiter.is_ascii_alphanumeric() => {
            (Some(*delimiter), end)
        }
        _ => (None, 0),
    }
}

fn read_header(bytes: &[u8], delimiter: u8) -> Result<Columns, NoTable> {
    let mut record = ByteRecord::new();
    if !matches!(reader(bytes, delimiter).read_byte_record(&mut record), Ok(true)) {
        return Err(header_missing(""));
    }
    if is_unclosed(&record) {
        let message = "A quotation mark in the header is never closed, so nothing after it can be told apart";
        return Err(no_table("unclosed-quote", message.to_owned()));
    }
    let (mut keys, mut mailboxes, mut froms, mut tos) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (column, name) in record.iter().enumerate() {
        match heading(trimmed(name)).as_str() {
            "externaluserid" => keys.push(column),
            "o365usermailbox" | "microsoft365usermailbox" => mailboxes.push(column),
            "validfrom" => froms.push(column),
            "validto" => tos.push(column),
            _ => {}
        }
    }
    if [&keys, &mailboxes, &froms, &tos].iter().any(|columns| columns.len() > 1) {
        return Err(no_table("header-repeated", "The header names the same column twice".to_owned()));
    }
    match (keys.first(), mailboxes.first()) {
        (Some(&key), Some(&mailbox)) => {
            Ok(Columns { key, mailbox, from: froms.first().copied(), to: tos.first().copied(), count: record.len() })
        }
        (Some(_), None) => Err(no_table(
            "header-incomplete",
            "The header has no column `Microsoft 365 User Mailbox` (or `O365UserMailbox`)".to_owned(),
        )),
        (None, Some(_)) => Err(no_table(
            "header-incomplete",
            "The header has no column `External User ID` (or `ExternalUserId`)".to_owned(),
        )),
        (None, None) if record.iter().any(|cell| cell.contains(&b'@')) => {
            Err(header_missing(": its first row is already a person"))
        }
        (None, None) => Err(header_missing("")),
    }
}

/// A column's name without case, spaces and punctuation.
fn heading(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn header_missing(detail: &str) -> NoTable {
    let message = format!(
        "The file has no header{detail}; write `External User ID,Microsoft 365 User Mailbox` (or `ExternalUserId,O365UserMailbox`) in its first line"
    );
    no_table("header-missing", message)
}

fn no_table(code: &'static str, message: String) -> NoTable {
    NoTable { code, message }
}
