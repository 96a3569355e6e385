//! The rows of a mapping file, found by key and time.
//!
//! A million rows must fit beside everything else in a guest's memory, so texts stand in one arena and the index is a
//! sorted list of row numbers. Rows whose key was understood but that cannot be used stay in the index: whoever they
//! name must not be treated as if no row named them.

use std::cmp::Ordering;

use kit::{
    Timestamp,
    mapper::{Row, Summary},
};
use sheet::{cell, decode::decode};

use crate::{
    address,
    fault::{self, Fault},
    key::{Key, KeyRules},
    moment::{self, Span},
    number::Number,
    problem::Problems,
    table::{Cells, ROWS_MAX, Table},
};

/// Most different rows (mailbox or time) that one key may have: a number changes hands now and then.
const ROWS_PER_KEY_MAX: usize = 100;

/// A range of the arena.
#[derive(Clone, Copy, Debug)]
struct Slice {
    start: u32,
    len: u32,
}

#[derive(Clone, Copy, Debug)]
enum StoredKey {
    Number(Number),
    Text(Slice),
}

#[derive(Clone, Copy, Debug)]
struct StoredRow {
    key: StoredKey,
    /// Empty when the mailbox cell could not be read.
    mailbox: Slice,
    line: u32,
    /// Index into `spans`.
    span: u32,
    usable: bool,
}

/// What a key leads to at a time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A usable row: its line and mailbox.
    Mailbox(u32, &'a str),
    /// A row that cannot be used: its line.
    Unusable(u32),
}

/// A loaded mapping.
#[derive(Debug, Default)]
pub(crate) struct Mapping {
    arena: String,
    /// Distinct as long as they come in runs; the first is [`Span::ALWAYS`].
    spans: Vec<Span>,
    /// In file order.
    rows: Vec<StoredRow>,
    /// Row numbers by key, then span, mailbox and row.
    by_key: Vec<u32>,
    /// National digits as written, and the row they stand in; by digits, then row.
    by_written: Vec<(Slice, u32)>,
}

impl Mapping {
    /// Reads a file. It always yields a mapping; what cannot be used is in the summary's problems.
    pub(crate) fn read(bytes: &[u8], rules: &KeyRules) -> (Self, Summary) {
        let mut mapping = Self { spans: vec![Span::ALWAYS], ..Self::default() };
        let mut problems = Problems::default();
        let mut extensions = Vec::new();
        if !bytes.is_empty() {
            match decode(bytes) {
                Err(fault) => problems.push(fault.line, fault.code, fault.message),
                Ok(decoded) => {
                    extensions.push(("encoding".to_owned(), decoded.encoding.to_owned()));
                    match Table::open(&decoded.text) {
                        Err(fault) => problems.push(0, fault.code, fault.message),
                        Ok(table) => {
                            let delimiter = if table.delimiter == b'\t' {
                                "tab".to_owned()
                            } else {
                                char::from(table.delimiter).to_string()
                            };
                            extensions.push(("delimiter".to_owned(), delimiter));
                            table.rows(ROWS_MAX, &mut problems, |problems, cells| mapping.add(problems, rules, &cells));
                        }
                    }
                }
            }
        }
        mapping.arena.shrink_to_fit();
        mapping.index();
        let conflicts = mapping.mark_conflicts();
        if problems.count() + conflicts.count() > 0 {
            extensions.push(("problems".to_owned(), (problems.count() + conflicts.count()).to_string()));
        }
        let dated = mapping.spans.len() > 1;
        extensions.push(("time-dependent".to_owned(), dated.to_string()));
        let summary = Summary {
            rows: count(mapping.rows.iter().filter(|row| row.usable).count()),
            mailboxes: mapping.mailboxes(),
            problems: problems.merge(conflicts),
            extensions,
        };
        (mapping, summary)
    }

    /// The usable rows from `offset`, at most `max`, in file order.
    pub(crate) fn rows(&self, offset: u32, max: u32) -> Vec<Row> {
        let usable = self.rows.iter().filter(|row| row.usable);
        usable.skip(offset as usize).take(max as usize).map(|row| self.shown(row)).collect()
    }

    /// The row that names this key at this time. An unusable one wins: which of the two was meant is not known.
    pub(crate) fn find(&self, key: &Key, at: Timestamp) -> Option<Found<'_>> {
        let start = self.by_key.partition_point(|&row| self.compare_with(row, key) == Ordering::Less);
        let group = self.by_key[start..].iter().take_while(|&&row| self.compare_with(row, key) == Ordering::Equal);
        let written = match key {
            Key::Text(digits) => self.written(digits),
            Key::Number(_) => &[],
        };
        let mut found = None;
        for &index in group.chain(written.iter().map(|(_, row)| row)) {
            let row = &self.rows[index as usize];
            if !self.span(row).contains(at) {
                continue;
            }
            if !row.usable {
                return Some(Found::Unusable(row.line));
            }
            found.get_or_insert(Found::Mailbox(row.line, self.text(row.mailbox)));
        }
        found
    }

    /// Reads one row.
    fn add(&mut self, problems: &mut Problems, rules: &KeyRules, cells: &Cells<'_>) {
        let key = match cell::plain(cells.key) {
            Ok(plain) => rules.of_row(plain).map_err(fault::of_key),
            Err(spoilt) => Err(fault::of_cell(spoilt)),
        };
        let mailbox = read_mailbox(cells.mailbox);
        let span = read_span(cells);
        // One problem a row, from left to right: mending it shows the next.
        let fault = [key.as_ref().err(), mailbox.as_ref().err(), span.as_ref().err()].into_iter().flatten().next();
        if let Some((code, message)) = fault {
            problems.push(cells.line, code, *message);
        }
        let Ok(key) = key else { return };
        let usable = mailbox.is_ok() && span.is_ok();
        let stored_key = match key.key {
            Key::Number(number) => StoredKey::Number(number),
            Key::Text(text) => StoredKey::Text(self.store(&text)),
        };
        let mailbox = self.store(mailbox.as_deref().unwrap_or_default());
        let span = self.store_span(span.unwrap_or(Span::ALWAYS));
        if let Some(digits) = key.written {
            let digits = self.store(&digits);
            self.by_written.push((digits, count(self.rows.len())));
        }
        self.rows.push(StoredRow { key: stored_key, mailbox, line: cells.line, span, usable });
    }

    fn index(&mut self) {
        let mut by_key: Vec<u32> = (0..count(self.rows.len())).collect();
        by_key.sort_unstable_by(|&left, &right| self.compare(left, right).then(left.cmp(&right)));
        self.by_key = by_key;
        let mut by_written = std::mem::take(&mut self.by_written);
        by_written.sort_unstable_by(|left, right| self.text(left.0).cmp(self.text(right.0)).then(left.1.cmp(&right.1)));
        self.by_written = by_written;
    }

    /// Marks rows of one key that name different mailboxes at the same time, takes exact repetitions out of the index,
    /// and returns the problems in file order.
    fn mark_conflicts(&mut self) -> Problems {
        let by_key = std::mem::take(&mut self.by_key);
        // Row and the line it contradicts; 0: too many rows.
        let mut faults: Vec<(u32, u32)> = Vec::new();
        let mut index = Vec::with_capacity(by_key.len());
        for group in by_key.chunk_by(|&left, &right| self.compare_keys(left, right) == Ordering::Equal) {
            // Rows that say the same stand side by side; one speaks for all.
            let alike: Vec<&[u32]> =
                group.chunk_by(|&left, &right| self.compare(left, right) == Ordering::Equal).collect();
            if alike.len() > ROWS_PER_KEY_MAX {
                faults.extend(group.iter().map(|&row| (row, 0)));
                index.push(group[0]);
                continue;
            }
            for (position, rows) in alike.iter().enumerate() {
                let others = alike.iter().enumerate().filter(|(other, _)| *other != position).map(|(_, rows)| rows[0]);
                if let Some(other) = others.into_iter().find(|&other| self.contradict(rows[0], other)) {
                    faults.extend(rows.iter().map(|&row| (row, self.rows[other as usize].line)));
                }
                index.push(rows[0]);
            }
        }
        self.by_key = index;
        faults.sort_unstable();
        let mut problems = Problems::default();
        for (row, other) in faults {
            let row = &mut self.rows[row as usize];
            row.usable = false;
            if other == 0 {
                // It must answer for the whole key, at any time.
                row.span = 0;
                let message = format!("The same key stands in more than {ROWS_PER_KEY_MAX} different rows");
                problems.push(row.line, "too-many-rows-for-key", message);
            } else {
                let message = format!(
                    "Line {other} names the same key with another mailbox for the same time; remove one of the two, or \
                     give them `Valid From` and `Valid To`"
                );
                problems.push(row.line, "conflict", message);
            }
        }
        problems
    }

    fn contradict(&self, left: u32, right: u32) -> bool {
        let (left, right) = (&self.rows[left as usize], &self.rows[right as usize]);
        left.usable
            && right.usable
            && self.span(left).overlaps(self.span(right))
            && self.text(left.mailbox) != self.text(right.mailbox)
    }

    fn compare(&self, left: u32, right: u32) -> Ordering {
        let of = |row: u32| {
            let row = &self.rows[row as usize];
            (self.span(row), self.text(row.mailbox), row.usable)
        };
        self.compare_keys(left, right).then_with(|| of(left).cmp(&of(right)))
    }

    fn compare_keys(&self, left: u32, right: u32) -> Ordering {
        match (self.rows[left as usize].key, self.rows[right as usize].key) {
            (StoredKey::Number(left), StoredKey::Number(right)) => left.cmp(&right),
            (StoredKey::Text(left), StoredKey::Text(right)) => self.text(left).cmp(self.text(right)),
            (StoredKey::Number(_), StoredKey::Text(_)) => Ordering::Less,
            (StoredKey::Text(_), StoredKey::Number(_)) => Ordering::Greater,
        }
    }

    fn compare_with(&self, row: u32, key: &Key) -> Ordering {
        match (self.rows[row as usize].key, key) {
            (StoredKey::Number(stored), Key::Number(number)) => stored.cmp(number),
            (StoredKey::Text(stored), Key::Text(text)) => self.text(stored).cmp(text.as_str()),
            (StoredKey::Number(_), Key::Text(_)) => Ordering::Less,
            (StoredKey::Text(_), Key::Number(_)) => Ordering::Greater,
        }
    }

    fn written(&self, digits: &str) -> &[(Slice, u32)] {
        let start = self.by_written.partition_point(|(stored, _)| self.text(*stored) < digits);
        let rest = &self.by_written[start..];
        // As many as one key may have; a row beyond them is unusable anyway, and so is the first.
        let len = rest.iter().take(ROWS_PER_KEY_MAX + 1).take_while(|(stored, _)| self.text(*stored) == digits).count();
        &rest[..len]
    }

    fn mailboxes(&self) -> u32 {
        let mut mailboxes: Vec<&str> =
            self.rows.iter().filter(|row| row.usable).map(|row| self.text(row.mailbox)).collect();
        mailboxes.sort_unstable();
        mailboxes.dedup();
        count(mailboxes.len())
    }

    fn shown(&self, row: &StoredRow) -> Row {
        let span = self.span(row);
        Row {
            line: row.line,
            key: match row.key {
                StoredKey::Number(number) => format!("+{}", number.0),
                StoredKey::Text(text) => self.text(text).to_owned(),
            },
            mailbox: self.text(row.mailbox).to_owned(),
            valid_from: (span.from != Timestamp::MIN).then_some(span.from),
            valid_to: (span.to != Timestamp::MAX).then_some(span.to),
        }
    }

    fn span(&self, row: &StoredRow) -> Span {
        self.spans[row.span as usize]
    }

    fn text(&self, slice: Slice) -> &str {
        &self.arena[slice.start as usize..][..slice.len as usize]
    }

    fn store(&mut self, text: &str) -> Slice {
        let slice = Slice { start: count(self.arena.len()), len: count(text.len()) };
        self.arena.push_str(text);
        slice
    }

    fn store_span(&mut self, span: Span) -> u32 {
        if span == Span::ALWAYS {
            return 0;
        }
        if self.spans.last() != Some(&span) {
            self.spans.push(span);
        }
        count(self.spans.len() - 1)
    }
}

/// Counts here are bounded by the limits on rows and file size, far below 2^32.
fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn read_mailbox(cell: &str) -> Result<String, Fault> {
    match cell::plain(cell) {
        Err(spoilt) => Err(fault::of_cell(spoilt)),
        Ok("") => Err(("mailbox-empty", "The row has no mailbox; enter one or remove the row")),
        Ok(text) => address::canonical(text).map(String::from).ok_or((
            "bad-address",
            "The mailbox is not an e-mail address; write it as `anna@example.com`, without name or brackets",
        )),
    }
}

fn read_span(cells: &Cells<'_>) -> Result<Span, Fault> {
    const BAD_TIME: Fault = (
        "bad-time",
        "`Valid From` or `Valid To` is neither a date (`2026-11-01`) nor an RFC 3339 time (`2026-11-01T08:00:00+01:00`)",
    );
    let read = |cell: &str, open: Timestamp| match cell::plain(cell) {
        Ok("") => Ok(open),
        Ok(text) => moment::read(text).ok_or(BAD_TIME),
        Err(_) => Err(BAD_TIME),
    };
    let span = Span { from: read(cells.from, Timestamp::MIN)?, to: read(cells.to, Timestamp::MAX)? };
    if span.from >= span.to {
        return Err(("empty-time", "`Valid To` is not after `Valid From`, so the row never holds"));
    }
    Ok(span)
}
