//! The log that Microsoft's connector lets an administrator download.
//!
//! Its fields are documented, its layout is not. Both layouts that say them are read: a table with a row for each import,
//! and blocks of `name,value` (or `name: value`) lines that begin with the completion time. Items that failed follow under
//! a header of their own. What is neither is refused with its place, never passed over.

use std::collections::BTreeMap;

use jiff::civil::Date;
use sheet::rows::{DELIMITERS, Next, Rows, heading, separator_line, trimmed};

/// Rows of a log, after which it is no log of seven days any more.
const ROWS_MAX: u32 = 1_000_000;

/// One import's counts, or the sum of a day's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LogCounts {
    /// Items available from source.
    pub from_source: u64,
    /// Items available for import, after fan-out.
    pub available: u64,
    /// Imported successfully.
    pub imported: u64,
    /// Partially imported.
    pub partial: u64,
    /// Skipped: duplicates.
    pub skipped: u64,
    /// Failed.
    pub failed: u64,
}

/// What a log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// By the UTC day on which the import was completed.
    pub days: BTreeMap<Date, LogCounts>,
    /// Items listed as failed, by reason.
    pub failures: BTreeMap<String, u64>,
}

/// A place in a log that cannot be read. What stands there is not repeated: it may be somebody's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProblem {
    /// Line from 1; 0 for the whole file.
    pub line: u32,
    /// Column from 1; 0 for the whole line.
    pub column: usize,
    /// One sentence.
    pub message: String,
}

/// What a column or line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Completed,
    Count(usize),
    Other,
}

/// The counts' names as they are documented, in the order of [`LogCounts`].
const COUNTS: [&str; 6] = [
    "Items available from source",
    "Items available for import",
    "Imported successfully",
    "Partially imported",
    "Skipped",
    "Failed",
];

fn field(name: &str) -> Field {
    let name = heading(name);
    // `Imported successfully` stands as `Items imported successfully` too.
    let is = |count: &str| name == heading(count) || name.strip_prefix("items") == Some(&heading(count));
    match COUNTS.iter().position(|count| is(count)) {
        Some(at) => Field::Count(at),
        None if ["importcompletiontime", "importcompletiontimeutc"].contains(&&*name) => Field::Completed,
        None => Field::Other,
    }
}

impl LogCounts {
    fn count_mut(&mut self, at: usize) -> &mut u64 {
        match at {
            0 => &mut self.from_source,
            1 => &mut self.available,
            2 => &mut self.imported,
            3 => &mut self.partial,
            4 => &mut self.skipped,
            _ => &mut self.failed,
        }
    }

    fn add(&mut self, other: &Self) {
        let Self { from_source, available, imported, partial, skipped, failed } = *other;
        for (at, count) in [from_source, available, imported, partial, skipped, failed].into_iter().enumerate() {
            let sum = self.count_mut(at);
            *sum = sum.saturating_add(count);
        }
    }

    /// Available for import is accounted for by the others: Microsoft's own rule.
    fn balances(&self) -> bool {
        let others = [self.imported, self.partial, self.skipped, self.failed];
        others.into_iter().try_fold(0_u64, u64::checked_add) == Some(self.available)
    }
}

impl Log {
    /// Reads a log's bytes.
    ///
    /// # Errors
    /// The first place that cannot be read.
    pub fn read(bytes: &[u8]) -> Result<Self, LogProblem> {
        let decoded = sheet::decode::decode(bytes)
            .map_err(|fault| problem(fault.line, 0, format!("{} ({})", fault.message, fault.code)))?;
        let (declared, start) = separator_line(&decoded.text);
        let candidates = declared.as_ref().map_or(&DELIMITERS[..], std::slice::from_ref);
        let mut first = None;
        for &delimiter in candidates {
            match Reading::default().read(Rows::new(&decoded.text, start, delimiter)) {
                Ok(log) => return Ok(log),
                // The delimiter that gets furthest is the file's.
                Err(problem) => first = first.filter(|first: &LogProblem| first.line >= problem.line).or(Some(problem)),
            }
        }
        Err(first.unwrap_or_else(nothing))
    }
}

fn problem(line: u32, column: usize, message: impl Into<String>) -> LogProblem {
    LogProblem { line, column, message: message.into() }
}

fn nothing() -> LogProblem {
    problem(0, 0, "it holds neither counts nor `No items ingested on …`, so it is no log of a connector")
}

/// What the lines so far have said.
#[derive(Default)]
struct Reading {
    log: Log,
    shape: Shape,
}

#[derive(Default)]
enum Shape {
    #[default]
    None,
    /// A table's columns.
    Table(Vec<Field>),
    /// A block: its line, its day, and which counts it said.
    Block { line: u32, day: Date, counts: LogCounts, said: [bool; 6] },
    /// Failed items, with the column of the reason.
    Failures(usize),
}

impl Reading {
    fn read(mut self, mut rows: Rows<'_>) -> Result<Log, LogProblem> {
        let mut read = 0;
        loop {
            let (line, record) = match rows.next() {
                Next::End => break,
                Next::Unclosed(line) => return Err(problem(line, 0, "a quotation mark in this row is never closed")),
                Next::Row(line, record) => (line, record),
            };
            let mut cells: Vec<&str> = record.iter().map(trimmed).collect();
            while cells.last().is_some_and(|cell| cell.is_empty()) {
                cells.pop();
            }
            read += 1;
            if read > ROWS_MAX {
                return Err(problem(line, 0, format!("the file has more than {ROWS_MAX} rows")));
            }
            if !cells.is_empty() {
                self.row(line, &cells)?;
            }
        }
        self.finish_block()?;
        if self.log.days.is_empty() { Err(nothing()) } else { Ok(self.log) }
    }

    fn row(&mut self, line: u32, cells: &[&str]) -> Result<(), LogProblem> {
        if let Some(rest) = cells[0].strip_prefix("No items ingested on ") {
            self.finish_block()?;
            let day = day(rest.trim_end_matches('.')).ok_or_else(|| no_time(line, 1))?;
            self.log.days.entry(day).or_default();
            return Ok(());
        }
        let fields: Vec<Field> = cells.iter().map(|cell| field(cell)).collect();
        if let Some(reason) = cells.iter().position(|cell| heading(cell) == "failurereason") {
            self.finish_block()?;
            self.shape = Shape::Failures(reason);
            return Ok(());
        }
        if fields.iter().filter(|field| **field != Field::Other).count() > 1 {
            self.finish_block()?;
            return self.header(line, &fields);
        }
        // `Name: value` in one cell, or the two in cells of their own.
        let split = cells[0].split_once(':').map(|(name, value)| (name, value.trim()));
        let pair = match (fields[0], split, cells.get(1)) {
            (Field::Other, Some((name, value)), None) => Some((field(name), value, 1)),
            (named, _, Some(value)) => Some((named, *value, 2)),
            (_, _, None) => None,
        };
        match pair {
            Some((Field::Completed, value, column)) => {
                self.finish_block()?;
                let day = day(value).ok_or_else(|| no_time(line, column))?;
                self.shape = Shape::Block { line, day, counts: LogCounts::default(), said: [false; 6] };
                Ok(())
            }
            Some((Field::Count(at), value, column)) => match &mut self.shape {
                Shape::Block { counts, said, .. } if !said[at] => {
                    *counts.count_mut(at) = number(value).ok_or_else(|| no_number(line, column))?;
                    said[at] = true;
                    Ok(())
                }
                Shape::Block { .. } => Err(problem(line, 1, "this count stands twice under one completion time")),
                _ => Err(problem(line, 1, "a count without an `Import completion time` above it")),
            },
            _ => self.content(line, cells),
        }
    }

    fn header(&mut self, line: u32, fields: &[Field]) -> Result<(), LogProblem> {
        let has = |wanted: Field| fields.iter().filter(|field| **field == wanted).count();
        if has(Field::Completed) != 1 {
            return Err(problem(line, 0, "the header needs one column `Import completion time`"));
        }
        for (at, name) in (0..).zip(COUNTS) {
            if has(Field::Count(at)) != 1 {
                let message = format!("the header needs one column `{name}`");
                return Err(problem(line, 0, message));
            }
        }
        self.shape = Shape::Table(fields.to_vec());
        Ok(())
    }

    /// A row below a header.
    fn content(&mut self, line: u32, cells: &[&str]) -> Result<(), LogProblem> {
        match &self.shape {
            Shape::Table(fields) => {
                let mut counts = LogCounts::default();
                let mut completed = None;
                for (at, field) in fields.iter().enumerate() {
                    let cell = cells.get(at).copied().unwrap_or_default();
                    match field {
                        Field::Completed => completed = Some(day(cell).ok_or_else(|| no_time(line, at + 1))?),
                        Field::Count(count) => {
                            *counts.count_mut(*count) = number(cell).ok_or_else(|| no_number(line, at + 1))?;
                        }
                        Field::Other => {}
                    }
                }
                let day = completed.ok_or_else(|| no_time(line, 0))?;
                self.add(line, day, &counts)
            }
            Shape::Failures(reason) => {
                let column = *reason + 1;
                let reason = cells.get(*reason).copied().filter(|reason| !reason.is_empty());
                let reason = reason.ok_or_else(|| problem(line, column, "the failed item has no reason"))?;
                *self.log.failures.entry(reason.to_owned()).or_default() += 1;
                Ok(())
            }
            Shape::None | Shape::Block { .. } => {
                let message = "neither a count, nor `Import completion time`, nor `No items ingested on …`";
                Err(problem(line, 1, message))
            }
        }
    }

    fn finish_block(&mut self) -> Result<(), LogProblem> {
        if let Shape::Block { line, day, counts, said } = std::mem::take(&mut self.shape) {
            if let Some(missing) = said.iter().position(|said| !said) {
                let message = format!("the import that begins here says nothing of `{}`", COUNTS[missing]);
                return Err(problem(line, 0, message));
            }
            self.add(line, day, &counts)?;
        }
        Ok(())
    }

    fn add(&mut self, line: u32, day: Date, counts: &LogCounts) -> Result<(), LogProblem> {
        if !counts.balances() {
            let message = "`Items available for import` is not the sum of imported, partial, skipped and failed";
            return Err(problem(line, 0, message));
        }
        self.log.days.entry(day).or_default().add(counts);
        Ok(())
    }
}

fn no_time(line: u32, column: usize) -> LogProblem {
    problem(line, column, "no time like `11/02/2026 04:10:00` (month first) or `2026-11-02T04:10:00Z`")
}

fn no_number(line: u32, column: usize) -> LogProblem {
    problem(line, column, "no count: digits are needed, thousands may be set apart")
}

/// A count; groups of three may be set apart by one sort of separator.
fn number(cell: &str) -> Option<u64> {
    let separator = cell.chars().find(|c| !c.is_ascii_digit());
    let digits = match separator {
        None => cell.to_owned(),
        Some(separator) if ",.' \u{a0}\u{202f}".contains(separator) => {
            let groups: Vec<&str> = cell.split(separator).collect();
            let (first, rest) = groups.split_first()?;
            let fits = (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3);
            fits.then(|| groups.concat())?
        }
        Some(_) => return None,
    };
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// The UTC day of an instant: ISO 8601, or with the month first as Microsoft writes it.
fn day(cell: &str) -> Option<Date> {
    if let Ok(at) = cell.parse::<jiff::Timestamp>() {
        return Some(at.to_zoned(jiff::tz::TimeZone::UTC).date());
    }
    let (date, time) = cell.split_once([' ', 'T']).map_or((cell, ""), |(date, time)| (date, time.trim()));
    let time = time.strip_suffix("UTC").unwrap_or(time).trim_end();
    let (time, noon) = ["AM", "PM", "am", "pm"]
        .iter()
        .find_map(|half| Some((time.strip_suffix(half)?.trim_end(), true)))
        .unwrap_or((time, false));
    let parts: Vec<u32> =
        time.split(':').filter(|_| !time.is_empty()).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let hours_max = if noon { 12 } else { 23 };
    let fits = match parts.as_slice() {
        [] => !noon,
        [hour, rest @ ..] => *hour <= hours_max && (1..=2).contains(&rest.len()) && rest.iter().all(|part| *part < 60),
    };
    if !fits {
        return None;
    }
    if let Ok(date) = date.parse::<Date>() {
        return Some(date);
    }
    let numbers: Vec<i16> = date.split('/').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [month, day, year @ 2000..=9999] = numbers[..] else { return None };
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}
