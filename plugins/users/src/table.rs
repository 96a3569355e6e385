//! A mapping file's text as a table: delimiter, header, rows with their lines.

use csv::ByteRecord;
use sheet::rows::{DELIMITERS, Next, Rows, heading, separator_line, trimmed};

use crate::{fault::EXCEL_NUMBER, key::is_scientific, problem::Problems};

/// Most rows that are read.
pub(crate) const ROWS_MAX: u32 = 1_000_000;

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
        if text.chars().all(|character| character.is_whitespace() || sheet::cell::is_invisible(character)) {
            return Err(no_table("empty-file", "The mapping file holds nothing, not even a header".to_owned()));
        }
        let (declared, start) = separator_line(text);
        let candidates = declared.as_ref().map_or(&DELIMITERS[..], std::slice::from_ref);
        let mut first_fault = None;
        for &delimiter in candidates {
            match read_header(text, start, delimiter) {
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
        let mut reader = Rows::new(self.text, self.start, self.delimiter);
        let mut rows = 0;
        let mut is_header = true;
        loop {
            let (line, record) = match reader.next() {
                Next::End => return,
                Next::Unclosed(line) => {
                    let message =
                        "A quotation mark in this row is never closed, so the rest of the file cannot be told apart";
                    return problems.push(line, "unclosed-quote", message);
                }
                Next::Row(line, record) => (line, record),
            };
            if std::mem::take(&mut is_header) || record.iter().all(|cell| trimmed(cell).is_empty()) {
                continue;
            }
            if rows == rows_max {
                let message = format!("The file has more than {rows_max} rows; what begins on this line was not read");
                return problems.push(line, "too-many-rows", message);
            }
            rows += 1;
            if let Some((code, message)) = self.misshapen(record) {
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

fn read_header(text: &str, start: usize, delimiter: u8) -> Result<Columns, NoTable> {
    let mut rows = Rows::new(text, start, delimiter);
    let record = match rows.next() {
        Next::End => return Err(header_missing("")),
        Next::Unclosed(_) => {
            let message = "A quotation mark in the header is never closed, so nothing after it can be told apart";
            return Err(no_table("unclosed-quote", message.to_owned()));
        }
        Next::Row(_, record) => record,
    };
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

fn header_missing(detail: &str) -> NoTable {
    let message = format!(
        "The file has no header{detail}; write `External User ID,Microsoft 365 User Mailbox` (or `ExternalUserId,O365UserMailbox`) in its first line"
    );
    no_table("header-missing", message)
}

fn no_table(code: &'static str, message: String) -> NoTable {
    NoTable { code, message }
}
